"""The curvature of an activation where a neuron's weight along a strong direction is part of its length."""

import numpy as np
import pytest

from polyspike import Problem, simulate
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory.covariance import model as covariance_model
from polyspike.theory.covariance.curvature import growth, straight
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import _model, solve_errors

PROBLEM = Problem(
    "relu", "h1 + 0.5*h2", 800, 200, 400, step_size=0.0, ridge=0.1, noise=0.5, inputs="spiked:10,3; teacher=top"
)


def model_of(problem: Problem) -> CovarianceModel:
    return assemble(problem, spectrum_of(problem))


def test_a_weight_along_a_strong_direction_is_long() -> None:
    """The slope of the length by ``d w_b^2`` over weights on the sphere, times d, for b^ along the top direction."""
    problem = PROBLEM.replace(width=40_000, gradient="target", step_size=1e-6, n_gradient=10**12)
    lam = problem.inputs.axes(problem.input_dim)
    weights = GaussianDraw.of(problem, (7, 0), 2).weights
    model = model_of(problem)
    found = growth(model.step, model.relative, model.known)[0, 0] - 1
    square, length = problem.input_dim * weights[:, 0] ** 2, weights**2 @ lam
    slope = np.cov(square, length)[0, 1] / np.var(square) * problem.input_dim
    assert slope == pytest.approx(lam[0] - 1, rel=0.1)
    assert found == pytest.approx(lam[0] - 1, rel=1e-6)
    even = model_of(problem.replace(inputs="spiked:10,3"))
    assert growth(even.step, even.relative, even.known)[0, 1] - 1 < found / 2


def test_nothing_changes_for_equal_eigenvalues_and_at_leading_order() -> None:
    equal = model_of(PROBLEM.replace(inputs="isotropic")).curvature
    leading = assemble(PROBLEM, spectrum_of(PROBLEM), finite_dimension=False).curvature
    for found in (equal.mean, equal.fluctuation, leading.mean, leading.fluctuation):
        assert np.allclose(found, 1.0, atol=1e-12)


def test_the_curvature_of_relu_falls_with_the_length() -> None:
    """Its t is proportional to tau, so that ``t/tau^2`` is as ``1/tau``: ``E[g^2 T] = 1 - eps + ...``."""
    found = model_of(PROBLEM).curvature
    eps = (PROBLEM.inputs.axes(PROBLEM.input_dim)[0] - 1) / PROBLEM.input_dim
    assert found.mean[0, 1, 1] == pytest.approx(1 - eps, abs=8 * eps**2)
    assert found.fluctuation[0, 1, 1] < found.mean[0, 1, 1]


@pytest.mark.slow
def test_networks_without_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test error of networks at random, 3 % above that of the theory without it."""
    errors = [simulate(PROBLEM, seed=(8, k), n_test=8000).test_error for k in range(40)]
    mean, error = float(np.mean(errors)), float(np.std(errors, ddof=1)) / len(errors) ** 0.5
    spectrum = spectrum_of(PROBLEM)
    assert solve_errors(PROBLEM, spectrum).errors.test_error == pytest.approx(mean, abs=4 * error)
    # The model of a problem is kept from one ridge to the next.
    _model.cache_clear()
    monkeypatch.setattr(covariance_model, "bent", lambda _, step, *__: straight(1, len(step.known)))
    assert solve_errors(PROBLEM, spectrum).errors.test_error < mean - 4 * error
    _model.cache_clear()
