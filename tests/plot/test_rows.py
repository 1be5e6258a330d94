"""Every kind of result, and the same results as tables, read as the same rows."""

from typing import Any

import numpy as np
import pytest

import polyspike as ps
from plot.cases import BASE, at, predicted, runs
from polyspike.plot.rows import as_rows, averaged, position

PROBLEMS = at(BASE, 0.1, 0.3)


@pytest.fixture(scope="module")
def found() -> Any:
    return ps.sweep(PROBLEMS, replicates=3, workers=1, n_test=50)


def numbers(results: Any) -> Any:
    """Place, mean and standard error of the test error."""
    return [
        (position(row, "step_exponent"), *row.number("test_error"))
        for row in averaged(as_rows(results, "r"), "test_error")
    ]


def test_a_sweep_its_table_its_rows_and_its_replications_are_one(found: Any) -> None:
    expected = [(r.problem.step_exponent, *r.test_error) for r in found.replications()]
    tables = (found.to_pandas(), found.records(), found.store.to_pandas(), found.store)
    for results in (found, *tables, found.replications(), found.measurements(), found.rows()):
        np.testing.assert_allclose(numbers(results), expected)


def test_nested_sequences_and_generators_are_read_in_order() -> None:
    assert numbers([[runs()[0]], (run for run in runs()[1:])]) == numbers(runs())


def test_a_row_that_failed_has_no_number() -> None:
    failed = ps.predict([BASE.replace(step_exponent=0.5)], method="window")
    assert numbers(failed) == [(0.5, None, None)]


def test_an_optimum_and_an_edge_are_predictions() -> None:
    best = ps.best_ridge(BASE)
    assert numbers(best)[0][1] == best.test_error
    edge = predicted(BASE.replace(step_exponent=0.25), method="window")
    assert numbers(edge) == [(0.25, edge.test_error, None)]


def test_a_step_size_has_a_place_among_exponents_and_the_other_way_round() -> None:
    row = as_rows(predicted(BASE.replace(step_size=400**0.3)), "r")[0]
    assert position(row, "step_exponent") == pytest.approx(0.3)
    assert position(as_rows(ps.predict(PROBLEMS[0]), "r")[0], "step_size") == pytest.approx(400**0.1)
    still = as_rows(predicted(BASE.replace(step_size=0.0)), "r")[0]
    assert position(still, "step_exponent") == float("-inf")


def test_numbers_that_are_not_fields_are_found_by_name() -> None:
    prediction = predicted(BASE.replace(step_exponent=0.1), method="window")
    assert as_rows(prediction, "r")[0].number("Q") == (prediction.extras["Q"], None)


@pytest.mark.parametrize("wrong", [3, "runs", np.float64(1.0), len])
def test_what_is_no_result_is_refused(wrong: Any) -> None:
    with pytest.raises(ps.ArgumentError, match="give results"):
        as_rows(wrong, "measured")
