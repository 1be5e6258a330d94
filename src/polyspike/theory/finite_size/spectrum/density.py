"""The density of the bulk on the intervals of its support (docs/theory-finite-size.md, section 6).

On an interval [a, b] let ``log x = c + h cos(theta)`` (x itself, where the density starts at zero with ``1/sqrt(x)``).
Next to a fold R is a function of the square root of the distance, so all unknowns are smooth functions of theta, and so
is the density divided by its square-root factors. It is interpolated between nodes that are added, cell by cell, where
a new one differs from the interpolation: twenty to a hundred of them. At the nodes the fixed point is solved by Newton,
at the first ones along a path through the upper half-plane, where the solution is unique, and at the others from
interpolated starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array, Complex
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.bulk.newton import newton_rows, positive_states
from polyspike.theory.finite_size.spectrum.branches import Branch, is_resolvent

__all__ = [
    "Gap",
    "Interval",
    "PiecewiseDensity",
    "SolvedInterval",
    "between_nodes",
    "even_interpolation",
    "follow",
    "solve_interval",
]

_FIRST_NODES, _MOST_NODES = 8, 400
_SIDE = 3
# Neighbouring cells differ in width by no more than this factor.
_LARGEST_RATIO = 2.1
_INTEGRATION_NODES = 1025
_TOLERANCE = 1e-6
_ON_A_PATH = (1e-4, _TOLERANCE)
# A new node that agrees with the interpolated mass density to this share of its maximum needs no further ones beside
# it; with it the interpolation is about 2^6 times better.
_ACCURACY = 1e-4
# A node whose R has a smaller imaginary share than this lies in a gap.
_REAL = 1e-7
# The path starts at this multiple of the largest |z| it aims at.
_FAR = 4.0
_SMALLEST_PATH_STEP = 1e-3


@dataclass(frozen=True)
class Interval:
    """A candidate for an interval of the support.

    Attributes
    ----------
    low, high : float
    hard : bool
        Whether the density starts at low = 0 with ``1/sqrt(x)``.
    low_state, high_state : Branch or None
        The folds; None at a hard edge.
    """

    low: float
    high: float
    low_state: Branch | None
    high_state: Branch

    @property
    def hard(self) -> bool:
        """Whether the density starts at zero like ``1/sqrt(x)``."""
        return self.low_state is None

    @property
    def centre(self) -> float:
        """c, in log x or x."""
        return self.high / 2 if self.hard else float(np.log(self.low * self.high) / 2)

    @property
    def half(self) -> float:
        """h, in log x or x."""
        return self.high / 2 if self.hard else float(np.log(self.high / self.low) / 2)

    def at(self, theta: Any) -> Any:
        """``x(theta)``; theta may be complex."""
        t = self.centre + self.half * np.cos(theta)
        return t if self.hard else np.exp(t)

    def angle(self, x: Array) -> Array:
        """The inverse of :meth:`at` inside the interval."""
        if self.hard:
            return 2 * np.arccos(np.sqrt(x / self.high))
        return np.arccos(np.clip((np.log(x) - self.centre) / self.half, -1, 1))

    def speed(self, theta: Array) -> Array:
        """``|dx/dtheta|``."""
        rise = self.half * np.sin(theta)
        return rise if self.hard else rise * self.at(theta)

    @property
    def end_arguments(self) -> tuple[Array, Array]:
        """Arguments of (R, zeta) at theta = 0 and at theta = pi."""
        high = _arguments(self.high_state.state)
        if self.low_state is None:
            k = len(self.high_state.state.r)
            return high, np.where(np.arange(len(high)) < k, np.pi / 2, -np.pi / 2)
        return high, _arguments(self.low_state.state)


def _arguments(state: BulkState) -> Array:
    """The arguments of real R and zeta as limits from the upper half-plane, where R has a positive imaginary part and
    zeta a negative one.
    """
    return np.concatenate([np.where(state.r < 0, np.pi, 0.0), np.where(state.zeta < 0, -np.pi, 0.0)])


@dataclass(frozen=True)
class SolvedInterval:
    """The solved nodes of an interval, 0 < theta < pi, ascending."""

    interval: Interval
    theta: Array
    state: BulkState
    accuracy: float

    @cached_property
    def mass_by_angle(self) -> Array:
        """``density(x) |dx/dtheta|`` at the nodes."""
        mean = self.state.r.imag @ self.state.model.sample_weights
        return mean * self.interval.speed(self.theta) / np.pi

    @cached_property
    def mass(self) -> float:
        """Share of the eigenvalues in this interval, by the trapezoid rule in theta."""
        theta = np.linspace(0, np.pi, _INTEGRATION_NODES)
        values = self.at_angle(theta)
        return float(np.trapezoid(values, theta))

    def __call__(self, x: Array) -> Array:
        """The density at points inside the interval."""
        theta, interval = self.interval.angle(x), self.interval
        speed = np.sqrt(x * (interval.high - x)) if interval.hard else interval.speed(theta)
        # Within rounding of an edge the angle is 0 or pi, and the density zero.
        density: Array = self.at_angle(theta) / np.where(speed > 0, speed, np.inf)
        return density

    def at_angle(self, theta: Array) -> Array:
        """``density(x) |dx/dtheta|`` anywhere."""
        smooth = self.mass_by_angle / self._shape(self.theta)
        value: Array = even_interpolation(self.theta, theta) @ smooth * self._shape(theta)
        return value

    def _shape(self, theta: Array) -> Array:
        """The factor with which the mass by angle vanishes at the edges: ``sin^2``, or ``1 - cos`` where only theta = 0
        is a soft edge.
        """
        return 1 - np.cos(theta) if self.interval.hard else np.sin(theta) ** 2


@dataclass(frozen=True)
class PiecewiseDensity:
    """The density of the bulk at any x: zero outside its intervals.

    Attributes
    ----------
    pieces : tuple of (float, float, callable)
        The ends of every interval, and the density at points inside.
    """

    pieces: tuple[tuple[float, float, Callable[[Array], Array]], ...]

    def __call__(self, x: Array) -> Array:
        points = np.asarray(x, dtype=float)
        out = np.zeros(points.shape)
        for low, high, density in self.pieces:
            inside = (points > low) & (points < high)
            if inside.any():
                out[inside] = density(points[inside])
        return out


def even_interpolation(nodes: Array, theta: Array) -> Array:
    """Matrix that interpolates functions even about 0 and pi by the polynomial through the three nodes on each side.

    The nodes, which need not be equally spaced, are mirrored at both ends.
    """
    count, side = len(nodes), _SIDE
    whole = np.concatenate([-nodes[side - 1 :: -1], nodes, 2 * np.pi - nodes[: -side - 1 : -1]])
    index = np.concatenate([np.arange(side)[::-1], np.arange(count), np.arange(count)[: -side - 1 : -1]])
    first = np.clip(np.searchsorted(whole, theta) - side, 0, len(whole) - 2 * side)
    window = first[:, None] + np.arange(2 * side)
    points = whole[window]
    basis = np.ones(points.shape)
    for j in range(2 * side):
        others = np.delete(points, j, axis=1)
        basis[:, j] = ((theta[:, None] - others) / (points[:, j : j + 1] - others)).prod(axis=1)
    matrix = np.zeros((len(theta), count))
    np.add.at(matrix, (np.arange(len(theta))[:, None], index[window]), basis)
    return matrix


@dataclass(frozen=True)
class Gap:
    """A real solution inside a candidate interval, which separates two intervals, and the nodes solved there."""

    branch: Branch
    solved: SolvedInterval


def solve_interval(model: BulkModel, interval: Interval, known: SolvedInterval | None = None) -> SolvedInterval | Gap:
    """Nodes on an interval, added where new ones differ from the interpolation; a :class:`Gap` where it has one.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when a node is not solved, or too many nodes are needed.
    """
    theta = np.pi * np.arange(1, _FIRST_NODES) / _FIRST_NODES
    solved = SolvedInterval(interval, theta, _first_states(model, interval, theta, known), np.inf)
    wrong = np.ones(len(theta), dtype=bool)
    while True:
        gap = _gap(solved)
        if gap is not None:
            return Gap(gap, solved)
        new = between_nodes(solved.theta, wrong)
        if not len(new):
            return solved
        if len(solved.theta) + len(new) > _MOST_NODES:
            message = f"the density on [{interval.low:.3g}, {interval.high:.3g}] needs more than {_MOST_NODES} nodes"
            raise NumericalError(Status.NOT_CONVERGED, message, partial=solved)
        solved, wrong = _refined(solved, new)


def _first_states(model: BulkModel, interval: Interval, theta: Array, known: SolvedInterval | None) -> BulkState:
    """Solutions at the first nodes: by Newton from those of a wider interval and from the edges, or, where that fails,
    along a path through the upper half-plane.
    """
    if known is None or interval.low_state is None:
        return _along_path(model, interval, theta)
    x = known.interval.at(known.theta)
    inside = (x > interval.low) & (x < interval.high)
    logs = np.concatenate([np.log(known.state.r[inside]), np.log(known.state.zeta[inside])], axis=1)
    ends = [_real_logs(b.state) + 1j * _arguments(b.state) for b in (interval.high_state, interval.low_state)]
    places = np.concatenate([[0.0], interval.angle(x[inside]), [np.pi]])
    values = np.concatenate([ends[:1], logs, ends[1:]])
    order = np.argsort(places)
    guess = np.stack([np.interp(theta, places[order], column) for column in values[order].T], axis=1)
    k = len(model.sample_weights)
    start = BulkState(model, -interval.at(theta).astype(complex), np.exp(guess[:, :k]), np.exp(guess[:, k:]))
    state, good, _ = newton_rows(start, _TOLERANCE, 12)
    return state if (good & _physical(state)).all() else _along_path(model, interval, theta)


def _real_logs(state: BulkState) -> Array:
    return np.log(np.abs(np.concatenate([state.r, state.zeta])))


def between_nodes(theta: Array, wrong: NDArray[np.bool_]) -> Array:
    """Midpoints of the cells on both sides of every wrong node, and of cells much wider than their neighbours."""
    ends = np.concatenate([[0.0], theta, [np.pi]])
    width = np.diff(ends)
    split = np.append(wrong, False) | np.insert(wrong, 0, False)
    if not split.any():
        return np.empty(0)
    final = np.where(split, width / 2, width)
    beside = np.minimum(np.append(final[1:], np.inf), np.insert(final[:-1], 0, np.inf))
    split |= width > _LARGEST_RATIO * beside
    middle: Array = (ends[:-1] + ends[1:])[split] / 2
    return middle


def _gap(solved: SolvedInterval) -> Branch | None:
    """A real solution at the middle one of the nodes in a gap, if there are any."""
    real = np.flatnonzero(_real(solved.state))
    return _real_branch(solved.state, int(real[len(real) // 2])) if len(real) else None


def _refined(solved: SolvedInterval, new: Array) -> tuple[SolvedInterval, NDArray[np.bool_]]:
    """The interval with new nodes, from interpolated starts; and the nodes at which the interpolation was wrong."""
    state, good, _ = newton_rows(_interpolated(solved, new), _TOLERANCE, 8)
    good &= _physical(state)
    if not good.all():
        repaired = _along_path(solved.state.model, solved.interval, new[~good])
        state.r[~good], state.zeta[~good] = repaired.r, repaired.zeta
    theta = np.concatenate([solved.theta, new])
    order = np.argsort(theta)
    r, zeta = (np.concatenate([getattr(solved.state, n), getattr(state, n)])[order] for n in ("r", "zeta"))
    x = solved.interval.at(theta[order]).astype(complex)
    whole = SolvedInterval(solved.interval, theta[order], BulkState(state.model, -x, r, zeta), np.inf)
    found = whole.mass_by_angle[np.argsort(order)[len(solved.theta) :]]
    off = np.abs(solved.at_angle(new) - found) / np.abs(whole.mass_by_angle).max()
    wrong = np.concatenate([np.zeros(len(solved.theta), dtype=bool), off > _ACCURACY])[order]
    return SolvedInterval(solved.interval, whole.theta, whole.state, float(off.max())), wrong


def _interpolated(solved: SolvedInterval, theta: Array) -> BulkState:
    """R and zeta from an interpolation of their logarithms: the real part is even in theta at both ends, the argument
    less its values at the ends is odd.
    """
    interval, state = solved.interval, solved.state
    half_power = np.log(interval.at(solved.theta))[:, None] / 2 if interval.hard else 0.0
    logs = np.concatenate([np.log(state.r) + half_power, np.log(state.zeta) - half_power], axis=1)
    high, low = interval.end_arguments
    odd = (logs.imag - _between(solved.theta, high, low)) / np.sin(solved.theta)[:, None]
    both = even_interpolation(solved.theta, theta) @ np.concatenate([logs.real, odd], axis=1)
    size, k = logs.shape[1], state.r.shape[1]
    found = both[:, :size] + 1j * (both[:, size:] * np.sin(theta)[:, None] + _between(theta, high, low))
    x = interval.at(theta)
    power = np.sqrt(x)[:, None] if interval.hard else 1.0
    return BulkState(state.model, -x.astype(complex), np.exp(found[:, :k]) / power, np.exp(found[:, k:]) * power)


def _between(theta: Array, high: Array, low: Array) -> Array:
    return high + (low - high) * (theta / np.pi)[:, None]


def _along_path(model: BulkModel, interval: Interval, theta: Array) -> BulkState:
    """Solutions at nodes by continuation through the upper half-plane.

    In ``t = log z``: from one positive shift, ``t = log D + i pi``, straight to an ellipse around the interval, and
    down the confocal ellipses ``theta - i tau``, tau to 0.
    """
    widest = np.arcsinh(min(1.0, 2.0 / interval.half)) if not interval.hard else 0.5
    goal = np.log(interval.at(theta - 1j * widest))
    far = _FAR * float(np.exp(goal.real.max()))
    start = np.full(len(theta), np.log(far) + 1j * np.pi)

    def path(s: float) -> Complex:
        if s < 1:
            return (1 - s) * start + s * goal
        return np.log(interval.at(theta - 1j * widest * (2 - s)).astype(complex))

    state = positive_states(model, np.array([far]))
    r, zeta = (np.repeat(v.astype(complex), len(theta), axis=0) for v in (state.r, state.zeta))
    return follow(model, path, np.concatenate([np.log(r), np.log(zeta)], axis=1))


def follow(model: BulkModel, path: Any, logs: Complex, tolerances: tuple[float, float] = _ON_A_PATH) -> BulkState:
    """Newton along a path s = 0 .. 2 with linearly extrapolated starts; the steps follow the number of iterations.

    The tolerances are those of the defect on the way and at the end.
    """
    k = len(model.sample_weights)
    s, step, slope = 0.0, 0.25, np.zeros_like(logs)
    while s < 2:
        to = min(2.0, s + step)
        to = 1.0 if s < 1 < to else to
        guess = logs + slope * (to - s)
        last = to == 2.0
        state = BulkState(model, -np.exp(path(to)), np.exp(guess[:, :k]), np.exp(guess[:, k:]))
        state, good, iterations = newton_rows(state, tolerances[last], 8)
        good &= _physical(state)
        moved = _unwrapped(np.concatenate([np.log(state.r), np.log(state.zeta)], axis=1), guess)
        if not good.all() or np.abs(moved - guess).max() > 1:
            step = (to - s) / 2
            if step < _SMALLEST_PATH_STEP:
                message = f"bulk fixed point near the real axis: defect {state.size_of_defect:.1e}"
                raise NumericalError(Status.NOT_CONVERGED, message, partial=state)
            continue
        slope, logs = (moved - logs) / (to - s), moved
        step = (to - s) * (1.6 if iterations <= 2 else 1.0 if iterations <= 4 else 0.6)
        s = to
    return state


def _physical(state: BulkState) -> NDArray[np.bool_]:
    """Rows on the physical sheet: there ``Im R >= 0 >= Im zeta`` for Im z >= 0, and where both are real R rises along z
    and zeta falls. Between two nodes of M there are real solutions that do not.
    """
    sheet = (state.r.imag > -_REAL * np.abs(state.r)).all(axis=1)
    sheet &= (state.zeta.imag < _REAL * np.abs(state.zeta)).all(axis=1)
    for j in np.flatnonzero(sheet & _real(state)):
        sheet[j] = is_resolvent(_real_branch(state, int(j)))
    physical: NDArray[np.bool_] = sheet
    return physical


def _real(state: BulkState) -> NDArray[np.bool_]:
    """Rows at z > 0 whose R is real."""
    real: NDArray[np.bool_] = (np.abs(state.r.imag / np.abs(state.r)) < _REAL).all(axis=1)
    on_axis: NDArray[np.bool_] = (state.shift.imag == 0) & (state.shift.real < 0)
    return real & on_axis


def _real_branch(state: BulkState, j: int) -> Branch:
    """The real solution at a row."""
    x = -float(state.shift[j].real)
    return Branch(BulkState(state.model, -x, state.r[j].real, state.zeta[j].real), float(np.log(x)))


def _unwrapped(logs: Complex, near: Complex) -> Complex:
    """The logarithms on the sheet of a nearby value."""
    unwrapped: Complex = logs + 2j * np.pi * np.round((near.imag - logs.imag) / (2 * np.pi))
    return unwrapped
