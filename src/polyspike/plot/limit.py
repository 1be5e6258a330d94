"""The limit of infinite size over the predictions of a finite one: a staircase against the step, else a dashed line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from polyspike.errors import ArgumentError
from polyspike.plot.rows import STEPS, Row, as_rows, position
from polyspike.plot.series import Curve, Point, curves, draw_line, points
from polyspike.plot.windows import window_edge

__all__ = ["draw_limit", "limit_curves"]

HIGHEST_WINDOW = 8
"""Beyond it the windows are too narrow to be seen."""

_DASHED: dict[str, Any] = {"linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 1}
_LABEL = r"limit $n \to \infty$"


def limit_curves(predicted: Sequence[Curve], limit: Any, hue: Sequence[str]) -> list[Curve]:
    """The curves whose limit is drawn: those predicted, or the given results of the limit theory.

    Raises
    ------
    ArgumentError
        If there are none, or none of the predictions of a curve knows its limit.
    """
    if limit is False:
        return []
    found = list(predicted) if limit is True else curves(as_rows(limit, "limit"), hue)
    if not found:
        raise ArgumentError("limit", limit, "give predictions, or limit=False")
    for curve in found if limit is True else ():
        _source(curve)
    return found


def draw_limit(ax: Axes, found: Sequence[Curve], known: bool, x: str, y: str, ink: Mapping[str, Any]) -> None:
    """Draw the limit of every curve.

    Parameters
    ----------
    ax : Axes
    found : sequence of Curve
    known : bool
        Whether the curves are predictions that know their limit; else they are that limit.
    x, y : str
    ink : mapping
        Colour by the label of a curve.
    """
    for place, curve in enumerate(found):
        colour = ink.get(curve.label, next(iter(ink.values())))
        style = _DASHED | {"color": colour, "label": "_" if place else _LABEL}
        if x in STEPS:
            _staircase(ax, _steps(curve, y, known), _samples(curve, x), style)
        else:
            draw_line(ax, _along(curve, x, y, known), **style)


def _steps(curve: Curve, y: str, known: bool) -> dict[int, float]:
    """Value of every window."""
    if not known:
        found = [(row.number("window")[0], row.number(y)[0]) for row in curve.rows]
        return {int(window): value for window, value in found if window and value is not None}
    source = _source(curve)
    places = [place for row in curve.rows if (place := position(row, "step_exponent")) is not None]
    windows = [window for window in range(1, HIGHEST_WINDOW + 1) if window_edge(window) < max(places)]
    levels = {window: _level(source, window, y) for window in windows}
    return {window: value for window, value in levels.items() if value is not None}


def _level(source: Any, window: int, y: str) -> float | None:
    """The limit in a window; None in one that the theory does not know, where others may be known."""
    try:
        value: float = getattr(source.limit(window), y)
    except ArgumentError as refusal:
        if refusal.argument != "window" or window == 1:
            raise
        return None
    return value


def _source(curve: Curve) -> Any:
    """A prediction of the curve that knows its limit."""
    for row in curve.rows:
        if getattr(row.result, "limit_source", None) is not None:
            return row.result
    remedy = "these predictions know no limit; leave it out, or give those of predict(problems, method='window')"
    raise ArgumentError("limit", True, remedy)


def _samples(curve: Curve, x: str) -> float | None:
    """n, where the axis shows step sizes: the edges are powers of it."""
    if x == "step_exponent":
        return None
    sizes = {row.fields.get("n_samples") for row in curve.rows}
    if len(sizes) != 1 or None in sizes:
        raise ArgumentError("limit", sizes, "against the step size the windows differ with n_samples; give one of them")
    return float(sizes.pop() or 0)


def _staircase(ax: Axes, value_of: Mapping[int, float], n: float | None, style: dict[str, Any]) -> None:
    """One step for each window; windows that are missing leave a gap."""
    if not value_of:
        return
    every = range(min(value_of), max(value_of) + 2)
    edges = [window_edge(window) if n is None else n ** window_edge(window) for window in every]
    values = [value_of.get(window, np.nan) for window in every[:-1]]
    left, right = ax.get_xlim()
    ax.stairs(values, edges, baseline=None, **style)
    ax.set_xlim(left, right)


def _along(curve: Curve, x: str, y: str, known: bool) -> list[Point]:
    """The limit at every place of the axis; a gap on the edges of windows, where it jumps."""
    if not known:
        return points(curve.rows, x, y, "limit")
    placed = [(place, row) for row in curve.rows if (place := position(row, x)) is not None]
    return [Point(place, _limit_of(row, y), None) for place, row in sorted(placed, key=lambda pair: pair[0])]


def _limit_of(row: Row, y: str) -> float | None:
    found = None if row.result.problem.window is None else row.result.limit()
    return None if found is None else getattr(found, y)
