"""
Across the edge of a window
===========================

At the critical exponent alpha = 1/4 the second spike has finite strength. As a function of the exponent the test error
jumps there once n is large; as a function of the rescaled step t = eta / n^(1/4) all sizes fall on one curve, the
crossing function, without any fitted number. The derivation is on the page :doc:`/critical-exponents`.

The dots are means over replicates of real networks, measured by

``python plot_critical_exponent.py --simulate``

(some ten minutes on one core), which prints the table below; all else is computed here.
"""

import sys
from math import sqrt

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

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
        rows += [(n, t, gain.mean, gain.standard_error) for t, gain in zip(steps, gains)]
    np.savetxt(sys.stdout, rows, delimiter=", ", fmt="%.6g")


if "--simulate" in sys.argv:
    simulate()

# %%
# The finite-size theory at each size, and the crossing function: the limit at fixed t.

T = np.geomspace(0.04, 25, 56)


def gains(n, steps, method="finite-size", gradient="target"):
    """Test error minus that of the untrained network, which on the crossing is that of random features."""
    window = 2 if method == "crossing" else None
    found = ps.predict([problem(n, t, gradient) for t in steps], method=method, window=window)
    return np.array([row.test_error for row in found]) - ps.predict(problem(n, 0, gradient)).test_error


SIZES = [1000, 2000, 4000, 10**6, 10**9, 10**12]
curves = {n: gains(n, T) for n in SIZES}
crossing = gains(10**12, T, "crossing")
start, *levels = (ps.predict(problem(10**12, 1), method="window", window=window).test_error for window in (0, 1, 2, 4))

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


MEASURED = [  # n, t, test error minus that of the untrained network, its standard error
    (1000, 0.25, -0.0876053, 0.00380738),
    (1000, 0.353553, -0.144856, 0.00495488),
    (1000, 0.5, -0.223661, 0.00621286),
    (1000, 0.707107, -0.327732, 0.00755114),
    (1000, 1, -0.454943, 0.00858761),
    (1000, 1.41421, -0.570578, 0.00904304),
    (1000, 2, -0.643551, 0.00950835),
    (1000, 2.82843, -0.68913, 0.0101353),
    (1000, 4, -0.736911, 0.0108785),
    (2000, 0.25, -0.0980734, 0.00365565),
    (2000, 0.353553, -0.155174, 0.00475359),
    (2000, 0.5, -0.227524, 0.00589472),
    (2000, 0.707107, -0.322496, 0.00719543),
    (2000, 1, -0.44826, 0.00873597),
    (2000, 1.41421, -0.569075, 0.00996049),
    (2000, 2, -0.645412, 0.0107408),
    (2000, 2.82843, -0.694088, 0.0113096),
    (2000, 4, -0.74997, 0.0118622),
    (4000, 0.25, -0.118052, 0.0051863),
    (4000, 0.353553, -0.174995, 0.00642617),
    (4000, 0.5, -0.2428, 0.00771257),
    (4000, 0.707107, -0.335223, 0.00932632),
    (4000, 1, -0.465039, 0.0107807),
    (4000, 1.41421, -0.586541, 0.0108819),
    (4000, 2, -0.656215, 0.0103448),
    (4000, 2.82843, -0.69745, 0.00974087),
    (4000, 4, -0.750292, 0.00974388),
]


def draw_curves(axes, x, place):
    """Every size against some function of size and rescaled step; dots where networks were simulated."""
    for n in SIZES:
        line = [{x: place(n, t), "gain": gain} for t, gain in zip(T, curves[n])]
        dots = [{x: place(n, t), "gain": gain, "gain_se": se} for size, t, gain, se in MEASURED if size == n]
        look = {"color": COLOURS[n], "label": label(n)}
        named = look if not dots else look | {"label": "_"}
        ps.plot.errors(line, x=x, y="gain", ax=axes, legend=False, line_kwargs=named)
        if dots:
            style = look | {"fmt": MARKERS[n], "markersize": 3.5}
            ps.plot.errors(measured=dots, x=x, y="gain", ax=axes, legend=False, dot_kwargs=style)


with ps.plot.style():
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.6, 3.1), width_ratios=(1, 1, 0.72))
    figure.set_dpi(150)
    draw_curves(left, "exponent", lambda n, t: 0.25 + np.log(t) / np.log(n))
    steps = {"baseline": None, "color": "#1A1A1A", "linestyle": (0, (4, 2)), "label": r"$n \to \infty$"}
    left.stairs([level - start for level in levels], [0.1, 0.25, 0.375, 0.4], **steps)
    left.set(xlim=(0.1, 0.4), xlabel=r"step exponent $\alpha$", ylabel="test error minus untrained")
    draw_curves(middle, "rescaled step", lambda n, t: t)
    dashed = {"color": "#1A1A1A", "linestyle": (0, (4, 2)), "linewidth": 1.6, "zorder": 4}
    middle.plot(T, crossing, label="crossing function", **dashed)
    middle.set(xscale="log", xlim=(0.1, 10), xlabel=r"rescaled step $t = \eta / n^{1/4}$", ylabel="")
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
