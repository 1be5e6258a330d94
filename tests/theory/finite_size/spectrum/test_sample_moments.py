"""What averages over the gradient's sample do from draw to draw, against drawn samples."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory.finite_size.spectrum.sample_moments import sample_moments

PROBLEM = Problem("softplus", "relu", 500, 40, 300, step_size=2.0, noise=0.5, gradient="target", ridge=0.1)
SAMPLES = 200_000


def drawn(problem: Problem) -> Array:
    """The three of many samples, shape (3, samples)."""
    rng = np.random.default_rng(3)
    kappa, noise = rng.standard_normal((2, SAMPLES))
    eps = np.asarray(problem.teacher(kappa)) + problem.noise * noise
    c1 = float(problem.activation.coefficients(1)[1])
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    bracket = 2 * signal * eps * kappa + problem.phi_gradient * eps**2
    return np.stack([(problem.step * c1) ** 2 * bracket, eps**2, eps])


def test_covariances_are_those_of_samples() -> None:
    """Within four standard errors, from fourths of the drawn ones."""
    found, values = sample_moments(PROBLEM), drawn(PROBLEM)
    centred = values - values.mean(axis=1, keepdims=True)
    products = centred[:, None] * centred
    error = products.std(axis=-1) / SAMPLES**0.5
    assert (np.abs(found.covariance - products.mean(axis=-1)) < 4 * error).all()
    assert found.energy == pytest.approx(values[1].mean(), rel=0.02)


def test_with_the_full_gradient_the_residual_has_the_output() -> None:
    problem = PROBLEM.replace(activation="tanh", gradient="full")
    output, labels = problem.activation.second_moment, PROBLEM.label_second_moment
    found = sample_moments(problem)
    assert found.energy == pytest.approx(output + labels, rel=1e-6)
    assert found.covariance[2, 2] == pytest.approx(
        found.energy - float(problem.teacher.coefficients(0)[0]) ** 2, rel=1e-6
    )
    draw = GaussianDraw.of(problem, (1,), 2)
    residual = draw.gradient_sample.labels(problem) - np.tanh(
        draw.gradient_sample.inputs @ draw.weights.T
    ) @ draw.readout(problem.readout)
    assert np.mean(residual**2) == pytest.approx(found.energy, rel=0.3)
