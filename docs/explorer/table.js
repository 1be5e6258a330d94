/* Where the numbers come from on a page without a server: a table that was computed beforehand (docs/explorer_data.py). */
"use strict";
{
/* The packed table of docs/explorer/data.js. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/* The fields of the page, each with the values of the table only. */
function fieldsOf(data) {
  return Explorer.FIELDS.filter((field) => field.name === "step_exponent" || field.name in data.axes).map((field) => {
    const values = field.name === "step_exponent" ? data.steps : data.axes[field.name];
    const initial = values.includes(field.initial) ? field.initial : values[Math.floor(values.length / 2)];
    return { ...field, values, initial, fixed: true };
  });
}

/* Spikes above the bulk that an eye can tell from it, as polyspike.phase_map counts them. */
function visible({ spikes, edges }) {
  const edge = Math.max(...edges.map((interval) => interval[1]));
  return spikes.filter((spike) => spike.location > 1.01 * edge).length;
}

Explorer.Table = class {
  static async from(packed) {
    const table = new Explorer.Table();
    const data = await unpacked(packed);
    Object.assign(table, { data, fields: fieldsOf(data), steps: data.steps, mapSteps: data.steps, mapRidges: data.axes.ridge, bestRidges: data.axes.ridge });
    table.note = `Values that were computed beforehand; d = ${data.fixed.input_dim}, isotropic inputs and fresh samples only. For any others: polyspike explore.`;
    table.fixed = data.fixed;
    return table;
  }

  /* Place of some values among the rows of the table; the values must be there. */
  row(values, names) {
    return names.reduce((place, name) => {
      const k = this.data.axes[name].indexOf(values[name]);
      if (k < 0) throw new Explorer.Refused({ argument: name, message: `only ${this.data.axes[name].join(", ")} were computed beforehand` });
      return place * this.data.axes[name].length + k;
    }, 0);
  }

  names() { return Object.keys(this.data.axes).filter((name) => name !== "ridge"); }

  /* The second moment of the labels, and what of it no linear model explains. */
  labels(values) {
    const teacher = this.data.axes.teacher.indexOf(values.teacher);
    const all = this.data.second_moment[teacher] + values.noise ** 2;
    return { null_error: all, linear_error: all - this.data.linear[teacher] };
  }

  point(values, change) {
    const { data } = this;
    const ridge = change.ridge ?? values.ridge;
    const step = change.step_size === 0 ? 0 : data.steps.indexOf(change.step_exponent) + 1;
    if (step === 0 && change.step_size !== 0) throw new Explorer.Refused({ argument: "step_exponent", message: `only ${data.steps.join(", ")} were computed beforehand` });
    const row = this.row(values, this.names());
    const k = step * data.axes.ridge.length + this.row({ ridge }, ["ridge"]);
    const reason = data.reasons[data.reason[row][k]];
    const known = data.test_error[row][k] !== null;
    return {
      step_exponent: change.step_exponent ?? null, step: step === 0 ? 0 : values.n_samples ** change.step_exponent, ridge,
      test_error: data.test_error[row][k], train_error: data.train_error[row][k], error_estimate: data.error_estimate[row][k],
      spike_cosine: data.spike_cosine[row][step], trusted: reason === "", trust_reason: reason, ...this.labels(values), notes: [],
      message: known ? "" : reason || "no prediction",
    };
  }

  async predictions(values, changes) { return changes.map((change) => this.point(values, change)); }

  more(values, changes) { return this.predictions(values, changes); }
  mapped(values, changes) { return this.predictions(values, changes); }

  /* At the steps that have a spectrum. */
  async spikes(values, steps) {
    const rows = [];
    for (const step of steps) {
      const found = await this.spectrum({ ...values, step_exponent: step });
      rows.push({ step_exponent: step, spikes: found.message ? null : visible(found) });
    }
    return rows;
  }

  async limits(values) {
    const { data } = this;
    const [row, k] = [this.row(values, this.names()), this.row(values, ["ridge"])];
    return data.windows.map((window, j) => ({
      window, low: (window - 1) / (2 * window), high: window / (2 * window + 2),
      test_error: data.limit_test[row][j][k], train_error: data.limit_train[row][j][k],
    })).filter((w) => w.test_error !== null);
  }

  async spectrum(values) {
    const { data } = this;
    const step = data.spectrum_steps.indexOf(values.step_exponent);
    if (values.noise !== data.spectrum_noise || step < 0)
      return { message: `Spectra were computed beforehand for noise ${data.spectrum_noise} and every second step.` };
    const found = data.spectra[this.row(values, this.names().filter((name) => name !== "noise")) * data.spectrum_steps.length + step];
    if (found.message) return found;
    const reason = data.reasons[found.reason];
    const [low, high] = [found.edges[0][0], found.edges[found.edges.length - 1][1]];
    const start = Math.max(low, high * 1e-5);
    const x = found.density.map((_, k) => start * (high / start) ** ((1 - Math.cos(Math.PI * k / (data.points - 1))) / 2));
    return { ...found, x, trusted: reason === "", trust_reason: reason, message: "" };
  }

  async means() { return null; }

  /* The best of the steps in the table. */
  async best(values, ridges) {
    return ridges.map((ridge) => {
      const points = this.data.steps.map((step) => this.point(values, { step_exponent: step, ridge })).filter((point) => !point.message);
      const best = points.reduce((a, b) => (b.test_error < a.test_error ? b : a), points[0]);
      return best ? { ridge, step: best.step, step_exponent: best.step_exponent, test_error: best.test_error, step_end: "grid", message: "" } : { ridge, message: "no prediction" };
    });
  }
};

Explorer.Table.from(Explorer.packed).then((table) => { Explorer.app = new Explorer.App(document.getElementById("explorer"), table); });
}
