/* Charts as SVG text: scales, axes, curves. One drawing serves the screen, the SVG file and the PNG file. */
"use strict";
{
Explorer.escape = function (text) {
  return String(text).replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]);
};

/* A number as people write it: three digits, no trailing zeros. */
Explorer.short = function (number, digits = 3) {
  if (number === null || number === undefined) return "–";
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1e5 || size < 1e-3) return Number(number.toPrecision(digits)).toExponential().replace("e+", "e");
  return String(Number(number.toPrecision(digits)));
};

Explorer.percent = function (share) {
  const value = 100 * Math.abs(share);
  return `${value >= 10 ? value.toFixed(0) : Number(value.toPrecision(2))} %`;
};

Explorer.linear = function (low, high, from, to) {
  const scale = (x) => from + (to - from) * (x - low) / (high - low);
  scale.ticks = (count) => niceTicks(low, high, count);
  scale.invert = (place) => low + (high - low) * (place - from) / (to - from);
  return scale;
};

Explorer.log = function (low, high, from, to) {
  const scale = (x) => from + (to - from) * Math.log(x / low) / Math.log(high / low);
  scale.ticks = (count) => logTicks(low, high, count);
  scale.invert = (place) => low * (high / low) ** ((place - from) / (to - from));
  return scale;
};

function niceTicks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((size) => size >= raw * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-9); k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  const digits = decades <= 1.2 ? [1, 2, 3, 5] : decades <= 2.2 ? [1, 3] : [1];
  const every = Math.max(1, Math.ceil(decades / Math.max(count, 1)));
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    if (((power % every) + every) % every) continue;
    for (const digit of digits) {
      const value = Number((digit * 10 ** power).toPrecision(6));
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  return found;
}

/* A drawing of a size, in the colours of a palette. */
Explorer.Drawing = class {
  constructor(width, height, margin, palette) {
    Object.assign(this, { width, height, margin, palette });
    this.left = margin.left;
    this.right = width - margin.right;
    this.top = margin.top;
    this.bottom = height - margin.bottom;
    this.parts = [];
  }

  add(tag, attributes, text) {
    const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${Explorer.escape(typeof value === "number" ? +value.toFixed(2) : value)}"`).join("");
    this.parts.push(text === undefined ? `<${tag}${written}/>` : `<${tag}${written}>${Explorer.escape(text)}</${tag}>`);
  }

  text(x, y, text, options = {}) {
    this.add("text", { x, y, fill: this.palette.muted, "font-size": "12", ...options }, text);
  }

  line(x1, y1, x2, y2, options = {}) {
    this.add("line", { x1, y1, x2, y2, stroke: this.palette.line, ...options });
  }

  path(d, options = {}) {
    if (d) this.add("path", { d, fill: "none", "stroke-width": "2", ...options });
  }

  axes(x, y, xLabel, yLabel, options = {}) {
    const { left, right, top, bottom, palette } = this;
    for (const value of options.xTicks || x.ticks((right - left) / 70)) {
      const place = x(value);
      if (!options.bare) this.line(place, top, place, bottom, { stroke: palette.grid });
      this.text(place, bottom + 15, Explorer.short(value), { "text-anchor": "middle" });
    }
    for (const value of options.yTicks || y.ticks((bottom - top) / 40)) {
      const place = y(value);
      if (!options.bare) this.line(left, place, right, place, { stroke: palette.grid });
      this.text(left - 6, place + 4, Explorer.short(value), { "text-anchor": "end" });
    }
    this.line(left, bottom, right, bottom);
    this.text((left + right) / 2, this.height - 4, xLabel, { "text-anchor": "middle" });
    if (yLabel) this.text(12, (top + bottom) / 2, yLabel, { "text-anchor": "middle", transform: `rotate(-90 12 ${(top + bottom) / 2})` });
  }

  /* Entries {label, colour, dash, kind} in rows at the top. */
  legend(entries, y) {
    let x = this.left;
    for (const entry of entries) {
      const length = 26 + entry.label.length * 6.4;
      if (x + length > this.right + this.margin.right && x > this.left) { x = this.left; y += 16; }
      if (entry.kind === "dot") this.add("circle", { cx: x + 9, cy: y - 4, r: 3.5, fill: entry.colour });
      else if (entry.kind === "box") this.add("rect", { x: x + 4, y: y - 9, width: 10, height: 10, fill: entry.colour });
      else this.line(x, y - 4, x + 18, y - 4, { stroke: entry.colour, "stroke-width": "2", ...(entry.dash ? { "stroke-dasharray": entry.dash } : {}) });
      this.text(x + 22, y, entry.label, { fill: this.palette.ink });
      x += length + 10;
    }
    return y;
  }

  svg(label) {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"` +
      ` role="img" aria-label="${Explorer.escape(label)}">${this.parts.join("")}</svg>`;
  }
};

/* Rows that the entries of a legend take at a width, as Drawing.legend places them. */
Explorer.legendRows = function (entries, left, right) {
  let x = left;
  let rows = 1;
  for (const entry of entries) {
    const length = 26 + entry.label.length * 6.4;
    if (x + length > right && x > left) { x = left; rows++; }
    x += length + 10;
  }
  return rows;
};

/* A smooth path through points [x, y] of increasing x, which overshoots nowhere (Fritsch and Carlson). */
Explorer.smooth = function (points) {
  if (points.length < 2) return "";
  const slopes = points.slice(1).map((p, k) => (p[1] - points[k][1]) / (p[0] - points[k][0]));
  const tangents = points.map((_, k) => {
    if (k === 0) return slopes[0];
    if (k === points.length - 1) return slopes[k - 1];
    const [a, b] = [slopes[k - 1], slopes[k]];
    return a * b <= 0 ? 0 : 2 * a * b / (a + b);
  });
  let d = `M${f(points[0][0])} ${f(points[0][1])}`;
  for (let k = 1; k < points.length; k++) {
    const [p, q] = [points[k - 1], points[k]];
    const third = (q[0] - p[0]) / 3;
    d += `C${f(p[0] + third)} ${f(p[1] + third * tangents[k - 1])} ${f(q[0] - third)} ${f(q[1] - third * tangents[k])} ${f(q[0])} ${f(q[1])}`;
  }
  return d;
};

Explorer.polyline = function (points) {
  return points.map((p, k) => `${k ? "L" : "M"}${f(p[0])} ${f(p[1])}`).join("");
};

function f(number) {
  return number.toFixed(2);
}

/* Runs of neighbours that all pass a test. */
Explorer.runs = function (items, passes) {
  const found = [[]];
  for (const item of items) {
    if (passes(item)) found[found.length - 1].push(item);
    else if (found[found.length - 1].length) found.push([]);
  }
  return found.filter((run) => run.length);
};
}
