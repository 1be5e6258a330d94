"""The best step and the best ridge: a vanishing derivative or a stated end, and the lowest of several valleys."""

from typing import Any

import numpy as np
import pytest

from polyspike import (
    ArgumentError,
    NumericalError,
    Optimum,
    Prediction,
    Problem,
    Status,
    best_ridge,
    best_step,
    best_step_and_ridge,
    predict,
)

BASE = Problem(
    activation="tanh",
    teacher="h1 + 0.7*h2",
    n_samples=3000,
    input_dim=600,
    width=1000,
    ridge=0.01,
    noise=0.5,
    step_exponent=0.3,
)


def errors_of(problems: list[Problem]) -> list[float]:
    return [row.test_error for row in predict(problems) if isinstance(row, Prediction)]


def relative_slopes(found: Optimum) -> tuple[float, float]:
    """By log step and log ridge, of the log of the test error."""
    error, slopes = found.prediction.test_error, found.derivatives
    return (
        slopes.by_step.test_error * found.problem.step / error,
        slopes.by_ridge.test_error * found.problem.ridge / error,
    )


@pytest.mark.parametrize("changes", [{}, {"gradient": "target"}, {"activation": "relu", "teacher": "h1"}], ids=str)
def test_the_best_step_has_no_slope_and_no_lower_neighbour_anywhere(changes: dict[str, object]) -> None:
    problem = BASE.replace(**changes)
    found = best_step(problem)
    assert found.step_end is None
    assert found.problem == problem.replace(step_size=found.problem.step)
    assert abs(relative_slopes(found)[0]) < 1e-9
    everywhere = errors_of([problem.replace(step_size=float(s)) for s in np.linspace(0, problem.n_samples**0.5, 60)])
    assert found.prediction.test_error <= min(everywhere)
    beside = errors_of([problem.replace(step_size=found.problem.step * (1 + h)) for h in (-0.01, 0.01)])
    assert min(beside) > found.prediction.test_error


def test_an_optimum_at_an_end_is_said_to_be_there() -> None:
    rising = best_step(BASE.replace(activation="softplus"))
    assert rising.step_end == "upper"
    assert rising.at_an_end
    assert rising.problem.step == pytest.approx(3000**0.5)
    assert rising.derivatives.by_step.test_error < 0
    further = best_step(BASE.replace(activation="softplus"), largest=2 * 3000**0.5)
    assert further.prediction.test_error < rising.prediction.test_error
    still = best_step(BASE.replace(teacher="h2", gradient="target"))
    assert (still.step_end, still.problem.step) == ("lower", 0.0)
    nothing_to_learn = best_ridge(BASE.replace(teacher="h2"))
    assert nothing_to_learn.ridge_end == "upper"
    assert nothing_to_learn.derivatives.by_ridge.test_error < 0
    bounded = best_ridge(BASE, ridges=(1.0, 10.0))
    assert bounded.ridge_end == "lower"
    assert bounded.derivatives.by_ridge.test_error > 0


def test_the_best_ridge_is_the_lowest_of_a_fine_grid() -> None:
    found = best_ridge(BASE)
    assert not found.at_an_end
    assert abs(relative_slopes(found)[1]) < 1e-9
    grid = errors_of([BASE.replace(ridge=float(ridge)) for ridge in np.geomspace(1e-7, 1e3, 80)])
    assert found.prediction.test_error <= min(grid) * (1 + 1e-12)
    assert found.prediction.test_error == pytest.approx(min(grid), rel=1e-3)


def test_both_together_beat_each_alone_and_have_no_slope() -> None:
    found = best_step_and_ridge(BASE)
    assert not found.at_an_end
    assert np.abs(relative_slopes(found)).max() < 1e-9
    assert found.prediction.test_error < min(
        best_step(BASE).prediction.test_error, best_ridge(BASE).prediction.test_error
    )
    # Going to and fro between the two finds no lower place.
    again = best_ridge(best_step(found.problem).problem)
    assert again.prediction.test_error == pytest.approx(found.prediction.test_error, rel=1e-10)
    grid = [
        BASE.replace(step_size=float(step), ridge=float(ridge))
        for step in np.geomspace(0.3, 54, 12)
        for ridge in np.geomspace(1e-3, 10, 12)
    ]
    assert found.prediction.test_error <= min(errors_of(grid))


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "relu", "samples": "same", "readout": "rademacher"},
        {"inputs": "power:0.4", "teacher": "-h1 + h2"},
        {"activation": "gelu", "teacher": "-h1 - h3", "gradient": "target"},
    ],
    ids=str,
)
def test_ridges_near_those_of_a_scan_are_enough(changes: dict[str, object]) -> None:
    """The answer has the errors of a prediction of its own, and no other ridge is better."""
    found = best_step_and_ridge(BASE.replace(n_samples=600, input_dim=200, width=400, **changes))
    error = found.prediction.test_error
    assert error == pytest.approx(errors_of([found.problem])[0], rel=1e-7)
    assert best_ridge(found.problem).prediction.test_error == pytest.approx(error, rel=1e-7)


@pytest.mark.parametrize("ridges", [1, None, "12", (1,), (1, 2, 3), (1.0, 0.1), (0, 1), (1, "2"), (1, float("inf"))])
def test_ends_of_ridges_are_two_increasing_numbers(ridges: Any) -> None:
    for search in (best_ridge, best_step_and_ridge):
        with pytest.raises(ArgumentError, match=r"^ridges = .*: give two increasing numbers > 0"):
            search(BASE, ridges=ridges)


@pytest.mark.parametrize("largest", [-1.0, 0, "x", True, (1, 2), float("nan"), float("inf")])
def test_the_largest_step_is_a_number(largest: Any) -> None:
    for search in (best_step, best_step_and_ridge):
        with pytest.raises(ArgumentError, match=r"^largest = .*: give a "):
            search(BASE, largest=largest)


def test_searches_that_make_no_sense_are_refused() -> None:
    with pytest.raises(NumericalError) as caught:
        best_step(BASE.replace(ridge=0.0))
    assert caught.value.status is Status.SINGULAR
    with pytest.raises(NumericalError, match="uncentred"):
        best_ridge(BASE.replace(activation="uncentred relu"))


def test_a_long_search_is_announced(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyspike.theory.announce.prediction_seconds", lambda _: 1.0)
    caplog.set_level("INFO", "polyspike.theory.announce")
    best_step(Problem("tanh", "h1", 300, 60, 100, step_size=1.0), largest=2.0)
    assert [record.getMessage() for record in caplog.records] == ["about 21 s for 21 predictions"]
