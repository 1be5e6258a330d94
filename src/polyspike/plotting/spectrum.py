"""Eigenvalues of F F'/N: the bulk as a histogram, what has left it as marks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.plotting.style import BULK, DEGREES, MARKERS, THEORY, new_figure, styled

__all__ = ["spectrum_axes", "spectrum_figure"]

Density = Callable[[Array], Array]

EIGENVALUE_LABEL = r"eigenvalue $\mu$ of $F F^{\top}\!/N$"
N_BINS = 46


@styled
def spectrum_axes(
    axes: Axes,
    eigenvalues: Array,
    edge: float,
    density: tuple[Array, Array] | None = None,
    predicted_spikes: Array | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw one spectrum on a logarithmic axis.

    Parameters
    ----------
    axes : Axes
    eigenvalues : ndarray
        Descending; zeros are left out.
    edge : float
        Where the bulk ends: what lies beyond is drawn as a spike.
    density : pair of ndarray, optional
        Points x and the predicted density there, of the same total as the share of the bulk among the
        eigenvalues; drawn over the histogram as ``x density(x)``, the density in ln x.
    predicted_spikes : ndarray, optional
        Predicted locations, drawn as open circles.
    limits : pair of float, optional
        Of the axis.
    """
    positive = eigenvalues[eigenvalues > 1e-9 * eigenvalues[0]]
    bulk, spikes = positive[positive <= edge], positive[positive > edge]
    low, high = limits or (max(float(np.quantile(bulk, 0.02)) / 2, 1e-3), float(positive[0]) * 2)
    bins = np.geomspace(low, high, N_BINS)
    weights = np.full(bulk.size, 1 / (positive.size * np.log(bins[1] / bins[0])))
    heights, _, _ = axes.hist(bulk, bins=bins.tolist(), weights=weights, color=BULK, label="bulk")
    top = 1.25 * float(np.max(heights))
    _mark_spikes(axes, spikes, 0.42 * top)
    if density is not None:
        axes.plot(density[0], density[0] * density[1], color=THEORY, linewidth=1.1, label="theory")
    if predicted_spikes is not None and predicted_spikes.size:
        style: dict[str, Any] = {"marker": "o", "mfc": "none", "mec": THEORY, "ms": 8, "linestyle": "none", "mew": 0.9}
        axes.plot(predicted_spikes, np.full(predicted_spikes.size, 0.42 * top), label="theory", **style)
    axes.set(xscale="log", xlim=(low, high), ylim=(0, top))


def _mark_spikes(axes: Axes, spikes: Array, height: float) -> None:
    for k, place in enumerate(spikes, start=1):
        colour = DEGREES.get(k, THEORY)
        axes.vlines(place, 0, height, color=colour, linewidth=1.2)
        axes.plot(place, height, MARKERS.get(k, "o"), color=colour, label=f"spike {k}")
        axes.annotate(str(k), (place, height), (0, 5), textcoords="offset points", ha="center", color=colour)


@styled
def spectrum_figure(
    eigenvalues: Mapping[str, NDArray], panels: Mapping[str, NDArray], theory: Mapping[str, NDArray] | None = None
) -> Figure:
    """Figure 1: one panel a step, with the bulk and the spikes that left it.

    Parameters
    ----------
    eigenvalues : mapping of columns
        ``panel``, ``eigenvalue``: those of one draw.
    panels : mapping of columns
        ``panel``, ``title``, ``edge`` and ``spikes`` (their number in that draw), in the order of drawing.
    theory : mapping of columns, optional
        ``panel``, ``kind`` ("density" or "spike"), ``x``, ``value``.
    """
    figure, grid = new_figure(7.2, 4.3, nrows=2, ncols=3, sharex=True)
    values = eigenvalues["eigenvalue"]
    limits = (0.03, 3 * float(values.max()))
    for axes, panel, title, edge in zip(grid.flat, *(panels[name] for name in ("panel", "title", "edge"))):
        found = np.sort(values[eigenvalues["panel"] == panel])[::-1]
        density, predicted = _theory_of(theory, str(panel))
        spectrum_axes(axes, found, float(edge), density, predicted, limits)
        axes.set_title(title, loc="left")
    for axes in grid[-1]:
        axes.set_xlabel(EIGENVALUE_LABEL)
    for axes in grid[:, 0]:
        axes.set_ylabel(r"density in $\ln\mu$")
    return figure


def _theory_of(theory: Mapping[str, NDArray] | None, panel: str) -> tuple[tuple[Array, Array] | None, Array | None]:
    if theory is None:
        return None, None
    here = theory["panel"] == panel
    density, spike = here & (theory["kind"] == "density"), here & (theory["kind"] == "spike")
    curve = (theory["x"][density], theory["value"][density]) if density.any() else None
    return curve, theory["x"][spike]
