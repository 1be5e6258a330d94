"""Many predictions in one call: the same numbers, rows that fail are marked, memory does not grow."""

import tracemalloc
from itertools import product

import numpy as np
import pytest

from polyspike import (
    ArgumentError,
    FailedPrediction,
    NumericalError,
    Prediction,
    Problem,
    Status,
    as_activation,
    predict,
)

BASE = Problem(
    activation="tanh",
    teacher="h1 + 0.7*h2",
    n_samples=600,
    input_dim=200,
    width=300,
    ridge=0.01,
    noise=0.5,
    step_exponent=0.3,
)


def numbers(row: object) -> list[float]:
    assert isinstance(row, Prediction)
    return [row.train_loss, row.train_error, row.test_error]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_mixed_grid_gives_the_numbers_of_single_calls_in_the_order_asked(activation: str) -> None:
    problems = [
        BASE.replace(activation=activation, step_exponent=alpha, ridge=ridge, noise=noise)
        for ridge, alpha, noise in product((1e-3, 10.0, 0.01, 0.3), (0.0, 0.4), (0.0, 0.5))
    ]
    rows = predict(problems)
    assert [row.problem for row in rows] == problems
    for row, problem in zip(rows, problems, strict=True):
        assert numbers(row) == pytest.approx(numbers(predict(problem)), rel=1e-9)


def test_an_answer_does_not_depend_on_the_rows_beside_it() -> None:
    ridges = np.geomspace(1e-6, 1e3, 12)
    many = predict([BASE.replace(ridge=float(ridge)) for ridge in ridges])
    few = predict([BASE.replace(ridge=float(ridge)) for ridge in ridges[::3]])
    for one, other in zip(many[::3], few, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-9)


def test_rows_that_fail_are_marked_and_the_others_go_on() -> None:
    good = BASE.replace(ridge=0.1)
    peak = BASE.replace(n_samples=300, ridge=0.0)
    far = BASE.replace(activation=as_activation(np.sin), step_size=1e6)  # a sine is not simple far out
    random = BASE.replace(activation="uncentred relu")
    rows = predict([peak, good, far, random, good.replace(ridge=0.2)])
    assert [row.status for row in rows if isinstance(row, FailedPrediction)] == [
        Status.SINGULAR,
        Status.OUT_OF_RANGE,
        Status.OUT_OF_RANGE,
    ]
    assert isinstance(rows[0], FailedPrediction)
    assert "diverges" in rows[0].message
    assert rows[0].test_error is None
    assert numbers(rows[1]) == pytest.approx(numbers(predict(good)), rel=1e-9)
    assert isinstance(rows[4], Prediction)


def test_a_failing_ridge_does_not_spoil_its_family() -> None:
    peak = BASE.replace(n_samples=300)
    rows = predict([peak.replace(ridge=ridge) for ridge in (0.0, 1e-3, 0.1)])
    assert [isinstance(row, Prediction) for row in rows] == [False, True, True]
    assert numbers(rows[1]) == pytest.approx(numbers(predict(peak.replace(ridge=1e-3))), rel=1e-9)


def test_the_limit_theories_take_many_problems_too() -> None:
    rows = predict([BASE.replace(step_exponent=alpha) for alpha in (0.1, 0.25, 0.5)], method="window")
    assert isinstance(rows[0], Prediction)
    assert rows[0].window == 1
    assert not isinstance(rows[1], FailedPrediction)
    assert isinstance(rows[2], FailedPrediction)
    assert rows[2].status is Status.OUT_OF_RANGE


def test_a_failure_beside_others_is_that_of_the_problem_alone() -> None:
    """Rounding is all that is left of its errors: the path from a neighbour is singular, the one by itself is not."""
    steep = Problem(
        activation="h11",
        teacher=[0.3809930067986785, -0.4241584204706437, 1.839721396088116],
        n_samples=2,
        input_dim=22728,
        width=2,
        step_size=0.2058934773992991,
        ridge=0.001846129994950915,
        noise=1e-9,
        gradient="full",
        readout="rademacher",
    )
    for rows in ([steep], [BASE, steep], [steep.replace(ridge=1.0), steep]):
        with pytest.raises(NumericalError) as alone:
            predict(steep)
        found = predict(rows)[-1]
        assert isinstance(found, FailedPrediction)
        assert (found.status, found.message) == (alone.value.status, str(alone.value))


def test_an_empty_sequence_and_wrong_input() -> None:
    assert predict([]) == []
    with pytest.raises(ArgumentError, match="give a Problem"):
        predict([BASE, 3])  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="counts the spikes"):
        predict([BASE], window=2)


# What the cache of contours around M's spectrum holds at most: 16 of some 100 points with 17 complex numbers each.
CONTOURS = 16 * 40_000


def test_memory_is_that_of_the_answers() -> None:
    """Twice the rows, and the peak above the answers stays: nothing is kept of the rows that are done."""

    def above_the_answers(n: int) -> int:
        problems = [BASE.replace(noise=float(s)) for s in np.linspace(0.1, 1, n)]
        tracemalloc.start()
        answers = predict(problems)
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(answers) == n
        assert kept < 8000 * n + CONTOURS
        return peak - kept

    above_the_answers(5)
    assert above_the_answers(80) < 1.5 * above_the_answers(40)


def test_reused_samples_among_fresh_ones_change_nothing_for_these() -> None:
    same = BASE.replace(samples="same", readout="rademacher")
    rows = predict([same, BASE, same.replace(ridge=0.1)])
    assert [row.status for row in rows] == [Status.OK, Status.OK, Status.OK]
    assert rows[1].test_error == predict([BASE])[0].test_error
