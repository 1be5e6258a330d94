"""What the simulating process tells: time, replicates, and the spectrum of the first one."""

import io
import json
from typing import Any

import numpy as np
import pytest

from explore.serving import PROBLEM
from polyspike import NumericalError, Problem, Status, simulate
from polyspike.explore import worker

HERE = Problem(**(PROBLEM | {"n_samples": 300, "input_dim": 100, "width": 120, "step_exponent": 0.4}))
JOB = {"problem": HERE.to_dict(), "steps": [0.0, 0.4], "replicates": 2, "n_test": 100}


def told(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Every line of a job, as the explorer reads it."""
    return [json.loads(json.dumps(line, allow_nan=False)) for line in worker.replicates(job)]


def test_time_comes_first_and_the_spectrum_last() -> None:
    lines = told(JOB)
    assert [sorted(line) for line in lines] == [["seconds"], *[["test_error", "train_error"]] * 2, ["spectrum"]]
    assert lines[0]["seconds"] > 0
    expected = simulate(HERE, seed=(0, 1), n_test=100)
    assert lines[2]["test_error"][1] == pytest.approx(expected.test_error)


def test_the_spectrum_is_that_of_the_first_replicate_at_the_present_step() -> None:
    found = worker.spectrum(HERE)
    expected = simulate(HERE, seed=(0, 0), n_test=2, eigenvalues="all").eigenvalues
    assert expected is not None
    assert len(found["eigenvalues"]) == HERE.width  # of 300 eigenvalues 180 are zero
    np.testing.assert_allclose(found["eigenvalues"], expected[: HERE.width], rtol=1e-5)
    assert found["spikes"] in (1, 2)  # linear, and quadratic where this draw shows it
    assert worker.spectrum(HERE.replace(step_size=0.0))["spikes"] == 0


def test_few_eigenvalues_show_no_edge() -> None:
    assert worker.spectrum(HERE.replace(width=40))["spikes"] == 0


def test_a_failure_is_told_after_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(problem: Problem) -> dict[str, Any]:
        raise NumericalError(Status.NOT_CONVERGED, "no eigenvalues")

    monkeypatch.setattr(worker, "spectrum", refuse)
    monkeypatch.setattr(worker, "_end_with", lambda source: None)
    sink = io.StringIO()
    worker.main(io.StringIO(json.dumps(JOB) + "\n"), sink)
    lines = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert ["test_error" in line for line in lines] == [False, True, True, False]
    assert lines[-1]["message"].startswith("no eigenvalues")
