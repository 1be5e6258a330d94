"""Every end of a question has a status and an answer."""

from typing import Any

import pytest

from polyspike.errors import ArgumentError, NumericalError
from polyspike.explore.gate import Refusal
from polyspike.explore.outcome import outcome
from polyspike.status import Status


def raising(error: Exception) -> Any:
    def reply(question: Any) -> dict[str, Any]:
        raise error

    return reply


def test_an_answer_is_passed_on() -> None:
    assert outcome(lambda question: {"twice": 2 * question["x"]}, {"x": 3}) == (200, {"twice": 6})


def test_what_the_library_refuses_is_an_answer_in_its_words() -> None:
    refused = {"argument": "ridge", "message": "give more", "whole": "ridge = 1: give more"}
    assert outcome(raising(ArgumentError("ridge", 1, "give more")), {}) == (200, {"refused": refused})
    status, answer = outcome(raising(NumericalError(Status.NOT_CONVERGED, "no root")), {})
    assert (status, answer["refused"]["argument"]) == (200, "")
    assert answer["refused"]["message"].startswith("no root")


def test_a_refusal_keeps_its_status() -> None:
    assert outcome(raising(Refusal(400, "no")), {}) == (400, {"message": "no"})


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), MemoryError(), TypeError("a defect")])
def test_a_defect_is_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert outcome(raising(error), {})[0] == 500
    assert "could not be answered" in caplog.text
