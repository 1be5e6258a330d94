"""Real solutions of the bulk outside its support, followed up to its edges (docs/theory-finite-size.md, section 6).

At a real z outside the bulk's support the fixed point with ``D = -z`` has a real solution (R and zeta may be negative
there). Along that branch ``log R``, ``log zeta`` and ``log z`` are smooth functions of an arc length s. At the edge of
the bulk the branch folds: z has an extremum in s, where the Jacobian of the fixed-point map is singular. There R has a
square-root singularity in z, and the density begins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState, jacobian
from polyspike.theory.finite_size.bulk.newton import newton_rows, positive_states

__all__ = [
    "LARGEST_ARC_STEP",
    "Branch",
    "above",
    "below",
    "find_edge",
    "in_smaller_steps",
    "is_resolvent",
]

Result = TypeVar("Result")


class OnBranch(Protocol):
    """A point of a branch that can be followed to its next fold."""

    @property
    def z(self) -> float:
        """The point outside the bulk."""

    @property
    def functional(self) -> Array:
        """The arc length along the point's own tangent."""

    def tangent(self, functional: Array) -> tuple[Array, float]:
        """The derivatives of the unknowns and of log z by the arc length."""

    def step(self, functional: Array, length: float, tangent: tuple[Array, float] | None = None) -> Any:
        """The solution an arc length further; None where there is none."""


Here = TypeVar("Here", bound=OnBranch)

_TOLERANCE = 1e-11
LARGEST_ARC_STEP, SMALL_ARC_STEP, SMALLEST_ARC_STEP = 1.2, 0.1, 0.03
# A step whose prediction needs more correction than this share of it may have left its branch.
_LARGEST_CORRECTION = 0.35
_MAX_STEPS = 120
# A lower edge is searched down to the first share of the features' variance; where they have no noise, from the second.
_LEAST_EDGE, _LEAST_NOISE = 1e-13, 1e-2
_MOST_NEWTON, _LEAST_FACTOR = 10, 1.02
# Far from the bulk, where the slope is at least this share of the first, steps may be of the largest size.
_FAR_SLOPE = 0.97
# A slope that grows by more than this factor on the way to a fold has changed branches.
_LARGEST_RISE, _LARGEST_RISE_IN_GAP = 1.05, 4.0
# Share of the first arc step below which a step is given up.
_LEAST_ARC_SHARE = 1e-6
# At the fold z is stationary: a slope of this size leaves a relative error of its square in the edge.
_FOLD_SLOPE = 1e-6


@dataclass(frozen=True)
class Branch:
    """A real solution at the eigenvalue z = exp(log_z)."""

    state: BulkState
    log_z: float

    @property
    def z(self) -> float:
        """The point outside the bulk."""
        return float(np.exp(self.log_z))

    @cached_property
    def functional(self) -> Array:
        """The arc length: ``ds = functional . d(log R, log zeta)``, the change along this point's own tangent."""
        change = self.by_log_z
        weights = np.concatenate([self.state.model.sample_weights, self.state.model.neuron_weights])
        scaled: Array = weights * change / np.sqrt(weights @ change**2)
        return scaled

    @cached_property
    def by_log_z(self) -> Array:
        """``d(log R, log zeta) / d log z``."""
        change: Array = np.linalg.solve(jacobian(self.state), -_by_log_z(self.state, self.z))
        return change

    def tangent(self, functional: Array) -> tuple[Array, float]:
        """``d(log R, log zeta)/ds`` and ``d log z/ds``."""
        solved = _bordered(self, functional, np.zeros(len(functional)), 1.0)
        return solved[:-1], float(solved[-1])

    def step(self, functional: Array, length: float, tangent: tuple[Array, float] | None = None) -> "Branch | None":
        """The solution an arc length further, by Newton on the bordered system; None where that fails."""
        try:
            return self._step(functional, length, tangent or self.tangent(functional))
        except np.linalg.LinAlgError:
            return None

    def _step(self, functional: Array, length: float, tangent: tuple[Array, float]) -> "Branch | None":
        change, slope = tangent
        moved = Branch(_at(self.state, self.log_z + slope * length, change * length), self.log_z + slope * length)
        corrected, most = 0.0, _LARGEST_CORRECTION * abs(length) * max(float(np.abs(change).max()), abs(slope))
        for _ in range(8):
            if not np.isfinite(moved.state.size_of_defect):
                return None
            if moved.state.size_of_defect < _TOLERANCE:
                return moved
            solved = _bordered(moved, functional, -moved.state.defect, 0.0)
            corrected += float(np.abs(solved).max())
            if not corrected <= most:
                return None
            log_z = moved.log_z + float(solved[-1])
            moved = Branch(_at(moved.state, log_z, solved[:-1]), log_z)
        return moved if moved.state.size_of_defect < 100 * _TOLERANCE else None


def _by_log_z(state: BulkState, z: float) -> Array:
    """Derivative of the defect by log z at fixed (R, zeta)."""
    out = np.zeros(len(state.r) + len(state.zeta))
    out[: len(state.r)] = -z / state.inverse_r
    return out


