"""What a prediction with a covariance is worth."""

from typing import Any

import pytest

from polyspike import Inputs, NumericalError, Problem, predict
from polyspike.theory.covariance.trust import (
    beyond_linear,
    check_dimension,
    dimension_after_step,
    moved_output,
    trust,
)
from polyspike.theory.finite_size.spikes.errors import Errors

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3, inputs="power:0.5")
ERRORS = Errors(0.8, 0.6, 1.2)


def test_the_dimension_below_which_nothing_is_predicted() -> None:
    check_dimension(Inputs("two-level:0,1,0.5"), 20)
    said = r"inputs = 'two-level:0,1,0\.5': .* effective dimension 9: .*give another spectrum .*or simulate"
    with pytest.raises(NumericalError, match=said):
        check_dimension(Inputs("two-level:0,1,0.5"), 18)


@pytest.mark.parametrize(
    ("changes", "effective", "words"),
    [
        ({}, 59.0, "effective dimension 59"),
        ({"n_samples": 5000}, 90.0, "products of directions"),
        ({"n_gradient": 8, "step_exponent": 0.45}, 170.0, "8 samples, and its noise lies in few directions"),
        ({"inputs": "spiked:60,1; teacher=top"}, 170.0, "strong eigendirection"),
    ],
)
def test_reasons(changes: dict[str, object], effective: float, words: str) -> None:
    assert trust(PROBLEM, 170.0, ERRORS, curved=True).trusted
    found = trust(PROBLEM.replace(**changes), effective, ERRORS, curved=True)
    assert not found.trusted
    assert words in found.reason


def test_neurons_that_become_long_along_the_label() -> None:
    assert trust(PROBLEM, 170.0, ERRORS, curved=True, gained=0.01).trusted
    found = trust(PROBLEM, 170.0, ERRORS, curved=True, gained=0.06)
    assert "become long" in found.reason
    assert trust(PROBLEM, 170.0, ERRORS, curved=True, gained=-0.06).reason == found.reason
    assert found.error_estimate > 0.06
    # A label without a linear part is learned along a strong direction as others are.
    problem = PROBLEM.replace(teacher="h2", inputs="spiked:4,1; teacher=top", gradient="target")
    assert predict(problem.replace(step_exponent=0.2)).trusted
    assert "become long" in predict(problem.replace(step_exponent=0.5)).trust_reason


def test_weights_that_vanish_along_the_label() -> None:
    """A constant readout: M takes from all neurons nearly all that they have in the label's direction. The mean is that
    of 144 networks, drawn by a tester whose finding it was.
    """
    problem = Problem("silu", "-1*h1 - 0.35*h2", 893, 195, 493, ridge=0.0573, noise=0.56, step_exponent=0.34)
    found = predict(problem.replace(inputs="spiked:7.9,1; teacher=top", gradient="target", readout="constant"))
    assert abs(found.test_error / 1.3016 - 1) < (found.error_estimate or 0.0) + 2 * 0.0044


def test_some_samples_of_the_gradient_are_enough() -> None:
    assert trust(PROBLEM.replace(n_gradient=50), 170.0, ERRORS, curved=True).trusted


def test_a_label_with_a_mean_turns_neurons_to_strong_directions() -> None:
    """Twelve of 123 dimensions are left; there the test error of networks is 6.5 (1.1) % below the prediction."""
    problem = PROBLEM.replace(
        teacher="2 + 0.7*h1 - 0.3*h2", step_exponent=0.45, gradient="target", readout="constant", n_samples=500
    ).replace(input_dim=200, width=350)
    assert dimension_after_step(problem, 122.7) == pytest.approx(12.2, abs=0.1)
    assert dimension_after_step(problem.replace(teacher="h1"), 122.7) == 122.7
    assert dimension_after_step(problem.replace(activation="tanh"), 122.7) == 122.7
    found = trust(problem, 122.7, ERRORS, curved=True)
    assert not found.trusted
    assert "what neurons see after the step" in found.reason
    assert found.error_estimate > 3 * trust(problem.replace(teacher="h1"), 122.7, ERRORS, curved=True).error_estimate


def test_an_odd_activation_does_not_mind_a_strong_direction() -> None:
    problem = PROBLEM.replace(inputs="spiked:30,1; teacher=top")
    assert trust(problem, 170.0, ERRORS, curved=False).trusted


def test_the_peak_is_named() -> None:
    found = trust(PROBLEM.replace(width=900), 170.0, Errors(1e-3, 1e-2, 5.0), curved=False)
    assert "interpolation peak" in found.reason


@pytest.mark.parametrize(
    ("changes", "named"),
    [({}, True), ({"step_size": 3.0}, False), ({"activation": "gelu"}, False), ({"activation": "tanh"}, False)],
)
def test_far_moves_along_sigma_w_are_in_the_estimate(changes: dict[str, Any], named: bool) -> None:
    """Sixty networks have 1.830 +- 0.017 where 1.919 is predicted, and at a step of 3 forty have 1.395 +- 0.017 where
    it is 1.399. GELU has no cubic part, and features of tanh do not change much when a spike does.
    """
    problem = Problem("sin", "h1 + 0.5*h2", 312, 239, 161, step_size=9.946, ridge=0.3, readout="constant")
    found = predict(problem.replace(inputs="power:0.7", **changes))
    assert ("far along Sigma w" in found.trust_reason) == named
    # GELU makes neurons long along the label: 60 networks have 1.264 +- 0.011, predicted is 1.256.
    assert found.trusted == (not named and problem.replace(**changes).activation.name != "gelu")


def test_the_share_of_a_feature_that_is_not_linear() -> None:
    """``c_1^2/E sigma^2`` of tanh is 0.9305; sin(5 z) is not linear at all, and GELU nearly at any strength."""
    numbers = PROBLEM.replace(activation="tanh").activation
    linear = float(numbers.coefficients(1)[1]) ** 2 / numbers.second_moment
    assert beyond_linear(PROBLEM.replace(activation="tanh"), 0.0) == pytest.approx(1 - linear)
    assert beyond_linear(PROBLEM.replace(activation="sin"), 4.9) > 0.999
    assert beyond_linear(PROBLEM.replace(activation="identity"), 3.0) == pytest.approx(0.0, abs=1e-12)


def test_a_label_with_a_mean_is_not_trusted_where_it_moves_the_output() -> None:
    """Networks of these sizes and isotropic inputs are 12 % off without the term, of which not all is known here."""
    problem = Problem("relu", "h1 + 3", 600, 180, 300, step_size=24.0, n_gradient=15000, inputs="two-level:0.5,1.5,0.5")
    found = predict(problem)
    assert not found.trusted
    assert "mean" in found.trust_reason
    for other in ({"gradient": "target"}, {"teacher": "h1"}, {"activation": "tanh"}):
        assert moved_output(problem.replace(**other)) == 0


def test_errors_that_hang_on_the_sample_of_the_gradient_are_not_trusted() -> None:
    """40 networks are 20.2 +- 1.3 % below the prediction, which was trusted to 2 %."""
    problem = Problem("cos", "-0.43 + 0.4*h1 - 0.35*h3", 280, 158, 623, step_exponent=0.3, ridge=0.02, noise=0.4)
    found = predict(problem.replace(gradient="target", readout="constant", inputs="spiked:10,1"))
    assert found.error_estimate is not None
    assert found.error_estimate > 0.2
    assert "a pole is near" in found.trust_reason
    usual = predict(problem.replace(gradient="target", readout="constant", inputs="power:0.5", activation="relu"))
    assert usual.trusted
