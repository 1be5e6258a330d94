"""Errors against the step, or any number of results against any field: dots, lines, and the limit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from polyspike.errors import ArgumentError
from polyspike.plot.axes import as_axes, label_axes, set_scale
from polyspike.plot.limit import draw_limit, limit_curves
from polyspike.plot.rows import Row, as_rows
from polyspike.plot.series import Options, Point, colours, curves, draw_dots, draw_line, given, points, varying
from polyspike.plot.style import palette
from polyspike.plot.windows import frame_exponents

__all__ = ["errors"]

_QUANTITIES = {"train_error": 1, "test_error": 2, "train_loss": 3}
"""Colour of the dots of a single curve."""


def errors(
    predictions: Any = None,
    measured: Any = None,
    x: str = "step_exponent",
    y: str = "test_error",
    *,
    hue: str | Sequence[str] | None = None,
    limit: Any = False,
    linear: bool = False,
    ax: Axes | None = None,
    line_kwargs: Options = None,
    dot_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw a number of predictions as a line and of measurements as dots, against a field of their problems.

    Results are ``Prediction``, ``Measurement``, ``Replication``, ``SweepResult``, ``Store``, sequences of them, a
    ``DataFrame`` or rows (mappings) of a table; a table's standard errors are its columns ``..._se``. Measurements of
    one problem at several seeds become a mean with its standard error; a single one has no bar. The vertical
    axis is logarithmic where positive values spread over more than a factor of thirty, the horizontal one for sizes,
    ridges and step sizes that spread over more than eight.

    Parameters
    ----------
    predictions, measured : results, optional
        At least one of the two. Where a row has no number the line has a gap.
    x, y : str
        Fields: of the problem (``"step_exponent"``, ``"ridge"``, ``"n_samples"``, ``"sample_ratio"``, ...), of the
        results (``"test_error"``, ``"cosine"``, ...), or columns of the tables. On an axis of steps the results
        without any step are horizontal lines.
    hue : str or sequence of str, optional
        The fields that tell curves apart; those in which the problems differ when absent.
    limit : bool or results
        The limit of infinite size, dashed: that of the predictions if True, or predictions of method "window", or rows
        with their number of spikes in a column ``window``.
    linear : bool
        The error of the best linear model as a horizontal line, which the predictions know.
    ax : Axes, optional
        A new figure when absent.
    line_kwargs, dot_kwargs : mapping, optional
        For ``Axes.plot`` and ``Axes.errorbar``.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Nothing to draw; an unknown field; several results of one curve at one place; predictions that know no limit.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("relu", n_samples=400, input_dim=50, width=80, step_exponent=0.2)
    >>> steps = [problem.replace(step_exponent=alpha) for alpha in (0.0, 0.2, 0.4)]
    >>> ax = errors(ps.predict(steps), measured=ps.replicate(problem, replicates=2, n_test=100), limit=True)
    >>> ax.get_ylabel()
    'test error'
    """
    lines, dots = as_rows(predictions, "predictions"), as_rows(measured, "measured")
    if not lines and not dots:
        raise ArgumentError("predictions, measured", (predictions, measured), "give results of at least one kind")
    fields = _fields(hue, [*lines, *dots], x)
    both = {"predictions": (lines, curves(lines, fields)), "measured": (dots, curves(dots, fields))}
    found = {
        name: {curve.label: points(curve.rows, x, y, name, fields) for curve in group}
        for name, (rows, group) in both.items()
    }
    levels = _linear_levels(lines) if linear else []
    limits = limit_curves(both["predictions"][1], limit, fields)
    ax = as_axes(ax)
    fresh = not ax.has_data()
    names = list(dict.fromkeys([*found["measured"], *found["predictions"]]))
    shades = dict(zip(names, _shades(ax, names, y)))
    _draw(ax, found, shades, y, given(line_kwargs), given(dot_kwargs))
    _linear(ax, levels)
    ink = {name: palette(ax).theory if len(names) == 1 else shades[name] for name in names}
    draw_limit(ax, limits, limit is True, x, y, ink)
    _finish(ax, found, x, y, fresh)
    if legend:
        _legend(ax, found)
    return ax


