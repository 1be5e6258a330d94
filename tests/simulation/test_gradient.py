"""The gradient is that of the loss: against finite differences of the loss itself, for every activation."""

from typing import Any

import numpy as np
import pytest

from polyspike import Problem, as_activation
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of, gradient_step

N0, D, WIDTH = 30, 7, 5


def setting() -> Any:
    rng = np.random.default_rng(5)
    inputs, labels = rng.standard_normal((N0, D)), rng.standard_normal(N0)
    weights, readout = rng.standard_normal((WIDTH, D)) / np.sqrt(D), rng.standard_normal(WIDTH)
    return inputs, labels, weights, readout


def loss(weights: Any, inputs: Any, labels: Any, readout: Any, activation: Any) -> Any:
    return np.sum((labels - activation(inputs @ weights.T) @ readout) ** 2) / (2 * len(labels))


@pytest.mark.parametrize(
    "name", ["tanh", "relu", "leaky_relu", "erf", "sigmoid", "softplus", "gelu", "silu", "sin", "h3"]
)
def test_full_gradient_is_minus_the_derivative_of_the_loss(name: Any) -> None:
    inputs, labels, weights, readout = setting()
    activation, h = as_activation(name), 1e-6
    computed = gradient_step(inputs, labels, weights, readout, activation, "full").matrix
    for i, j in np.ndindex(WIDTH, D):
        shift = np.zeros_like(weights)
        shift[i, j] = h
        up, down = (loss(weights + s * shift, inputs, labels, readout, activation) for s in (1, -1))
        assert computed[i, j] == pytest.approx(-(up - down) / (2 * h), rel=1e-5, abs=1e-6)


def test_target_only_gradient_leaves_the_network_out() -> None:
    """It is linear in the labels, and the full one where the initial output vanishes."""
    inputs, labels, weights, readout = setting()
    activation = as_activation("tanh")
    output = activation(inputs @ weights.T) @ readout
    target = gradient_step(inputs, labels - output, weights, readout, activation, "target")
    full = gradient_step(inputs, labels, weights, readout, activation, "full")
    np.testing.assert_allclose(target.matrix, full.matrix, rtol=1e-12, atol=1e-15)
    assert not np.any(target.initial_direction)
    np.testing.assert_allclose(full.initial_direction, weights.T @ readout)


def test_rank_one_fraction_is_what_the_difference_says() -> None:
    inputs, labels, weights, readout = setting()
    gradient = gradient_step(inputs, labels, weights, readout, as_activation("tanh"), "full")
    rest = gradient.matrix - gradient.linear_coefficient * np.outer(readout, gradient.beta)
    expected = 1 - np.sum(rest**2) / np.sum(gradient.matrix**2)
    assert gradient.rank_one_fraction == pytest.approx(expected, rel=1e-10)


def test_linear_activation_is_rank_one_exactly() -> None:
    inputs, labels, weights, readout = setting()
    gradient = gradient_step(inputs, labels, weights, readout, as_activation("identity"), "full")
    assert gradient.rank_one_fraction == pytest.approx(1.0, abs=1e-12)


def test_vanishing_gradient_is_not_divided_by() -> None:
    inputs, _, weights, readout = setting()
    gradient = gradient_step(inputs, np.zeros(N0), weights, readout, as_activation("tanh"), "target")
    assert gradient.rank_one_fraction == 0.0
    assert not np.any(gradient.spike_direction(3.0))


@pytest.mark.parametrize("form", ["full", "target"])
def test_the_gradient_of_a_draw_is_that_of_its_gradient_sample_with_noise(form: str) -> None:
    problem = Problem(
        "tanh", "h1 + h2", 50, 7, 5, n_gradient=N0, step_exponent=0.2, noise=0.5, gradient=form, readout="rademacher"
    )
    draw = GaussianDraw.of(problem, (4,), 2)
    sample, readout = draw.gradient_sample, draw.readout("rademacher")
    labels = problem.teacher(sample.inputs[:, 0]) + 0.5 * sample.noise
    assert sample.inputs.shape == (N0, D)
    by_hand = gradient_step(sample.inputs, labels, draw.weights, readout, as_activation("tanh"), form)
    np.testing.assert_allclose(gradient_of(problem, draw).matrix, by_hand.matrix, rtol=1e-12)
    np.testing.assert_allclose(gradient_of(problem, draw).beta, by_hand.beta, rtol=1e-12)
