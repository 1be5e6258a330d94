"""The stationary point of the pencil's potential: damped iterations, then Newton's method."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.same_samples.pencil import (
    Neurons,
    Population,
    SampleState,
    State,
    gradient_of,
    hessian_of,
    pair_indices,
)

__all__ = ["first_guess", "response", "solve_pencil", "states"]

_ITERATIONS = 400
_SETTLED = 3e-2
_NEWTON = 25
_TOLERANCE = 1e-11
_DAMPING = 0.5


def states(neurons: Neurons, populations: Sequence[Population], state: State, shift: Any) -> list[SampleState]:
    """Every population at a state."""
    return [SampleState(neurons, population, state, shift) for population in populations]


def first_guess(neurons: Neurons, populations: Sequence[Population], shift: float) -> State:
    """Gamma of samples that load nothing but their coupling, zeta one half."""
    nn = neurons
    zeta = np.full(len(nn.weights), 0.5)
    theta, t, mu = nn.blocks
    inverse = np.zeros((nn.size, nn.size))
    inverse[theta, theta] = 2 * np.eye(nn.chi.shape[1])
    inverse[t, mu] = inverse[mu, t] = -nn.samples_per_dim * nn.gradient_share * np.eye(nn.xi.shape[1])
    return State(np.linalg.inv(inverse), zeta)


def _iterated(neurons: Neurons, populations: Sequence[Population], state: State, shift: float) -> State:
    """One undamped iteration of (eq-pencil-fixed)."""
    nn = neurons
    parts = states(nn, populations, state, shift)
    theta, t, mu = nn.blocks
    qinv = np.linalg.inv((nn.chi.T * (nn.weights * state.zeta)) @ nn.chi)
    inverse = np.zeros((nn.size, nn.size))
    inverse[theta, theta] = qinv
    inverse[t, mu] = inverse[mu, t] = -nn.samples_per_dim * nn.gradient_share * np.eye(nn.xi.shape[1])
    by_gain = np.zeros(len(nn.weights))
    for part in parts:
        pop = part.population
        load = pop.mean_over_residuals(part.effective_load)
        by_gain = by_gain - pop.mean_over_residuals(np.einsum("eaa->ea", part.feedback))
        if pop.fitted:
            weighted = (pop.weights * part.r)[..., None] * part.outer
            load = load + weighted.reshape(-1, nn.size).T @ part.outer.reshape(-1, nn.size)
            by_gain = by_gain + pop.mean(part.r[..., None] * part.noise)
        inverse = inverse + nn.samples_per_dim * load
    gamma = np.linalg.inv(inverse)
    # With the Gamma that belongs to this Q: their difference is small beside either.
    middle = qinv - qinv @ gamma[theta, theta] @ qinv
    by_gain = by_gain + np.einsum("ap,pr,ar->a", nn.chi, middle, nn.chi) / nn.samples_per_dim
    return State((gamma + gamma.T) / 2, 1 / (1 + nn.samples_per_neuron * by_gain))


def solve_pencil(
    neurons: Neurons, populations: Sequence[Population], shift: float, start: State | None = None
) -> tuple[State, float]:
    """The solution and its residual, the largest relative change that one more Newton step would make.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``.
    """
    state = start or first_guess(neurons, populations, shift)
    damping = _DAMPING
    for _ in range(_ITERATIONS):
        new = _iterated(neurons, populations, state, shift)
        zeta = np.clip(new.zeta, 0.2 * state.zeta, 1.0)
        change = max(
            np.abs(new.gamma - state.gamma).max() / np.abs(state.gamma).max(), np.abs(np.log(zeta / state.zeta)).max()
        )
        state = State(
            (1 - damping) * state.gamma + damping * new.gamma, state.zeta ** (1 - damping) * zeta**damping
        )
        if change < _SETTLED:
            found = _newton(neurons, populations, shift, state)
            if found is not None:
                return found
    raise NumericalError(Status.NOT_CONVERGED, f"the bulk of reused samples is not found (last change {change:.2g})")


def _newton(
    neurons: Neurons, populations: Sequence[Population], shift: float, state: State
) -> tuple[State, float] | None:
    """None where it does not converge from here."""
    size = np.inf
    for _ in range(_NEWTON):
        parts = states(neurons, populations, state, shift)
        change = _step(neurons, state, parts)
        scale = np.abs(state.gamma).max()
        n_pairs = len(pair_indices(neurons.size)[0])
        last, size = size, max(np.abs(change[:n_pairs]).max() / scale, np.abs(change[n_pairs:]).max())
        if not np.isfinite(size) or size > 2 or (size > 0.5 * last and size > 1e-8):
            return None
        state = state.moved(change)
        if size < _TOLERANCE or size >= 0.3 * last:
            return state, float(size)
    return None


def _step(neurons: Neurons, state: State, parts: list[SampleState]) -> Array:
    return -np.linalg.solve(hessian_of(neurons, state, parts), gradient_of(neurons, state, parts))


def response(neurons: Neurons, state: State, parts: list[SampleState], sides: Array) -> Array:
    """How the solution moves when the potential's gradient changes by ``sides`` (unknowns, S)."""
    return -np.linalg.solve(hessian_of(neurons, state, parts), sides)
