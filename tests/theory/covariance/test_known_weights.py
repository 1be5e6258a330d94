"""The prior of the linear features with what is known of the weights."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.fixed_point import solve
from polyspike.theory.covariance.known_weights import linear_prior
from polyspike.theory.covariance.linear_directions import linear_block
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import shift_of
from polyspike.theory.covariance.state import CovarianceState

PROBLEM = Problem(
    "sin", "h1", 400, 100, 200, step_size=12.0, gradient="target", readout="constant", inputs="two-level:0.3,1.7,0.5"
)


@pytest.fixture(scope="module")
def state() -> CovarianceState:
    model = assemble(PROBLEM, spectrum_of(PROBLEM))
    return solve(model, shift_of(model.problem, model)).state


def with_squares(state: CovarianceState, scale: float) -> CovarianceState:
    own = state.model.own_moves
    assert own is not None
    return replace(state, model=replace(state.model, own_moves=own._replace(squares=scale * own.squares)))


def test_without_known_weights_it_is_that_of_every_direction(state: CovarianceState) -> None:
    block = state.model.bulk.samples_per_dim * linear_block(state, state.model.step.known)
    assert np.allclose(linear_prior(with_squares(state, 0.0)), block, rtol=1e-12)
    assert np.allclose(linear_prior(replace(state, model=replace(state.model, own_moves=None))), block, rtol=1e-12)


def test_it_adds_up(state: CovarianceState) -> None:
    """``P`` is ``P_0 (1 + V P_0)^-1`` with a P_0 to which the squares are added, here along b^ and e^."""
    model, size = state.model, len(state.v)
    own = model.own_moves
    assert own is not None
    # The turning direction is replaced by e^, so that b^ and e^ are all directions there are.
    rows = np.concatenate([model.step.known, model.step.known[1:]])
    moved = with_squares(replace(state, model=replace(model, own_moves=own._replace(directions=rows))), 1.0)
    plain = np.kron(np.eye(2), state.v)

    def as_matrix(blocks: np.ndarray) -> np.ndarray:
        return blocks.swapaxes(1, 2).reshape(2 * size, 2 * size)

    def before(p: np.ndarray) -> np.ndarray:
        return p @ np.linalg.inv(np.eye(len(p)) - plain @ p)

    added = before(as_matrix(linear_prior(moved))) - before(as_matrix(linear_prior(with_squares(state, 0.0))))
    weights = PROBLEM.n_samples * own.squares * state.weighted_zeta[:, None, None]
    expected = np.einsum("uij,ua,ub->ijab", weights, model.bulk.chi, model.bulk.chi)
    assert np.allclose(added, as_matrix(expected), rtol=1e-6, atol=1e-8 * np.abs(added).max())


def test_it_is_symmetric(state: CovarianceState) -> None:
    found = linear_prior(state)
    assert np.allclose(found, found.transpose(1, 0, 3, 2), atol=1e-12 * np.abs(found).max())
