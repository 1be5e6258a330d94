"""What a prediction with a covariance is worth."""

from typing import Any

import pytest

from polyspike import NumericalError, Problem, predict
from polyspike.theory.covariance.trust import check_dimension, trust
from polyspike.theory.finite_size.spikes.errors import Errors

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3, inputs="power:0.5")
ERRORS = Errors(0.8, 0.6, 1.2)


def test_the_dimension_below_which_nothing_is_predicted() -> None:
    check_dimension(10.0)
    with pytest.raises(NumericalError, match=r"effective dimension 9\.9"):
        check_dimension(9.9)


@pytest.mark.parametrize(
    ("changes", "effective", "words"),
    [
        ({}, 59.0, "effective dimension 59"),
        ({"n_samples": 5000}, 90.0, "products of directions"),
        ({"n_gradient": 8, "step_exponent": 0.45}, 170.0, "8 samples, and its noise lies in few directions"),
        ({"teacher": "h2"}, 170.0, "quadratic part"),
        ({"inputs": "spiked:30,1; teacher=top"}, 170.0, "strong eigendirection"),
    ],
)
def test_reasons(changes: dict[str, object], effective: float, words: str) -> None:
    assert trust(PROBLEM, 170.0, ERRORS, curved=True).trusted
    found = trust(PROBLEM.replace(**changes), effective, ERRORS, curved=True)
    assert not found.trusted
    assert words in found.reason


def test_some_samples_of_the_gradient_are_enough() -> None:
    assert trust(PROBLEM.replace(n_gradient=50), 170.0, ERRORS, curved=True).trusted


def test_an_odd_activation_does_not_mind_a_strong_direction() -> None:
    problem = PROBLEM.replace(inputs="spiked:30,1; teacher=top")
    assert trust(problem, 170.0, ERRORS, curved=False).trusted


def test_the_peak_is_named() -> None:
    found = trust(PROBLEM.replace(width=900), 170.0, Errors(1e-3, 1e-2, 5.0), curved=False)
    assert "interpolation peak" in found.reason


@pytest.mark.parametrize(
    ("changes", "trusted"), [({}, False), ({"step_size": 1.0}, True), ({"activation": "gelu"}, True)]
)
def test_moves_along_sigma_w_are_in_the_estimate(changes: dict[str, Any], trusted: bool) -> None:
    """Forty networks have 1.782 +- 0.018 where 1.965 is predicted; it was trusted to 0.9 %. GELU has no cubic part."""
    problem = Problem("sin", "h1 + 0.5*h2", 312, 239, 161, step_size=9.946, ridge=0.3, readout="constant")
    found = predict(problem.replace(inputs="power:0.7", **changes))
    assert found.trusted == trusted
    assert trusted or "moves every weight w along Sigma w" in found.trust_reason
