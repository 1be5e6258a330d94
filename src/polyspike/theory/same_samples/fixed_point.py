"""The stationary point of the pencil's potential: extrapolated iterations, then Newton's method."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import get_lapack_funcs

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.long_work import check_clock
from polyspike.theory.same_samples.hessian import hessian_of
from polyspike.theory.same_samples.mirror import MirroredJacobian
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation, State, q_inverse
from polyspike.theory.same_samples.potential import gradient_of
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.small_matrices import inverse, solved
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, upper

__all__ = ["PencilSolution", "first_guess", "response", "solve_pencil", "states"]

_ITERATIONS = 1500
# Newton's method is tried from the first change below this. Its matrix costs more than ten iterations, so that where
# so many of them still gain this factor they go on to where one step is left. It is tried again at each change that is
# so much smaller.
_SETTLED, _FEW, _GAINING, _ENOUGH, _NEXT_TRY = 1e-4, 4, 0.2, 1e-8, 0.1
_SETTLED_OF_FEW_LATENTS = 0.03
_NEWTON = 25
# Where a step is that small, its square is rounding; the matrix before it, with which the errors are found, is not yet.
_TOLERANCE, _TOLERANCE_OF_FEW_LATENTS = 1e-7, 1e-8
# Iterations before the others are extrapolated, in the inverses of Gamma and of zeta, from so many of them (Anderson),
# more where the guess is crude; and those after which the extrapolation begins anew where it has not converged.
_BEGINNING, _OF_CRUDE, _MEMORY, _RESTART = 2, 3, 4, 20
# An extrapolated zeta is no smaller than this share of the one before.
_LEAST_SHARE = 0.2
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
        found = _newton(neurons, populations, shift, neurons.symmetric(start))
        if found is not None:
            return found
    few = neurons.size <= _FEW_LATENTS
    next_try = _SETTLED_OF_FEW_LATENTS if few else _SETTLED
    past = _Past(guess or start or first_guess(neurons, populations), _OF_CRUDE if guess is None else _BEGINNING)
    changes = [np.inf] * _FEW
    for _ in range(_ITERATIONS):
        check_clock()
        state, change = past.next(neurons, populations, shift)
        changes.append(change)
        if change < next_try and (few or not _ENOUGH < change < _GAINING * changes[-1 - _FEW]):
            next_try = _NEXT_TRY * change
            found = _newton(neurons, populations, shift, state)
            if found is not None:
                return found
    message = f"the bulk of the reused samples is not found after {_ITERATIONS} iterations (last change {change:.2g})"
    raise NumericalError(Status.NOT_CONVERGED, message)


class _Past:
    """A state, and the last iterates and their changes, from which the next is extrapolated."""

    def __init__(self, state: State, beginning: int) -> None:
        self._beginning, self._count = beginning, 0
        self._state, self._inverses = state, state.inverses
        self._plain: tuple[State, Array] | None = None
        self._forget()

    def _forget(self) -> None:
        self._last: tuple[Array, Array] | None = None
        self._points: list[Array] = []
        self._turns: list[Array] = []

    def next(self, nn: Neurons, populations: Sequence[SamplePopulation], shift: float) -> tuple[State, float]:
        """The iterate of the last state, and how far it is from that; the next one is begun from an extrapolation."""
        iterate, inverses, sound = _iterated(nn, populations, self._state, shift)
        if not sound and self._plain is not None:
            # There are stationary points with negative R: the extrapolation went too far.
            self._forget()
            self._state, self._inverses = self._plain
            iterate, inverses, _ = _iterated(nn, populations, self._state, shift)
        before, moved = self._state, inverses - self._inverses
        change = _distance(before, iterate)
        if self._count % _RESTART == 0:
            self._forget()
        self._state, self._inverses = self._plain = iterate, inverses
        if self._count % _RESTART >= self._beginning - 1:
            self._extrapolate(inverses, moved, before)
        self._count += 1
        return iterate, change

    def _extrapolate(self, there: Array, moved: Array, before: State) -> None:
        """Along the last iterates, ``there`` being the latest, by which what is left of their changes is least."""
        last, self._last = self._last, (there, moved)
        if last is None:
            return
        memory = min(_MEMORY, len(moved))
        self._points = [*self._points, there - last[0]][-memory:]
        self._turns = [*self._turns, moved - last[1]][-memory:]
        inverses = there - self._shares(moved) @ np.array(self._points)
        over_zeta = inverses[-len(before.zeta) :]
        # Beyond these the extrapolation is unsound.
        if (over_zeta >= 1).all() and (over_zeta * before.zeta < 1 / _LEAST_SHARE).all():
            self._state, self._inverses = State.of_inverses(inverses, len(before.gamma)), inverses

    def _shares(self, moved: Array) -> Array:
        """Of the last turns in the last change, by least squares."""
        count = len(self._turns)
        places, work = np.zeros(count, dtype=np.int32), _WORK * (count + 1)
        found = _LEAST_SQUARES(np.array(self._turns).T, moved, places, _LEAST_SINGULAR, work, overwrite_a=True)
        return np.asarray(found[1][:count])


def first_guess(nn: Neurons, populations: Sequence[SamplePopulation], zeta: Array | None = None) -> State:
    """Gamma of samples that the fit does not see: their coupling, Q, and the moves' covariance; zeta is one half where
    it is not given.
    """
    guess = State(np.zeros((nn.size, nn.size)), np.full(len(nn.weights), 0.5) if zeta is None else zeta)
    theta, t, _ = nn.blocks
    over_gamma = nn.samples_per_dim * nn.coupling
    over_gamma[theta, theta] = q_inverse(nn, guess)
    gamma = inverse(over_gamma)
    energy = sum(part.energy for part in populations)
    moves = (nn.xi.T * (nn.weights * guess.zeta)) @ nn.xi
    gamma[t, t] = nn.noise_energy * energy / (nn.samples_per_dim * nn.gradient_share**2) * moves
    return State(gamma, guess.zeta)


def _distance(state: State, other: State) -> float:
    """The largest change of Gamma, relative to its largest element, or of log zeta."""
    by_gamma = np.abs(other.gamma - state.gamma).max() / np.abs(state.gamma).max()
    return max(float(by_gamma), float(np.abs(np.log(other.zeta / state.zeta)).max()))


def _iterated(
    nn: Neurons, populations: Sequence[SamplePopulation], state: State, shift: float
) -> tuple[State, Array, bool]:
    """One iteration of (eq-pencil-fixed): the state, its inverses, and whether R is positive before it where the shift
    is.
    """
    theta, qinv = nn.blocks[0], q_inverse(nn, state)
    load, by_gain, sound = nn.coupling, 0.0, True
    for part in states(nn, populations, state, shift):
        load, by_gain = load + part.mean_load, by_gain + part.mean_by_gain
        sound = sound and not (shift > 0 and part.population.fitted and part.r.min() <= 0)
    over_gamma = nn.samples_per_dim * load
    over_gamma[theta, theta] += qinv
    gamma = inverse(over_gamma)
    # With the Gamma that belongs to this Q: their difference is small beside either.
    middle = qinv - qinv @ gamma[theta, theta] @ qinv
    by_gain = by_gain + ((nn.chi @ middle) * nn.chi).sum(axis=1) / nn.samples_per_dim
    over_zeta = np.minimum(np.maximum(1 + nn.samples_per_neuron * by_gain, 1.0), 1 / (_LEAST_SHARE * state.zeta))
    return State((gamma + gamma.T) / 2, 1 / over_zeta), np.concatenate([upper(over_gamma), over_zeta]), sound


def _newton(nn: Neurons, populations: Sequence[SamplePopulation], shift: float, state: State) -> PencilSolution | None:
    """None where it does not converge from here, meets a singular matrix, or begins with a step that is not short: an
    extrapolated state may be far out, and there are other stationary points.
    """
    size = np.inf
    tolerance = _TOLERANCE_OF_FEW_LATENTS if nn.size <= _FEW_LATENTS else _TOLERANCE
    for step in range(_NEWTON):
        check_clock()
        parts = states(nn, populations, state, shift)
        gradient = gradient_of(nn, state, parts)
        try:
            matrix = _jacobian(nn, state, parts, gradient)
        except NumericalError:
            return None
        for chord in range(1 + _CHORDS):
            change = -matrix.solve(gradient)
            last, size = size, _size_of(change, state)
            if chord and not size < _GAINING * last:
                break
            if not np.isfinite(size) or (step == 0 and size > _NEARBY) or (size > _NEAR * last and step > _LONG_STEPS):
                return None
            state = _moved_inverse(state, change, 1.0 if shift > 0 else np.inf)
            if size < tolerance or chord == _CHORDS:
                break
            gradient = gradient_of(nn, state, states(nn, populations, state, shift))
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
    factors, of_zeta = state.inverse @ step, float(np.abs(by_log).max())
    # No eigenvalue is larger than the norm, and few steps are long.
    norm = float(np.linalg.norm(factors))
    of_gamma = norm if norm <= _FAR else float(np.abs(np.linalg.eigvals(factors)).max())
    kept = _FAR / max(of_gamma, of_zeta, _FAR)
    moved = gamma @ solved(gamma - kept * step, gamma)
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


def _jacobian(
    nn: Neurons, state: State, parts: Sequence[SampleState], gradient: Array | None = None
) -> FactorisedJacobian:
    matrix = hessian_of(nn, state, parts, gradient)
    return FactorisedJacobian(matrix, state) if nn.mirror is None else MirroredJacobian(matrix, state, nn.mirror)
