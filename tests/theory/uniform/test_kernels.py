"""The averages of a user's own activation, whatever it is called."""

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, as_activation
from polyspike.problem import Activation
from polyspike.theory.uniform import predict_uniform
from polyspike.theory.uniform.kernels import kernels

Array = NDArray[np.float64]


def relu(x: Array) -> Array:
    """Not what the name says."""
    square: Array = np.maximum(x, 0.0) ** 2
    return square


def h2(x: Array) -> Array:
    """Not what the name says."""
    return np.tanh(x)


def slope(x: Array) -> Array:
    twice: Array = 2 * np.maximum(x, 0.0)
    return twice


def unnamed(activation: Activation) -> Activation:
    return Activation("a function of the user", activation.formula)


@pytest.mark.parametrize(
    "activation", [as_activation(relu, derivative=slope, kinks=(0.0,)), as_activation(h2)], ids=["relu", "h2"]
)
def test_a_callable_is_not_taken_for_the_formula_of_its_name(activation: Activation) -> None:
    x, tau = np.linspace(-2, 2, 5)[:, None] * np.ones(3), np.linspace(0.5, 2, 3) * np.ones((5, 1))
    for found, expected in zip(kernels(activation, x, tau), kernels(unnamed(activation), x, tau), strict=True):
        np.testing.assert_array_equal(found, expected)
    # Those of the formula itself are others.
    assert np.abs(kernels(as_activation(activation.name), x, tau).mean - found).max() > 0.01
    problem = Problem(activation, "h1", 400, 100, 200, step_exponent=0.2)
    renamed = predict_uniform(problem.replace(activation=unnamed(activation)))
    assert predict_uniform(problem).test_error == renamed.test_error
