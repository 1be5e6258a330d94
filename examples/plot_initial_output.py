"""
What the initial output does
============================

An untrained network with a readout of order one already says something, f_0(x), and the full gradient sees it twice: in
the residual y - f_0 of which the learned direction is made, and because its own direction omega = W_0'a belongs to the
spike, b = omega + eta c_1 beta. The published statement of the theory leaves both out. What that costs is discussed on
the page :doc:`/initial-output`.

The dots are means over 100 real networks, measured by

``python plot_initial_output.py --simulate``

(some five minutes on one core), which prints the table below; the curves are computed here.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps
from polyspike import PairedDifference, Replication
from polyspike.theory.finite_size.initial_output import predict_without_output

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
        rows.append((alpha, cosine.mean, cosine.standard_error, change.mean, change.standard_error))
    np.savetxt(sys.stdout, rows, delimiter=", ", fmt="%.6g")


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
MEASURED = [  # alpha, cosine, its standard error, change of the test error, its standard error
    (0, 0.645336, 0.00345687, -0.0262203, 0.000751975),
    (0.0625, 0.81166, 0.00209224, -0.0501749, 0.00104012),
    (0.125, 0.866883, 0.00128045, -0.0711239, 0.00120751),
    (0.1875, 0.856418, 0.00120537, -0.0787354, 0.001291),
    (0.25, 0.831786, 0.00137877, -0.0762681, 0.00134944),
    (0.3125, 0.810596, 0.00155776, -0.0673934, 0.00143516),
    (0.375, 0.79548, 0.0016911, -0.0530678, 0.00157387),
    (0.4375, 0.78537, 0.0017815, -0.031826, 0.00179367),
    (0.5, 0.778787, 0.00184064, -0.000440797, 0.00212555),
]
NAMES = ("step_exponent", "spike_cosine", "spike_cosine_se", "change", "change_se")
dots = [dict(zip(NAMES, row)) for row in MEASURED]
cancels = -np.log(START.activation.linear_strength) / np.log(START.n_samples)
with ps.plot.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0))
    figure.set_dpi(150)
    for name, rows in found.items():
        changes = [{"step_exponent": a, "change": row.test_error - untrained} for a, row in zip(ALPHA, rows)]
        line = {**LINES[name], "label": name}
        ps.plot.errors(rows, y="spike_cosine", ax=left, legend=False, line_kwargs=line)
        ps.plot.errors(changes, y="change", ax=right, legend=False, line_kwargs=line)
    for axes, y in ((left, "spike_cosine"), (right, "change")):
        ps.plot.errors(measured=dots, y=y, ax=axes, legend=False, dot_kwargs={"color": "#1A1A1A"})
    left.axvline(cancels, color="#7A7A7A", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    right.axhline(0, color="#7A7A7A", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    left.set_ylabel(r"cosine of $b$ with $\beta_*$")
    right.set_ylabel("test error minus untrained")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
