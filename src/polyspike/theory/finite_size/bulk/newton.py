"""Newton in logarithms for the fixed point of the bulk (docs/theory-numerics.md, section 9)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import (
    BulkModel,
    BulkState,
    Linearised,
    jacobian,
    step_seconds,
)
from polyspike.theory.long_work import check_clock, tell

__all__ = ["TOLERANCE", "newton_rows", "positive_states", "solve_bulk"]

TOLERANCE = 2e-11
"""The train and test errors err by some tens of times this, and by more next to the interpolation peak at tiny
ridges.
"""
# Below this the defect is rounding: Newton stops when it no longer falls.
_ROUNDING = 1e-9
_FIRST_ATTEMPT = 32
# An attempt ends when more steps than the first number do not bring the defect down to the second, its share.
_STALLED, _FALLS = 5, 0.9
_MAX_ITERATIONS = 200
# Continuation in D: the first ratio of two shifts, the power by which it grows after at most so many Newton steps, and
# the least ratio.
_SHIFT_RATIO, _GROWTH, _QUICK, _LEAST_RATIO = 10.0, 1.5, 3, 1.2
# A cold start with a larger defect than the first number is brought nearer by at most so many steps of alternation, as
# long as each brings the defect down to the second, its share.
_FAR_OFF, _HELPFUL, _ALTERNATIONS = 3.0, 0.9, 30
# The longest step in the logarithms; and that after so many steps, when only the tails of the grid are far.
_MAX_LOG_STEP, _PATIENCE, _LATE_LOG_STEP = 2.0, 6, 6.0
_HALVINGS = 4
# Of a batch of large shifts, where no alternation is needed: the damped steps before Newton, and its tolerance.
_DAMPED_STEPS_OF_ROWS, _TOLERANCE_OF_ROWS = 3, 1e-11
# A Jacobian is used again while so many further steps, each dividing the defect like the last, reach the tolerance.
_CHORD_STEPS = 3


def solve_bulk(
    model: BulkModel,
    shift: Any,
    start: BulkState | None = None,
    tolerance: float = TOLERANCE,
    nearby: Linearised | None = None,
) -> tuple[BulkState, int]:
    """Solve the fixed point at the shift ``D`` (a number, or one per kappa node).

    Parameters
    ----------
    start : BulkState, optional
        A state of this model at this shift that is near the solution; without one, a damped step from
        ``R = 1/(D + h + |phi|^2)``, ``zeta = 1``, then alternation while that is far off and helps. Where Newton fails
        from there, D is lowered step by step from a size at which it converges.
    nearby : Linearised, optional
        The Jacobian of the start, or of a state near it.

    Returns
    -------
    state : BulkState
    iterations : int

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``, with the residual, the iterations and the last state as ``partial``; ``OUT_OF_RANGE`` where
        the iterates overflow.
    """
    # Iterates may leave the domain on the way; steps are then shortened or given up.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        state, iterations = _newton(start or _start(model, shift), tolerance, _FIRST_ATTEMPT, nearby)
        if _converged(state, tolerance):
            return state, iterations
        most = _MAX_ITERATIONS * step_seconds(model)
        tell(most, "the fixed point of the bulk is far from its start: up to %s more")
        state, more = _lower_shift(model, shift, tolerance)
        if _converged(state, tolerance):
            return state, iterations + more
    if not np.isfinite(state.size_of_defect):
        size = float(np.abs(model.noise_variance).max())
        message = f"features with a variance of up to {size:.0e}: the fixed point of the bulk leaves double precision"
        raise NumericalError(Status.OUT_OF_RANGE, message, partial=state)
    message = f"bulk fixed point: residual {state.size_of_defect:.1e} after {iterations + more} Newton steps"
    raise NumericalError(Status.NOT_CONVERGED, message, partial=state)


def _converged(state: BulkState, tolerance: float) -> bool:
    return bool(state.size_of_defect <= max(tolerance, _ROUNDING))


def _newton(
    state: BulkState, tolerance: float, most: int, linearised: Linearised | None = None
) -> tuple[BulkState, int]:
    """Newton steps until the defect is under the tolerance, or under the rounding and no longer falling, or stalls, or
    is not finite.

    The Jacobian of an earlier step, or ``linearised``, is used again while that is expected to reach the tolerance
    soon.
    """
    last = lowest = np.inf
    stalled = 0
    for iteration in range(most):
        check_clock()
        size = state.size_of_defect
        lowest, stalled = (size, 0) if size < _FALLS * lowest else (lowest, stalled + 1)
        if size <= tolerance or (size <= _ROUNDING and size > last / 4) or not np.isfinite(size) or stalled > _STALLED:
            return state, iteration
        if size / tolerance > (last / size) ** _CHORD_STEPS:
            linearised = None
        last = size
        state, linearised = _next(state, linearised, _MAX_LOG_STEP if iteration < _PATIENCE else _LATE_LOG_STEP)
    return state, most


def _lower_shift(model: BulkModel, shift: Any, tolerance: float) -> tuple[BulkState, int]:
    """Continuation in D from the scale of the features' own variance down, each start extrapolated in logarithms.

    The ratio of two shifts grows where Newton is quick and shrinks where it fails, which ends at the least ratio.
    """
    natural = float((model.sample_weights @ (model.noise_variance + 1)) @ model.neuron_weights)
    factor, ratio = max(1.0, natural / float(np.abs(shift).min())), _SHIFT_RATIO
    state, total = _newton(_start(model, shift * factor), tolerance, _FIRST_ATTEMPT)
    slope = np.zeros(len(state.r) + len(state.zeta))
    while factor > 1 and total < _MAX_ITERATIONS and np.isfinite(state.size_of_defect):
        step = min(ratio, factor)
        guess = BulkState(model, shift * (factor / step), state.r, state.zeta).moved(-slope * np.log(step))
        new, iterations = _newton(guess, tolerance, 8)
        total += max(iterations, 1)  # a start that is not finite takes none
        if not _converged(new, tolerance):
            if ratio <= _LEAST_RATIO:
                break
            ratio = max(_LEAST_RATIO, step**0.5)
            continue
        ratio = ratio**_GROWTH if iterations <= _QUICK else ratio
        moved = np.concatenate([np.log(new.r / state.r), np.log(new.zeta / state.zeta)])
        slope, factor, state = -moved / np.log(step), factor / step, new
    return state if factor <= 1 else BulkState(model, shift, state.r, state.zeta), total


def _start(model: BulkModel, shift: Any) -> BulkState:
    state = BulkState(model, shift, _first_r(model, shift), np.ones(len(model.neuron_weights))).damped()
    for _ in range(_ALTERNATIONS):
        if state.size_of_defect <= _FAR_OFF:
            break
        nearer = state.alternated()
        if not nearer.size_of_defect < _HELPFUL * state.size_of_defect:
            break
        state = nearer
    return state


def _first_r(model: BulkModel, shift: Any) -> Any:
    """``1/(D + h + |phi|^2)`` at ``zeta = 1``, shape (..., K)."""
    return 1 / (shift + model.noise_variance @ model.neuron_weights + (model.phi**2).sum(axis=1))


def _next(state: BulkState, linearised: Linearised | None, longest: float) -> tuple[BulkState, Linearised | None]:
    """A Newton step, limited to a change of the logarithms by ``longest`` and halved until the defect falls; a step of
    alternation where there is no Newton step or where halving fails.
    """
    try:
        linearised = linearised or Linearised(state)
        step = -linearised.solve(state.defect)
    except (NumericalError, np.linalg.LinAlgError):
        return state.alternated(), None
    largest = float(np.abs(step).max())
    if not np.isfinite(largest):
        return state.alternated(), None
    if largest > longest:
        step *= longest / largest
    size = state.size_of_defect
    for _ in range(_HALVINGS):
        new = state.moved(step)
        if new.size_of_defect < size or size <= _ROUNDING:
            return new, linearised
        step = step / 2
    return state.alternated(), None


def newton_rows(state: BulkState, tolerance: float, most: int) -> tuple[BulkState, NDArray[np.bool_], int]:
    """Newton on a batch of shifts, each row on its own; the rows that converged, and the number of iterations."""
    r, zeta = state.r.copy(), state.zeta.copy()
    rows = np.arange(len(r))
    part = BulkState(state.model, state.shift, r, zeta)
    for iteration in range(most + 1):
        check_clock()
        open_rows = ~(np.abs(part.defect).max(axis=1) <= tolerance)
        if not open_rows.any() or iteration == most:
            break
        # Rows that have converged are iterated with the others until they are more than half of all.
        if 2 * open_rows.sum() < len(rows):
            rows, open_rows = rows[open_rows], open_rows[open_rows]
            part = BulkState(state.model, state.shift[rows], r[rows], zeta[rows])
        part = part.moved(_steps_of_rows(part))
        r[rows], zeta[rows] = part.r, part.zeta
    good = np.ones(len(r), dtype=bool)
    good[rows[open_rows]] = False
    return BulkState(state.model, state.shift, r, zeta), good, iteration


def _steps_of_rows(state: BulkState) -> Any:
    """Newton steps of a batch, each limited in its change of the logarithms; none from a point outside the domain."""
    defect = state.defect
    sound = np.isfinite(defect).all(axis=1)
    step = np.zeros_like(defect)
    if sound.any():
        inside = state if sound.all() else BulkState(state.model, state.shift[sound], state.r[sound], state.zeta[sound])
        step[sound] = -np.linalg.solve(jacobian(inside), inside.defect[..., None])[..., 0]
    largest = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1.0, _MAX_LOG_STEP / np.maximum(largest, 1e-300))


def positive_states(model: BulkModel, shift: Array) -> BulkState:
    """Solutions at positive shifts D (n,) of at least the variance of the features, by damped steps and Newton.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``, possibly at smaller shifts.
    """
    state = BulkState(model, shift, _first_r(model, shift[:, None]), np.ones((len(shift), len(model.neuron_weights))))
    for _ in range(_DAMPED_STEPS_OF_ROWS):
        state = state.damped()
    state, good, iterations = newton_rows(state, _TOLERANCE_OF_ROWS, 30)
    if not good.all():
        message = f"bulk fixed point at large shifts: defect {state.size_of_defect:.1e} after {iterations} steps"
        raise NumericalError(Status.NOT_CONVERGED, message, partial=state)
    return state