def _bordered(branch: Branch, functional: Array, defect: Array, length: float) -> Array:
    size = len(functional)
    matrix = np.zeros((size + 1, size + 1))
    matrix[:size, :size] = jacobian(branch.state)
    matrix[:size, size] = _by_log_z(branch.state, branch.z)
    matrix[size, :size] = functional
    solved: Array = np.linalg.solve(matrix, np.append(defect, length))
    return solved


def _at(state: BulkState, log_z: float, change: Array) -> BulkState:
    k = len(state.r)
    return BulkState(state.model, -np.exp(log_z), state.r * np.exp(change[:k]), state.zeta * np.exp(change[k:]))


def above(model: BulkModel, z: float) -> Branch:
    """The solution at a z far above the bulk, near ``R = -1/z``, ``zeta = 1``.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when z is not far enough.
    """
    r = np.full((1, len(model.sample_weights)), -1 / z)
    state, good, _ = newton_rows(
        BulkState(model, np.array([-z]), r, np.ones((1, len(model.neuron_weights)))), 1e-11, 20
    )
    found = Branch(BulkState(model, -z, state.r[0], state.zeta[0]), float(np.log(z)))
    if not (good.all() and (state.r < 0).all() and (state.zeta > 0).all() and is_resolvent(found)):
        raise NumericalError(Status.NOT_CONVERGED, f"no solution of the bulk above z = {z:.3g}", partial=state)
    return found


def is_resolvent(branch: Branch) -> bool:
    """Whether all R rise along z and all zeta fall, as the diagonals of ``(S - z)^-1`` and of ``1 - S (S - z)^-1`` do.

    Where nodes make bands of their own there are other real solutions beside the one that belongs to a spectrum.
    """
    change = branch.by_log_z * np.concatenate([branch.state.r, -branch.state.zeta])
    return bool((change >= 0).all())


def _any(_: OnBranch) -> bool:
    return True


def below(model: BulkModel, atom: bool, neurons_exhausted: bool) -> Branch:
    """The solution at a z > 0 below the bulk, from the one at the shift D = z.

    With an atom at zero ``R ~ 1/D`` changes sign with D, and so does ``zeta ~ D`` where all N neurons count in the
    rank; otherwise they are continuous there. The first z is a guess from the Marchenko-Pastur law, the next ones ten
    times smaller each.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the bulk seems to reach down to zero.
    """
    of_r, of_zeta = (-1.0 if changes else 1.0 for changes in (atom, neurons_exhausted))
    scale = float(model.sample_weights @ (model.noise_variance + (model.phi @ model.chi.T) ** 2) @ model.neuron_weights)
    noise = float(model.sample_weights @ model.noise_variance @ model.neuron_weights)
    z = 0.2 * (1 - model.samples_per_neuron**0.5) ** 2 * max(noise, _LEAST_NOISE * scale)
    state = positive_states(model, np.array([4 * scale]))
    while z > _LEAST_EDGE * scale:
        state = _lowered(state, z)
        tried, good, _ = newton_rows(
            BulkState(model, -state.shift, of_r * state.r, of_zeta * state.zeta), _TOLERANCE, _MOST_NEWTON
        )
        if good.all() and (of_r * tried.r > 0).all() and (of_zeta * tried.zeta > 0).all():
            return Branch(BulkState(model, -z, tried.r[0], tried.zeta[0]), float(np.log(z)))
        z /= 10
    message = f"the bulk seems to start below {z:.1e}, or to have no lower edge"
    raise NumericalError(Status.NOT_CONVERGED, message, partial=state)


def _lowered(state: BulkState, goal: float) -> BulkState:
    """The solution at a smaller positive shift, by factors that are halved in logarithm where Newton fails.

    Starts are extrapolated in the logarithms of shift and solution.
    """
    slope, factor = np.zeros(state.r.shape[1] + state.zeta.shape[1]), 10.0
    while state.shift[0] > goal:
        factor = min(factor, float(state.shift[0]) / goal)
        guess = BulkState(state.model, state.shift / factor, state.r, state.zeta).moved(slope * np.log(factor))
        new, good, iterations = newton_rows(guess, 1e-8, _MOST_NEWTON)
        if good.all():
            change = np.concatenate([np.log(new.r / state.r), np.log(new.zeta / state.zeta)], axis=1)[0]
            state, slope = new, change / np.log(factor)
            factor *= 2
        elif factor < _LEAST_FACTOR:
            message = f"bulk fixed point at D = {goal:.1e}: defect {new.size_of_defect:.1e} after {iterations} steps"
            raise NumericalError(Status.NOT_CONVERGED, message, partial=new)
        else:
            factor = factor**0.5
    return state


def in_smaller_steps(solve: Callable[[float], Result]) -> Result:
    """The result of ``solve`` with the largest arc step for which it succeeds; large steps may miss light parts."""
    for largest in (LARGEST_ARC_STEP, SMALL_ARC_STEP):
        try:
            return solve(largest)
        except NumericalError:
            continue
    return solve(SMALLEST_ARC_STEP)


