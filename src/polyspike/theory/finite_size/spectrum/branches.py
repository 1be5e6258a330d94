"""Real solutions of the bulk outside its support, followed up to its edges (docs/theory-finite-size.md, section 6).

At a real z outside the bulk's support the fixed point with ``D = -z`` has a real solution (R and zeta may be negative
there). Along that branch ``log R``, ``log zeta`` and ``log z`` are smooth functions of an arc length s. Towards the
bulk the branch folds: z has an extremum in s, where the Jacobian of the fixed-point map is singular. There R has a
square-root singularity in z, and the density begins: the fold is the edge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState, jacobian

__all__ = [
    "LARGEST_ARC_STEP",
    "Branch",
    "above",
    "below",
    "find_edge",
    "in_smaller_steps",
    "newton_rows",
    "positive_states",
]

Result = TypeVar("Result")

_TOLERANCE = 1e-11
_LARGEST_LOG_STEP = 2.0
LARGEST_ARC_STEP, SMALL_ARC_STEP, SMALLEST_ARC_STEP = 1.2, 0.1, 0.03
# A step whose prediction needs more correction than this share of it may have left its branch.
_LARGEST_CORRECTION = 0.35
_MAX_STEPS = 120
# A lower edge is looked for down to this share of the features' variance; where they have no noise, from this share on.
_LEAST_EDGE, _LEAST_NOISE = 1e-13, 1e-2
_MOST_NEWTON, _LEAST_FACTOR = 10, 1.02
# Far from the bulk, where the slope is this share of the first, steps are large in any case.
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


def newton_rows(state: BulkState, tolerance: float, most: int) -> tuple[BulkState, NDArray[np.bool_], int]:
    """Newton on a batch of shifts, each row on its own; the rows that converged, and the number of iterations."""
    r, zeta = state.r.copy(), state.zeta.copy()
    left = np.arange(len(r))
    part = BulkState(state.model, state.shift, r, zeta)
    for iteration in range(most + 1):
        open_rows = ~(np.abs(part.defect).max(axis=1) <= tolerance)
        if not open_rows.any() or iteration == most:
            break
        # Rows that are done go on with the others until they are the most of them.
        if 2 * open_rows.sum() < len(left):
            left, open_rows = left[open_rows], open_rows[open_rows]
            part = BulkState(state.model, state.shift[left], r[left], zeta[left])
        part = part.moved(_newton_step(part))
        r[left], zeta[left] = part.r, part.zeta
    good = np.ones(len(r), dtype=bool)
    good[left[open_rows]] = False
    return BulkState(state.model, state.shift, r, zeta), good, iteration


def _newton_step(state: BulkState) -> Any:
    """Newton steps of a batch, each shortened to what the logarithms bear; none from a point outside the domain."""
    defect = state.defect
    sound = np.isfinite(defect).all(axis=1)
    step = np.zeros_like(defect)
    if sound.any():
        inside = state if sound.all() else BulkState(state.model, state.shift[sound], state.r[sound], state.zeta[sound])
        step[sound] = -np.linalg.solve(jacobian(inside), inside.defect[..., None])[..., 0]
    largest = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1.0, _LARGEST_LOG_STEP / np.maximum(largest, 1e-300))


def positive_states(model: BulkModel, shift: Array) -> BulkState:
    """Solutions at positive shifts D of at least the features' own variance, where damped steps and Newton suffice."""
    natural = model.noise_variance @ model.neuron_weights + (model.phi**2).sum(axis=1)
    state = BulkState(model, shift, 1 / (shift[:, None] + natural), np.ones((len(shift), len(model.neuron_weights))))
    for _ in range(3):
        state = state.moved(-0.5 * state.defect)
    state, good, iterations = newton_rows(state, _TOLERANCE, 30)
    if not good.all():
        message = f"bulk fixed point at large shifts: defect {state.size_of_defect:.1e} after {iterations} steps"
        raise NumericalError(Status.NOT_CONVERGED, message, partial=state)
    return state


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
    if not (good.all() and (state.r < 0).all() and (state.zeta > 0).all()):
        raise NumericalError(Status.NOT_CONVERGED, f"no solution of the bulk above z = {z:.3g}", partial=state)
    return Branch(BulkState(model, -z, state.r[0], state.zeta[0]), float(np.log(z)))


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
    """The solution at a smaller positive shift, by factors that Newton bears, starts extrapolated in logarithms."""
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
    """What ``solve`` makes of the largest arc step with which it succeeds: large ones may pass light components by."""
    for largest in (LARGEST_ARC_STEP, SMALL_ARC_STEP):
        try:
            return solve(largest)
        except NumericalError:
            continue
    return solve(SMALLEST_ARC_STEP)


def find_edge(
    start: Branch, towards: float, largest: float = LARGEST_ARC_STEP, in_gap: bool = False
) -> tuple[Branch, list[Branch]]:
    """Follow a branch to the next fold.

    Parameters
    ----------
    start : Branch
    towards : {-1, 1}
        Whether z falls or rises from the start.
    largest : float
        SolvedInterval length of the largest step: a light component of the bulk folds and unfolds within a short one.
    in_gap : bool
        Whether another fold lies behind the start, from which the slope first rises.

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
    rise = _LARGEST_RISE_IN_GAP if in_gap else _LARGEST_RISE
    tangent = start.tangent(functional)
    arc, slope = 0.0, tangent[1]
    here, path, length = start, [start], largest
    first, before, beyond, bearable = abs(slope), None, np.inf, LARGEST_ARC_STEP
    for _ in range(_MAX_STEPS):
        most = LARGEST_ARC_STEP if abs(slope) > _FAR_SLOPE * first else largest
        length = min(length, (beyond - arc) * 0.99, bearable, most / max(1.0, abs(slope)))
        moved = here.step(functional, length, tangent)
        ahead = None if moved is None else moved.tangent(functional)
        new = np.nan if ahead is None else ahead[1]
        # Towards the only fold the slope falls: where it does not, the step has gone over the fold to elsewhere.
        if moved is None or ahead is None or new * towards > rise * abs(slope):
            length = bearable = length / 3
            if length < _LEAST_ARC_SHARE:
                break
            continue
        place, bearable = arc + length, 3 * length
        if abs(new) < _FOLD_SLOPE * first:
            return moved, path
        aim = _aim((before, (arc, slope), (place, new)))
        before = (arc, slope)
        if new * towards > 0:
            here, arc, slope, tangent = moved, place, new, ahead
            path.append(here)
            length = aim - arc if aim > arc else largest
        else:
            # Beyond the fold: the branch before it stays the base.
            beyond = place
            before = (place, new)
            length = aim - arc if arc < aim < place else length / 2
    raise NumericalError(Status.NOT_CONVERGED, f"no edge of the bulk was found from z = {start.z:.4g}", partial=here)


def _aim(points: Any) -> float:
    """Where the slope vanishes: inverse interpolation through the last points (s, slope)."""
    known = [p for p in points if p is not None]
    total = 0.0
    for i, (s, g) in enumerate(known):
        for j, (_, other) in enumerate(known):
            if j != i:
                if other == g:
                    return np.inf
                s = s * other / (other - g)
        total += s
    return total
