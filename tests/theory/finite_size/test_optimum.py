"""The best step and the best ridge: a vanishing derivative or a stated end, and the lowest of several valleys."""

from math import cos, inf, pi, sin

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
from polyspike.theory.finite_size.minimise import Point, minimise

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


def test_searches_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ArgumentError, match="largest"):
        best_step(BASE, largest=-1.0)
    with pytest.raises(ArgumentError, match="ridges"):
        best_ridge(BASE, ridges=(1.0, 0.1))
    with pytest.raises(NumericalError) as caught:
        best_step(BASE.replace(ridge=0.0))
    assert caught.value.status is Status.SINGULAR
    with pytest.raises(NumericalError, match="uncentred"):
        best_ridge(BASE.replace(activation="uncentred relu"))


def wavy(x: float) -> Point:
    """Valleys near 0.25, 0.75, 1.25, ... of depths that grow until x = 2 and shrink after it."""
    return Point(x, cos(4 * pi * x) + 0.3 * (x - 2) ** 2, lambda: -4 * pi * sin(4 * pi * x) + 0.6 * (x - 2))


def test_the_lowest_of_many_valleys_is_found() -> None:
    places = list(np.linspace(0, 4, 41))
    point, end = minimise(wavy, places)
    fine = min(wavy(x).value for x in np.linspace(0, 4, 40_001))
    assert end is None
    assert point.value <= fine + 1e-9
    assert abs(point.slope) < 1e-9
    # A scan that is too coarse for its valleys misses it: the test can fail.
    assert minimise(wavy, [0.0, 0.05, 0.1])[0].value > fine + 0.1


def test_a_coarse_scan_is_walked_downhill_to_the_true_floor() -> None:
    bowl = lambda x: Point(x, (x - 0.7) ** 2, lambda: 2 * (x - 0.7))  # noqa: E731
    point, end = minimise(bowl, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], scan=lambda x: abs(x - 0.2))
    assert point.x == pytest.approx(0.7)
    assert end is None
    point, end = minimise(bowl, [0.8, 0.9, 1.0], scan=lambda x: -x)
    assert (point.x, end) == (0.8, "lower")


def test_places_without_an_answer_are_gone_around() -> None:
    def holed(x: float) -> Point:
        if x > 0.5:
            raise NumericalError(Status.OUT_OF_RANGE, "too far")
        return Point(x, (x - 0.3) ** 2, lambda: 2 * (x - 0.3))

    assert minimise(holed, [0.0, 0.25, 0.5, 0.75, 1.0])[0].x == pytest.approx(0.3)
    with pytest.raises(NumericalError, match="too far"):
        minimise(holed, [0.6, 0.7, inf])

    def falling(x: float) -> Point:
        return Point(x, -x, lambda: -1.0) if x <= 0.55 else holed(x)

    with pytest.raises(NumericalError, match="bracketed"):
        minimise(falling, [0.0, 0.5, 1.0])
