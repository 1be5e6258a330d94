/* What one sees, in whole sentences. */
"use strict";
{
const { short, percent } = Explorer;
const COUNTS = ["No", "One", "Two", "Three", "Four", "Five", "Six"];

function listed(items) {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/* The spikes of a spectrum in one sentence. */
Explorer.spikesInWords = function (spectrum) {
  const { above, others } = Explorer.sides(spectrum);
  const count = COUNTS[above.length] || String(above.length);
  const names = above.map((spike) => Explorer.degreeName(Explorer.degreeOf(spike)));
  const sentence = above.length === 0 ? "No spike stands out of the bulk."
    : above.length === 1 ? `One spike stands out of the bulk: ${names[0]}.`
    : `${count} spikes stand out of the bulk, from the largest down: ${listed(names)}.`;
  if (!others.length) return sentence;
  return `${sentence} ${others.length === 1 ? "One outlier lies" : `${COUNTS[others.length] || others.length} outliers lie`} below it or in a gap.`;
};

function inside(spectrum) {
  if (!spectrum.inside.length) return "";
  const names = spectrum.inside.map((degree) => Explorer.degreeName(degree));
  return ` Still inside: ${listed(names)}.`;
}

/* What a spectrum is worth, which is another matter than what the errors are: one or two sentences, or none. */
Explorer.spectrumWorth = function ({ error_estimate, trusted, trust_reason }) {
  const reach = error_estimate === null || error_estimate === undefined ? ""
    : `The mean of many networks may be off these spikes by ${percent(error_estimate)} (its own estimate).`;
  return [reach, trusted ? "" : `The spectrum is not to be trusted: ${trust_reason}.`].filter(Boolean).join(" ");
};

/* How well the step has found the teacher's direction: the direction of the first spike, and where it is known the
   gradient's, which is another one for the full gradient. */
function directions({ spike_cosine, cosine }) {
  const spike = `The first spike's direction b has cosine ${short(spike_cosine)} with β*`;
  return cosine === null || cosine === undefined ? spike : `${spike}; the learned direction β, of the gradient alone, has ${short(cosine)}`;
}

/* The eigenvalues of one network in a sentence. */
Explorer.simulatedInWords = function ({ spikes }) {
  if (!spikes) return "Bars are the eigenvalues of one simulated network, of which none has left the bulk.";
  return `Bars and rings are the eigenvalues of one simulated network, of which ${spikes === 1 ? "one has" : `${(COUNTS[spikes] || String(spikes)).toLowerCase()} have`} left the bulk (rings).`;
};

/* What the step does to the test error. */
function effect(data) {
  const [before, after] = [data.untrained, data.point];
  if (!before || before.message) return `The test error is ${short(after.test_error)}.`;
  const share = 1 - after.test_error / before.test_error;
  const numbers = `${short(after.test_error)}, and ${short(before.test_error)} without it`;
  if (Math.abs(share) < 0.0005) return `The step leaves the test error as it is: ${numbers}.`;
  return `The step ${share > 0 ? "removes" : "adds"} ${percent(share)} of the test error: ${numbers}.`;
}

function optimum(data) {
  const row = data.best.find((one) => one.ridge === data.point.ridge && !one.message);
  if (!row) return "";
  const place = row.step_exponent === null ? `η = ${short(row.step)}` : `n^${short(row.step_exponent)}`;
  const end = row.step_end === "upper" ? ", the largest that is looked at" : row.step_end === "grid" ? " among those computed" : "";
  return ` The best step for this ridge is ${place}${end}: ${short(row.test_error)}.`;
}

function worth(point) {
  const reach = point.error_estimate === null ? "" : `Networks of this size are on average within about ${percent(point.error_estimate)} of this. `;
  return { text: reach, trusted: point.trusted, reason: point.trust_reason };
}

/* Lines {text, kind} about everything that is known so far. */
Explorer.inWords = function (data) {
  const point = data.point;
  if (!point) return [];
  if (point.message) return [{ text: `There is no prediction here: ${point.message}`, kind: "untrusted" }];
  const lines = [{ text: effect(data) + optimum(data) }];
  if (data.spectrum) lines.push({ text: data.spectrum.message ? `No spectrum is predicted here: ${data.spectrum.message}` : Explorer.spikesInWords(data.spectrum) + inside(data.spectrum) });
  if (point.biased_cosine !== null && point.biased_cosine !== undefined)
    lines.push({ text: `The learned direction β has cosine ${short(point.biased_cosine)} with Σβ*, to which correlated inputs pull it.` });
  lines.push({ text: `${directions(point)}. The train error is ${short(point.train_error)}. No linear model has a test error below ${short(point.linear_error)}.` });
  const found = worth(point);
  lines.push({ text: found.text, mark: found.trusted ? "Trusted." : "Not trusted", after: found.trusted ? "" : `, because of this: ${found.reason}.`, kind: found.trusted ? "trusted" : "untrusted" });
  return [...lines, ...point.notes.map((note) => ({ text: note }))];
};

/* What is to be said of the simulated networks. */
Explorer.runInWords = function (run) {
  if (!run) return "";
  const done = `${run.done} of ${run.total} networks at each step`;
  const seconds = run.seconds > 1.5 && run.state === "running" ? `, about ${short(run.seconds, 2)} s in all` : "";
  const last = run.done === run.total ? "; now the eigenvalues of one of them" : "";
  return { running: `Simulating: ${done}${last}${seconds}.`, done: `Done: ${done}.`, cancelled: `Cancelled: ${done}.`, failed: `Failed: ${run.message}` }[run.state];
};
}
