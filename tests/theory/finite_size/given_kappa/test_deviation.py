"""The deviation of a pre-activation given kappa."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import NumericalError, Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.deviation import deviation, readouts_of_no_length

U = np.linspace(-3, 3, 13)


def test_without_a_step_it_is_that_of_the_initial_weights() -> None:
    target = Problem("tanh", "h1", 1000, 400, 500, step_size=0.0, gradient="target")
    np.testing.assert_allclose(deviation(target, condition(target), U), 1.0, atol=1e-14)
    full = target.replace(gradient="full")  # given omega, a neuron is left without its part along it
    np.testing.assert_allclose(deviation(full, condition(full), U), np.sqrt(500 / (500 + U**2)), rtol=1e-12)


def test_it_grows_with_the_step_and_the_neuron() -> None:
    problem = Problem("relu", "h1 + h2", 1000, 400, 500, step_exponent=0.4, gradient="target")
    tau = deviation(problem, condition(problem), np.abs(U[:7])[::-1])
    assert np.all(np.diff(tau) > 0)


def test_a_weight_of_which_nothing_is_left_is_refused() -> None:
    """One that turns round at a readout of exactly -1, without noise."""
    problem = Problem("relu", "2 + h1", 1000, 400, 500, step_size=1.0, gradient="target", readout="rademacher")
    scalars = replace(condition(problem), quadratic_step=0.5, matrix_moment=0.0, gradient_noise_variance=0.0)
    deviation(problem, scalars, np.array([1.0, -0.999]))
    with pytest.raises(NumericalError, match="leaves nothing of the weight of a neuron"):
        deviation(problem, scalars, np.array([1.0, -1.0]))


@pytest.mark.parametrize("width", [2, 20, 400])
def test_beside_the_direction_of_the_readout_something_is_left(width: int) -> None:
    """However few neurons: what is along omega turns round with the rest."""
    for teacher in ("h1", "h1 - 2"):
        problem = Problem("relu", teacher, 10**6, 1000, width, step_exponent=0.3, noise=0.0)
        assert np.all(deviation(problem, condition(problem), np.linspace(-5, 5, 2001)) > 0)


def test_the_zeros_are_those_of_the_deviation() -> None:
    problem = Problem("gelu", "1.5 + h1 + h2", 1000, 400, 500, step_exponent=0.4)
    scalars = replace(condition(problem), excluded=0.0)
    zeros = readouts_of_no_length(problem, scalars)
    assert len(zeros) == 4
    first = problem.teacher.coefficients(0)[0]
    second = problem.phi_gradient * scalars.matrix_moment + first**2
    gain, move = 1 - scalars.self_term * zeros**2, scalars.quadratic_step * zeros
    square = gain**2 + 2 * gain * move * first + move**2 * second + scalars.gradient_noise_variance * zeros**2
    assert np.abs(square).max() < 1e-9 * np.abs(gain**2).max()
