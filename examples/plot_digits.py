r"""
Real digits, before and after the step
======================================

The handwritten digits of scikit-learn are not Gaussian, and no theorem speaks of them. One step does to them what it
does to Gaussian inputs: a spike leaves the bulk, and the errors fall. The target says whether a digit is odd, and the
inputs are whitened. Bars are standard errors over random splits and networks.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps
from polyspike.data import load, whiten


def shifted_sine(x):
    """An activation with no vanishing Hermite coefficient, so that every degree can have a spike."""
    return np.sin(x + 0.6)


digits = load("digits", "parity")
inputs = whiten(digits.inputs, 40)
start = ps.Problem(shifted_sine, "h1", n_samples=700, input_dim=40, width=300, ridge=0.1, step_size=0.0)
steps = [2.0, 5.0, 10.0, 15.0, 20.0, 26.0]
cases = [start, *(start.replace(step_size=eta) for eta in steps)]
runs = [ps.simulate_data(cases, inputs, digits.target, seed=k) for k in range(8)]
changes = np.array([[run.test_error - row[0].test_error for run in row[1:]] for row in runs])
spread = changes.std(axis=0, ddof=1) / np.sqrt(len(runs))
rows = [{"step_size": x, "change": y, "change_se": se} for x, y, se in zip(steps, changes.mean(axis=0), spread)]
before, after = ps.simulate_data([start, cases[3]], inputs, digits.target, seed=0, eigenvalues="all")
print(f"untrained: {np.mean([row[0].test_error for row in runs]):.3f} of the target's variance, 1")

with ps.plot.style("light"):
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    bins = np.geomspace(0.01, after.eigenvalues[0] * 1.3, 50)
    for run, name, colour in ((before, "before", "#7A7A7A"), (after, f"after a step of {steps[2]:g}", "#0072B2")):
        left.hist(run.eigenvalues[run.eigenvalues > 0.01], bins, histtype="step", color=colour, label=name)
        left.plot(run.eigenvalues[0], 1.5, "v", color=colour)
    left.set(xscale="log", xlabel=r"eigenvalue of $FF^\top/N$", ylabel="count")
    left.legend()
    ps.plot.errors(measured=rows, x="step_size", y="change", ax=right, legend=False, dot_kwargs={"color": "#1A1A1A"})
    right.axhline(0, color="#7A7A7A", linestyle="dotted")
    right.set(xscale="linear", ylabel="change of the test error")
plt.show()
