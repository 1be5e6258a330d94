/* The Python that makes the same figure. */
"use strict";
{
const ORDER = ["activation", "teacher", "n_samples", "input_dim", "width", "step_exponent", "ridge", "noise", "gradient", "readout", "n_gradient", "inputs", "samples", "overlap"];
const DEFAULTS = { inputs: "isotropic", samples: "fresh" };

const SPIKES = [
  "for spike in here.spectrum.spikes:",
  '    print(f"spike at {spike.location:.6g}, squared cosines with h0, h1, ...: {spike.overlaps.round(3)}")',
];

function literal(value) {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/* The code for some values; of a run where networks were simulated, and of spikes where a spectrum is predicted. */
Explorer.python = function (values, run, spectrum, points) {
  const given = ORDER.filter((name) => values[name] !== null && values[name] !== undefined && values[name] !== DEFAULTS[name]);
  const lines = [
    "import matplotlib.pyplot as plt",
    "import numpy as np",
    "",
    "import polyspike as ps",
    "",
    "problem = ps.Problem(",
    ...given.map((name) => `    ${name}=${literal(values[name])},`),
    ")",
    "here = ps.predict(problem)",
    'print(f"test error {here.test_error:.6g}, train error {here.train_error:.6g}, trusted: {here.trusted}")',
    ...(spectrum ? SPIKES : []),
    "",
    `steps = np.linspace(0, 0.5, ${points})`,
    "curve = ps.predict([problem.replace(step_exponent=float(step)) for step in steps])",
    "figure, axes = plt.subplots()",
    'for name in ("test_error", "train_error"):',
    "    errors = np.array([getattr(row, name) for row in curve], dtype=float)  # NaN where there is no prediction",
    '    axes.plot(steps, errors, label=name.replace("_", " "))',
    "axes.errorbar(problem.step_exponent, here.test_error, (here.error_estimate or 0) * here.test_error, fmt=\"o\")",
  ];
  if (run) lines.push(
    `for step in ${JSON.stringify(run.dots.map((dot) => dot.step_exponent))}:`,
    `    runs = ps.replicate(problem.replace(step_exponent=step), replicates=${run.done}, n_test=${run.n_test})`,
    "    axes.errorbar(step, *runs.test_error, fmt=\"k.\")",
    "    axes.errorbar(step, *runs.train_error, fmt=\"k.\")",
  );
  return [...lines, 'axes.set(xlabel="step exponent", ylabel="error", ylim=(0, None))', "axes.legend()", 'figure.savefig("errors.png")', ""].join("\n");
};
}