def find_edge(
    start: Here,
    towards: float,
    largest: float = LARGEST_ARC_STEP,
    in_gap: bool = False,
    outside: Callable[[Here], bool] = _any,
) -> tuple[Here, list[Here]]:
    """Follow a branch to the next fold.

    Parameters
    ----------
    start : Branch
    towards : {-1, 1}
        Whether z falls or rises from the start.
    largest : float
        Arc length of the largest step: a light component of the bulk folds and unfolds within a short one.
    in_gap : bool
        Whether another fold lies behind the start, from which the slope first rises.
    outside : callable
        Whether a solution before the fold can be one outside the bulk.

    Returns
    -------
    edge : Branch
        At the fold; its ``z`` is the edge, to a relative error of about 1e-12.
    path : list of Branch
        The solutions outside the bulk on the way.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when no fold is found.
    """
    functional = start.functional
    functional = functional * (towards * np.sign(start.tangent(functional)[1]))
    walk = _Walk(start, functional, towards, largest, _LARGEST_RISE_IN_GAP if in_gap else _LARGEST_RISE)
    for _ in range(_MAX_STEPS):
        length = walk.next_length()
        moved = walk.here.step(functional, length, walk.tangent)
        tangent = None if moved is None else moved.tangent(functional)
        if moved is None or tangent is None or walk.has_changed_branches(moved, tangent[1], outside):
            if walk.shorten(length) < _LEAST_ARC_SHARE:
                break
            continue
        if abs(tangent[1]) < _FOLD_SLOPE * walk.first_slope:
            return moved, walk.path
        walk.take(moved, tangent, length)
    message = f"no edge of the bulk was found from z = {start.z:.4g}"
    raise NumericalError(Status.NOT_CONVERGED, message, partial=walk.here)


class _Walk(Generic[Here]):
    """The steps along a branch to its next fold, with ``dlog z/ds`` as the slope that vanishes there.

    Parameters
    ----------
    start : Branch
    functional : ndarray
        The arc length s, which grows towards the fold.
    towards : {-1, 1}
        The sign of the slope before the fold.
    largest : float
        Arc length of the largest step.
    largest_rise : float
        A slope that grows by more than this factor has changed branches.

    Attributes
    ----------
    here : Branch
        The last point before the fold.
    tangent : tuple
        The tangent there.
    path : list of Branch
        All points before the fold.
    """

    def __init__(self, start: Here, functional: Array, towards: float, largest: float, largest_rise: float) -> None:
        self._towards, self._largest, self._largest_rise = towards, largest, largest_rise
        self.here, self.tangent, self.path = start, start.tangent(functional), [start]
        self.first_slope = abs(self.tangent[1])
        self._arc, self._beyond = 0.0, np.inf
        self._length, self._longest = largest, LARGEST_ARC_STEP
        self._before: tuple[float, float] | None = None

    def next_length(self) -> float:
        """The length of the next step: to the expected fold, but no further than 99 % of the way to a point beyond it,
        than three times the last step, or than the largest change of z.
        """
        slope = self.tangent[1]
        largest = LARGEST_ARC_STEP if abs(slope) > _FAR_SLOPE * self.first_slope else self._largest
        to_beyond = (self._beyond - self._arc) * 0.99
        return min(self._length, to_beyond, self._longest, largest / max(1.0, abs(slope)))

    def has_changed_branches(self, moved: Here, slope: float, outside: Callable[[Here], bool]) -> bool:
        """Whether a step has missed the fold: up to the only fold the slope falls, and the solution stays outside."""
        ahead = slope * self._towards
        return ahead > self._largest_rise * abs(self.tangent[1]) or (ahead > 0 and not outside(moved))

    def shorten(self, length: float) -> float:
        """Try a third of a step that failed; returns its length."""
        self._length = self._longest = length / 3
        return self._length

    def take(self, moved: Here, tangent: tuple[Array, float], length: float) -> None:
        """Go on to a point before the fold; remember a point beyond it, and go on from the last one before it."""
        place, slope, self._longest = self._arc + length, tangent[1], 3 * length
        aim = _aim((self._before, (self._arc, self.tangent[1]), (place, slope)))
        if slope * self._towards > 0:
            self._before = (self._arc, self.tangent[1])
            self.here, self._arc, self.tangent = moved, place, tangent
            self.path.append(moved)
            self._length = aim - place if aim > place else self._largest
        else:
            self._beyond, self._before = place, (place, slope)
            self._length = aim - self._arc if self._arc < aim < place else length / 2


def _aim(points: tuple[tuple[float, float] | None, ...]) -> float:
    """The place where the slope vanishes: inverse interpolation through the last points (s, slope)."""
    valid = [p for p in points if p is not None]
    total = 0.0
    for i, (s, g) in enumerate(valid):
        for j, (_, other) in enumerate(valid):
            if j != i:
                if other == g:
                    return np.inf
                s = s * other / (other - g)
        total += s
    return total
