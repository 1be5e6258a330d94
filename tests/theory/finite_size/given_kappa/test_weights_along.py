"""The weights of neurons along the known directions: their moments, what they do to the errors, and simulation."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, paired_difference, z_threshold
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.given_kappa.weights_along import product_covariance, products
from polyspike.theory.finite_size.solve import model_of, solve_problem
from polyspike.theory.finite_size.spikes.errors import errors

QUADRATIC = Problem("relu", "h2", 600, 120, 360, step_size=25.0, ridge=0.1, gradient="target", n_gradient=6000)
DRAWS = 6


def moments(problem: Problem, seed: int) -> NDArray[np.float64]:
    """Of the weights along e^ of neurons with u = -1 and u = 1, beside the spike, over the mean deviation: the mean of
    ``d w^2``, half its variance, and its covariance with log |w|.
    """
    draw = GaussianDraw.of(problem, (29, seed), 2)
    readout, gradient = draw.readout(problem.readout), gradient_of(problem, draw)
    along = gradient.beta / np.linalg.norm(gradient.beta)
    weights = draw.weights + problem.step * gradient.matrix
    weights = weights - np.outer(weights @ along, along)
    found = []
    for sign in (-1, 1):
        own = weights[np.sign(readout) == sign]
        square = (own**2).sum(axis=1)
        along_e = own[:, 0] ** 2 * problem.input_dim / square.mean()
        growth = square / square.mean() / 2
        found.append([along_e.mean(), along_e.var() / 2, np.cov(growth, along_e)[0, 1]])
    return np.array(found)


@pytest.mark.slow
def test_the_moments_are_those_of_simulated_weights() -> None:
    """To z standard errors and 3 sqrt(d/n_0)/d^(1/2), what a draw of M is off by; isotropic weights are rejected."""
    problem = QUADRATIC.replace(readout="rademacher", width=6000, step_size=25.0 * (6000 / 360) ** 0.5, input_dim=200)
    measured = np.array([moments(problem, k) for k in range(DRAWS)])
    mean, error = measured.mean(axis=0), measured.std(axis=0, ddof=1) / DRAWS**0.5
    model, d = model_of(problem), problem.input_dim
    place = 1 + products(2).index((1, 1))
    s = model.along.mean[:, 1, 1] + 1
    expected = np.array(
        [s, model.along.covariance[:, place, place], 2**0.5 * model.along.covariance[:, 0, place] / d]
    ).T
    tolerance = z_threshold(6, degrees_of_freedom=DRAWS - 1) * error + 0.1 * np.abs(expected)
    assert (np.abs(mean - expected) < tolerance).all()
    assert (np.abs(mean[:, :2] - 1) > tolerance[:, :2]).all()


def test_without_a_step_the_weights_are_isotropic() -> None:
    model = model_of(QUADRATIC.replace(step_size=0.0))
    np.testing.assert_allclose(model.along.mean, 0, atol=1e-12)
    one = product_covariance(np.eye(2)[None], 120)[0]
    isotropic = np.broadcast_to(one, model.along.covariance[:, 1:, 1:].shape)
    np.testing.assert_allclose(model.along.covariance[:, 1:, 1:], isotropic, atol=1e-12)
    np.testing.assert_allclose(np.diag(one), [(120**2 - 1) / (120 * 122), 121 / 122, (120**2 - 1) / (120 * 122)])


@pytest.mark.slow
def test_a_teacher_without_a_linear_part_is_learned_as_simulated() -> None:
    """Isotropic weights, with which the step would learn nothing, are rejected."""
    before = QUADRATIC.replace(step_size=0.0)
    found = paired_difference(QUADRATIC, before, replicates=40, n_test=4000).test_error
    predicted = predict_finite_size(QUADRATIC).test_error - predict_finite_size(before).test_error
    model, state = solve_problem(QUADRATIC)
    blind = replace(model, along=model.along.isotropic(120))
    wrong = float(errors(blind, state).test_error) - predict_finite_size(before).test_error
    # A tenth of the effect is what this section is known to.
    tolerance = z_threshold(2) * found.standard_error + 0.15 * abs(predicted)
    assert abs(predicted - found.mean) < tolerance
    assert abs(wrong - found.mean) > tolerance
    assert any("stretches the weights" in note for note in predict_finite_size(QUADRATIC).notes)


def test_activations_without_a_quadratic_part_learn_nothing_of_it() -> None:
    problem = QUADRATIC.replace(activation="tanh")
    before, after = (predict_finite_size(p).test_error for p in (problem.replace(step_size=0.0), problem))
    assert after == pytest.approx(before, rel=5e-3)


def test_the_effect_grows_with_the_samples_of_the_gradient_and_with_the_step() -> None:
    still = predict_finite_size(QUADRATIC.replace(step_size=0.0)).test_error
    errors_by_samples = [
        predict_finite_size(QUADRATIC.replace(n_gradient=count)).test_error for count in (2000, 10_000)
    ]
    assert still > errors_by_samples[0] > errors_by_samples[1]
    steps = [predict_finite_size(QUADRATIC.replace(step_size=step)).test_error for step in (10.0, 20.0, 30.0)]
    assert still > steps[0] > steps[1] > steps[2]


def test_where_m_has_no_outlier_the_effect_is_not_trusted() -> None:
    """With as many samples as dimensions the other quadratic features of the same neurons compete: no gain is seen."""
    found = predict_finite_size(QUADRATIC.replace(n_gradient=120, step_size=30.0))
    assert not found.trusted
    assert "stretches the weights" in found.trust_reason
