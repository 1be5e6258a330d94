"""The density of the bulk on an interval of its support (docs/theory-same-data.md, section 9).

As for fresh samples of isotropic inputs (theory/finite_size/spectrum/density.py) ``log x = c + h cos(theta)`` on an
interval (x itself, where the density starts at zero with ``1/sqrt(x)``), and the density over its square-root factors
is a smooth function of theta. The first nodes are reached through the upper half-plane, where the solution is unique,
and each new one from its neighbour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.bulk_support.point import Point, RealPoint, Value, cubic
from polyspike.theory.finite_size.spectrum.density import between_nodes, even_interpolation

__all__ = ["SolvedSpan", "Span", "gap_of", "solve_span"]

_FIRST_NODES, _MOST_NODES = 8, 200
_INTEGRATION_NODES = 1025
# A new node that agrees with the interpolated mass to this share of its maximum needs no further ones beside it.
_ACCURACY = 3e-4
# A node whose R has a smaller imaginary share than this lies in a gap.
_REAL = 1e-7
# A difference of s for the derivative of a path.
_SHORT = 1e-6
# Steps along a path, the first and the least, which reaches into narrow gaps; along the axis no smaller than the last.
_STRIDE, _SMALLEST_STEP, _DIRECT = 0.5, 1e-6, 0.06


class Span(NamedTuple):
    """An interval that may be one of the support; ``hard`` where the density starts at low = 0 with ``1/sqrt(x)``."""

    low: float
    high: float
    hard: bool = False

    @property
    def half(self) -> float:
        """h, in log x or x."""
        return self.high / 2 if self.hard else float(np.log(self.high / self.low) / 2)

    def at(self, theta: Any) -> Any:
        """``x(theta)``; theta may be complex."""
        if self.hard:
            return self.half * (1 + np.cos(theta))
        return self.high * np.exp(self.half * (np.cos(theta) - 1))

    def angle(self, x: Array) -> Array:
        """The inverse of :meth:`at` inside the interval."""
        cosine = x / self.half - 1 if self.hard else 1 + np.log(x / self.high) / self.half
        return np.asarray(np.arccos(np.clip(cosine, -1, 1)))

    def speed(self, theta: Array) -> Array:
        """``|dx/dtheta|``."""
        rise = self.half * np.sin(theta)
        return np.asarray(rise if self.hard else rise * self.at(theta))

    def slope(self, theta: float) -> float:
        """``d log x / d theta``."""
        rise = -self.half * float(np.sin(theta))
        return rise / float(self.at(theta)) if self.hard else rise

    def shape(self, theta: Array) -> Array:
        """The factor with which density times :meth:`speed` vanishes at the ends."""
        return np.asarray(1 - np.cos(theta) if self.hard else np.sin(theta) ** 2)


@dataclass(frozen=True, eq=False)
class SolvedSpan:
    """The solved nodes of an interval, 0 < theta < pi, ascending; and a solution far above the bulk."""

    span: Span
    theta: Array
    points: list[Point]
    far: RealPoint

    @cached_property
    def mass_by_angle(self) -> Array:
        """``density(x) |dx/dtheta|`` at the nodes."""
        return np.array([point.mean_r.imag for point in self.points]) * self.span.speed(self.theta) / np.pi

    @cached_property
    def mass(self) -> float:
        """Share of the eigenvalues in this interval, by the trapezoid rule in theta."""
        theta = np.linspace(0, np.pi, _INTEGRATION_NODES)
        return float(np.trapezoid(self.at_angle(theta), theta))

    def __call__(self, x: Array) -> Array:
        """The density at points inside the interval."""
        theta = self.span.angle(x)
        speed = self.span.speed(theta)
        # Within rounding of an edge the angle is 0 or pi, and the density zero.
        density: Array = self.at_angle(theta) / np.where(speed > 0, speed, np.inf)
        return density

    def at_angle(self, theta: Array) -> Array:
        """``density(x) |dx/dtheta|`` anywhere."""
        smooth = self.mass_by_angle / self.span.shape(self.theta)
        value: Array = even_interpolation(self.theta, theta) @ smooth * self.span.shape(theta)
        return value


def solve_span(span: Span, far: RealPoint, wider: SolvedSpan | None = None) -> SolvedSpan:
    """Nodes on an interval, added where new ones differ from the interpolation, or until one lies in a gap.

    Parameters
    ----------
    span : Span
    far : RealPoint
        Far above the bulk.
    wider : SolvedSpan, optional
        The nodes of a wider interval, from which those of this one start.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when a node is not solved, or too many nodes are needed.
    """
    theta = np.pi * np.arange(1, _FIRST_NODES) / _FIRST_NODES
    points = _first_points(span, theta, far) if wider is None else _within(span, theta, far, wider)
    solved, wrong = SolvedSpan(span, theta, points, far), np.ones(len(theta), dtype=bool)
    while True:
        new = between_nodes(solved.theta, wrong)
        if not len(new) or gap_of(solved) is not None:
            return solved
        if len(solved.theta) + len(new) > _MOST_NODES:
            message = f"the density on [{span.low:.3g}, {span.high:.3g}] needs more than {_MOST_NODES} nodes"
            raise NumericalError(Status.NOT_CONVERGED, message)
        solved, wrong = _refined(solved, new)


def _within(span: Span, theta: Array, far: RealPoint, wider: SolvedSpan) -> list[Point]:
    """From the nodes of a wider interval that lie in this one, along the axis; as without them where that fails."""
    inside = [point for point in wider.points if span.low < np.real(point.z) < span.high]
    logs = np.array([np.real(point.log_z) for point in inside])
    try:
        return [_from_nearest(inside, logs, float(np.log(span.at(place)))) for place in theta]
    except NumericalError:
        return _first_points(span, theta, far)


def _from_nearest(points: list[Point], logs: Array, goal: float) -> Point:
    if not points:
        raise NumericalError(Status.NOT_CONVERGED, "no node of the density lies in an interval")
    k = int(np.abs(logs - goal).argmin())
    return _followed(points[k], lambda s: logs[k] + (goal - logs[k]) * s, _DIRECT)


def gap_of(solved: SolvedSpan) -> Any:
    """A real solution at the middle one of the nodes in a gap, if there are any."""
    shares = [float(np.abs(point.diagonals[0].imag / point.diagonals[0]).max()) for point in solved.points]
    real = np.flatnonzero(np.array(shares) < _REAL)
    return solved.points[int(real[len(real) // 2])].as_real if len(real) else None


def _first_points(span: Span, theta: Array, far: RealPoint) -> list[Point]:
    """In ``t = log z``: from far above to an ellipse around the interval, along it, and from each node down to the
    axis.
    """
    point, out = _at_ellipse(span, far, float(theta[0])), []
    for before, place in pairwise([theta[0], *theta]):
        if place != before:
            point = _followed(point, partial(_along, span, 1.0, float(before), float(place)))
        out.append(_followed(point, partial(_down, span, float(place))))
    return out


def _at_ellipse(span: Span, far: RealPoint, place: float) -> Point:
    start, goal = complex(far.log_z), _on_ellipse(span, place, 1.0)
    return _followed(far.as_complex, lambda s: start + (goal - start) * s)


def _on_ellipse(span: Span, place: float, height: float) -> Any:
    """``log z`` at an angle on one of the confocal ellipses; at the height 0 on the interval itself."""
    widest = 0.5 if span.hard else float(np.arcsinh(min(1.0, 2.0 / span.half)))
    return np.log(complex(span.at(place - 1j * widest * height)))


def _along(span: Span, height: float, start: float, end: float, s: float) -> Any:
    return _on_ellipse(span, start + (end - start) * s, height)


def _down(span: Span, place: float, s: float) -> Any:
    return _on_ellipse(span, place, 1 - s)


def _followed(point: Point, path: Callable[[float], Any], least: float = _SMALLEST_STEP) -> Point:
    """The solution at the end of a path s = 0 .. 1 of log z, in steps no smaller than the least."""
    s, step, before = 0.0, _STRIDE, None
    while s < 1:
        to = min(1.0, s + step)
        here = Value(s, point.unknowns, point.by_log_z * (path(s + _SHORT) - path(s)) / _SHORT)
        guess = here.slope * (to - s) if before is None else cubic(before, here, to) - here.unknowns
        moved = point.to(path(to), guess)
        if moved is None or not moved.is_physical():
            step = (to - s) / 2
            if step < least:
                message = f"the density near {abs(point.z):.4g} is not solved"
                raise NumericalError(Status.NOT_CONVERGED, message)
            continue
        s, step, point, before = to, 1.5 * (to - s), moved, here
    return point


def _refined(solved: SolvedSpan, new: Array) -> tuple[SolvedSpan, NDArray[np.bool_]]:
    """The interval with new nodes, each from its neighbour; and the nodes at which the interpolation was wrong."""
    points = [_interpolated(solved, float(place)) or _beside(solved, float(place)) for place in new]
    theta = np.concatenate([solved.theta, new])
    order = np.argsort(theta)
    every = [*solved.points, *points]
    whole = SolvedSpan(solved.span, theta[order], [every[k] for k in order], solved.far)
    found = whole.mass_by_angle[np.argsort(order)[len(solved.theta) :]]
    off = np.abs(solved.at_angle(new) - found) / np.abs(whole.mass_by_angle).max()
    wrong = np.concatenate([np.zeros(len(solved.theta), dtype=bool), off > _ACCURACY])[order]
    return whole, wrong


def _interpolated(solved: SolvedSpan, place: float) -> Point | None:
    """The solution at a new node by Newton's method from a cubic through its neighbours, with their slopes; None where
    that fails. At a soft edge the solution goes over into its mirror image.
    """
    k = int(np.searchsorted(solved.theta, place))
    if k == len(solved.theta) and solved.span.hard:
        return None
    below, above = _neighbour(solved, k - 1), _neighbour(solved, k)
    guess = cubic(below, above, place)
    point = solved.points[min(max(k, 0), len(solved.theta) - 1)]
    found = point.to(_on_ellipse(solved.span, place, 0.0), guess - point.unknowns)
    return found if found is not None and found.is_physical() else None


def _neighbour(solved: SolvedSpan, k: int) -> Value:
    """The k-th node; beyond the ends of the interval the mirror image of the node next to it."""
    nearest = min(max(k, 0), len(solved.theta) - 1)
    point, theta = solved.points[nearest], float(solved.theta[nearest])
    unknowns, slope = point.unknowns, point.by_log_z * solved.span.slope(theta)
    if k == nearest:
        return Value(theta, unknowns, slope)
    # At the lower edge of a bulk with an atom zeta is negative: its argument goes from 0 to -pi.
    turn = 2j * np.pi * np.round(unknowns.imag / np.pi) if k > nearest else 0.0
    return Value((0.0 if k < 0 else 2 * np.pi) - theta, unknowns.conj() + turn, -slope.conj())


def _beside(solved: SolvedSpan, place: float) -> Point:
    """The solution at a node, from its neighbour along the axis or, where that leads into a gap, from above."""
    k = int(np.abs(solved.theta - place).argmin())
    try:
        return _followed(solved.points[k], partial(_along, solved.span, 0.0, float(solved.theta[k]), place), _DIRECT)
    except NumericalError:
        return _followed(_at_ellipse(solved.span, solved.far, place), partial(_down, solved.span, place))
