"""The phase map: a predicted number in colour, best steps as dots, regions by number of visible spikes outlined."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.plot.axes import LABELS, as_axes, label_axes, legend_below, set_scale
from polyspike.plot.rows import Row, as_rows, position
from polyspike.plot.series import Options
from polyspike.plot.style import palette

__all__ = ["phase"]

Records = Sequence[Mapping[str, Any]]

_MAP = "viridis_r"
# Above this ratio of the largest to the least value the colours are logarithmic.
_WIDE = 4.0
# A stretch of the top row narrower than this share of it gets no number.
_NARROWEST = 0.05


def phase(
    found: Any,
    x: str = "step_exponent",
    y: str | None = None,
    value: str = "test_error",
    *,
    best: Any = None,
    ax: Axes | None = None,
    mesh_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw a map of a predicted number over two fields of the problems.

    Parameters
    ----------
    found : PhaseMap, or results
        A :func:`polyspike.phase_map`, or results (predictions, rows, a ``DataFrame``) on a grid of two fields. A cell
        without a number stays empty. Where rows have a column ``spikes``, regions of equal numbers are outlined.
    x, y : str
        Fields; ``y`` is that of the map, or ``"ridge"`` where there is none.
    value : str
        What the colours show.
    best : rows, optional
        The best place of every row: ``step_exponent`` (None: below the map), the field ``y``, and ``overall`` for the
        best of all; those of the map when absent.
    ax : Axes, optional
        A new figure when absent; a colour bar is put beside it.
    mesh_kwargs : mapping, optional
        For ``Axes.pcolormesh``.
    legend : bool
        Under the axes.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        A field that the results do not have; fewer than two places along an axis; two results in one cell.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("relu", n_samples=400, input_dim=50, width=80, step_exponent=0.2)
    >>> ax = phase(ps.phase_map(problem, [0.0, 0.25, 0.5], [0.01, 0.1, 1.0], count_spikes=False))
    >>> ax.get_yscale()
    'log'
    """
    y = str(y or getattr(found, "against", "ridge"))
    rows = as_rows(getattr(found, "cells", found), "found")
    if not rows:
        raise ArgumentError("found", found, "give results on a grid of two fields")
    columns, lines, colour = _grid(rows, x, y, value)
    ax = as_axes(ax, (5.4, 3.9))
    mesh = ax.pcolormesh(columns, lines, colour, **(_colours(colour) | dict(mesh_kwargs or {})))
    set_scale(ax, "x", x, columns)
    set_scale(ax, "y", y, lines)
    label_axes(ax, x, y)
    if any(row.has("spikes") for row in rows):
        _outline(ax, *_grid(rows, x, y, "spikes"))
    _mark(ax, getattr(found, "best", ()) if best is None else best, x, y, float(columns.min()))
    ax.set(xlim=(columns.min(), columns.max()), ylim=(lines.min(), lines.max()))
    assert ax.figure is not None
    ax.figure.colorbar(mesh, ax=ax, label=f"predicted {LABELS.get(value, value.replace('_', ' '))}")
    if legend:
        legend_below(ax)
    return ax


def _colours(values: Array) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    wide = finite.size > 0 and finite.max() > _WIDE * finite.min() > 0
    norm = (LogNorm if wide else Normalize)(*((finite.min(), finite.max()) if finite.size else (0, 1)))
    return {"norm": norm, "cmap": _MAP, "shading": "nearest", "rasterized": True}


def _grid(rows: Sequence[Row], x: str, y: str, name: str) -> tuple[Array, Array, Array]:
    """Columns, lines and the values on their grid; NaN (a hole in the drawing) where there is none."""
    places = [(_place(row, x, "x"), _place(row, y, "y")) for row in rows]
    columns, lines = (np.unique(values) for values in zip(*places))
    for axis, values in (("x", columns), ("y", lines)):
        if len(values) < 2:
            raise ArgumentError(axis, x if axis == "x" else y, "give results at two values of it or more")
    out = np.full((len(lines), len(columns)), np.nan)
    if len(set(places)) < len(places):
        raise ArgumentError("found", len(places), f"several results stand at one place of {x} and {y}; choose some")
    if not any(row.has(name) for row in rows):
        raise ArgumentError("value", name, "none of the results has it")
    for row, (column, line) in zip(rows, places):
        number = row.number(name)[0]
        if number is not None:
            out[np.searchsorted(lines, line), np.searchsorted(columns, column)] = number
    return columns, lines, out


def _place(row: Row, name: str, axis: str) -> float:
    found = position(row, name)
    if found is None or not np.isfinite(found):
        raise ArgumentError(axis, name, "not every result has a finite value of it")
    return found


def _outline(ax: Axes, x: Array, y: Array, spikes: Array) -> None:
    """Lines between regions of different counts, and the count over each that is wide enough for it."""
    if not np.isfinite(spikes).any():
        return
    counts = np.unique(spikes[np.isfinite(spikes)])
    if len(counts) > 1:
        levels = (counts[:-1] + counts[1:]) / 2
        ax.contour(x, y, spikes, levels=levels, colors="#1A1A1A", linewidths=0.9)
    for count, start, stop in _runs(spikes[-1]):
        if stop - start > len(x) * _NARROWEST:
            text = f"{count:.0f} {'spike' if count == 1 else 'spikes'}" if start == 0 else f"{count:.0f}"
            place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
            ax.text((x[start] + x[stop - 1]) / 2, 1.0, text, fontsize=7, color=palette(ax).quiet, **place)
    ax.plot([], [], color="#1A1A1A", linewidth=0.9, label="another visible spike")


def _runs(counts: Array) -> list[tuple[float, int, int]]:
    """Value, start and stop of every stretch of equal counts."""
    corners = [0, *(np.flatnonzero(np.diff(counts) != 0) + 1).tolist(), len(counts)]
    return [(float(counts[a]), a, b) for a, b in itertools.pairwise(corners) if np.isfinite(counts[a])]


def _mark(ax: Axes, best: Records, x: str, y: str, left: float) -> None:
    inside = [row for row in best if row[x] is not None and row[x] >= left]
    below = [row for row in best if row["test_error"] is not None and row not in inside]
    style: dict[str, Any] = {"linestyle": "none", "clip_on": False, "color": "#D55E00", "markersize": 3.5}
    if inside:
        places = [row[x] for row in inside], [row[y] for row in inside]
        ax.plot(*places, marker="o", label="best step of the row", **style)
    if below:
        lines = [row[y] for row in below]
        look = style | {"markerfacecolor": "white", "label": "best step below the map"}
        ax.plot([left] * len(lines), lines, marker="<", **look)
    for row in best:
        if row["overall"]:
            place = row[x] if row in inside else left
            star = style | {"markersize": 11.0, "markeredgecolor": "white"}
            ax.plot([place], [row[y]], marker="*", label="best of all", **star)
