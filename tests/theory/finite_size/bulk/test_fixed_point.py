"""A Jacobian's blocks by products of factors are those of whole arrays."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.finite_size.bulk import fixed_point
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, jacobian
from polyspike.theory.finite_size.bulk.newton import positive_states, solve_bulk
from polyspike.theory.finite_size.solve import model_of, shift_of

# The overlaps of the neurons with the gradient are nodes of their own: 490 of them.
MANY = Problem("h3", "h1 + 0.5*h2", 1000, 200, 500, step_exponent=0.45)
FEW = MANY.replace(activation="tanh", readout="rademacher", step_exponent=0.3)


@pytest.mark.parametrize("problem", [MANY, FEW])
def test_the_jacobian_is_the_derivative_of_the_defect(problem: Problem) -> None:
    model = model_of(problem)
    state, _ = solve_bulk(model.bulk, shift_of(problem, model))
    rng = np.random.default_rng(1)
    direction = rng.normal(size=len(state.r) + len(state.zeta))
    ahead, behind = state.moved(1e-5 * direction), state.moved(-1e-5 * direction)
    found = (ahead.defect - behind.defect) / 2e-5
    # Of differences of defects that are solved to 1e-11.
    np.testing.assert_allclose(jacobian(state) @ direction, found, atol=1e-6 * np.abs(found).max())


def test_products_of_factors_are_sums_over_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(MANY)
    state, _ = solve_bulk(model.bulk, shift_of(MANY, model))
    of_matrix, of_neuron = model.bulk.variance_factors
    variance = model.bulk.weight_variance
    largest = variance.max(axis=0)
    np.testing.assert_allclose(of_matrix @ of_neuron / largest, variance / largest, atol=1e-13)
    factored = jacobian(state)
    monkeypatch.setattr(fixed_point, "_MANY_NEURONS", 10**9)
    np.testing.assert_allclose(factored, jacobian(state), atol=1e-13 * np.abs(factored).max())


def test_a_batch_of_states_has_the_jacobians_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_point, "_MANY_NEURONS", 1)
    model = model_of(FEW).bulk
    states = positive_states(model, np.array([2.0, 5.0]))
    for row, found in enumerate(jacobian(states)):
        alone = jacobian(BulkState(model, states.shift[row], states.r[row], states.zeta[row]))
        np.testing.assert_allclose(found, alone, atol=1e-12 * np.abs(alone).max())
