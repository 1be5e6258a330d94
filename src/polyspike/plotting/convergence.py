"""Distances to the limit at growing n."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from polyspike.plotting.curves import plot_measured, plot_predicted
from polyspike.plotting.errors import rows_where
from polyspike.plotting.style import DEGREES, MARKERS, THEORY, legend, new_figure, styled

__all__ = ["convergence_axes", "convergence_figure", "offset_axes"]

Columns = Mapping[str, NDArray]


@styled
def convergence_axes(axes: Axes, distances: Columns, rates: Columns, names: Mapping[str, str]) -> None:
    """Distances against n on logarithmic axes, with the fitted power of each in the legend.

    Parameters
    ----------
    axes : Axes
    distances : mapping of columns
        ``name``, ``n``, ``distance``, ``distance_se``; only positive distances are drawn.
    rates : mapping of columns
        ``name``, ``rate``, ``prefactor``: the line ``prefactor n^rate``.
    names : mapping
        Label by name of a distance, in the order of drawing.
    """
    for place, (name, label) in enumerate(names.items(), start=1):
        mine, fit = rows_where(distances, name=name), rows_where(rates, name=name)
        colour = DEGREES[place]
        text = rf"{label}: $n^{{{float(fit['rate'][0]):.2f}}}$"
        style = {"color": colour, "fmt": MARKERS[place]}
        plot_measured(axes, mine["n"], mine["distance"], mine["distance_se"], text, **style)
        line = float(fit["prefactor"][0]) * mine["n"] ** float(fit["rate"][0])
        axes.plot(mine["n"], line, color=colour, linewidth=0.8)
    _size_axis(axes, distances["n"])
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _size_axis(axes: Axes, n: NDArray) -> None:
    sizes = np.unique(n)
    axes.set(xscale="log", xlabel=r"$n$   ($d$ and $N$ in proportion)")
    axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())


@styled
def offset_axes(axes: Axes, offsets: Columns) -> None:
    """What both statements of the spikes leave of the constant part of F, against n.

    Parameters
    ----------
    axes : Axes
    offsets : mapping of columns
        ``n``, ``corrected``, ``published`` with their ``..._se``, and ``left_by_published``, the predicted one.
    """
    axes.axhline(0, color=THEORY, linewidth=1.1)
    plot_predicted(axes, offsets["n"], offsets["left_by_published"], "predicted")
    for name, label, degree in (("corrected", r"smoothed $P_k$", 3), ("published", "monomials (published)", 2)):
        style = {"color": DEGREES[degree], "fmt": MARKERS[degree]}
        plot_measured(axes, offsets["n"], offsets[name], offsets[f"{name}_se"], label, **style)
    _size_axis(axes, offsets["n"])
    axes.set_ylabel("constant part left over")


@styled
def convergence_figure(
    distances: Columns, rates: Columns, offsets: Columns, panels: Sequence[tuple[str, Mapping[str, str]]]
) -> Figure:
    """Figure 4: one panel for each group of distances, given as (title, labels by name), and one for the offsets."""
    figure, grid = new_figure(7.2, 5.4, nrows=2, ncols=(len(panels) + 2) // 2, squeeze=False)
    for axes, (title, names) in zip(grid.flat, panels):
        convergence_axes(axes, distances, rates, names)
        axes.set_ylabel(title)
        legend(axes, ncols=1)
    offset_axes(grid.flat[len(panels)], offsets)
    legend(grid.flat[len(panels)], ncols=1)
    return figure
