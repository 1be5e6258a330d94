"""The global minimum of a smooth function of one variable: a scan, then the root of its slope in every valley."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from scipy.optimize import brentq

from polyspike.errors import NumericalError
from polyspike.status import Status

__all__ = ["Point", "minimise", "valleys_of"]

# An end at which the function falls by less than this, relatively, until its neighbour counts as level.
_LEVEL = 1e-10
_RELATIVE = 1e-13
_MAX_BISECTIONS = 50


@dataclass(frozen=True)
class Point:
    """A place, the function's value there, how to get its slope, and whatever else belongs to it."""

    x: float
    value: float
    find_slope: Callable[[], float]
    content: Any = None

    @cached_property
    def slope(self) -> float:
        """The derivative of the function, computed when asked for."""
        return self.find_slope()


def minimise(
    evaluate: Callable[[float], Point],
    places: Sequence[float],
    scan: Callable[[float], float] | None = None,
    relative: float = _RELATIVE,
) -> tuple[Point, str | None]:
    """The lowest minimum on ``[places[0], places[-1]]``, in the coordinate of ``places`` (increasing).

    Parameters
    ----------
    evaluate : callable
        Gives the :class:`Point` at a place; may raise a :class:`NumericalError` there, which makes it infinitely high.
    places : sequence of float
        At least two; valleys narrower than their distance can be missed.
    scan : callable, optional
        A cheaper approximation of the value, good enough to find the valleys.
    relative : float
        Of the place where the slope vanishes.

    Returns
    -------
    point : Point
        With a vanishing slope, or at an end.
    end : {"lower", "upper", None}
        The end at which it lies.

    Raises
    ------
    NumericalError
        The first one of ``evaluate`` when no place has a value; ``NOT_CONVERGED`` when a valley's floor has none.
    """
    function = _Memory(evaluate)
    values = [_value(scan, x) if scan else function(x).value for x in places]
    if min(values) == inf:
        return evaluate(places[0]), None  # raises what it raised before
    found = [_descend(function, places, i, relative) for i in valleys_of(values)]
    return min(found, key=lambda answer: answer[0].value)


def valleys_of(values: Sequence[float]) -> list[int]:
    """Where neighbours are no lower, of finite values."""
    padded = [inf, *values, inf]
    return [i for i, value in enumerate(values) if value < inf and value <= min(padded[i], padded[i + 2])]


class _Memory:
    """Evaluates every place once; without an answer it is infinitely high."""

    def __init__(self, evaluate: Callable[[float], Point]) -> None:
        self._evaluate = evaluate
        self._known: dict[float, Point] = {}

    def __call__(self, x: float) -> Point:
        if x not in self._known:
            try:
                self._known[x] = self._evaluate(x)
            except NumericalError:
                self._known[x] = Point(x, inf, lambda: inf)
        return self._known[x]


def _value(scan: Callable[[float], float], x: float) -> float:
    try:
        return scan(x)
    except NumericalError:
        return inf


def _descend(function: _Memory, places: Sequence[float], start: int, relative: float) -> tuple[Point, str | None]:
    """Downhill from a place to the floor of its valley."""
    near = function(places[start])
    if near.slope == 0:
        return near, None
    direction = 1 if near.slope < 0 else -1
    for i in range(start + direction, len(places) if direction > 0 else -1, direction):
        far = function(places[i])
        if far.value >= near.value or far.slope * near.slope <= 0:
            break
        near = far
    else:
        return near, "upper" if direction > 0 else "lower"
    ends = {places[0]: "lower", places[-1]: "upper"}
    if near.x in ends and abs(near.slope * (far.x - near.x)) < _LEVEL * abs(near.value):
        return near, ends[near.x]
    near, far = _bracket(function, near, far)
    tolerance = relative * max(abs(near.x), abs(far.x))
    root = brentq(lambda x: function(x).slope, near.x, far.x, xtol=tolerance, rtol=relative)
    return function(float(root)), None


def _bracket(function: _Memory, near: Point, far: Point) -> tuple[Point, Point]:
    """Two places between which the slope changes its sign, downhill from ``near``, with ``far`` no lower than it."""
    for _ in range(_MAX_BISECTIONS):
        if far.value < inf and far.slope * near.slope <= 0:
            return near, far
        middle = function((near.x + far.x) / 2)
        if middle.value < near.value and middle.slope * near.slope > 0:
            near = middle
        else:
            far = middle
    raise NumericalError(Status.NOT_CONVERGED, f"no minimum was bracketed near {near.x:.6g}")
