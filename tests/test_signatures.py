"""What one can guess of a call: options by keyword, one name for one thing, and a type for every answer."""

import inspect
from collections.abc import Callable
from typing import Any, assert_type

import pytest

import polyspike as ps
from polyspike import ArgumentError, EdgePrediction, FailedPrediction, Measurement, Prediction, Problem

PROBLEM = Problem("relu", "h1 + 0.5*h2", 60, 20, 40, step_exponent=0.3, ridge=0.1)
PAIR = [PROBLEM, PROBLEM.replace(ridge=0.2)]

FUNCTIONS = {name: getattr(ps, name) for name in ps.__all__ if inspect.isfunction(getattr(ps, name))}

NO_OPTION = {"z_threshold": "comparisons"}
"""What comes first and may be left out."""

ONE_NAME = {"l": "window", "level": "window", "spikes": "window", "n": "replicates", "repeats": "replicates"}
"""Names that an argument might have had, and the one that it has."""


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def positional_options(function: Callable[..., Any]) -> list[str]:
    """Options that can be given without their name."""
    empty, keyword = inspect.Parameter.empty, inspect.Parameter.KEYWORD_ONLY
    return [p.name for p in parameters(function) if p.default is not empty and p.kind is not keyword]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_option_is_given_by_its_keyword(name: str) -> None:
    assert set(positional_options(FUNCTIONS[name])) <= {NO_OPTION.get(name)}


def test_an_option_by_position_would_be_found() -> None:
    def slack(problem: Problem, seed: int = 0, *, n_test: int = 1) -> None: ...

    assert positional_options(slack) == ["seed"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_thing_has_one_name(name: str) -> None:
    assert not {p.name for p in parameters(FUNCTIONS[name])} & set(ONE_NAME)


def test_the_answer_is_of_the_type_that_is_promised() -> None:
    """mypy checks the promise, the assertions the answer."""
    one = assert_type(ps.predict(PROBLEM), Prediction)
    crossing = assert_type(ps.predict(PROBLEM, method="crossing", window=2), Prediction)
    inside = assert_type(ps.predict(PROBLEM, method="window", window=2), Prediction)
    anywhere = assert_type(ps.predict(PROBLEM, method="window"), Prediction | EdgePrediction)
    assert [type(found) for found in (one, crossing, inside, anywhere)] == [Prediction] * 4
    on_the_edge = PROBLEM.replace(step_exponent=0.25)
    assert type(ps.predict(on_the_edge, method="window")) is EdgePrediction
    assert type(ps.predict(on_the_edge, method="window", window=2)) is Prediction


def test_so_are_those_of_many() -> None:
    many = assert_type(ps.predict(PAIR), list[Prediction | FailedPrediction])
    inside = assert_type(ps.predict(PAIR, method="window", window=2), list[Prediction | FailedPrediction])
    anywhere = assert_type(ps.predict(PAIR, method="window"), list[Prediction | EdgePrediction | FailedPrediction])
    assert [type(row) for row in (*many, *inside, *anywhere)] == [Prediction] * 6


def test_a_simulation_takes_one_problem_or_many() -> None:
    one = assert_type(ps.simulate(PROBLEM, seed=3, n_test=50), Measurement)
    many = assert_type(ps.simulate(PAIR, seed=3, n_test=50), list[Measurement])
    assert [row.problem for row in many] == PAIR
    assert many[0].test_error == one.test_error
    assert ps.simulate(iter(PAIR), seed=3, n_test=50)[1].test_error == many[1].test_error
    assert ps.simulate([], n_test=50) == []


@pytest.mark.parametrize("function", [ps.predict, ps.simulate])
@pytest.mark.parametrize("wrong", [3, "relu", [PROBLEM, "relu"], None])
def test_what_is_no_problem_is_refused(function: Callable[..., Any], wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^problem = .*: give a Problem, or a sequence of them"):
        function(wrong)


def test_progress_of_many_problems_is_that_of_the_whole() -> None:
    told: list[float] = []
    ps.simulate([PROBLEM, PROBLEM.replace(width=30)], n_test=50, progress=told.append)
    assert told == sorted(told)
    assert told[0] == 0.0
    assert told[-1] == pytest.approx(1.0)
    assert any(0.4 < share < 0.6 for share in told)
