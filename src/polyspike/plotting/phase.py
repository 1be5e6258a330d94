"""The phase map: predicted test error in colour, best steps as dots, regions by number of visible spikes outlined."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from polyspike.arraytypes import Array
from polyspike.plotting.style import QUIET, THEORY, new_figure, styled
from polyspike.plotting.windows import EXPONENT_LABEL

__all__ = ["phase_figure"]

Records = Sequence[Mapping[str, Any]]

_LABELS = {"ridge": r"ridge $\lambda$", "sample_ratio": r"sample ratio $n/d$"}
_MAP = "viridis_r"
# Above this ratio of the largest to the least error the colours are logarithmic.
_WIDE = 4.0
# A stretch of the top row narrower than this share of it gets no number.
_NARROWEST = 0.05


@styled
def phase_figure(cells: Records, best: Records, against: str) -> Figure:
    """A map of predicted test error.

    Parameters
    ----------
    cells : sequence of mappings
        ``step_exponent``, the field ``against``, ``test_error`` and ``spikes``, None where there is no number (left
        white, or without an outline).
    best : sequence of mappings
        ``step_exponent`` (None below ``n^0``: an open dot at the left border), the field ``against``, ``overall``.
    against : {"ridge", "sample_ratio"}
    """
    figure, axes = new_figure(5.4, 3.9)
    x, y, error = _grid(cells, against, "test_error")
    finite = error[np.isfinite(error)]
    wide = finite.size > 0 and finite.max() > _WIDE * finite.min() > 0
    norm = (LogNorm if wide else Normalize)(*((finite.min(), finite.max()) if finite.size else (0, 1)))
    mesh = axes.pcolormesh(x, y, error, norm=norm, cmap=_MAP, shading="nearest", rasterized=True)
    axes.set(xlabel=EXPONENT_LABEL, ylabel=_LABELS[against], yscale="log")
    if against == "sample_ratio":
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    _outline(axes, *_grid(cells, against, "spikes"))
    _mark(axes, best, against, float(x.min()))
    axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    figure.colorbar(mesh, ax=axes, label="predicted test error")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _grid(cells: Records, against: str, name: str) -> tuple[Array, Array, Array]:
    """Exponents, rows and the values on their grid; NaN (a hole in the drawing) where there is none."""
    x = np.unique([cell["step_exponent"] for cell in cells])
    y = np.unique([cell[against] for cell in cells])
    out = np.full((len(y), len(x)), np.nan)
    for cell in cells:
        if cell[name] is not None:
            out[np.searchsorted(y, cell[against]), np.searchsorted(x, cell["step_exponent"])] = cell[name]
    return x, y, out


def _outline(axes: Axes, x: Array, y: Array, spikes: Array) -> None:
    """Lines between regions of different counts, and the count over each that is wide enough for it."""
    if not np.isfinite(spikes).any() or min(spikes.shape) < 2:
        return
    counts = np.unique(spikes[np.isfinite(spikes)])
    if len(counts) > 1:
        levels = (counts[:-1] + counts[1:]) / 2
        axes.contour(x, y, spikes, levels=levels, colors=THEORY, linewidths=0.9)
    for count, start, stop in _runs(spikes[-1]):
        if stop - start > len(x) * _NARROWEST:
            text = f"{count:.0f} {'spike' if count == 1 else 'spikes'}" if start == 0 else f"{count:.0f}"
            place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
            axes.text((x[start] + x[stop - 1]) / 2, 1.0, text, fontsize=7, color=QUIET, **place)
    axes.plot([], [], color=THEORY, linewidth=0.9, label="another visible spike")


def _runs(counts: Array) -> list[tuple[float, int, int]]:
    """Value, start and stop of every stretch of equal counts."""
    corners = [0, *(np.flatnonzero(np.diff(counts) != 0) + 1).tolist(), len(counts)]
    return [(float(counts[a]), a, b) for a, b in itertools.pairwise(corners) if np.isfinite(counts[a])]


def _mark(axes: Axes, best: Records, against: str, left: float) -> None:
    inside = [row for row in best if row["step_exponent"] is not None and row["step_exponent"] >= left]
    below = [row for row in best if row["test_error"] is not None and row not in inside]
    style: dict[str, Any] = {"linestyle": "none", "clip_on": False, "color": "#D55E00", "markersize": 3.5}
    x = [row["step_exponent"] for row in inside]
    axes.plot(x, [row[against] for row in inside], marker="o", label="best step of the row", **style)
    if below:
        y = [row[against] for row in below]
        axes.plot([left] * len(y), y, marker="<", markerfacecolor="white", label=r"best step below the map", **style)
    for row in best:
        if row["overall"]:
            place = row["step_exponent"] if row in inside else left
            star = style | {"markersize": 11.0, "markeredgecolor": "white"}
            axes.plot([place], [row[against]], marker="*", label="best of all", **star)
