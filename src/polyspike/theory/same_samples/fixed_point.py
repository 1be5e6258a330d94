"""The stationary point of the pencil's potential: extrapolated iterations, then Newton's method."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import get_lapack_funcs

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.same_samples.hessian import hessian_of
from polyspike.theory.same_samples.mirror import MirroredJacobian
from polyspike.theory.same_samples.pencil import (
    Neurons,
    SamplePopulation,
    SampleState,
    State,
    gradient_of,
    q_inverse,
)
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = ["PencilSolution", "first_guess", "response", "solve_pencil", "states"]

_ITERATIONS = 1500
# Newton's method is tried from the first change below this. Its matrix costs more than ten iterations, so that where
# so many of them still gain this factor they go on to where one step is left. It is tried again at each change that is
# so much smaller.
_SETTLED, _FEW, _GAINING, _ENOUGH, _NEXT_TRY = 1e-4, 4, 0.2, 1e-8, 0.1
_SETTLED_OF_FEW_LATENTS = 0.03
_NEWTON = 25
# Where a step is that small, its square is rounding; the matrix before it, with which the errors are found, is not yet.
_TOLERANCE, _TOLERANCE_OF_FEW_LATENTS = 1e-7, 1e-9
_DAMPING = 0.5
# Iterations before the others are extrapolated from so many of them (Anderson), damped ones where the guess is crude,
# and those after which the extrapolation begins anew where it has not converged.
_BEGINNING, _MEMORY, _RESTART = 2, 6, 40
# Newton's steps change no factor of Gamma by more than this; after the first few each must be half of the one before at
# most, and the first no longer than the last.
_FAR, _LONG_STEPS = 0.9, 4
_NEAR, _NEARBY, _FEW_LATENTS = 0.5, 0.2, 8
# Steps more that each of Newton's matrices makes, where they gain.
_CHORDS = 2
_LEAST_SQUARES, _LEAST_SINGULAR, _WORK = get_lapack_funcs("gelsy"), 1e-10, 64


class PencilSolution(NamedTuple):
    """The solved bulk.

    Attributes
    ----------
    state : State
    residual : float
        The relative size of the last Newton step.
    steps : int
        The number of Newton steps.
    matrix : FactorisedJacobian
        Newton's, before the last step.
    """

    state: State
    residual: float
    steps: int
    matrix: FactorisedJacobian


def states(neurons: Neurons, populations: Sequence[SamplePopulation], state: State, shift: Any) -> list[SampleState]:
    """Every population at a state."""
    return [SampleState(neurons, population, state, shift) for population in populations]


def solve_pencil(
    neurons: Neurons,
    populations: Sequence[SamplePopulation],
    shift: float,
    start: State | None = None,
    guess: State | None = None,
) -> PencilSolution:
    """The solution at a shift.

    Parameters
    ----------
    start : State, optional
        A solution nearby, from which Newton's method is tried first.
    guess : State, optional
        Where the iterations begin; the start, or :func:`first_guess`, by default.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``.
    """
    if start is not None:
        found = _newton(neurons, populations, shift, start)
        if found is not None:
            return found
    few = neurons.size <= _FEW_LATENTS
    state = guess or start or first_guess(neurons, populations)
    next_try = _SETTLED_OF_FEW_LATENTS if few else _SETTLED
    if guess is not None:
        for _ in range(_BEGINNING):
            state = _iterated(neurons, populations, state, shift)
    past, changes = _Past(len(state.gamma), _BEGINNING if guess is None else 0), [np.inf] * _FEW
    for count in range(_ITERATIONS):
        state, change = past.next(neurons, populations, shift, state, count)
        changes.append(change)
        if change < next_try and (few or not _ENOUGH < change < _GAINING * changes[-1 - _FEW]):
            next_try = _NEXT_TRY * change
            found = _newton(neurons, populations, shift, state)
            if found is not None:
                return found
    message = f"the bulk of the reused samples is not found after {_ITERATIONS} iterations (last change {change:.2g})"
    raise NumericalError(Status.NOT_CONVERGED, message)


class _Past:
    """The last iterates and their changes, from which the next is extrapolated."""

    def __init__(self, size: int, damped: int) -> None:
        self._damped = damped
        self._pairs = pair_indices(size)
        self._forget()

    def _forget(self) -> None:
        self._last: tuple[Array, Array] | None = None
        self._points: list[Array] = []
        self._turns: list[Array] = []

    def next(
        self, nn: Neurons, populations: Sequence[SamplePopulation], shift: float, state: State, count: int
    ) -> tuple[State, float]:
        """The iterate after a state, and how far the damped one is from it."""
        damped, change = _damped(nn, populations, state, shift)
        if count % _RESTART == 0:
            self._forget()
        if count % _RESTART < (self._damped or (count >= _RESTART) * _BEGINNING):
            return damped, change
        there = damped.unknowns
        moved = there - state.unknowns
        last, self._last = self._last, (there, moved)
        if last is None:
            return damped, change
        memory = min(_MEMORY, len(moved))
        self._points = [*self._points, there - last[0]][-memory:]
        self._turns = [*self._turns, moved - last[1]][-memory:]
        found = self._state(there - self._shares(moved) @ np.array(self._points), len(state.gamma))
        sound = bool(
            np.isfinite(found.zeta).all() and (found.zeta <= 1).all() and (found.zeta > 0.2 * state.zeta).all()
        )
        return (found if sound else damped), change

    def _shares(self, moved: Array) -> Array:
        """Of the last turns in the last change, by least squares."""
        count = len(self._turns)
        places, work = np.zeros(count, dtype=np.int32), _WORK * (count + 1)
        found = _LEAST_SQUARES(np.array(self._turns).T, moved, places, _LEAST_SINGULAR, work, overwrite_a=True)
        return np.asarray(found[1][:count])

    def _state(self, flat: Array, size: int) -> State:
        gamma, count = np.empty((size, size)), len(self._pairs[0])
        gamma[self._pairs] = flat[:count]
        gamma[self._pairs[::-1]] = flat[:count]
        # Beyond 1 the extrapolation is unsound, however far.
        return State(gamma, np.exp(np.minimum(flat[count:], 1.0)))


def first_guess(nn: Neurons, populations: Sequence[SamplePopulation], zeta: Array | None = None) -> State:
    """Gamma of samples that the fit does not see: their coupling, Q, and the moves' covariance; zeta is one half where
    it is not given.
    """
    guess = State(np.zeros((nn.size, nn.size)), np.full(len(nn.weights), 0.5) if zeta is None else zeta)
    theta, t, _ = nn.blocks
    inverse = _coupling(nn)
    inverse[theta, theta] = q_inverse(nn, guess)
    gamma = np.linalg.inv(inverse)
    energy = sum(part.mean_over_residuals(part.residual**2) for part in populations)
    moves = (nn.xi.T * (nn.weights * guess.zeta)) @ nn.xi
    gamma[t, t] = nn.noise_energy * energy / (nn.samples_per_dim * nn.gradient_share**2) * moves
    return State(gamma, guess.zeta)


def _coupling(nn: Neurons) -> Array:
    """``P/d`` without its part on theta."""
    _, t, mu = nn.blocks
    out = np.zeros((nn.size, nn.size))
    out[t, mu] = out[mu, t] = -nn.samples_per_dim * nn.gradient_share * np.eye(nn.xi.shape[1])
    return out


def _damped(nn: Neurons, populations: Sequence[SamplePopulation], state: State, shift: float) -> tuple[State, float]:
    """Half way to the next iterate, and how far that is."""
    new = _iterated(nn, populations, state, shift)
    zeta = np.clip(new.zeta, 0.2 * state.zeta, 1.0)
    by_gamma = np.abs(new.gamma - state.gamma).max() / np.abs(state.gamma).max()
    change = max(float(by_gamma), float(np.abs(np.log(zeta / state.zeta)).max()))
    gamma = (1 - _DAMPING) * state.gamma + _DAMPING * new.gamma
    return State(gamma, state.zeta ** (1 - _DAMPING) * zeta**_DAMPING), change


def _iterated(nn: Neurons, populations: Sequence[SamplePopulation], state: State, shift: float) -> State:
    """One undamped iteration of (eq-pencil-fixed)."""
    theta = nn.blocks[0]
    qinv = q_inverse(nn, state)
    inverse = _coupling(nn)
    inverse[theta, theta] += qinv
    by_gain = np.zeros(len(nn.weights))
    for part in states(nn, populations, state, shift):
        inverse += nn.samples_per_dim * part.mean_load
        by_gain += part.mean_by_gain
    gamma = np.linalg.inv(inverse)
    # With the Gamma that belongs to this Q: their difference is small beside either.
    middle = qinv - qinv @ gamma[theta, theta] @ qinv
    by_gain += ((nn.chi @ middle) * nn.chi).sum(axis=1) / nn.samples_per_dim
    return State((gamma + gamma.T) / 2, 1 / (1 + nn.samples_per_neuron * by_gain))


def _newton(nn: Neurons, populations: Sequence[SamplePopulation], shift: float, state: State) -> PencilSolution | None:
    """None where it does not converge from here, meets a singular matrix, or begins with a step that is not short: an
    extrapolated state may be far out, and there are other stationary points.
    """
    size = np.inf
    tolerance = _TOLERANCE_OF_FEW_LATENTS if nn.size <= _FEW_LATENTS else _TOLERANCE
    for step in range(_NEWTON):
        parts = states(nn, populations, state, shift)
        try:
            matrix = _jacobian(nn, state, parts)
        except NumericalError:
            return None
        for chord in range(1 + _CHORDS):
            change = -matrix.solve(gradient_of(nn, state, parts))
            last, size = size, _size_of(change, state)
            if chord and not size < _GAINING * last:
                break
            if not np.isfinite(size) or (step == 0 and size > _NEARBY) or (size > _NEAR * last and step > _LONG_STEPS):
                return None
            state = _moved_inverse(state, change, 1.0 if shift > 0 else np.inf)
            if size < tolerance:
                break
            parts = states(nn, populations, state, shift)
        if size < tolerance and not chord:
            return PencilSolution(state, size, step + 1, matrix)
    return None


def _size_of(change: Array, state: State) -> float:
    """Of a step, relative."""
    n_pairs = len(pair_indices(len(state.gamma))[0])
    by_gamma = np.abs(change[:n_pairs]).max() / np.abs(state.gamma).max()
    return max(float(by_gamma), float(np.abs(change[n_pairs:]).max()))


def _moved_inverse(state: State, change: Array, largest_zeta: float) -> State:
    """The step by which the inverse of Gamma and of zeta, in which the equations are nearly linear, move as far.

    At positive shifts zeta is one at most; at negative ones, above the spectrum, it is larger.
    """
    gamma = state.gamma
    i, j = pair_indices(len(gamma))
    step = np.empty_like(gamma)
    step[i, j] = step[j, i] = change[: len(i)]
    by_log = change[len(i) :]
    factors, of_zeta = np.linalg.solve(gamma, step), float(np.abs(by_log).max())
    # No eigenvalue is larger than the norm, and few steps are long.
    norm = float(np.linalg.norm(factors))
    of_gamma = norm if norm <= _FAR else float(np.abs(np.linalg.eigvals(factors)).max())
    kept = _FAR / max(of_gamma, of_zeta, _FAR)
    moved = gamma @ np.linalg.solve(gamma - kept * step, gamma)
    return State((moved + moved.T) / 2, np.minimum(state.zeta / (1 - kept * by_log), largest_zeta))


def response(
    neurons: Neurons,
    state: State,
    parts: Sequence[SampleState],
    sides: Array,
    matrix: FactorisedJacobian | None = None,
) -> Array:
    """How the solution moves when the potential's gradient changes by ``sides`` (unknowns,) or (unknowns, S).

    ``matrix`` is that of :class:`PencilSolution`, where it is known.
    """
    known = matrix or _jacobian(neurons, state, parts)
    return np.asarray(-known.solve(sides))


def _jacobian(nn: Neurons, state: State, parts: Sequence[SampleState]) -> FactorisedJacobian:
    matrix = hessian_of(nn, state, parts)
    return FactorisedJacobian(matrix, state) if nn.mirror is None else MirroredJacobian(matrix, state, nn.mirror)
