"""Free cumulants of M for labels whose moments are known."""

import pytest

from polyspike import Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_a_gaussian_residual_has_gaussian_moments(noise: float) -> None:
    problem = Problem("tanh", "h1", 1000, 400, 500, step_size=2.0, noise=noise, gradient="target")
    phi, variance = problem.phi_gradient, 1 + noise**2
    found = matrix_cumulants(gradient_law(problem, condition(problem)))
    assert found == pytest.approx((0.0, phi * variance, 0.0, 3 * phi**3 * variance**2), abs=1e-10)
