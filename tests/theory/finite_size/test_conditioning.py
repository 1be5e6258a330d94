"""The numbers that one step leaves behind, where they are known in closed form."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition

BASE = Problem("tanh", "0.8*h1 + 0.7*h2", 1000, 400, 500, step_size=3.0, noise=0.5)


def test_the_target_only_direction() -> None:
    """``|beta|^2 = c*_1^2 + phi_0 E y^2``, ``rho = c*_1/|beta|``, ``r = eta |c_1| |beta| / sqrt N``."""
    problem = BASE.replace(gradient="target")
    found, c1 = condition(problem), float(problem.activation.coefficients(1)[1])
    beta = np.sqrt(0.8**2 + problem.phi_gradient * problem.label_second_moment)
    assert found.spike_cosine == pytest.approx(0.8 / beta)
    assert found.spike_strength == pytest.approx(3.0 * c1 * beta / np.sqrt(500))


def test_the_full_gradient_without_a_step_is_its_initial_output() -> None:
    found = condition(BASE.replace(step_size=0.0))
    assert found.spike_strength == pytest.approx(1 / np.sqrt(500))
    assert found.spike_cosine == 0.0


def test_the_numbers_of_an_activation() -> None:
    numbers = activation_numbers(BASE.activation)
    assert numbers.c1 == pytest.approx(float(BASE.activation.coefficients(1)[1]))
    assert numbers.second_moment == pytest.approx(BASE.activation.second_moment)
