"""What is said of inputs that are not Gaussian, against exact moments and measured differences."""

import numpy as np
import pytest

from polyspike import EdgePrediction, Inputs, Prediction, Problem, predict
from polyspike.theory.universality import excess_kurtosis, label_change

BASE = Problem("relu", "h1 + 0.5*h2", 800, 200, 400, step_exponent=0.3)
SPREAD = "two-level:0.9,1.1,0.5"


def of(inputs: str, **changes: object) -> Prediction:
    found = predict(BASE.replace(inputs=inputs, **changes))
    assert isinstance(found, Prediction)
    return found


@pytest.mark.parametrize(
    ("law", "fourth"), [("rademacher", 1.0), ("uniform", 9 / 5), ("student:5", 9.0), ("student:10", 4.0)]
)
def test_excess_kurtosis(law: str, fourth: float) -> None:
    assert excess_kurtosis(Inputs(law=law)) == pytest.approx(fourth - 3)


def test_laws_without_a_fourth_moment_have_an_infinite_one() -> None:
    assert excess_kurtosis(Inputs(law="student:4")) == np.inf
    assert excess_kurtosis(Inputs()) == 0


@pytest.mark.parametrize("law", ["rademacher", "uniform"])
def test_a_label_of_one_coordinate_changes_exactly_so_in_degree_two(law: str) -> None:
    """``E (g^2 - 1)^2 = E g^4 - 1``: for a polynomial of degree two the first order is all."""
    problem = BASE.replace(inputs=f"isotropic; teacher=top; law={law}")
    assert label_change(problem) == pytest.approx(0.25 * abs(excess_kurtosis(problem.inputs)), rel=1e-9)
    assert label_change(problem.replace(teacher="h1")) == pytest.approx(0.0, abs=1e-12)


def test_a_cubic_label_gains_a_linear_part() -> None:
    """``E (g^3 - 3 g) g = E g^4 - 3`` for one coordinate."""
    problem = BASE.replace(teacher="h3", inputs="isotropic; teacher=top; law=uniform")
    assert label_change(problem) >= 1.2**2


@pytest.mark.parametrize(("law", "simulated"), [("rademacher", 0.436), ("uniform", 0.661), ("student:5", 1.80)])
def test_a_label_along_one_coordinate_is_not_trusted(law: str, simulated: float) -> None:
    """Means of twelve networks; they were trusted to 0.4 %."""
    found = of(f"isotropic; teacher=top; law={law}")
    assert not found.trusted
    assert "single coordinates" in found.trust_reason
    assert found.error_estimate is not None
    assert abs(simulated / found.test_error - 1) < found.error_estimate


def test_without_a_fourth_moment_nothing_is_known() -> None:
    found = of("isotropic; law=student:3")
    assert not found.trusted
    assert found.error_estimate is None
    assert "no fourth moment" in found.trust_reason


@pytest.mark.parametrize(("law", "measured"), [("rademacher", 0.019), ("uniform", 0.007), ("sphere", 0.008)])
def test_a_spread_label_is_trusted_within_what_was_measured(law: str, measured: float) -> None:
    """The differences of docs/inputs.md are in the estimate."""
    found, plain = of(f"{SPREAD}; law={law}"), of(SPREAD)
    assert found.trusted
    assert found.error_estimate is not None
    assert plain.error_estimate is not None
    assert measured / found.test_error < found.error_estimate < plain.error_estimate + 0.02
    assert found.test_error == plain.test_error


def test_the_reason_of_a_prediction_that_is_not_trusted_stays() -> None:
    small = {"input_dim": 12, "n_samples": 40, "width": 20}
    found, plain = of("isotropic; law=uniform", **small), of("isotropic", **small)
    assert not plain.trusted
    assert found.trust_reason == plain.trust_reason


@pytest.mark.parametrize("alpha", [0.1, 0.25])
def test_limits_have_the_note_alone(alpha: float) -> None:
    problem = BASE.replace(inputs="isotropic; law=uniform", step_exponent=alpha)
    found = predict(problem, method="window")
    parts = [found.below, found.above] if isinstance(found, EdgePrediction) else [found]
    for part in parts:
        assert part.notes[-1].startswith("law=uniform")
        assert part.error_estimate is None
