"""The Jacobian of the fixed point against derivatives by an infinitesimal imaginary step, away from the solution."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.jacobian import LinearisedLayer, jacobian
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.state import CovarianceState

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 60, 600, step_exponent=0.4, n_gradient=90, inputs="power:0.5")
_H = 1e-20


def off_the_solution(problem: Problem, finite_dimension: bool) -> CovarianceState:
    """With a T that is not the layer's own."""
    model = assemble(problem, spectrum_of(problem), finite_dimension=finite_dimension)
    rng = np.random.default_rng(2)
    r, zeta = (rng.uniform(0.5, 1.5, count) for count in (len(model.grid.kappa), len(model.grid.u)))
    state = CovarianceState(model, 0.2, r, 0.5 * zeta, None)
    vertices = state.coefficients.vertices(model.law)
    return CovarianceState(model, 0.2, r, 0.5 * zeta, 0.7 * np.tensordot(model.law.weights, vertices, 1))


@pytest.mark.parametrize("finite_dimension", [False, True])
@pytest.mark.parametrize("changes", [{}, {"activation": "tanh"}, {"gradient": "target"}])
def test_columns(changes: dict[str, str], finite_dimension: bool) -> None:
    state = off_the_solution(PROBLEM.replace(**changes), finite_dimension)
    found, k, a = jacobian(state), len(state.r), len(state.zeta)
    rng = np.random.default_rng(3)
    for part in (slice(0, k), slice(k, k + a), slice(k + a, None)):
        step = np.zeros(len(found))
        step[part] = rng.standard_normal(len(step[part]))
        exact = state.moved(_H * 1j * step).defect.imag / _H
        assert np.abs(found @ step - exact).max() < 1e-11 * np.abs(exact).max()


def test_it_is_solved() -> None:
    state = off_the_solution(PROBLEM, finite_dimension=True)
    right = np.random.default_rng(4).standard_normal(len(state.defect))
    assert np.allclose(jacobian(state) @ LinearisedLayer(state).solve(right), right, rtol=0, atol=1e-9)
