"""What strong eigendirections make of the lengths of samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.lengths_along import growth_along, with_lengths
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.predict import nodes_of

PROBLEM = Problem("erf", "h1", 600, 200, 400, step_size=0.0, gradient="target", inputs="power:0.5")


def leading(problem: Problem) -> CovarianceModel:
    return assemble(problem, nodes_of(problem), finite_dimension=False)


def test_nothing_changes_for_isotropic_inputs() -> None:
    model = leading(PROBLEM.replace(inputs="two-level:1,1,0.5", step_exponent=0.4, step_size=None))
    assert np.allclose(growth_along(model), 1, rtol=0, atol=1e-12)
    assert np.allclose(with_lengths(model).bulk.weight_variance, model.bulk.weight_variance, rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "softplus", "gelu"])
def test_activations_that_are_half_of_their_input_but_for_an_even_part_have_none(activation: str) -> None:
    """Their mean slope is 1/2 at every length."""
    assert np.allclose(growth_along(leading(PROBLEM.replace(activation=activation))), 1, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("activation", "slope"), [("erf", lambda t: (1 + 2 * t**2) ** -0.5), ("sin", lambda t: np.exp(-(t**2) / 2))]
)
def test_drawn_weights_see_a_strong_direction_as_much_less(activation: str, slope: Callable[[Any], Any]) -> None:
    """The mean of ``d w_1^2`` times the slope at ``|Sigma^(1/2) w|``, over that at one, w on the unit sphere."""
    problem = PROBLEM.replace(activation=activation)
    model = leading(problem)
    values, counts = problem.inputs.eigenvalues(problem.input_dim)
    values = np.sort(np.repeat(values, counts.astype(int)))[::-1]
    w = np.random.default_rng(2).standard_normal((40_000, len(values)))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    relative = slope(np.sqrt(w**2 @ values)) / slope(1.0)
    found = 1 + (len(values) * w[:, 0] ** 2 * (relative - 1)).mean() - (relative - 1).mean()
    expected = float(growth_along(model)[-1, 0])
    assert expected == pytest.approx(found, abs=0.006)
    assert expected < 0.98


def test_it_is_in_gains_and_in_the_variances_of_the_weights() -> None:
    model = leading(PROBLEM)
    found, growth = with_lengths(model), growth_along(model)
    assert np.allclose(found.gains, model.gains * growth)
    assert np.allclose(found.bulk.weight_variance, model.bulk.weight_variance * growth**2)
