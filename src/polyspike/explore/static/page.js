/* The page: its fields, figures and buttons, made once. What they show is told by explorer.js. */
"use strict";
{
const PALETTE = ["paper", "ink", "muted", "grid", "line", "test", "train", "limit", "bulk", "h0", "h1", "h2", "h3", "h4", "h5", "h6"];
const FIGURES = [["errors", "Errors"], ["spectrum", "Spectrum of the features"], ["learned", "What each spike has learned"], ["phase", "Where a step helps"]];

/* An element with attributes; text, elements and lists of them go inside. */
function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...inside.flat());
  return element;
}

function button(text, action, attributes = {}) {
  return make("button", { type: "button", onclick: action, ...attributes }, text);
}

/* One field: its label, its box or menu, its slider, and the place of what is wrong with it. */
class Field {
  constructor(spec, changed) {
    Object.assign(this, { spec, changed });
    this.id = `ps-${spec.name}`;
    this.problem = make("p", { class: "ps-problem", id: `${this.id}-problem`, role: "alert" });
    this.input = this.makeInput();
    this.slider = spec.kind === "number" ? this.makeSlider() : null;
    this.check = spec.sameLabel ? make("input", { type: "checkbox", onchange: () => this.toggled() }) : null;
    const wide = spec.kind === "text" || spec.wide;
    this.element = make("div", { class: `ps-field${wide ? " ps-wide" : ""}` },
      make("label", { for: this.id }, spec.label), this.input, this.slider || [],
      this.check ? make("label", { class: "ps-check" }, this.check, ` ${spec.sameLabel}`) : [], this.suggestions || [], this.problem);
  }

  makeInput() {
    const common = { id: this.id, "aria-describedby": `${this.id}-problem` };
    if (this.spec.kind === "menu" || this.spec.fixed && this.spec.kind === "text")
      return make("select", { ...common, onchange: () => this.typed() }, this.spec.values.map((value) => make("option", { value }, value)));
    if (this.spec.kind === "number")
      return make("input", { ...common, type: "text", inputmode: "decimal", autocomplete: "off", readonly: Boolean(this.spec.fixed), oninput: () => this.typed() });
    this.suggestions = make("datalist", { id: `${this.id}-list` }, this.spec.values.map((value) => make("option", { value })));
    return make("input", { ...common, type: "text", autocomplete: "off", spellcheck: "false", list: `${this.id}-list`, oninput: () => this.typed() });
  }

  makeSlider() {
    return make("input", { type: "range", min: 0, max: this.spec.values.length - 1, step: 1, id: `${this.id}-slider`,
      "aria-label": `${this.spec.label}, slider`, oninput: () => this.slid() });
  }

  typed() { this.changed(this.spec.name, Explorer.parsed(this.spec, this.input.value)); this.follow(); }

  slid() {
    const value = this.spec.values[this.slider.value];
    this.input.value = value;
    this.slider.setAttribute("aria-valuetext", value);
    this.changed(this.spec.name, value);
  }

  toggled() { this.changed(this.spec.name, this.check.checked ? null : Number(this.input.value) || this.spec.values[40]); this.enable(!this.check.checked); }

  enable(on) { this.input.disabled = this.slider.disabled = !on; }

  follow() {
    const number = Number(this.input.value);
    if (!this.slider || !Number.isFinite(number)) return;
    this.slider.value = Explorer.nearest(this.spec.values, number);
    this.slider.setAttribute("aria-valuetext", this.input.value);
  }

  /* Show a value that came from elsewhere: the address, a click on the map. */
  set(value, shared) {
    if (this.check) { this.check.checked = value === null; this.enable(value !== null); }
    const text = String(value === null ? shared : value);
    if (this.input.tagName === "SELECT" && ![...this.input.options].some((option) => option.value === text)) this.input.append(make("option", { value: text }, text));
    if (document.activeElement !== this.input) this.input.value = text;
    this.follow();
  }

  refuse(message) {
    this.problem.textContent = message;
    this.input.setAttribute("aria-invalid", message ? "true" : "false");
  }
}

