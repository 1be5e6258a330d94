"""The deviation of a pre-activation given kappa."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.deviation import deviation

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


def test_two_neurons_that_take_a_large_step_are_refused() -> None:
    problem = Problem("relu", "h1", 10**6, 1000, 2, step_size=0.1, noise=0.0)
    with pytest.raises(NumericalError, match="width 2: a pre-activation is left without variance"):
        deviation(problem, condition(problem), np.linspace(-5, 5, 201))
