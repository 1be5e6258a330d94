"""Questions of the page, as JSON sends them, read into problems and numbers; nothing is evaluated or imported."""

from collections.abc import Mapping
from typing import Any

from polyspike.errors import ArgumentError
from polyspike.explore.gate import Refusal
from polyspike.problem import Problem
from polyspike.scalars import as_integer, as_real

__all__ = ["MOST_CHANGES", "changed", "changes_of", "numbers_of", "problem_of", "replicates_of", "whole"]

MOST_CHANGES = 400
"""Variations of one problem that a question may hold."""

MOST_REPLICATES = 100
_MOST_NUMBERS = 40
_LONGEST_TEXT = 500
_TEXTS = ("activation", "teacher", "gradient", "readout", "samples", "inputs")
_CHANGEABLE = {"step_exponent", "step_size", "ridge"}


def problem_of(question: Mapping[str, Any]) -> Problem:
    """The problem in a question's field ``problem``.

    Raises
    ------
    Refusal
        What is not a mapping of numbers and texts.
    ArgumentError
        Values that the library refuses, in its own words.
    """
    values = question.get("problem")
    if not isinstance(values, dict):
        raise Refusal(400, "problem: give an object of numbers and texts")
    for name, value in values.items():
        _check_plain(name, value)
    return Problem.from_dict({name: value for name, value in values.items() if value is not None}, imports=False)


def _check_plain(name: str, value: Any) -> None:
    if isinstance(value, bool) or not (value is None or isinstance(value, int | float | str)):
        raise Refusal(400, f"{name[:40]}: give a number or a text")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise ArgumentError(name[:40], value, f"give at most {_LONGEST_TEXT} characters")
    if name in _TEXTS and value is not None and not isinstance(value, str):
        raise ArgumentError(name, value, "give a text")


def changes_of(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list ``changes`` of a question: what each variation of its problem has of its own.

    Raises
    ------
    Refusal
        No list, too long a list, or changes of anything but step and ridge.
    """
    changes = question.get("changes")
    if not isinstance(changes, list) or not 0 < len(changes) <= MOST_CHANGES:
        raise Refusal(400, f"changes: give a list of 1 to {MOST_CHANGES}")
    for change in changes:
        if not isinstance(change, dict) or not set(change) <= _CHANGEABLE:
            raise Refusal(400, f"changes: each is an object of {', '.join(sorted(_CHANGEABLE))}")
        for name, value in change.items():
            _check_plain(name, value)
    return changes


def changed(problem: Problem, change: Mapping[str, Any]) -> Problem:
    """A variation of a problem."""
    return problem.replace(**change)


def numbers_of(question: Mapping[str, Any], name: str) -> list[float]:
    """A short list of numbers.

    Raises
    ------
    Refusal
        Anything else.
    """
    values = question.get(name)
    if not isinstance(values, list) or not 0 < len(values) <= _MOST_NUMBERS:
        raise Refusal(400, f"{name}: give a list of 1 to {_MOST_NUMBERS} numbers")
    return [as_real(name, value) for value in values]


def replicates_of(question: Mapping[str, Any]) -> int:
    """Networks that a simulation makes at every step.

    Raises
    ------
    ArgumentError
        Fewer than two, which have no error bar, or too many.
    """
    count = as_integer("replicates", question.get("replicates"), 2)
    if count > MOST_REPLICATES:
        raise ArgumentError("replicates", count, f"give at most {MOST_REPLICATES}")
    return count


def whole(question: Mapping[str, Any], name: str) -> int:
    """A whole number >= 0.

    Raises
    ------
    Refusal
        Anything else.
    """
    value = question.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refusal(400, f"{name}: give a whole number")
    return value
