r"""
The staircase at three sizes
============================

In the limit of infinitely large networks the test error is a staircase in the step exponent: each stair is one more
polynomial degree that the step has learned. Networks of a real size fall smoothly, and the larger they are the more of
the stairs is to be seen. Dots are simulated at the smallest size; the theory needs no simulation at the others.
"""

import matplotlib.pyplot as plt
import numpy as np
from polyspike.plotting import house_style, mark_windows, plot_measured, plot_predicted, plot_staircase

import polyspike as ps

EDGES = [0.0, 1 / 4, 1 / 3, 3 / 8]


def shifted_sine(x):
    """An activation with no vanishing Hermite coefficient, so that every degree can have a spike."""
    return np.sin(x + 0.6)


def at(n, alphas):
    """Networks of n samples with n/4 inputs, n/2 neurons and the steps n^alpha."""
    sizes = {"n_samples": n, "input_dim": n // 4, "width": n // 2}
    return [ps.Problem(shifted_sine, [0, 1, 0.6, 0.2], **sizes, step_exponent=float(alpha)) for alpha in alphas]


alphas, dots = np.linspace(0, 0.42, 29), np.linspace(0.05, 0.4, 4)
curves = {n: [row.test_error for row in ps.predict(at(n, alphas))] for n in (500, 10**5, 10**9)}
measured = [ps.replicate(case, n=16, n_test=2000).test_error for case in at(500, dots)]
levels = [ps.predict(at(10**9, [0.1])[0], "window", level).test_error for level in (1, 2, 3)]

with house_style():
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for (n, curve), colour in zip(curves.items(), ("#56B4E9", "#0072B2", "#1A1A1A")):
        exponent = round(np.log10(n), 1)
        plot_predicted(axes, alphas, curve, f"n = {n}" if n < 1000 else f"$n = 10^{exponent:g}$", color=colour)
    means, errors = zip(*((e.mean, e.standard_error) for e in measured))
    plot_measured(axes, dots, means, errors, "simulated, n = 500", color="#56B4E9")
    plot_staircase(axes, EDGES, levels, r"$n \to \infty$")
    mark_windows(axes, 3)
    axes.set(xlim=(0, 0.42), xlabel=r"step exponent $\alpha$   ($\eta = n^\alpha$)", ylabel="test error")
    axes.legend()
plt.show()
