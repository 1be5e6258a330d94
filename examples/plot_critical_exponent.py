"""
Across the edge of a window
===========================

At the critical exponent alpha = 1/4 the second spike has finite strength. As a function of the exponent the test error
jumps there once n is large; as a function of the rescaled step t = eta / n^(1/4) all sizes fall on one curve, the
crossing function, without any fitted number. The derivation is on the page :doc:`/critical-exponents`.

The dots are means over replicates of real networks, measured by

``python examples/plot_critical_exponent.py --simulate``

(some ten minutes on one core) and kept in ``examples/measured/critical_exponent.csv``; all else is computed here.
"""

import sys
from math import sqrt
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from polyspike.plotting import house_style, plot_measured, plot_predicted, plot_staircase

import polyspike as ps

TABLE = Path(sys.argv[0]).resolve().parent / "measured" / "critical_exponent.csv"
REPLICATES = {1000: 96, 2000: 48, 4000: 24}


def problem(n, t, gradient="target"):
    """A gelu network with n samples, d = n/5, N = n/3 and the step t n^(1/4)."""
    sizes = {"n_samples": n, "input_dim": n // 5, "width": n // 3, "step_size": float(t) * float(n) ** 0.25}
    return ps.Problem("gelu", [0, 1, 1 / sqrt(2)], **sizes, ridge=0.01, noise=0.5, gradient=gradient)


def simulate():
    """Test error minus that of the untrained network, paired, at each size and step."""
    rows = []
    for n, replicates in REPLICATES.items():
        steps = np.geomspace(0.25, 4, 9)
        pairs = ps.paired_differences(
            [problem(n, t) for t in steps], problem(n, 0), replicates=replicates, seed=n, n_test=4000
        )
        gains = [pair.test_error for pair in pairs]
        rows += [(n, t, gain.mean, gain.standard_error, replicates) for t, gain in zip(steps, gains)]
    np.savetxt(TABLE, rows, delimiter=",", header="n,t,gain,se,replicates", comments="", fmt="%.8g")


if "--simulate" in sys.argv:
    simulate()

# %%
# The finite-size theory at each size, and the crossing function: the limit at fixed t.

T = np.geomspace(0.04, 25, 56)


def gains(n, steps, method="finite-size", gradient="target"):
    """Test error minus that of the untrained network, which on the crossing is that of random features."""
    level = 2 if method == "crossing" else None
    found = ps.predict([problem(n, t, gradient) for t in steps], method=method, window=level)
    return np.array([row.test_error for row in found]) - ps.predict(problem(n, 0, gradient)).test_error


SIZES = [1000, 2000, 4000, 10**6, 10**9, 10**12]
curves = {n: gains(n, T) for n in SIZES}
crossing = gains(10**12, T, "crossing")
start, *levels = (ps.predict(problem(10**12, 1), method="window", window=level).test_error for level in (0, 1, 2, 4))

# %%
# How far a size is from the limit, relative to the jump: for the target-only gradient, and for the full one, in whose
# spike the initial output fades only like 1/eta.

NEAR = np.geomspace(0.5, 2, 5)
GROWING = 10 ** np.arange(3, 14, 2)
jump = levels[0] - levels[1]
distance = {
    gradient: [
        np.abs(gains(n, NEAR, "finite-size", gradient) - gains(n, NEAR, "crossing", gradient)).max() / jump
        for n in map(int, GROWING)
    ]
    for gradient in ("target", "full")
}

# %%
# Left: against the exponent, with the staircase of the limit. Middle: against the rescaled step; black is the crossing
# function. Bars are one standard error. Right: the largest distance from the crossing function for 1/2 < t < 2.

COLOURS = dict(zip(SIZES, plt.get_cmap("viridis")(np.linspace(0.9, 0.0, len(SIZES)))))
MARKERS = {1000: "o", 2000: "s", 4000: "^"}


def label(n):
    return f"$n = {n}$" if n < 10**5 else f"$n = 10^{{{round(np.log10(n))}}}$"


def draw_curves(axes, place):
    for n in SIZES:
        plot_predicted(axes, place(n, T), curves[n], label(n) if n > 4000 else "", color=COLOURS[n])
    for n, marker in MARKERS.items():
        mine = dots[dots["n"] == n]
        plot_measured(
            axes, place(n, mine["t"]), mine["gain"], mine["se"], label(n), fmt=marker, color=COLOURS[n], markersize=3.5
        )


dots = np.genfromtxt(TABLE, delimiter=",", names=True)
with house_style():
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.6, 3.1), width_ratios=(1, 1, 0.72))
    figure.set_dpi(150)
    draw_curves(left, lambda n, t: 0.25 + np.log(t) / np.log(n))
    plot_staircase(left, [0.1, 0.25, 0.375, 0.4], [level - start for level in levels], r"$n \to \infty$")
    left.set(xlim=(0.1, 0.4), xlabel=r"step exponent $\alpha$", ylabel="test error minus untrained")
    draw_curves(middle, lambda n, t: t)
    plot_predicted(middle, T, crossing, "crossing function", linestyle=(0, (4, 2)), linewidth=1.6, zorder=4)
    middle.set(xscale="log", xlim=(0.1, 10), xlabel=r"rescaled step $t = \eta / n^{1/4}$")
    for axes in (left, middle):
        axes.set_ylim(-0.95, 0.03)
    for (gradient, gaps), marker, slope, colour in zip(distance.items(), "os", (0.5, 0.25), ("#0072B2", "#D55E00")):
        right.loglog(GROWING, gaps, marker, color=colour, label=f"{gradient} gradient")
        guide = gaps[-1] * (GROWING / GROWING[-1]) ** -slope
        right.loglog(GROWING, guide, color=colour, linewidth=0.8, linestyle=(0, (1, 1)))
        right.annotate(f"$n^{{-1/{round(1 / slope)}}}$", (GROWING[3], guide[3]), (4, 3), textcoords="offset points")
    right.set(xlabel="$n$", ylabel="distance / jump")
    right.legend(loc="lower left")
    handles = {}
    for axes in (middle, left):
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels())))
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=4)