def _fields(hue: str | Sequence[str] | None, rows: Sequence[Row], x: str) -> tuple[str, ...]:
    if hue is None:
        return varying(rows, x)
    names = (hue,) if isinstance(hue, str) else tuple(hue)
    for name in names:
        if not any(name in row.fields for row in rows):
            raise ArgumentError("hue", name, "none of the results has it; give the name of a field that they have")
    return names


def _shades(ax: Axes, names: Sequence[str], y: str) -> list[Any]:
    if len(names) == 1:
        return [palette(ax).colour(_QUANTITIES.get(y, 2))]
    return colours(ax, len(names))


def _draw(
    ax: Axes,
    found: Mapping[str, Mapping[str, list[Point]]],
    shades: Mapping[str, Any],
    y: str,
    line: dict[str, Any],
    dot: dict[str, Any],
) -> None:
    """Dots, lines and levels; in a single curve the line is black, among several it has the colour of its dots."""
    alone = len(shades) == 1
    for place, (name, shade) in enumerate(shades.items()):
        dots, drawn = found["measured"].get(name, []), found["predictions"].get(name, [])
        _level(ax, dots or drawn, palette(ax).quiet if alone else shade, alone)
        if drawn:
            style = {"color": palette(ax).theory if alone else shade, "label": "theory" if alone else name}
            draw_line(ax, drawn, **(style | ({} if alone or not dots else {"label": "_"}) | line))
        if dots:
            style = {"color": shade, "label": "simulated" if alone or not name else name}
            draw_dots(ax, dots, 0 if alone else place, **(style | dot))


def _level(ax: Axes, found: Sequence[Point], colour: Any, named: bool) -> None:
    """The network without a step: no place on an axis of exponents, so a line with a band of one standard error."""
    for _, mean, error in (point for point in found if point.place == -np.inf):
        if mean is None:
            continue
        label = "untrained network" if named else "_"
        ax.axhline(mean, color=colour, linewidth=0.9, linestyle=(0, (1, 1)), zorder=1, label=label)
        if error:
            ax.axhspan(mean - error, mean + error, color=colour, alpha=0.15, linewidth=0, zorder=0)


def _linear_levels(rows: Sequence[Row]) -> list[float]:
    values = {value for row in rows if (value := row.number("linear_error")[0]) is not None}
    if not values:
        raise ArgumentError("linear", True, "no prediction has a linear_error; give linear=False")
    return sorted(values)


def _linear(ax: Axes, levels: Sequence[float]) -> None:
    style: dict[str, Any] = {"color": palette(ax).colour(4), "linewidth": 1.1, "linestyle": (0, (6, 2)), "zorder": 1}
    for value, label in zip(levels, ["best linear model", *["_"] * len(levels)]):
        ax.axhline(value, label=label, **style)


def _finish(ax: Axes, found: Mapping[str, Mapping[str, list[Point]]], x: str, y: str, fresh: bool) -> None:
    shown = [point for group in found.values() for rows in group.values() for point in rows]
    places = [point.place for point in shown if np.isfinite(point.place)]
    set_scale(ax, "x", x, places)
    set_scale(ax, "y", y, (point.value for point in shown if point.value is not None))
    label_axes(ax, x, y)
    if x == "step_exponent" and places:
        frame_exponents(ax, places, fresh)


def _legend(ax: Axes, found: Mapping[str, Mapping[str, list[Point]]]) -> None:
    handles = sorted(ax.get_legend_handles_labels()[0], key=lambda handle: not isinstance(handle, ErrorbarContainer))
    several = len({*found["measured"], *found["predictions"]}) > 1
    if several and found["measured"] and found["predictions"]:
        handles = [*handles, Line2D([], [], color=palette(ax).quiet, label="lines: theory")]
    if handles:
        ax.legend(handles=handles)
