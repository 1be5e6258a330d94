"""Questions are read into problems in the library's own words, and nothing in them runs."""

import sys
from typing import Any

import pytest

from explore.serving import PROBLEM
from polyspike import ArgumentError, Problem
from polyspike.explore.gate import Refusal
from polyspike.explore.questions import changes_of, numbers_of, problem_of, replicates_of, whole


def test_a_problem_is_that_of_the_library() -> None:
    assert problem_of({"problem": {**PROBLEM, "n_gradient": None}}) == Problem(**PROBLEM)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("ridge", -1, "give a number >= 0"),
        ("ridge", "much", "give a finite number"),
        ("n_samples", "", "give an integer >= 2"),
        ("n_samples", 10.5, "give an integer >= 2"),
        ("step_exponent", 0.7, r"give a number in \[0, 1/2\]"),
        ("teacher", "h1 +", "cannot be parsed"),
        ("teacher", "__import__('os').system('true')", "is not understood"),
        ("teacher", "(" * 200, "cannot be parsed"),
        ("teacher", "h1 + " * 200, "at most 500 characters"),
        ("activation", "rleu", "relu"),
        ("activation", 3, "give a text"),
        ("gradient", "half", "full"),
        ("inputs", "powr:1", "power"),
        ("inputs", 3, "give a text"),
        ("slope", 1, "step"),
    ],
)
def test_bad_values_are_answered_in_the_words_of_the_library(name: str, value: Any, remedy: str) -> None:
    with pytest.raises(ArgumentError, match=remedy) as refused:
        problem_of({"problem": {**PROBLEM, name: value}})
    assert refused.value.argument == name


@pytest.mark.parametrize("name", ["activation", "teacher"])
def test_nothing_is_imported(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "typed_into_a_field.py").write_text("def f(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ArgumentError, match="nothing is imported here"):
        problem_of({"problem": {**PROBLEM, name: "typed_into_a_field.f"}})
    assert "typed_into_a_field" not in sys.modules


@pytest.mark.parametrize("values", [None, [], "relu", {**PROBLEM, "ridge": [1]}, {**PROBLEM, "ridge": True}])
def test_what_is_no_object_of_numbers_and_texts_is_refused(values: Any) -> None:
    with pytest.raises(Refusal, match="give"):
        problem_of({"problem": values})


@pytest.mark.parametrize("changes", [None, [], [{}] * 401, [3], [{"width": 10}], [{"ridge": {}}]])
def test_changes_are_of_step_and_ridge_and_not_too_many(changes: Any) -> None:
    with pytest.raises(Refusal):
        changes_of({"changes": changes})
    assert changes_of({"changes": [{"ridge": 1.0}] * 400})


def test_lists_of_numbers_are_short_and_finite() -> None:
    assert numbers_of({"steps": [0, 0.5]}, "steps") == [0.0, 0.5]
    for values in (None, [], [0.1] * 41, "1"):
        with pytest.raises(Refusal):
            numbers_of({"steps": values}, "steps")
    with pytest.raises(ArgumentError, match="steps = 'x': give a finite number"):
        numbers_of({"steps": ["x"]}, "steps")


@pytest.mark.parametrize("count", [1, 101, "", None, 2.5])
def test_replicates_are_bounded(count: Any) -> None:
    with pytest.raises(ArgumentError, match="replicates"):
        replicates_of({"replicates": count})
    assert replicates_of({"replicates": 100}) == 100


@pytest.mark.parametrize("number", [None, -1, True, 1.0, "1"])
def test_a_run_is_named_by_a_whole_number(number: Any) -> None:
    with pytest.raises(Refusal):
        whole({"number": number}, "number")
