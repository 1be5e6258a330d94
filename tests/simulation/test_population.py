"""The population's test error against sampled test sets and against closed forms of other make."""

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, simulate
from polyspike.problem import as_activation, as_teacher
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_step
from polyspike.simulation.population import population
from polyspike.simulation.ridge import fit_readouts


def arccosine(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """``E relu(w_i x) relu(w_j x)`` (Cho and Saul 2009)."""
    lengths = np.linalg.norm(weights, axis=1)
    cosine = np.clip(weights @ weights.T / np.outer(lengths, lengths), -1, 1)
    angle = np.arccos(cosine)
    return np.outer(lengths, lengths) * (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi)


def arcsine(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """``E erf(w_i x) erf(w_j x)`` (Williams 1997); scale in x as the library's erf has it."""
    gram = 2 * weights @ weights.T
    own = 1 + np.diag(gram)
    return 2 / np.pi * np.arcsin(gram / np.sqrt(np.outer(own, own)))


def test_second_moments_are_the_arccosine_kernel() -> None:
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((30, 12)) * rng.uniform(0.1, 0.6, (30, 1))
    readouts = rng.standard_normal((30, 3))
    relu = as_activation("relu")
    means = np.linalg.norm(weights, axis=1) / np.sqrt(2 * np.pi) - relu.mean
    bare = np.linalg.norm(weights, axis=1) / np.sqrt(2 * np.pi)
    kernel = arccosine(weights) - np.outer(bare, bare) + np.outer(means, means)
    expected = np.einsum("im,ij,jm->m", readouts, kernel, readouts)
    np.testing.assert_allclose(population(weights, relu).second_moments(readouts), expected, rtol=1e-6)


def test_second_moments_are_the_arcsine_kernel() -> None:
    rng = np.random.default_rng(2)
    weights = rng.standard_normal((30, 12)) * rng.uniform(0.1, 0.6, (30, 1))
    readouts = rng.standard_normal((30, 2))
    expected = np.einsum("im,ij,jm->m", readouts, arcsine(weights), readouts)
    found = population(weights, as_activation("erf")).second_moments(readouts)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # The series is what makes it so: its first term alone is off.
    short = population(weights, as_activation("erf"), terms=2).second_moments(readouts)
    assert np.all(np.abs(short - expected) > 1e-4 * expected)


@pytest.mark.parametrize("expression", ["h1 + 0.5*h2 + 0.3*h3", "h2 - h1 + 0.3*h3"])
def test_with_teacher_is_a_double_quadrature(expression: str) -> None:
    """Of a teacher with a negative linear coefficient, too, whose direction is -1."""
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((5, 4)) * 0.5
    teacher, silu = as_teacher(expression), as_activation("silu")
    x, w = np.polynomial.hermite_e.hermegauss(80)
    w = w / w.sum()
    first, rest = weights[:, 0], np.linalg.norm(weights[:, 1:], axis=1)
    inner = silu(first[:, None, None] * x[:, None] + rest[:, None, None] * x) @ w
    expected = inner @ (w * teacher(x))
    found = population(weights, silu).with_teacher(teacher)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_population_error_is_the_mean_of_test_sets(activation: str) -> None:
    problem = Problem(
        activation=activation,
        teacher="h1 + 0.5*h2",
        n_samples=160,
        input_dim=40,
        width=120,
        noise=0.4,
        ridge=0.01,
        step_exponent=0.4,
    )
    measured = simulate(problem, seed=(11, 3), n_test=60_000)
    draw = GaussianDraw.of(problem, (11, 3), 60_000)
    readout = draw.readout("gaussian")
    labels = draw.gradient_sample.labels(problem)
    step = gradient_step(draw.gradient_sample.inputs, labels, draw.weights, readout, problem.activation)
    weights = draw.weights + problem.step * step.matrix
    features = problem.activation(draw.ridge_sample.inputs @ weights.T)
    fitted = fit_readouts(features, draw.ridge_sample.labels(problem), [problem.ridge])
    layer = population(weights, problem.activation)
    cross = layer.with_teacher(problem.teacher)[:, 0] @ fitted[:, 0]
    exact = problem.label_second_moment - 2 * cross + layer.second_moments(fitted)[0]
    assert abs(measured.test_error - exact) < 4 * measured.test_error_se
    assert abs(measured.test_error - (exact + cross / 10)) > 4 * measured.test_error_se
