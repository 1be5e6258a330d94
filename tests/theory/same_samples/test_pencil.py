"""The potential of the pencil: derivatives against each other, and its stationary point against a drawn saddle."""

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.fixed_point import states
from polyspike.theory.same_samples.hessian import hessian_of
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation, State, spread
from polyspike.theory.same_samples.potential import gradient_of
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

READOUTS, P, Q = 4, 3, 2


def drawn(seed: int, cross: float) -> tuple[Neurons, list[SamplePopulation], State]:
    """A pencil of random numbers, the samples of one population for both stages, of another for the gradient only."""
    rng = np.random.default_rng(seed)
    chi = rng.normal(size=(READOUTS, P))
    xi = chi[:, :Q].copy() if cross else rng.normal(size=(READOUTS, Q))
    neurons = Neurons(np.full(READOUTS, 0.25), chi, xi, 0.3, cross * np.eye(Q, P), 3.0, 1.3, 1.0)
    weights = rng.random((5, 3))
    one = SamplePopulation(
        weights / weights.sum(),
        0.7 * rng.normal(size=5),
        1 + rng.normal(size=(5, 3, P)),
        0.3 * rng.normal(size=(5, 3, Q)),
        0.3 * rng.normal(size=(5, 3, READOUTS)),
        rng.random((5, 3, READOUTS)),
    )
    nothing = np.zeros((5, 3, READOUTS))
    other = SamplePopulation(one.weights, 0.5 * one.residual, 0 * one.along_w, 0 * one.along_t, nothing, nothing, False)
    gamma = 0.1 * rng.normal(size=(P + 2 * Q,) * 2)
    state = State(gamma + gamma.T - 0.5 * np.eye(P + 2 * Q), rng.random(READOUTS))
    return neurons, [one, other], state


def gradient(case: tuple[Neurons, list[SamplePopulation], State], state: State) -> Array:
    return np.asarray(gradient_of(case[0], state, states(case[0], case[1], state, 0.1)))


def potential(case: tuple[Neurons, list[SamplePopulation], State], state: State) -> complex:
    """(eq-pencil-potential), with the determinants as they stand."""
    nn = case[0]
    theta, t, mu = nn.blocks
    q = (nn.chi.T * (nn.weights * state.zeta)) @ nn.chi
    coupling = np.zeros((nn.size, nn.size), complex)
    coupling[theta, theta] = np.linalg.inv(q)
    coupling[t, mu] = coupling[mu, t] = -nn.samples_per_dim * nn.gradient_share * np.eye(Q)
    value = np.trace(state.gamma @ coupling) - np.log(np.linalg.det(state.gamma + 0j)) + np.log(np.linalg.det(q))
    value = value / nn.samples_per_dim
    value = value + (nn.weights * (state.zeta - np.log(state.zeta))).sum() / nn.samples_per_neuron
    for part in states(nn, case[1], state, 0.1):
        load = np.log(np.linalg.det(np.eye(nn.size) + state.gamma @ spread(nn, part.load)) + 0j)
        value = value + part.population.mean_over_residuals(load)
        if part.population.fitted:
            value = value - part.population.mean(np.log(part.r + 0j))
    return complex(value)


@pytest.mark.parametrize("cross", [0.0, 0.7])
@pytest.mark.parametrize("seed", [0, 1])
def test_newtons_matrix_is_the_derivative_of_the_gradient(seed: int, cross: float) -> None:
    case = drawn(seed, cross)
    neurons, populations, state = case
    matrix = hessian_of(neurons, state, states(neurons, populations, state, 0.1))
    numerical = np.stack(
        [gradient(case, state.moved(1e-30j * direction)).imag / 1e-30 for direction in np.eye(len(matrix))], axis=1
    )
    assert np.allclose(matrix, numerical, rtol=1e-10, atol=1e-11 * np.abs(matrix).max())
    assert np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-11 * np.abs(matrix).max())


@pytest.mark.parametrize("cross", [0.0, 0.7])
def test_the_gradient_is_that_of_the_potential(cross: float) -> None:
    case = drawn(2, cross)
    state = case[2]
    expected, change = gradient(case, state), 1e-5
    for k, direction in enumerate(np.eye(len(expected))):
        high, low = (potential(case, state.moved(sign * change * direction)) for sign in (1, -1))
        assert (high - low).real / (2 * change) == pytest.approx(expected[k], rel=1e-6, abs=1e-7)


def test_a_vector_of_unknowns_is_the_upper_triangle_and_the_logarithms() -> None:
    _, _, state = drawn(0, 0.0)
    i, _ = pair_indices(len(state.gamma))
    change = np.zeros(len(i) + READOUTS)
    change[1], change[-1] = 0.5, 0.1
    moved = state.moved(change)
    assert moved.gamma[0, 1] == moved.gamma[1, 0] == pytest.approx(state.gamma[0, 1] + 0.5)
    assert moved.zeta[-1] == pytest.approx(state.zeta[-1] * np.exp(0.1))
