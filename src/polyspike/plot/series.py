"""Curves: which rows belong together, what they are called, and how they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.lines import Line2D

from polyspike.errors import ArgumentError
from polyspike.plot.rows import FIELDS, STEPS, Row, averaged, position
from polyspike.plot.style import MARKERS, palette

__all__ = ["Curve", "Point", "colours", "curves", "draw_dots", "draw_line", "given", "points", "varying"]

Options = Mapping[str, Any] | None

_SIZES = ("n_samples", "input_dim", "width", "n_gradient", "sample_ratio", "phi", "psi")
"""Fields that may grow together, so that one of them on the axis stands for the others."""

_LARGE = 100_000
"""Integers from which on powers of ten are written, where they are exact."""

_WORDS = {"n_samples": "n", "input_dim": "d", "width": "N", "n_gradient": "n0"}


class Point(NamedTuple):
    """A number at its place on the axis; None where there is no number or no standard error."""

    place: float
    value: float | None
    error: float | None


@dataclass(frozen=True)
class Curve:
    """The rows of one curve."""

    label: str
    rows: tuple[Row, ...]


def given(options: Options, artist: type[Artist] = Line2D) -> dict[str, Any]:
    """Keywords of a user by their full names, so that ``lw`` overrides ``linewidth``."""
    return dict(normalize_kwargs(dict(options or {}), artist))


def varying(rows: Sequence[Row], x: str) -> tuple[str, ...]:
    """The fields that tell curves apart: those that differ, the step and the axis' own aside.

    A table says it by its column ``curve``, where it has one. Fields that follow from others are left out.
    """
    if len({row.fields.get("curve") for row in rows if "curve" in row.fields}) > 1:
        return ("curve",)
    off = {x, *STEPS, *(_SIZES if x in _SIZES else ())}
    kept: list[str] = []
    for name in (name for name in (*FIELDS, "method") if name not in off):
        if _kinds(rows, [*kept, name]) > _kinds(rows, kept):
            kept.append(name)
    return tuple(kept)


def _kinds(rows: Sequence[Row], names: Sequence[str]) -> int:
    return len({tuple(str(row.fields.get(name)) for name in names) for row in rows if _knows(row, names)})


def _knows(row: Row, names: Sequence[str]) -> bool:
    return all(name in row.fields for name in names)


def curves(rows: Sequence[Row], hue: Sequence[str]) -> list[Curve]:
    """The rows by their values of the fields in ``hue``, in order of first appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_label(row, hue), []).append(row)
    return [Curve(label, tuple(group)) for label, group in groups.items()]


def _label(row: Row, hue: Sequence[str]) -> str:
    if tuple(hue) == ("curve",):
        return str(row.fields.get("curve", ""))
    return ", ".join(_said(name, row.fields[name]) for name in hue if name in row.fields)


def _said(name: str, value: Any) -> str:
    if isinstance(value, str):
        return f"{value} samples" if name == "samples" else value
    return f"{_WORDS.get(name, name.replace('_', ' '))} = {_number(value)}"


def _number(value: Any) -> str:
    """A number as people write it: ``$10^{9}$`` and no row of zeros. Different integers stay different."""
    if isinstance(value, Integral):
        whole = int(value)
        text = f"{whole:.2e}" if abs(whole) >= _LARGE and float(f"{whole:.2e}") == whole else str(value)
    else:
        text = f"{value:g}" if isinstance(value, Real) else str(value)
    mantissa, _, power = text.partition("e")
    if not power.lstrip("+-").isdecimal():
        return text
    mantissa = f"{float(mantissa):g}"
    return rf"$10^{{{int(power)}}}$" if mantissa == "1" else rf"${mantissa} \cdot 10^{{{int(power)}}}$"


def points(rows: Sequence[Row], x: str, y: str, argument: str, hue: Sequence[str] = ()) -> list[Point]:
    """The point of every row that has a place, along the axis.

    Raises
    ------
    ArgumentError
        If no row has such a field; if several of one curve stand at one place.
    """
    for name, known in ((x, lambda row: position(row, x) is not None), (y, lambda row: row.has(y))):
        if rows and not any(map(known, rows)):
            axis = "x" if name == x else "y"
            raise ArgumentError(axis, name, f"none of {argument} has it; give the name of a field that they have")
    placed = [(place, row) for row in averaged(rows, y, hue) if (place := position(row, x)) is not None]
    found = sorted((Point(place, *row.number(y)) for place, row in placed), key=lambda point: point.place)
    if len({point.place for point in found}) < len(found):
        names = tuple(dict.fromkeys([*hue, *varying(rows, x)]))
        remedy = f"several of {argument} stand at one {x}; tell them apart by hue={names or 'a field'!r}"
        raise ArgumentError("hue", tuple(hue) or None, remedy)
    return found


def colours(ax: Axes, count: int) -> list[Any]:
    """One colour for each curve: those of the palette, or where they are too few steps of one scale."""
    series = palette(ax).series
    if count <= len(series):
        return list(series[:count])
    return list(colormaps["viridis"](np.linspace(0, 0.92, count)))


def draw_dots(ax: Axes, found: Sequence[Point], place: int, **style: Any) -> None:
    """Dots, with bars of one standard error where there are any."""
    shown = [point for point in found if point.value is not None and np.isfinite(point.place)]
    x, mean = [point.place for point in shown], [point.value or 0.0 for point in shown]
    bars = [point.error or 0.0 for point in shown]
    options: dict[str, Any] = {"fmt": MARKERS[place % len(MARKERS)], "linestyle": "none", "elinewidth": 1, "zorder": 3}
    ax.errorbar(x, mean, yerr=bars if any(bars) else None, **(options | style))


def draw_line(ax: Axes, found: Sequence[Point], **style: Any) -> None:
    """A line with a gap where there is no number."""
    shown = [point for point in found if np.isfinite(point.place)]
    values = [np.nan if point.value is None else point.value for point in shown]
    ax.plot([point.place for point in shown], values, **({"linewidth": 1.3, "zorder": 2} | style))
