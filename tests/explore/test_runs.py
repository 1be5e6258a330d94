"""Simulations in the background: their numbers are those of `replicate`, and they can be stopped."""

import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from explore.serving import PROBLEM
from polyspike import ArgumentError, DoesNotFitError, Problem, replicate
from polyspike.explore import worker
from polyspike.explore.runs import N_TEST, Runs

SMALL = {**PROBLEM, "n_samples": 400, "input_dim": 40, "width": 80}
LONG = {**PROBLEM, "n_samples": 4000, "input_dim": 1000, "width": 2000}
SECONDS = 60.0


@pytest.fixture
def runs() -> Iterator[Runs]:
    found = Runs()
    yield found
    found.close()


def ended(runs: Runs, number: int) -> dict[str, Any]:
    """The last report of a run."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        report = runs.look({"number": number})
        if report["state"] != "running":
            return report
        time.sleep(0.05)
    raise AssertionError(f"still running after {SECONDS} s: {report}")


def test_dots_are_the_means_of_replicate(runs: Runs) -> None:
    started = runs.start({"problem": SMALL, "steps": [0.0, 0.3], "replicates": 3})
    assert (started["state"], started["done"], started["dots"]) == ("running", 0, [])
    report = ended(runs, started["number"])
    assert (report["state"], report["done"], report["total"]) == ("done", 3, 3)
    assert report["seconds"] > 0
    for dot, step in zip(report["dots"], (0.0, 0.3), strict=True):
        expected = replicate(Problem(**{**SMALL, "step_exponent": step}), replicates=3, n_test=N_TEST)
        for name in ("train_error", "test_error"):
            mean, standard_error = getattr(expected, name)
            assert (dot[name], dot[f"{name}_se"]) == (pytest.approx(mean), pytest.approx(standard_error))
    assert report["spectrum"] == worker.spectrum(Problem(**SMALL))


def process_of(runs: Runs) -> "subprocess.Popen[str]":
    assert runs._process is not None
    return runs._process


def test_a_cancelled_run_ends_at_once_with_its_process(runs: Runs) -> None:
    number = runs.start({"problem": LONG, "steps": [0.3], "replicates": 50})["number"]
    process = process_of(runs)
    assert runs.cancel({"number": number})["state"] == "cancelled"
    assert process.wait(10) != 0
    assert ended(runs, number)["state"] == "cancelled"


def test_a_new_run_takes_the_place_of_the_old_one(runs: Runs) -> None:
    first = runs.start({"problem": LONG, "steps": [0.3], "replicates": 50})["number"]
    process = process_of(runs)
    second = runs.start({"problem": SMALL, "steps": [0.3], "replicates": 2})["number"]
    assert process.wait(10) != 0
    with pytest.raises(ArgumentError, match="this simulation is gone"):
        runs.look({"number": first})
    assert ended(runs, second)["state"] == "done"


def test_a_worker_that_dies_is_told(runs: Runs) -> None:
    number = runs.start({"problem": LONG, "steps": [0.3], "replicates": 50})["number"]
    process_of(runs).kill()
    report = ended(runs, number)
    assert (report["state"], report["message"]) == ("failed", "the simulating process has died")


def test_a_worker_ends_when_nobody_listens(runs: Runs) -> None:
    runs.start({"problem": LONG, "steps": [0.3], "replicates": 50})
    process = process_of(runs)
    time.sleep(0.2)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(SECONDS) == 1


def test_what_does_not_fit_is_refused_before_anything_starts(runs: Runs) -> None:
    huge = {**PROBLEM, "n_samples": 10**9, "input_dim": 10**9, "width": 10**9}
    with pytest.raises(DoesNotFitError):
        runs.start({"problem": huge, "steps": [0.3], "replicates": 2})
    assert runs._process is None


def test_bad_steps_are_refused(runs: Runs) -> None:
    with pytest.raises(ArgumentError, match="step_exponent"):
        runs.start({"problem": SMALL, "steps": [0.7], "replicates": 2})
