r"""
The interpolation peak
======================

With a small ridge the test error has a peak where there are as many neurons as samples: the network can just fit
its labels, noise included, and its readout grows without bound. A larger ridge removes the peak. The theory says by
itself where it should not be trusted: there its line is dotted.
"""

import matplotlib.pyplot as plt
import numpy as np
from polyspike.plotting import house_style, plot_measured

import polyspike as ps

N = 300
widths = np.unique(np.geomspace(0.1 * N, 10 * N, 41).round().astype(int))
seen = [60, 150, 300, 600, 1200]


def problem(width, ridge):
    """A relu network of that width after a step, at 300 samples."""
    return ps.Problem(
        "relu", "h1", n_samples=N, n_gradient=1200, input_dim=100, width=int(width), ridge=ridge, step_exponent=0.2
    )


with house_style():
    figure, axes = plt.subplots(figsize=(6, 3.8))
    for ridge, colour in ((1e-5, "#0072B2"), (1e-3, "#D55E00"), (1e-1, "#009E73")):
        found = ps.predict([problem(width, ridge) for width in widths])
        errors = np.array([row.test_error for row in found])
        axes.plot(widths, errors, color=colour, linestyle="dotted")
        axes.plot(
            widths, np.where([row.trusted for row in found], errors, np.nan), color=colour, label=f"ridge {ridge:g}"
        )
        dots = [ps.replicate(problem(width, ridge), n=5, n_test=2000).test_error for width in seen]
        plot_measured(axes, seen, [d.mean for d in dots], [d.standard_error for d in dots], color=colour)
    axes.axhline(found[0].null_error, color="#7A7A7A", linewidth=0.8)
    axes.text(widths[0], 1.05 * found[0].null_error, "error of predicting zero", fontsize="small")
    axes.set(xscale="log", yscale="log", xlabel="neurons (300 samples)", ylabel="test error")
    axes.legend()
plt.show()
