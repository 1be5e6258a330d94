"""Draws: streams, pairing, and what a seed fixes."""

import numpy as np

from polyspike import Problem
from polyspike.simulation.draw import GaussianDraw, latent

PROBLEM = Problem(n_samples=300, input_dim=20, width=40, step_exponent=0.2, activation="tanh", teacher="h1", ridge=0.01)


def test_problems_of_equal_sizes_share_a_draw() -> None:
    other = PROBLEM.replace(activation="relu", teacher="h2", ridge=1.0, noise=2.0, gradient="target", step_size=3.0)
    assert GaussianDraw.of(PROBLEM, (1,), 100) == GaussianDraw.of(other, (1,), 100)
    assert GaussianDraw.of(PROBLEM, (1,), 100) != GaussianDraw.of(PROBLEM.replace(width=41), (1,), 100)


def test_weights_lie_on_the_sphere_and_readouts_have_variance_one_over_width() -> None:
    draw = GaussianDraw.of(PROBLEM.replace(width=4000), (1,), 100)
    np.testing.assert_allclose(np.linalg.norm(draw.weights, axis=1), 1)
    for law in ("gaussian", "rademacher", "constant"):
        energy = float(draw.readout(law) @ draw.readout(law))
        assert abs(energy - 1) < 5 * np.sqrt(2 / 4000)
    assert set(np.sign(draw.readout("rademacher"))) == {-1.0, 1.0}


def test_noise_level_scales_one_noise() -> None:
    sample = GaussianDraw.of(PROBLEM, (1,), 100).ridge_sample
    quiet, loud = (sample.labels(PROBLEM.replace(noise=s)) for s in (0.0, 2.0))
    np.testing.assert_allclose(loud - quiet, 2.0 * sample.noise)


def test_labels_have_the_variance_of_the_problem() -> None:
    problem = PROBLEM.replace(n_samples=200_000, input_dim=3, teacher="h1[0] + 0.5*h1[0]*h1[1] + h2[2]")
    labels = GaussianDraw.of(problem, (1,), 100).ridge_sample.labels(problem)
    error = np.std(labels**2) / np.sqrt(len(labels))
    assert abs(np.mean(labels**2) - problem.label_second_moment) < 4.5 * error


def test_several_indices_read_the_first_coordinates() -> None:
    x = np.random.default_rng(0).standard_normal((10, 5))
    problem = PROBLEM.replace(teacher="h1[0] + 2*h1[1]*h1[2]")
    np.testing.assert_allclose(latent(x, problem.teacher), x[:, 0] + 2 * x[:, 1] * x[:, 2])
