"""A process beside the server answers as the server would, and its end is survived."""

from collections.abc import Iterator
from threading import Thread
from time import monotonic, sleep

import pytest

from explore.serving import PROBLEM
from polyspike.explore import replies
from polyspike.explore.gate import Refusal
from polyspike.explore.helpers import Helper

QUESTION = {"problem": PROBLEM, "changes": [{}]}


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    found = Helper(patient=True)
    found.start()
    yield found
    found.close()


def test_its_answers_are_those_of_the_replies(helper: Helper) -> None:
    assert helper.ask("predictions", QUESTION) == replies.predictions(QUESTION)
    assert helper.ask("spectrum", QUESTION) == replies.spectrum(QUESTION)


def test_what_is_refused_is_refused_here_too(helper: Helper) -> None:
    assert helper.ask("spectrum", {"problem": {**PROBLEM, "ridge": -1}})["refused"]["argument"] == "ridge"
    with pytest.raises(Refusal, match="changes: give a list"):
        helper.ask("predictions", {"problem": PROBLEM, "changes": []})


def test_a_helper_that_has_died_is_replaced(helper: Helper) -> None:
    before = helper._process
    assert before is not None
    before.kill()
    before.wait()
    assert helper.ask("predictions", QUESTION) == replies.predictions(QUESTION)
    assert helper._process is not before


def test_a_helper_that_dies_over_a_question_says_so(helper: Helper) -> None:
    process = helper._process
    assert process is not None
    refused: list[Refusal] = []

    def ask() -> None:
        try:
            helper.ask("best", {"problem": PROBLEM, "ridges": [0.01 * k for k in range(1, 40)]})
        except Refusal as refusal:
            refused.append(refusal)

    thread = Thread(target=ask)
    thread.start()
    end = monotonic() + 20
    while not helper._turn.locked() and monotonic() < end:
        sleep(0.001)
    process.kill()
    thread.join()
    process.wait()
    assert [refusal.status for refusal in refused] in ([500], [])  # none where it was quick
    assert helper.ask("predictions", QUESTION)["points"]


def test_a_closed_helper_has_no_process() -> None:
    helper = Helper()
    helper.start()
    process = helper._process
    assert process is not None
    helper.close()
    assert process.returncode is not None
    with pytest.raises(Refusal, match="has stopped"):
        helper.ask("predictions", QUESTION)
