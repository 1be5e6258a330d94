r"""
The interpolation peak
======================

With a small ridge the test error has a peak where there are as many neurons as samples: the network can just fit
its labels, noise included, and its readout grows without bound. A larger ridge removes the peak. The theory says by
itself where it should not be trusted: there its line is dotted.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

N = 300
widths = np.unique(np.geomspace(0.1 * N, 10 * N, 41).round().astype(int))
seen, ridges = [60, 150, 300, 600, 1200], (1e-5, 1e-3, 1e-1)


def problem(width, ridge):
    """A relu network of that width after a step, at 300 samples."""
    return ps.Problem(
        "relu", "h1", n_samples=N, n_gradient=1200, input_dim=100, width=int(width), ridge=ridge, step_exponent=0.2
    )


found = ps.predict([problem(width, ridge) for ridge in ridges for width in widths])
networks = [ps.replicate(problem(width, ridge), replicates=5, n_test=2000) for ridge in ridges for width in seen]
trusted = [
    {"width": row.problem.width, "ridge": row.problem.ridge, "test_error": row.test_error if row.trusted else None}
    for row in found
]

with ps.plot.style("light"):
    figure, axes = plt.subplots(figsize=(6, 3.8))
    ps.plot.errors(found, measured=networks, x="width", ax=axes, line_kwargs={"linestyle": "dotted"})
    ps.plot.errors(trusted, x="width", hue="ridge", ax=axes, legend=False)
    axes.axhline(found[0].null_error, color="#7A7A7A", linewidth=0.8)
    axes.text(widths[0], 1.05 * found[0].null_error, "error of predicting zero", fontsize="small")
    axes.set(xlabel="neurons (300 samples)")
plt.show()
