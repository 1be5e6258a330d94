/* What is computed when: only what a change has changed, what is looked at first, and nothing that is out of date. */
"use strict";
{
const FIRST = 9;
/* Steps of the curve that are asked for at once, and of the map for their spikes. */
const PIECE = 6;
const IDLE = 350;
const POLL = 250;
const KEPT = 60;
const RIDGES = Explorer.rounded(1e-4, 10, 14);
const MAP_STEPS = Explorer.evenly(0, 0.5, 20);
const BEST_RIDGES = RIDGES.filter((_, k) => k % 2 === 0);
/* Of theories that take longer: fewer steps of the curve, and a coarser map. */
const SLOW_STEPS = Explorer.evenly(0, 0.5, 10);
const SLOW_MAP_STEPS = Explorer.evenly(0, 0.5, 5);
const RUN_STEPS = [0, 0.1, 0.2, 0.3, 0.4, 0.5];

/* 0, 1, 1/2, 1/4, 3/4, ...: any beginning of the order covers the whole evenly. */
Explorer.spread = function (count) {
  const found = [0, count - 1];
  for (let stride = 1 << Math.ceil(Math.log2(count - 1)); stride > 1; stride >>= 1)
    for (let k = stride >> 1; k < count - 1; k += stride) found.push(k);
  return [...new Set(found)].filter((k) => k < count);
};

function placeKey(place) {
  return `${place.step_exponent} ${place.ridge}`;
}

/* Of each ridge the place of least test error. */
function bestOf(cells) {
  const found = new Map();
  for (const cell of cells)
    if (!found.has(cell.ridge) || cell.test_error < found.get(cell.ridge).test_error) found.set(cell.ridge, cell);
  return [...found.values()].map((cell) => ({ ...cell, step_end: "grid" }));
}

/* Answers by their key, the oldest forgotten. */
class Memory {
  constructor() { this.known = new Map(); }

  get(key, make) {
    if (!this.known.has(key)) this.known.set(key, make());
    const found = this.known.get(key);
    this.known.delete(key);
    this.known.set(key, found);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
    return found;
  }
}

/* Questions to one process, one at a time: of those that wait, what is out of date by then is not asked. */
class Lane {
  async answer(stale, ask) {
    while (this.busy) await this.busy;
    if (stale()) return null;
    const found = ask();
    this.busy = found.then(() => {}, () => {}).then(() => { this.busy = null; });
    return found;
  }
}

Explorer.App = class {
  constructor(root, source) {
    this.source = source;
    this.near = new Lane();
    this.far = new Lane();
    this.memory = new Memory();
    this.values = this.shown = Explorer.fromHash(location.hash, source.fields);
    this.version = 0;
    this.running = false;
    this.wake = () => {};
    this.page = new Explorer.Page(root, source, {
      changed: (name, value) => this.change({ [name]: value }, false),
      reset: () => this.change(Explorer.initial(source.fields), true),
      redraw: () => this.drawAll(),
      download: (name, kind) => this.download(name, kind),
      simulate: (count) => this.simulate(count),
      cancel: () => this.cancel(),
      picked: (x, y) => this.pick(x, y),
    });
    this.page.setFields(this.values);
    this.page.tellLeftOut(Explorer.leftOut(location.hash, source));
    this.listen();
    this.settle();
  }

  listen() {
    const repaint = () => { this.page.theme(); this.drawAll(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    new ResizeObserver(() => { if (this.page.width("errors") !== this.drawnWidth) this.drawAll(); }).observe(this.page.figures.errors.holder);
    addEventListener("hashchange", () => location.hash.includes("=") && this.follow(location.hash));
  }

  /* The values of a link, and what of it the page does not have. */
  follow(hash) {
    this.change(Explorer.fromHash(hash, this.source.fields), true);
    this.page.tellLeftOut(Explorer.leftOut(hash, this.source));
  }

  /* New values; those that came from elsewhere than a field are shown in the fields. */
  change(changes, show) {
    this.values = { ...this.values, ...changes };
    if (!show) this.values = Explorer.spoken(this.values, this.source.fields);
    this.version++;
    this.wake();
    this.page.tellLeftOut([]);
    if (show || "n_samples" in changes || "samples" in changes) this.page.setFields(this.values);
    this.writeAddress();
    this.settle();
  }

  /* The address, a moment later, unless another was given meanwhile: that is read before it is written. */
  writeAddress() {
    const before = location.hash;
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => {
      if (location.hash === before) history.replaceState(null, "", Explorer.toHash(this.values, this.source.fields));
    }, 200);
  }

  /* Everything that is known about some values. */
  data(values) {
    const { memory } = this;
    const curve = memory.get(`curve ${Explorer.key(values, "step_exponent")}`, () => ({ points: new Map(), asked: new Set(), limits: null, untrained: null, dots: [], run: null }));
    const spectrum = memory.get(`spectrum ${Explorer.key(values, "ridge")}`, () => ({ found: null, means: null, simulated: null }));
    const map = memory.get(`map ${Explorer.key(values, "step_exponent", "ridge")}`, () => ({ cells: new Map(), spikes: new Map(), best: [] }));
    return { curve, spectrum, map };
  }

  /* The same of the last values that have an answer, in the form that figures and words take. */
  view() {
    const { curve, spectrum, map } = this.data(this.shown);
    const point = curve.points.get(this.shown.step_exponent) || null;
    if (point) point.ridge = this.shown.ridge;
    return {
      point, curve: curve.points, untrained: curve.untrained, limits: curve.limits, dots: curve.dots, run: curve.run,
      spectrum: spectrum.found, means: spectrum.means, simulated: spectrum.simulated, cells: map.cells, spikes: map.spikes, best: map.best,
      steps: this.mapSteps(this.shown), ridges: this.mapRidges(this.shown), samples: this.shown.samples, slow: Explorer.slow(this.shown),
    };
  }

  curveSteps(values) { return Explorer.slow(values) ? SLOW_STEPS : this.source.steps; }
  mapSteps(values) { return Explorer.slow(values) ? SLOW_MAP_STEPS : this.source.mapSteps || MAP_STEPS; }
  mapRidges(values) { return Explorer.slow(values) ? BEST_RIDGES : this.source.mapRidges || RIDGES; }

  draw(...names) {
    const view = this.view();
    for (const name of names) this.page.draw(name, view);
    this.drawnWidth = this.page.width("errors");
    this.page.say(Explorer.inWords(view));
    if (this.page.code.open) this.page.source.textContent = this.code(view);
    if (names.includes("phase")) this.scales = view.scales;
  }

  drawAll() { this.draw("errors", "spectrum", "learned", "phase"); }

  code(view) {
    const spectrum = !(view.spectrum && view.spectrum.message);
    return Explorer.python({ ...this.source.fixed, ...this.shown }, view.dots.length ? view.run : null, spectrum, view.slow ? SLOW_STEPS.length : 41);
  }

  /* Work until all that belongs to the present values is there; a change on the way begins anew. */
  async settle() {
    if (this.running) return;
    this.running = true;
    this.page.root.setAttribute("aria-busy", "true");
    while (await this.outdated());
    this.running = false;
    this.page.root.setAttribute("aria-busy", "false");
    this.page.speak();
  }

  /* Work for the present values; whether they have changed meanwhile. What is still under way then stays out of date. */
  async outdated() {
    const { version } = this;
    const stale = () => version !== this.version;
    try { await this.work(stale); } catch (refusal) {
      if (!(refusal instanceof Explorer.Refused)) throw refusal;
      if (!stale()) this.page.refuse(refusal);
    }
    return stale();
  }

  async work(stale) {
    const { values } = this;
    const data = this.data(values);
    this.reached("begun");
    const first = this.firstPoints(values, data.curve);
    const spectrum = this.spectrum(values, data.spectrum, stale);
    spectrum.catch(() => {}); /* what is refused is refused to the first points, too */
    await first;
    if (stale()) return;
    this.page.refuse(null);
    this.shown = values;
    this.draw("errors", "phase");
    await this.unlessChanged(this.finish(values, data, spectrum, stale));
    if (stale()) return;
    this.reached("curve and spectrum");
    await this.unlessChanged(this.means(values, data.spectrum, stale));
    if (stale()) return;
    await this.unlessChanged(new Promise((resolve) => { setTimeout(resolve, IDLE); }));
    await this.map(values, data.map, stale);
    await this.best(values, data.map, stale);
    await this.spikes(values, data.map, stale);
    if (!stale()) this.reached("all");
  }

  /* The spectrum first, which has the processors for itself, then the rest of the curve by two processes. */
  async finish(values, data, spectrum, stale) {
    const others = async () => {
      await this.otherPoints(values, data.curve, stale, "predictions");
      await this.limits(values, data.curve, stale);
    };
    const rest = spectrum.then(others, others);
    const seen = spectrum.then(() => {
      if (stale()) return null;
      this.draw("spectrum", "learned");
      this.reached("first");
      return this.otherPoints(values, data.curve, stale, "more");
    });
    await Promise.all([rest, seen]);
  }

  /* Say in the page what is there of the present values. */
  reached(stage) {
    this.page.root.dataset.stage = stage;
  }

  /* The end of slow work, or of the wait for it where the values change before. */
  unlessChanged(work) {
    return Promise.race([work, new Promise((resolve) => { this.wake = resolve; })]);
  }

  /* Changes of the step that are not predicted yet: the present one, no step at all, and the others. */
  missing(values, curve) {
    const all = this.curveSteps(values);
    const order = [values.step_exponent, ...Explorer.spread(all.length).map((k) => all[k])];
    const steps = order.filter((step, k) => order.indexOf(step) === k && !curve.points.has(step)).map((step) => ({ step_exponent: step }));
    if (!curve.untrained) steps.splice(curve.points.has(values.step_exponent) ? 0 : 1, 0, { step_size: 0 });
    return steps;
  }

  async predict(values, curve, changes, by = "predictions") {
    for (const point of await this.source[by](values, changes)) {
      if (point.step_exponent === null) curve.untrained = point;
      else curve.points.set(point.step_exponent, point);
    }
  }

  /* The present point, and of a new curve as many others as one answer holds. */
  async firstPoints(values, curve) {
    const missing = this.missing(values, curve);
    if (curve.points.size < FIRST && missing.length) await this.predict(values, curve, missing);
    else if (!curve.points.has(values.step_exponent)) await this.predict(values, curve, missing.slice(0, 1));
  }

  /* Pieces of what is missing until nothing is, each drawn; two of these may work at once. */
  async otherPoints(values, curve, stale, by) {
    const left = () => this.missing(values, curve).filter((change) => !curve.asked.has(change.step_exponent)).slice(0, PIECE);
    for (let changes = left(); changes.length && !stale(); changes = left()) {
      changes.forEach((change) => curve.asked.add(change.step_exponent));
      const work = () => this.predict(values, curve, changes, by);
      try { await (by === "more" ? this.near.answer(stale, work) : work()); } finally { changes.forEach((change) => curve.asked.delete(change.step_exponent)); }
      if (!stale()) this.draw("errors");
    }
  }

  async limits(values, curve, stale) {
    if (curve.limits || stale()) return;
    curve.limits = await this.source.limits(values);
    if (!stale()) this.draw("errors");
  }

  async spectrum(values, spectrum, stale) {
    if (spectrum.found) return;
    const found = await this.near.answer(stale, () => this.source.spectrum(values));
    if (found) spectrum.found = found;
  }

  async means(values, spectrum, stale) {
    if (spectrum.means || spectrum.found.message) return;
    const means = await this.far.answer(stale, () => this.source.means(values));
    if (means) spectrum.means = means;
    if (!stale()) this.draw("learned");
  }

  /* The map, some columns at a time, in an order that covers it evenly. */
  async map(values, map, stale) {
    const [steps, ridges] = [this.mapSteps(values), this.mapRidges(values)];
    const places = Explorer.spread(steps.length).flatMap((k) => ridges.map((ridge) => ({ step_exponent: steps[k], ridge })));
    const missing = () => places.filter((place) => !map.cells.has(placeKey(place))).slice(0, 300);
    for (let left = missing(); left.length && !stale(); left = missing()) {
      const points = await this.unlessChanged(this.far.answer(stale, () => this.source.mapped(values, left)));
      for (const point of points || []) map.cells.set(placeKey(point), point);
      if (!stale()) this.draw("phase");
    }
  }

  /* The best steps of some ridges: searched for, or where that takes minutes the best of the map. */
  async best(values, map, stale) {
    if (Explorer.slow(values)) {
      if (stale() || map.best.length) return;
      map.best.push(...bestOf([...map.cells.values()].filter((cell) => !cell.message)));
      this.draw("phase");
      return;
    }
    for (const ridge of [values.ridge, ...(this.source.bestRidges || BEST_RIDGES)]) {
      if (stale()) return;
      if (map.best.some((row) => row.ridge === ridge) || !(ridge > 0)) continue;
      const rows = await this.unlessChanged(this.far.answer(stale, () => this.source.best(values, [ridge])));
      map.best.push(...(rows || []));
      if (!stale()) this.draw("phase");
    }
  }

  /* How many spikes there are at the steps of the map, where that does not take long. */
  async spikes(values, map, stale) {
    const order = Explorer.slow(values) ? [] : Explorer.spread(this.mapSteps(values).length).map((k) => this.mapSteps(values)[k]);
    const missing = () => order.filter((step) => !map.spikes.has(step)).slice(0, PIECE);
    for (let steps = missing(); steps.length && !stale(); steps = missing()) {
      const rows = await this.unlessChanged(this.far.answer(stale, () => this.source.spikes(values, steps)));
      for (const row of rows || []) map.spikes.set(row.step_exponent, row.spikes);
      if (!stale()) this.draw("phase");
    }
  }

  /* ---- simulation ---- */

  async simulate(count) {
    const { values } = this;
    const { curve, spectrum } = this.data(values);
    const steps = [...new Set([...RUN_STEPS, values.step_exponent])].sort((a, b) => a - b);
    this.page.runProblem.textContent = "";
    try {
      this.run = await this.source.simulate(values, steps, count);
      while (this.take(curve, spectrum)) {
        await new Promise((resolve) => { setTimeout(resolve, POLL); });
        this.run = await this.source.progress(this.run.number);
      }
    } catch (refusal) {
      if (!(refusal instanceof Explorer.Refused)) throw refusal;
      this.page.showRun({ state: "failed", done: 0, total: 0, message: refusal.whole });
      this.page.runProblem.textContent = refusal.whole;
    }
  }

  /* Show how far the run is, its dots and eigenvalues over the curves that they belong to; whether it goes on. */
  take(curve, spectrum) {
    Object.assign(curve, { dots: this.run.dots, run: this.run });
    if (this.run.spectrum) spectrum.simulated = this.run.spectrum;
    this.page.showRun(this.run);
    this.draw("errors", "spectrum");
    return this.run.state === "running";
  }

  async cancel() {
    await this.source.cancel(this.run.number);
  }

  /* ---- the rest ---- */

  pick(x, y) {
    if (!this.scales) return;
    const [alpha, ridge] = [this.scales.x.invert(x), this.scales.y.invert(y)];
    if (alpha < -0.02 || alpha > 0.52) return;
    const near = (name, value) => { const { values } = this.source.fields.find((field) => field.name === name); return values[Explorer.nearest(values.map(name === "ridge" ? Math.log : Number), name === "ridge" ? Math.log(value) : value)]; };
    this.change({ step_exponent: near("step_exponent", alpha), ridge: near("ridge", ridge) }, true);
  }

  async download(name, kind) {
    const view = this.view();
    if (kind === "csv") {
      const problem = { ...this.source.fixed, ...this.shown };
      const rows = Explorer[`${name}Rows`](view).map((row) => ({ ...row, ...Object.fromEntries(Object.entries(problem).filter(([field]) => !(field in row))) }));
      Explorer.save(`${name}.csv`, new Blob([Explorer.csv(rows)], { type: "text/csv" }));
      return;
    }
    const svg = Explorer.standalone(this.page.figures[name].holder.innerHTML.trim(), this.page.palette);
    Explorer.save(`${name}.${kind}`, kind === "svg" ? new Blob([svg], { type: "image/svg+xml" }) : await Explorer.png(svg));
  }
};
}
