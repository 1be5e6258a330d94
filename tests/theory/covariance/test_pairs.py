"""Quadratic features on pairs of eigendirections: at Sigma = I those of the isotropic theory."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.pairs import PairsState, pairs
from polyspike.theory.finite_size.solve import solve_problem

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 60, 600, step_exponent=0.3, gradient="target")


def test_equal_eigenvalues_give_the_terms_of_the_isotropic_theory() -> None:
    model, state = solve_problem(PROBLEM)
    arrays, terms = model.bulk.next_order, state.next_order
    assert arrays is not None
    assert terms is not None
    one = Eigenvalues(np.ones(1), np.ones(1), np.ones(1))
    factors = arrays.phi, arrays.phi_by_log_norm, arrays.chi
    found = PairsState(
        pairs(one, 60, 900, np.ones((1, len(state.zeta))), factors, arrays.other_noise_by_log_square),
        model.bulk.sample_weights * state.r,
        model.bulk.neuron_weights * state.zeta,
        state.r,
        1 / 120,
    )
    assert np.allclose(found.diagonal_variance, terms.diagonal_variance, rtol=1e-10)
    assert np.allclose(found.over_r, terms.by_r, rtol=1e-9, atol=1e-12)
    assert np.allclose(found.over_zeta, terms.by_zeta, rtol=1e-9, atol=1e-12)
    by_r, by_zeta = terms.by_fluctuating_shift
    ours = found.by_fluctuating_shift
    assert np.allclose(ours[0], by_r, rtol=1e-9, atol=1e-12)
    assert np.allclose(1.5 * ours[1], by_zeta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("d", [5, 40])
def test_every_pair_is_counted_once(d: int) -> None:
    two = Eigenvalues(np.array([0.5, 1.5]), np.array([0.4, 0.6]), np.array([0.5, 0.5]))
    none = np.zeros((3, 1))
    found = pairs(two, d, 10, np.ones((2, 1)), (none, none, np.ones((1, 1))), none)
    assert found.counts.sum() == pytest.approx(d * (d + 1) / 2)
    assert found.counts.tolist() == pytest.approx([0.2 * d * (0.4 * d + 1), 0.24 * d**2, 0.3 * d * (0.6 * d + 1)])
