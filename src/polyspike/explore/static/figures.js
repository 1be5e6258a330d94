/* The four figures, each made of what was computed: its drawing, what it says in words, and its numbers as rows. */
"use strict";
{
const { Drawing, linear, log, short, percent } = Explorer;
const EDGES = [[1, 0], [2, 1 / 4], [3, 1 / 3], [4, 3 / 8], [5, 2 / 5]];
const NAMES = ["constant", "linear", "quadratic", "cubic", "quartic", "quintic", "sextic"];
const LEAST_SHARE = 0.02;

/* The degree that a spike belongs to, or null where it holds nothing much of any. An even spike holds a constant, too,
   by which it is only called where it holds nothing else. */
Explorer.degreeOf = function (spike) {
  const most = Math.max(...spike.overlaps.slice(1));
  if (most > LEAST_SHARE) return spike.overlaps.indexOf(most, 1);
  return spike.overlaps[0] > LEAST_SHARE ? 0 : null;
};

Explorer.degreeName = (degree) => (degree === null ? "mixed" : NAMES[degree]);

/* Spikes above the bulk, and those below it or in a gap. */
Explorer.sides = function (spectrum) {
  const edge = Math.max(...spectrum.edges.map((interval) => interval[1]), 0);
  const above = spectrum.spikes.filter((spike) => spike.location > edge);
  return { edge, above, others: spectrum.spikes.filter((spike) => spike.location <= edge) };
};

function answered(data) {
  return [...data.curve.values()].filter((p) => !p.message).sort((a, b) => a.step_exponent - b.step_exponent);
}

/* ---- errors against the step ---- */

function errorsLegend(data, palette) {
  const entries = [
    { label: "test error", colour: palette.test },
    { label: "train error", colour: palette.train },
    ...(data.limits && !data.limits.length ? [] : [{ label: "limit of infinite size", colour: palette.limit, dash: "6 3" }]),
    { label: "no step", colour: palette.test, dash: "1.5 3" },
  ];
  if (data.dots.length) entries.push({ label: "simulated, ±1 standard error", colour: palette.ink, kind: "dot" });
  return entries;
}

function errorsTop(data, points) {
  const heights = points.map((p) => p.test_error * (1 + Math.min(p.error_estimate || 0, 0.5)));
  const others = data.dots.map((dot) => dot.test_error + dot.test_error_se);
  if (data.untrained && !data.untrained.message) others.push(data.untrained.test_error);
  return Math.max(...heights, ...others, 1e-12);
}

function errorsScale(data, points, drawing, logarithmic) {
  const high = errorsTop(data, points);
  if (!logarithmic) return linear(0, high * 1.05, drawing.bottom, drawing.top);
  const low = Math.min(...points.map((p) => Math.min(p.train_error, p.test_error)).filter((v) => v > 0), high);
  return log(Math.max(low * 0.8, high * 1e-6), high * 1.2, drawing.bottom, drawing.top);
}

function drawWindows(drawing, x, data, y) {
  const { palette, top, bottom } = drawing;
  for (const [window, start] of EDGES) {
    drawing.line(x(start), top, x(start), bottom, { stroke: palette.line, "stroke-dasharray": "1 3" });
    if (window < 5) drawing.text(x((start + window / (2 * window + 2)) / 2), top - 3, window === 1 ? "ℓ = 1" : String(window), { "text-anchor": "middle", "font-size": "11" });
  }
  for (const w of data.limits || []) {
    for (const [name, colour] of [["test_error", palette.test], ["train_error", palette.train]]) {
      const place = y(w[name]);
      if (place >= top && place <= bottom) drawing.line(x(w.low), place, x(w.high), place, { stroke: colour, "stroke-width": "1.5", "stroke-dasharray": "6 3", opacity: "0.75" });
    }
  }
}

function drawCurve(drawing, points, name, colour, place) {
  for (const trusted of [true, false]) {
    const segments = trusted ? Explorer.runs(points, (p) => p.trusted) : untrustedRuns(points);
    for (const run of segments) drawing.path(Explorer.smooth(run.map(place(name))), { stroke: colour, ...(trusted ? {} : { "stroke-dasharray": "3 4", opacity: "0.8" }) });
  }
}

/* Runs of points that are not trusted, with their trusted neighbours, so that the curve has no gaps. */
function untrustedRuns(points) {
  return Explorer.runs(points.map((p, k) => ({ p, k })), ({ p, k }) => !p.trusted || [k - 1, k + 1].some((j) => points[j] && !points[j].trusted))
    .map((run) => run.map(({ p }) => p));
}

function drawBand(drawing, points, x, y) {
  const clamp = (value) => Math.min(Math.max(y(value), drawing.top), drawing.bottom);
  for (const run of Explorer.runs(points, (p) => p.error_estimate !== null)) {
    const up = run.map((p) => [x(p.step_exponent), clamp(p.test_error * (1 + p.error_estimate))]);
    const down = run.map((p) => [x(p.step_exponent), clamp(p.test_error * Math.max(1 - p.error_estimate, 1e-9))]);
    drawing.path(Explorer.polyline([...up, ...down.reverse()]) + "Z", { fill: drawing.palette.test, "fill-opacity": "0.16" });
  }
}

function drawHere(drawing, data, x, y) {
  const here = data.point;
  const place = x(here.step_exponent);
  drawing.line(place, drawing.top, place, drawing.bottom, { stroke: drawing.palette.ink, opacity: "0.55" });
  if (here.message) return;
  const reach = here.error_estimate || 0;
  const [high, low] = [1 + reach, Math.max(1 - reach, 1e-9)].map((factor) => Math.min(Math.max(y(here.test_error * factor), drawing.top), drawing.bottom));
  drawing.line(place, high, place, low, { stroke: drawing.palette.test, "stroke-width": "5", opacity: "0.5" });
  for (const [name, colour] of [["test_error", drawing.palette.test], ["train_error", drawing.palette.train]])
    drawing.add("circle", { cx: place, cy: y(here[name]), r: 5.5, fill: colour, stroke: drawing.palette.paper, "stroke-width": "1.5", class: `here-${name}` });
}

function drawDots(drawing, dots, x, y) {
  for (const dot of dots) {
    for (const [name, colour] of [["test_error", drawing.palette.test], ["train_error", drawing.palette.train]]) {
      const place = x(dot.step_exponent);
      const [low, high] = [dot[name] - dot[`${name}_se`], dot[name] + dot[`${name}_se`]].map((v) => Math.min(Math.max(y(Math.max(v, 1e-12)), drawing.top), drawing.bottom));
      drawing.line(place, low, place, high, { stroke: drawing.palette.ink, "stroke-width": "1.5" });
      drawing.add("circle", { cx: place, cy: y(dot[name]), r: 3.5, fill: colour, stroke: drawing.palette.ink, "stroke-width": "1.3", class: "dot" });
    }
  }
}

Explorer.errorsFigure = function (data, width, palette, options = {}) {
  const legend = errorsLegend(data, palette);
  const rows = Explorer.legendRows(legend, 48, width);
  const drawing = new Drawing(width, width < 500 ? 235 : 310, { left: 48, right: 14, top: 20 + 16 * rows, bottom: 36 }, palette);
  const points = answered(data);
  drawing.legend(legend, 12);
  const x = linear(0, 0.5, drawing.left, drawing.right);
  if (!points.length) return drawing.svg("no prediction at any step");
  const y = errorsScale(data, points, drawing, options.log);
  drawing.axes(x, y, "step exponent α (the step is n^α)", "error");
  drawWindows(drawing, x, data, y);
  if (data.untrained && !data.untrained.message) drawing.line(drawing.left, y(data.untrained.test_error), drawing.right, y(data.untrained.test_error), { stroke: palette.test, "stroke-width": "1.5", "stroke-dasharray": "1.5 3" });
  drawBand(drawing, points, x, y);
  const place = (name) => (p) => [x(p.step_exponent), y(p[name])];
  drawCurve(drawing, points, "train_error", palette.train, place);
  drawCurve(drawing, points, "test_error", palette.test, place);
  if (data.point) drawHere(drawing, data, x, y);
  drawDots(drawing, data.dots, x, y);
  return drawing.svg(`Test and train error against the step exponent. ${errorsInWords(data)}`);
};

function errorsInWords(data) {
  if (!data.point || data.point.message) return "";
  return `At ${short(data.point.step_exponent)} the test error is ${short(data.point.test_error)}, the train error ${short(data.point.train_error)}.`;
}

Explorer.errorsRows = function (data) {
  const rows = [...data.curve.values()].sort((a, b) => a.step_exponent - b.step_exponent);
  const limit = (alpha) => (data.limits || []).find((w) => w.low < alpha && alpha < w.high);
  const found = rows.map((p) => ({
    kind: "predicted", step_exponent: p.step_exponent, step: p.step, train_error: p.train_error, test_error: p.test_error,
    train_error_se: null, test_error_se: null, error_estimate: p.error_estimate, trusted: p.trusted,
    limit_train_error: limit(p.step_exponent)?.train_error, limit_test_error: limit(p.step_exponent)?.test_error, message: p.message,
  }));
  return [...found, ...data.dots.map((dot) => ({ ...Object.fromEntries(Object.keys(found[0] || dot).map((name) => [name, null])), kind: "simulated", ...dot }))];
};

/* ---- the spectrum ---- */

function spectrumDomain(spectrum, simulated) {
  const { edge, above } = Explorer.sides(spectrum);
  const lows = spectrum.edges.map((interval) => interval[0]).filter((low) => low > 0);
  const high = Math.max(edge, ...above.map((spike) => spike.location), ...(simulated ? [simulated.eigenvalues[0]] : []));
  const low = Math.min(...(lows.length ? lows : [edge * 1e-3]), ...spectrum.spikes.map((spike) => spike.location));
  return [Math.max(low * 0.8, edge * 1e-3), high * 1.35];
}

/* Where the eigenvalues of one network are, without those that are next to nothing. */
function simulatedDomain({ eigenvalues }) {
  const [low, high] = [eigenvalues[eigenvalues.length - 1], eigenvalues[0]];
  return [Math.max(low * 0.8, high * 1e-6), high * 1.35];
}

function drawBulk(drawing, spectrum, x, y) {
  const points = spectrum.x.map((value, k) => [value, value * spectrum.density[k]]);
  const inside = points.filter((p) => x(p[0]) >= drawing.left);
  if (!inside.length) return;
  const line = inside.map((p) => [x(p[0]), y(p[1])]);
  const curve = Explorer.smooth(line);
  const area = `${curve}L${line[line.length - 1][0]} ${drawing.bottom}L${line[0][0]} ${drawing.bottom}Z`;
  drawing.path(area, { fill: drawing.palette.bulk, "fill-opacity": "0.45", stroke: "none" });
  drawing.path(curve, { stroke: drawing.palette.ink, "stroke-width": "1.5" });
}

function drawSpikes(drawing, spectrum, x) {
  const ordered = [...spectrum.spikes].sort((a, b) => a.location - b.location);
  ordered.forEach((spike, k) => {
    const degree = Explorer.degreeOf(spike);
    const colour = degree === null ? drawing.palette.muted : drawing.palette[`h${degree}`];
    const place = x(spike.location);
    const height = drawing.top + 14 + (k % 3) * 26;
    drawing.line(place, height, place, drawing.bottom, { stroke: colour, "stroke-width": "2.5" });
    drawing.add("circle", { cx: place, cy: height, r: 4.5, fill: colour, class: "spike" });
    const label = degree === null ? "mixed" : `h${degree} ${percent(spike.overlaps[degree])}`;
    const end = place > drawing.right - 75;
    drawing.text(place + (end ? -8 : 8), height + 4, label, { "text-anchor": end ? "end" : "start", fill: drawing.palette.ink });
  });
}

/* The eigenvalues of one network in its bulk as bars {low, high, height}: shares per unit of the logarithm. */
const BARS = 45;

Explorer.spectrumBars = function (simulated, low, high) {
  const step = Math.log(high / low) / BARS;
  const counts = new Array(BARS).fill(0);
  for (const value of simulated.eigenvalues.slice(simulated.spikes)) {
    const k = Math.floor(Math.log(value / low) / step);
    if (k >= 0 && k < BARS) counts[k]++;
  }
  return counts.map((count, k) => ({ low: low * Math.exp(k * step), high: low * Math.exp((k + 1) * step), height: count / simulated.eigenvalues.length / step }));
};

function drawSimulated(drawing, simulated, bars, x, y) {
  for (const bar of bars) {
    if (bar.height) drawing.add("rect", { x: x(bar.low), y: y(bar.height), width: x(bar.high) - x(bar.low), height: drawing.bottom - y(bar.height), fill: drawing.palette.test, "fill-opacity": "0.22", stroke: drawing.palette.test, "stroke-width": "0.7", class: "bar" });
  }
  for (const value of simulated.eigenvalues.slice(0, simulated.spikes))
    drawing.add("circle", { cx: x(value), cy: drawing.bottom - 5, r: 4, fill: drawing.palette.paper, stroke: drawing.palette.ink, "stroke-width": "1.7", class: "outlier" });
}

Explorer.spectrumFigure = function (data, width, palette) {
  const { spectrum, simulated } = data;
  const predicted = spectrum && !spectrum.message;
  const full = width < 500 ? 240 : 290;
  const drawing = new Drawing(width, spectrum && !predicted && !simulated ? 60 : full, { left: 48, right: 14, top: 12, bottom: 36 }, palette);
  if (!predicted) drawing.text(drawing.left, 24, spectrum ? "no spectrum is predicted here" : "");
  if (!predicted && !(spectrum && simulated)) return drawing.svg("no spectrum");
  const [low, high] = predicted ? spectrumDomain(spectrum, simulated) : simulatedDomain(simulated);
  const x = log(low, high, drawing.left, drawing.right);
  const bars = simulated ? Explorer.spectrumBars(simulated, low, high) : [];
  const heights = predicted ? spectrum.x.map((value, k) => value * spectrum.density[k]) : [];
  const y = linear(0, Math.max(...heights, ...bars.map((bar) => bar.height), 1e-12) * 1.25, drawing.bottom, drawing.top);
  drawing.axes(x, y, "eigenvalue of F Fᵀ/N", "share per unit of log λ");
  if (predicted) drawBulk(drawing, spectrum, x, y);
  if (predicted) drawSpikes(drawing, spectrum, x);
  if (simulated) drawSimulated(drawing, simulated, bars, x, y);
  const theory = predicted ? `Predicted spectrum: ${Explorer.spikesInWords(spectrum)}` : "No spectrum is predicted here.";
  return drawing.svg(`${theory}${simulated ? ` ${Explorer.simulatedInWords(simulated)}` : ""}`);
};

Explorer.spectrumRows = function (data) {
  if (!data.spectrum) return [];
  const { x, density, spikes } = data.spectrum.message ? { x: [], density: [], spikes: [] } : data.spectrum;
  const bulk = x.map((value, k) => ({ kind: "bulk", eigenvalue: value, density: density[k] }));
  const { eigenvalues, spikes: count } = data.simulated || { eigenvalues: [], spikes: 0 };
  return [
    ...bulk, ...spikes.map((spike) => ({ kind: "spike", eigenvalue: spike.location, density: null })),
    ...eigenvalues.map((value, k) => ({ kind: k < count ? "simulated spike" : "simulated", eigenvalue: value, density: null })),
  ];
};

/* ---- what each spike has learned ---- */

const MOST_BARS = 6;

Explorer.learnedFigure = function (data, width, palette) {
  const spikes = data.spectrum && !data.spectrum.message ? data.spectrum.spikes.slice(0, MOST_BARS) : [];
  const degrees = NAMES.map((_, degree) => degree).filter((degree) => spikes.some((spike) => spike.overlaps[degree] > 0.005));
  /* On the samples that the weights know, the functions of the learned direction are not orthogonal: no shares. */
  const shares = data.samples !== "same";
  const legend = [...degrees.map((degree) => ({ label: `${NAMES[degree]} (h${degree})`, colour: palette[`h${degree}`], kind: "box" })),
    ...(shares ? [{ label: "other", colour: palette.grid, kind: "box" }] : [])];
  const rows = Explorer.legendRows(legend, 88, width);
  const height = 16 * rows + 26 + 30 * Math.max(spikes.length, 1) + 34;
  const drawing = new Drawing(width, height, { left: 88, right: 14, top: 16 * rows + 10, bottom: 36 }, palette);
  if (!spikes.length) {
    const words = data.spectrum && data.spectrum.message ? "no spectrum is predicted here" : "no spike outside the bulk";
    drawing.text(20, 40, data.spectrum ? words : "");
    return drawing.svg(words);
  }
  drawing.legend(legend, 12);
  const most = Math.max(shares ? 1 : 0, ...spikes.map((spike) => spike.overlaps.reduce((sum, part) => sum + part, 0)));
  const x = linear(0, most, drawing.left, drawing.right);
  drawing.axes(x, null, shares ? "share of the spike's singular vector" : "squared overlap with the spike's singular vector", "", { yTicks: [] });
  if (shares) spikes.forEach((_, k) => drawing.add("rect", { x: x(0), y: drawing.top + 8 + 30 * k, width: x(1) - x(0), height: 20, fill: palette.grid }));
  spikes.forEach((spike, k) => drawBar(drawing, spike, k, x, data.means));
  return drawing.svg(`What the spikes have learned: ${Explorer.spikesInWords(data.spectrum)}`);
};

function drawBar(drawing, spike, k, x, means) {
  const top = drawing.top + 8 + 30 * k;
  const mean = means && means[k] !== undefined ? means[k] : spike.location;
  drawing.text(drawing.left - 6, top + 15, `λ = ${short(mean, 4)}`, { "text-anchor": "end", fill: drawing.palette.ink });
  let start = 0;
  spike.overlaps.forEach((share, degree) => {
    if (share < 0.002) return;
    drawing.add("rect", { x: x(start), y: top, width: x(start + share) - x(start), height: 20, fill: drawing.palette[`h${degree}`] });
    if (share > 0.12) drawing.text((x(start) + x(start + share)) / 2, top + 14, percent(share), { "text-anchor": "middle", fill: drawing.palette.paper });
    start += share;
  });
}

Explorer.learnedRows = function (data) {
  if (!data.spectrum || data.spectrum.message) return [];
  return data.spectrum.spikes.map((spike, k) => ({
    spike: k + 1, location: spike.location, mean: data.means ? data.means[k] : null,
    ...Object.fromEntries(spike.overlaps.map((share, degree) => [`h${degree}`, share])),
  }));
};

/* ---- the phase map ---- */

const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/* A colour of the ramp for a share from 0 to 1; the lowest errors are the brightest. */
Explorer.ramp = function (share) {
  const place = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const k = Math.min(Math.floor(place), RAMP.length - 2);
  const mixed = RAMP[k].map((part, j) => Math.round(part + (RAMP[k + 1][j] - part) * (place - k)));
  return `rgb(${mixed.join(",")})`;
};

/* Where one ridge ends and the next begins: half-way in the logarithm. */
function edgesOf(ridges) {
  const between = ridges.slice(1).map((ridge, k) => Math.sqrt(ridge * ridges[k]));
  const last = ridges.length - 1;
  return [ridges[0] ** 2 / between[0], ...between, ridges[last] ** 2 / between[last - 1]];
}

function phaseScales(drawing, data) {
  const edges = edgesOf(data.ridges);
  const half = 0.25 / (data.steps.length - 1);
  return {
    x: linear(-half, 0.5 + half, drawing.left, drawing.right),
    y: log(edges[0], edges[edges.length - 1], drawing.bottom, drawing.top),
    half, reach: new Map(data.ridges.map((ridge, k) => [ridge, [edges[k], edges[k + 1]]])),
  };
}

function drawCells(drawing, data, scales, low, high) {
  const { x, y, half, reach } = scales;
  for (const cell of data.cells.values()) {
    if (cell.message) continue;
    const share = high > low ? Math.log(high / cell.test_error) / Math.log(high / low) : 1;
    const [below, above] = reach.get(cell.ridge);
    const [left, top] = [x(cell.step_exponent - half), y(above)];
    drawing.add("rect", { x: left, y: top, width: x(cell.step_exponent + half) - left + 0.5, height: y(below) - top + 0.5, fill: Explorer.ramp(share), class: "cell" });
  }
}

/* Where one more spike leaves the bulk as n grows: the edges of the windows, and how many spikes there are between them. */
function drawRegions(drawing, scales) {
  EDGES.forEach(([window, start], k) => {
    const end = k + 1 < EDGES.length ? EDGES[k + 1][1] : null;
    if (start > 0) {
      for (const [colour, size] of [["#000000", "2.6"], ["#ffffff", "1.2"]])
        drawing.line(scales.x(start), drawing.top, scales.x(start), drawing.bottom, { stroke: colour, "stroke-width": size, class: "region" });
    }
    if (end !== null) drawing.text(scales.x((start + end) / 2), drawing.top - 4, window === 1 ? "ℓ = 1" : String(window), { "text-anchor": "middle", "font-size": "11" });
  });
}

/* Neighbouring columns of equal numbers of spikes above the bulk, as [number, first step, last step]. */
Explorer.spikeRuns = function (spikes) {
  const known = [...spikes].filter(([, count]) => count !== null).sort((a, b) => a[0] - b[0]);
  const found = [];
  for (const [step, count] of known) {
    const last = found[found.length - 1];
    if (last && last[0] === count) last[2] = step;
    else found.push([count, step, step]);
  }
  return found;
};

/* Lines between columns with other numbers of spikes at this size, and the numbers. */
function drawSpikeCounts(drawing, runs, scales) {
  const { top, bottom, palette } = drawing;
  runs.forEach(([count, start, end], k) => {
    const from = k ? scales.x((runs[k - 1][2] + start) / 2) : scales.x(start - scales.half);
    const to = k + 1 < runs.length ? scales.x((end + runs[k + 1][1]) / 2) : scales.x(end + scales.half);
    if (k) {
      for (const [colour, size] of [["#ffffff", "4"], ["#d00000", "2"]])
        drawing.line(from, top, from, bottom, { stroke: colour, "stroke-width": size, "stroke-dasharray": "7 4", class: "spikes" });
    }
    if (to - from < 18) return;
    const [place, label] = [(from + to) / 2, k === 0 && to - from > 60 ? `${count} ${count === 1 ? "spike" : "spikes"}` : String(count)];
    drawing.add("rect", { x: place - label.length * 3.6 - 4, y: top + 5, width: label.length * 7.2 + 8, height: 17, rx: 3, fill: palette.paper, "fill-opacity": "0.85" });
    drawing.text(place, top + 18, label, { "text-anchor": "middle", fill: palette.ink, class: "spike-count" });
  });
}

function drawBest(drawing, data, scales) {
  for (const row of data.best) {
    if (row.message) continue;
    const place = [scales.x(row.step_exponent ?? 0), scales.y(row.ridge)];
    if (place[1] < drawing.top || place[1] > drawing.bottom) continue;
    drawing.add("circle", { cx: place[0], cy: place[1], r: 4.5, fill: "#ffffff", stroke: "#000000", "stroke-width": "1.5", class: "best" });
  }
}

function drawCross(drawing, data, scales) {
  if (!data.point || !(data.point.ridge > 0)) return;
  const [x, y] = [scales.x(data.point.step_exponent), scales.y(data.point.ridge)];
  if (y < drawing.top || y > drawing.bottom) return;
  for (const [colour, size] of [["#ffffff", "5"], ["#d00000", "2.5"]])
    drawing.path(`M${x - 7} ${y}H${x + 7}M${x} ${y - 7}V${y + 7}`, { stroke: colour, "stroke-width": size, "stroke-linecap": "round" });
}

function drawRamp(drawing, low, high) {
  const [x, steps] = [drawing.right + 12, 24];
  const height = (drawing.bottom - drawing.top) / steps;
  for (let k = 0; k < steps; k++) drawing.add("rect", { x, y: drawing.top + k * height, width: 12, height: height + 0.5, fill: Explorer.ramp(k / (steps - 1)) });
  drawing.text(x + 16, drawing.top + 10, short(high));
  drawing.text(x + 16, drawing.bottom, short(low));
}

Explorer.phaseFigure = function (data, width, palette) {
  const drawing = new Drawing(width, width < 500 ? 270 : 310, { left: 48, right: 62, top: 36, bottom: 36 }, palette);
  const found = [...data.cells.values()].filter((cell) => !cell.message).map((cell) => cell.test_error);
  if (!found.length) {
    if (data.cells.size) drawing.text(drawing.left, 30, "no prediction at these places");
    return drawing.svg("no prediction at any place of the map");
  }
  const scales = phaseScales(drawing, data);
  data.scales = scales;
  const [low, high] = [Math.min(...found), Math.max(...found)];
  drawCells(drawing, data, scales, low, high);
  drawing.axes(scales.x, scales.y, "step exponent α", "ridge λ", { bare: true, xTicks: [0, 0.1, 0.2, 0.3, 0.4, 0.5] });
  drawRamp(drawing, low, high);
  drawRegions(drawing, scales);
  const runs = Explorer.spikeRuns(data.spikes);
  drawSpikeCounts(drawing, runs, scales);
  drawBest(drawing, data, scales);
  drawCross(drawing, data, scales);
  drawing.legend([{ label: "best step for its ridge", colour: palette.muted, kind: "dot" },
    ...(runs.length > 1 ? [{ label: "another spike", colour: "#d00000", dash: "7 4" }] : [])], 14);
  drawing.text(drawing.width - 4, 14, "test error", { "text-anchor": "end" });
  return drawing.svg(`Test error over step exponent and ridge, from ${short(low)} to ${short(high)}.${countsInWords(runs)}`);
};

function countsInWords(runs) {
  if (!runs.length) return "";
  return ` Spikes above the bulk: ${runs.map(([count, start]) => `${count} from ${short(start)}`).join(", ")}.`;
}

Explorer.phaseRows = function (data) {
  const cells = [...data.cells.values()].sort((a, b) => a.ridge - b.ridge || a.step_exponent - b.step_exponent);
  const found = cells.map((c) => ({ kind: "cell", ridge: c.ridge, step_exponent: c.step_exponent, step: c.step, test_error: c.test_error ?? null, spikes: data.spikes.get(c.step_exponent) ?? null, message: c.message }));
  return [...found, ...data.best.map((row) => ({ kind: "best", ridge: row.ridge, step_exponent: row.step_exponent, step: row.step, test_error: row.test_error, spikes: null, message: row.message }))];
};

/* ---- files ---- */

Explorer.csv = function (rows) {
  if (!rows.length) return "";
  const names = Object.keys(rows[0]);
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))].join("\n") + "\n";
};
}
