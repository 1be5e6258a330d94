"""What the top left singular vectors have learned."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from polyspike.plotting.curves import plot_measured
from polyspike.plotting.style import DEGREES, MARKERS, THEORY, new_figure, styled
from polyspike.plotting.windows import EXPONENT_LABEL, mark_windows

__all__ = ["alignment_axes", "alignment_figure", "profile_axes"]

Columns = Mapping[str, NDArray]


@styled
def alignment_axes(axes: Axes, shares: Columns, names: Mapping[str, str], theory: Columns | None = None) -> None:
    """Share of functions of the learned direction in the span of the top vectors, against the exponent.

    Parameters
    ----------
    axes : Axes
    shares : mapping of columns
        ``exponent``, and for every name the share and its ``..._se``; negative exponents (no step) are left out.
    names : mapping
        Label by name, degree 1 first.
    theory : mapping of columns, optional
        ``exponent`` and the names: predicted shares, drawn as lines.
    """
    stepped = shares["exponent"] >= 0
    alpha = shares["exponent"][stepped]
    for k, (name, label) in enumerate(names.items(), start=1):
        style = {"color": DEGREES[k], "fmt": MARKERS[k]}
        line = {"linestyle": "-", "linewidth": 0.7} if theory is None else {}
        mean, error = shares[name][stepped], shares[f"{name}_se"][stepped]
        plot_measured(axes, alpha, mean, error, label, **(style | line))
        if theory is not None:
            axes.plot(theory["exponent"], theory[name], color=DEGREES[k], linewidth=1.1)
    mark_windows(axes)
    axes.set(xlabel=EXPONENT_LABEL, xlim=(-0.015, float(alpha.max()) + 0.015), ylim=(-0.03, 1.03))
    axes.set_ylabel("share in the top singular vectors")


@styled
def profile_axes(axes: Axes, profiles: Columns, exponent: float, theory: Columns | None = None) -> None:
    """Squared cosine of each singular vector with each Hermite function at one exponent, as bars.

    Parameters
    ----------
    axes : Axes
    profiles : mapping of columns
        ``exponent``, ``vector``, ``degree``, ``overlap``, ``overlap_se``.
    exponent : float
    theory : mapping of columns, optional
        The same without errors, drawn as black ticks.
    """
    here = profiles["exponent"] == exponent
    vectors, degrees = profiles["vector"][here], profiles["degree"][here]
    n_degrees = int(degrees.max()) + 1
    width = 0.8 / n_degrees
    for k in range(n_degrees):
        bars = degrees == k
        place = vectors[bars] + (k - (n_degrees - 1) / 2) * width
        colour = DEGREES.get(k, "#4D4D4D")
        error = {"yerr": profiles["overlap_se"][here][bars], "error_kw": {"elinewidth": 0.8, "capsize": 1.5}}
        axes.bar(place, profiles["overlap"][here][bars], width, color=colour, label=rf"$H_{k}$", **error)
        if theory is not None:
            at = (theory["exponent"] == exponent) & (theory["degree"] == k)
            ticks = theory["vector"][at] + (k - (n_degrees - 1) / 2) * width
            axes.hlines(theory["overlap"][at], ticks - width / 2, ticks + width / 2, color=THEORY, linewidth=1.6)
    axes.set(xticks=np.unique(vectors), ylim=(0, 1.03))
    axes.set(xlabel="left singular vector", ylabel="squared cosine")


@styled
def alignment_figure(
    shares: Columns,
    profiles: Columns,
    exponent: float,
    theory: Columns | None = None,
    profile_theory: Columns | None = None,
) -> Figure:
    """Figure 2: shares of the polynomials and of Hermite functions, and the profile of each vector at one exponent.

    Parameters
    ----------
    shares, profiles : mapping of columns
        As in :func:`alignment_axes` (``new1``, ``h1``, ...) and :func:`profile_axes`.
    exponent : float
        Of the profile.
    theory, profile_theory : mapping of columns, optional
        Predictions, for the second and the third panel.
    """
    figure, (first, second, third) = new_figure(7.2, 2.9, ncols=3)
    degrees = range(1, 5)
    alignment_axes(first, shares, {f"new{k}": f"degree {k}" for k in degrees})
    alignment_axes(second, shares, {f"h{k}": rf"$H_{k}$" for k in degrees}, theory)
    second.set_ylabel("")
    profile_axes(third, profiles, exponent, profile_theory)
    for axes, title in (
        (first, r"new part of $P_k$"),
        (second, r"Hermite $H_k$"),
        (third, rf"$\alpha = {exponent:g}$"),
    ):
        axes.set_title(title, loc="left", pad=14)
    for axes in (first, second):
        axes.set_xlabel(r"step exponent $\alpha$")
    handles, labels = third.get_legend_handles_labels()
    figure.legend(handles, [f"degree {k}" for k in range(len(labels))], loc="outside lower center", ncols=len(labels))
    return figure
