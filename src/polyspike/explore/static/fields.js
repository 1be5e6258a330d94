/* What can be set: the arguments of a Problem, their sliders and menus, and their place in the page's address. */
"use strict";
const Explorer = {};

Explorer.ACTIVATIONS = ["relu", "leaky_relu", "tanh", "erf", "sigmoid", "softplus", "gelu", "silu", "sin", "cos", "identity",
  "h1", "h2", "h3", "h4", "h5", "h6"];

/* Numbers of two digits from low to high, evenly spaced in their logarithm. */
Explorer.rounded = function (low, high, count) {
  const found = new Set();
  for (let k = 0; k <= count; k++) found.add(Number((low * (high / low) ** (k / count)).toPrecision(2)));
  return [...found].sort((a, b) => a - b);
};

Explorer.evenly = function (low, high, count) {
  return Array.from({ length: count + 1 }, (_, k) => Number((low + (high - low) * k / count).toFixed(6)));
};

Explorer.SIZES = Explorer.rounded(50, 20000, 90);

Explorer.FIELDS = [
  { name: "step_exponent", label: "Step exponent α: the step is n^α", kind: "number", values: Explorer.evenly(0, 0.5, 100), initial: 0.35 },
  { name: "activation", label: "Activation", kind: "menu", values: Explorer.ACTIVATIONS, initial: "relu" },
  { name: "teacher", label: "Teacher", kind: "text", initial: "h1 + 0.5*h2",
    values: ["h1", "h1 + 0.5*h2", "h1 + 0.6*h2 + 0.3*h3", "h2", "tanh", "relu", "h1[0] + 0.5*h2[1]"] },
  { name: "ridge", label: "Ridge λ", kind: "number", values: Explorer.rounded(1e-5, 10, 90), initial: 0.1 },
  { name: "noise", label: "Noise of the labels σ", kind: "number", values: Explorer.evenly(0, 2, 40), initial: 0.5 },
  { name: "n_samples", label: "Samples n", kind: "number", values: Explorer.SIZES, initial: 2000 },
  { name: "input_dim", label: "Inputs d", kind: "number", values: Explorer.rounded(10, 5000, 90), initial: 500 },
  { name: "width", label: "Neurons N", kind: "number", values: Explorer.SIZES, initial: 1000 },
  { name: "n_gradient", label: "Samples of the gradient", kind: "number", values: Explorer.SIZES, initial: null,
    same: "n_samples", sameLabel: "as many as n" },
  { name: "gradient", label: "Gradient", kind: "menu", values: ["full", "target"], initial: "full" },
  { name: "readout", label: "Initial readout", kind: "menu", values: ["gaussian", "rademacher", "constant"], initial: "gaussian" },
  { name: "inputs", label: "Law of the inputs", kind: "menu", wide: true, initial: "isotropic",
    values: ["isotropic", ...["two-level:0.3,1.7,0.5", "power:0.5", "spiked:10,1"].flatMap((text) => [text, `${text}; teacher=top`])] },
  { name: "samples", label: "Samples of the fit", kind: "menu", values: ["fresh", "same"], initial: "fresh" },
  { name: "overlap", label: "Share of them that the gradient had", kind: "number", values: Explorer.evenly(0, 1, 20), initial: null,
    unset: 1, sameLabel: "all", needs: ["samples", "same"] },
];

/* Whether a field says something: some need another to have a value. */
Explorer.speaks = function (field, values) {
  return !field.needs || values[field.needs[0]] === field.needs[1];
};

/* Values, those of fields that say nothing left out. */
Explorer.spoken = function (values, fields) {
  return { ...values, ...Object.fromEntries(fields.filter((field) => !Explorer.speaks(field, values)).map((field) => [field.name, field.initial])) };
};

/* Whether the theory of some values takes a third of a second or more for each prediction. */
Explorer.slow = function (values) {
  return values.samples === "same" || (values.inputs ?? "isotropic") !== "isotropic";
};

Explorer.initial = function (fields) {
  return Object.fromEntries(fields.map((field) => [field.name, field.initial]));
};

/* A number where the text is one; else the text itself, which the library answers. */
Explorer.parsed = function (field, text) {
  const trimmed = text.trim();
  if (field.kind !== "number") return trimmed;
  const number = Number(trimmed);
  return trimmed === "" || !Number.isFinite(number) ? trimmed : number;
};

Explorer.toHash = function (values, fields) {
  const entries = fields.filter((field) => values[field.name] !== null).map((field) => [field.name, String(values[field.name])]);
  return "#" + new URLSearchParams(entries).toString();
};

Explorer.fromHash = function (hash, fields) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const values = Explorer.initial(fields);
  for (const field of fields) if (given.has(field.name)) values[field.name] = Explorer.parsed(field, given.get(field.name).slice(0, 500));
  return values;
};

/* What a link says of fields that a page does not have, where its problems have another value. */
Explorer.leftOut = function (hash, { fields, fixed = {} }) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const absent = Explorer.FIELDS.filter((field) => given.has(field.name) && !fields.some((own) => own.name === field.name));
  return absent.map((field) => [field, given.get(field.name).slice(0, 80)])
    .filter(([field, text]) => text !== String(fixed[field.name] ?? field.initial)).map(([field, text]) => `${field.name}=${text}`);
};

/* The text that tells two sets of values apart, some fields left out. */
Explorer.key = function (values, ...without) {
  return JSON.stringify(Object.entries(values).filter(([name]) => !without.includes(name)).sort());
};

/* Index of the value nearest to a number. */
Explorer.nearest = function (values, number) {
  let best = 0;
  values.forEach((value, k) => { if (Math.abs(value - number) < Math.abs(values[best] - number)) best = k; });
  return best;
};
