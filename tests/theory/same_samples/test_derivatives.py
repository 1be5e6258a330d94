"""Derivatives and optima with reused samples, against differences of predictions."""

import pytest

from polyspike import Problem, Status, best_ridge, best_step, best_step_and_ridge, derivatives, predict

BASE = Problem(
    "tanh",
    "h1 + 0.5*h2",
    900,
    300,
    720,
    step_exponent=0.3,
    noise=0.5,
    ridge=0.1,
    gradient="target",
    readout="rademacher",
    samples="same",
)


def test_they_are_slopes_of_predictions() -> None:
    found, change = derivatives(BASE), 0.01
    by_ridge = [predict(BASE.replace(ridge=BASE.ridge * (1 + sign * change))).test_error for sign in (1, -1)]
    by_step = [predict(BASE.replace(step_size=BASE.step * (1 + sign * change))).test_error for sign in (1, -1)]
    for pair, at, slope in (
        (by_ridge, BASE.ridge, found.by_ridge.test_error),
        (by_step, BASE.step, found.by_step.test_error),
    ):
        assert slope == pytest.approx((pair[0] - pair[1]) / (2 * at * change), rel=2e-3)
    assert found.prediction.status is Status.OK


def test_without_a_step_they_are_one_sided() -> None:
    """The errors are even in the step for the target's gradient: there is no slope."""
    assert abs(derivatives(BASE.replace(step_size=0.0)).by_step.test_error) < 1e-6


@pytest.mark.slow
def test_the_best_ridge() -> None:
    best = best_ridge(BASE)
    fresh = best_ridge(BASE.replace(samples="fresh"))
    error = best.prediction.test_error
    assert abs(best.derivatives.by_ridge.test_error * best.problem.ridge) < 1e-6
    assert all(error <= predict(BASE.replace(ridge=best.problem.ridge * k)).test_error for k in (0.7, 1.4))
    # A second sample is better, and fitting the gradient's own acts like a ridge.
    assert fresh.prediction.test_error < error
    assert best.problem.ridge < fresh.problem.ridge


@pytest.mark.slow
def test_the_best_step_and_both() -> None:
    one, both = best_step(BASE), best_step_and_ridge(BASE)
    assert one.prediction.test_error <= predict(BASE).test_error
    assert both.prediction.test_error <= min(one.prediction.test_error, best_ridge(BASE).prediction.test_error) + 1e-9