Explorer.Page = class {
  constructor(root, source, on) {
    this.root = root;
    this.on = on;
    this.fields = source.fields.map((spec) => new Field(spec, on.changed));
    this.figures = {};
    root.classList.add("ps-frame");
    this.sheet = make("div", { class: "ps-explorer" }, this.controls(source), this.wordsCard(), ...FIGURES.map(([name, title]) => this.figureCard(name, title)),
      ...(source.simulates ? [this.runCard()] : []), this.codeCard());
    root.replaceChildren(this.sheet);
    this.figures.phase.holder.addEventListener("click", (event) => this.clicked(event));
    this.theme();
  }

  controls(source) {
    this.trouble = make("p", { class: "ps-problem", role: "alert" });
    this.leftOut = make("p", { class: "ps-problem ps-left-out", role: "alert" });
    return make("section", { class: "ps-card ps-controls", "aria-label": "The problem" },
      this.fields.map((field) => field.element), this.trouble, this.leftOut,
      make("div", { class: "ps-buttons" }, button("Start again", () => this.on.reset()), button("Copy link", (event) => this.copy(event.target, location.href)),
        source.note ? make("span", { class: "ps-caption" }, source.note) : []));
  }

  wordsCard() {
    this.words = make("div");
    this.spoken = make("div", { class: "ps-hidden", role: "status" });
    return make("section", { class: "ps-card ps-words", "aria-label": "In words" }, make("h2", {}, "In words"), this.words, this.spoken);
  }

  figureCard(name, title) {
    const holder = make("div", { class: "ps-figure", id: `ps-figure-${name}` });
    const caption = make("p", { class: "ps-caption" });
    const tools = ["CSV", "SVG", "PNG"].map((kind) => button(kind, () => this.on.download(name, kind.toLowerCase()), { class: "ps-small", "aria-label": `${title}: save as ${kind}` }));
    if (name === "errors") {
      this.logarithmic = make("input", { type: "checkbox", id: "ps-log", onchange: () => this.on.redraw() });
      tools.unshift(make("label", { class: "ps-check" }, this.logarithmic, " log scale"));
    }
    const card = make("section", { class: `ps-card ps-${name}`, "aria-label": title }, make("div", { class: "ps-head" }, make("h2", {}, title), make("div", { class: "ps-buttons" }, tools)), holder, caption);
    this.figures[name] = { holder, caption, card };
    return card;
  }

  runCard() {
    this.replicates = make("input", { type: "text", inputmode: "numeric", id: "ps-replicates", value: "5", "aria-describedby": "ps-run-problem" });
    this.start = button("Simulate", () => this.on.simulate(Explorer.parsed({ kind: "number" }, this.replicates.value)));
    this.stop = button("Cancel", () => this.on.cancel(), { disabled: true });
    this.progress = make("progress", { max: 1, value: 0, "aria-label": "Progress of the simulation" });
    this.runProblem = make("p", { class: "ps-problem", id: "ps-run-problem", role: "alert" });
    this.runWords = make("span", { class: "ps-caption", role: "status" }, "Real networks, drawn as dots over the curves, and the eigenvalues of one over the spectrum.");
    return make("section", { class: "ps-card ps-run", "aria-label": "Simulation" }, make("h2", {}, "Simulation"),
      make("div", { class: "ps-buttons" }, make("label", { for: "ps-replicates" }, "networks at each step"), this.replicates, this.start, this.stop, this.progress), this.runWords, this.runProblem);
  }

  codeCard() {
    this.source = make("pre", { class: "ps-source", tabindex: "0", "aria-label": "Python code" });
    const details = make("details", { ontoggle: () => this.on.redraw() }, make("summary", {}, "Show the code"),
      make("div", { class: "ps-buttons" }, button("Copy", (event) => this.copy(event.target, this.source.textContent))), this.source);
    this.code = details;
    return make("section", { class: "ps-card ps-code", "aria-label": "The code" }, details);
  }

  async copy(pressed, text) {
    const before = pressed.textContent;
    try { await navigator.clipboard.writeText(text); pressed.textContent = "Copied"; } catch { pressed.textContent = "Copying is not allowed here"; }
    setTimeout(() => { pressed.textContent = before; }, 1500);
  }

  /* Light or dark, as the page around it says or else the system. */
  theme() {
    const said = document.documentElement.dataset.theme;
    const dark = said ? said === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.sheet.classList.toggle("ps-dark", dark);
    const style = getComputedStyle(this.sheet);
    this.palette = Object.fromEntries(PALETTE.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  setFields(values) {
    for (const field of this.fields) {
      field.element.hidden = !Explorer.speaks(field.spec, values);
      field.set(values[field.spec.name], field.spec.unset ?? values[field.spec.same]);
    }
  }

  /* A refusal beside the fields that it names; elsewhere where it names none. */
  refuse(refusal) {
    const names = refusal ? refusal.argument.split(", ") : [];
    for (const field of this.fields) field.refuse(names.includes(field.spec.name) ? refusal.message : "");
    const homeless = refusal && !this.fields.some((field) => names.includes(field.spec.name) && !field.element.hidden);
    this.trouble.textContent = homeless ? refusal.message : "";
    this.sheet.classList.toggle("ps-stale", Boolean(refusal));
  }

  /* What a link says and this page has no field for. */
  tellLeftOut(parts) {
    this.leftOut.textContent = parts.length ? `Left out of the link: ${parts.join(", ")}. This page has values that were computed beforehand; polyspike explore has all.` : "";
  }

  width(name) {
    return Math.max(Math.floor(this.figures[name].holder.clientWidth), 260);
  }

  draw(name, data) {
    const { holder, caption } = this.figures[name];
    holder.innerHTML = Explorer[`${name}Figure`](data, this.width(name), this.palette, { log: this.logarithmic.checked });
    caption.textContent = CAPTIONS[name](data);
  }

  say(lines) {
    this.words.replaceChildren(...lines.map((line) => make("p", {}, line.text || "", line.mark ? make("span", { class: `ps-${line.kind}` }, line.mark) : "", line.after || "")));
  }

  speak() {
    const text = this.words.innerText;
    if (this.spoken.textContent !== text) this.spoken.textContent = text;
  }

  showRun(run) {
    const running = run.state === "running";
    this.start.disabled = running;
    this.stop.disabled = !running;
    this.progress.value = run.total ? run.done / run.total : 0;
    this.runWords.textContent = Explorer.runInWords(run);
    this.runWords.parentElement.dataset.state = run.state;
  }

  clicked(event) {
    const svg = this.figures.phase.holder.querySelector("svg");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    this.on.picked((event.clientX - box.left) * svg.viewBox.baseVal.width / box.width, (event.clientY - box.top) * svg.viewBox.baseVal.height / box.height);
  }
};

const CAPTIONS = {
  errors: (data) => (data.point && data.point.message ? data.point.message : `The band is the error estimate; the curve is dashed where it is not to be trusted; dotted verticals bound the windows of ℓ spikes.${data.slow ? " This theory takes longer, so that there are fewer points." : ""}`),
  spectrum: (data) => {
    if (!data.spectrum) return "";
    const simulated = data.simulated ? ` ${Explorer.simulatedInWords(data.simulated)}` : "";
    if (data.spectrum.message) return data.spectrum.message + (simulated && "." + simulated);
    const share = data.spectrum.atom > 0.0005 ? `The bulk is drawn as a share of the eigenvalues above zero; ${Explorer.percent(data.spectrum.atom)} of them are zero.` : "The bulk is drawn as a share of all eigenvalues.";
    return [share, Explorer.spectrumWorth(data.spectrum)].filter(Boolean).join(" ") + simulated;
  },
  learned: (data) => {
    if (!(data.spectrum && data.spectrum.spikes && data.spectrum.spikes.length)) return "";
    const words = "Squared cosines of the spike's left singular vector with the Hermite polynomials of its direction b.";
    return data.samples === "same" ? `${words} On the samples of the gradient these polynomials are not orthogonal, and the squares may add up to more than 100 %.` : words;
  },
  phase: (data) => (data.cells.size < data.steps.length * data.ridges.length ? `${data.cells.size} of ${data.steps.length * data.ridges.length} places are computed.` : `Click to go to a place. Solid verticals bound the windows of ℓ spikes${Explorer.spikeRuns(data.spikes).length > 1 ? "; dashed ones are where the number of spikes changes at this size" : ""}.`),
};

/* Save a text or a picture as a file. */
Explorer.save = function (name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

/* An SVG with a background, for files. */
Explorer.standalone = function (svg, palette) {
  return svg.replace(">", `><rect width="100%" height="100%" fill="${palette.paper}"/>`).replace("<svg ", '<svg font-family="sans-serif" ');
};

/* The picture of an SVG at twice its size. */
Explorer.png = async function (svg) {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = make("canvas", { width: image.width * 2, height: image.height * 2 });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
};
}
