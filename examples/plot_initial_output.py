"""
What the initial output does
============================

An untrained network with a readout of order one already says something, f_0(x), and the full gradient sees it twice: in
the residual y - f_0 of which the learned direction is made, and because its own direction omega = W_0'a belongs to the
spike, b = omega + eta c_1 beta. The published statement of the theory leaves both out. What that costs is discussed on
the page :doc:`/initial-output`.

The dots are means over replicates of real networks, measured by

``python examples/plot_initial_output.py --simulate``

(some five minutes on one core) and kept in ``examples/measured/initial_output.csv``; the curves are computed here.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from polyspike.plotting import house_style, plot_measured, plot_predicted

import polyspike as ps
from polyspike import PairedDifference, Replication
from polyspike.theory.finite_size.initial_output import predict_without_output

TABLE = Path(sys.argv[0]).resolve().parent / "measured" / "initial_output.csv"
REPLICATES = 100
START = ps.Problem("tanh", "h1", n_samples=1500, input_dim=300, width=500, ridge=0.01, noise=0.5, step_size=0.0)


def simulate():
    """The cosine of the spike with the teacher's direction, and the paired change of the test error."""
    alphas = np.linspace(0, 0.5, 9)
    problems = [START, *(START.replace(step_exponent=float(alpha)) for alpha in alphas)]
    runs = [ps.simulate(problems, seed=(0, k), n_test=4000) for k in range(REPLICATES)]
    untrained, *columns = zip(*runs)
    rows = []
    for alpha, column in zip(alphas, columns):
        cosine, change = Replication.of(column).spike_cosine, PairedDifference.of(column, untrained).test_error
        rows.append((alpha, cosine.mean, cosine.standard_error, change.mean, change.standard_error, REPLICATES))
    header = "alpha,cosine,cosine_se,change,change_se,replicates"
    np.savetxt(TABLE, rows, delimiter=",", header=header, comments="", fmt="%.8g")


if "--simulate" in sys.argv:
    simulate()

# %%
# Three theories of the same network: with the initial output; with omega left out of the spike, b = eta c_1 beta; and
# with the initial output left out altogether, as published, which is the theory of the target-only gradient.

ALPHA = np.linspace(0, 0.5, 41)
THEORIES = {
    "with the initial output": (ps.predict, START),
    "left out of the spike": (predict_without_output, START),
    "left out altogether (as published)": (ps.predict, START.replace(gradient="target")),
}
untrained = ps.predict(START).test_error
found = {
    name: [theory(start.replace(step_exponent=float(alpha))) for alpha in ALPHA]
    for name, (theory, start) in THEORIES.items()
}

# %%
# Left: the cosine between the spike's direction b and the teacher's. The dotted line is eta = 1/c_1^2, where omega
# cancels what the residual has put into beta against it. Right: test error minus that of the untrained network. Bars
# are one standard error.

LINES = {
    "with the initial output": {"color": "#0072B2", "linewidth": 1.6},
    "left out of the spike": {"color": "#D55E00", "linestyle": (0, (4, 2))},
    "left out altogether (as published)": {"color": "#009E73", "linestyle": (0, (1, 1))},
}
dots = np.genfromtxt(TABLE, delimiter=",", names=True)
cancels = -np.log(START.activation.linear_strength) / np.log(START.n_samples)
with house_style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0))
    figure.set_dpi(150)
    for name, rows in found.items():
        plot_predicted(left, ALPHA, [row.spike_cosine for row in rows], name, **LINES[name])
        plot_predicted(right, ALPHA, [row.test_error - untrained for row in rows], **LINES[name])
    plot_measured(left, dots["alpha"], dots["cosine"], dots["cosine_se"], "simulated", color="#1A1A1A")
    plot_measured(right, dots["alpha"], dots["change"], dots["change_se"], color="#1A1A1A")
    left.axvline(cancels, color="#7A7A7A", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    right.axhline(0, color="#7A7A7A", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    left.set(ylabel=r"cosine of $b$ with $\beta_*$", xlabel=r"step exponent $\alpha$   ($\eta = n^{\alpha}$)")
    right.set(ylabel="test error minus untrained", xlabel=r"step exponent $\alpha$   ($\eta = n^{\alpha}$)")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
