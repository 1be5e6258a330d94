"""How norms fluctuate over samples and neurons, against draws."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.norm_moments import norm_of_sample
from polyspike.theory.covariance.predict import spectrum_of

PROBLEM = Problem("relu", "h1", 800, 400, 20_000, step_size=0.0, ridge=0.1, gradient="target", n_gradient=10**12)
PROBLEM = PROBLEM.replace(inputs="spiked:8,4; teacher=top")


def model_of(problem: Problem, finite_dimension: bool = True) -> CovarianceModel:
    return assemble(problem, spectrum_of(problem), finite_dimension=finite_dimension)


def test_the_norm_of_a_sample_beside_the_label_s_direction() -> None:
    """b^ is the first eigendirection: ``log |x|`` of the others has the variance v, and b^ its share of the square."""
    norms = model_of(PROBLEM).norms
    lam = PROBLEM.inputs.axes(PROBLEM.input_dim)
    others = np.random.default_rng(1).normal(size=(20_000, 399)) ** 2 @ lam[1:] / PROBLEM.input_dim
    # As a change of the square relative to the whole, which the share of b^ completes to one; four standard errors.
    assert np.var(others) / 4 == pytest.approx(norms.variance, rel=0.04)
    assert norms.of_b == pytest.approx(lam[0] / PROBLEM.input_dim, rel=1e-6)


def test_neurons_of_unit_length_differ_by_the_spread_of_the_eigenvalues() -> None:
    weights = GaussianDraw.of(PROBLEM, (2, 0), 2).weights
    lengths = np.log(weights**2 @ PROBLEM.inputs.axes(PROBLEM.input_dim)) / 2
    assert np.var(lengths) == pytest.approx(model_of(PROBLEM).norms.neurons[0], rel=0.1)
    isotropic = model_of(PROBLEM.replace(inputs="isotropic", gradient="full", n_gradient=800)).norms
    assert np.abs(isotropic.neurons).max() < 1e-12


def test_nothing_fluctuates_at_leading_order() -> None:
    norms = model_of(PROBLEM, finite_dimension=False).norms
    assert norms.variance == norms.of_b == 0
    assert not norms.covariance.any()
    assert not norms.along.any()
    assert not norms.neurons.any()


def test_two_known_directions_along_one_eigendirection() -> None:
    """A quarter of the weights' squares is in one direction, in which b^ and e^ both lie."""
    problem = Problem("relu", "1 + 0.5*h1 - 0.59*h2", 360, 262, 240, ridge=0.501, noise=1.01, step_exponent=0.48)
    problem = problem.replace(inputs="spiked:22.2,1; teacher=top", gradient="target", n_gradient=216)
    norms = model_of(problem).norms
    assert norms.variance >= 0
    assert np.linalg.eigvalsh(norms.covariance)[0] > -1e-12 * np.abs(norms.covariance).max()
    assert problem.noise**2 < predict(problem).test_error < problem.label_second_moment


def test_the_square_of_a_norm_is_one_on_average() -> None:
    kappa, weights = np.polynomial.hermite_e.hermegauss(20)
    found = weights @ norm_of_sample(np.array([0.0, 0.1, 0.4]), kappa) ** 2 / weights.sum()
    assert found == pytest.approx(1.0)
