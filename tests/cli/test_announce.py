"""Long work announces itself before it starts, whatever its size; short work is silent."""

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from cli.command import SMALL, run
from cli.process import environment
from polyspike import Problem
from polyspike.cli import announce
from polyspike.cli.announce import announced
from polyspike.simulation.cost import Cost
from polyspike.simulation.memory import Storage
from polyspike.theory.announce import log


def test_short_work_is_silent() -> None:
    for command in ("simulate", "spectrum"):
        done = run(command, *SMALL)
        assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("storage", "streamed"), [(Storage.HELD, ""), (Storage.SAMPLES, "; streams blocks of samples")]
)
def test_the_announcement_has_time_memory_and_the_way_out(
    storage: Storage, streamed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("polyspike.simulation.cost.estimate_cost", lambda *_, **__: Cost(40.0, 3 * 10**9, storage))
    problem = Problem(step_exponent=0.2)
    with announced(problem, {"n_test": 100, "device": "cpu", "dtype": "float64", "streaming": None}) as report:
        report(0.5)
    shown = capsys.readouterr()
    assert shown.err == f"about 40 s and 3 GB of memory{streamed}; Ctrl-C stops it\n"
    assert shown.out == ""
    with announced(problem, {"n_test": 100}, runs=10):
        pass
    assert capsys.readouterr().err.startswith("about 7 min")


def test_replicates_report_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(announce, "WORTH_A_WORD", 0.0)
    monkeypatch.setattr("polyspike.cli.announce._bar", lambda _: _Bar(told))
    assert run("simulate", *SMALL, "--replicates", 3, "--json").exit_code == 0
    assert all(after > before - 1e-12 for before, after in pairwise(told))  # one run's end is the next one's start
    assert told[0] == 0.0
    assert told[-1] == pytest.approx(1.0)
    for share in (1 / 3, 2 / 3):
        assert min(abs(t - share) for t in told) < 1e-12


class _Bar:
    def __init__(self, told: list[float]) -> None:
        self.told = told

    def __enter__(self) -> Any:
        return self.told.append

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("command", "size"),
    [("simulate", "1e6"), ("simulate", "1e9"), ("simulate", "1e17"), ("spectrum", "1e6"), ("spectrum", "1e9")],
)
def test_no_size_is_silent(command: str, size: str) -> None:
    """In a process of its own, which is ended as soon as it has spoken."""
    arguments = [sys.executable, "-m", "polyspike", command, "--n-samples", size]
    with subprocess.Popen(
        arguments,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.kill()
    assert said.startswith("about ")
    assert "of memory; streams blocks of samples; Ctrl-C stops it" in said


def test_a_spectrum_is_refused_before_its_simulation() -> None:
    done = run("spectrum", *SMALL, "--activation", "uncentred relu")
    assert (done.exit_code, done.stdout) == (3, "")
    done = run("spectrum", "--n-samples", 40, "--input-dim", 20, "--width", 80)
    assert done.exit_code == 2
    assert "give at least 48 of each" in done.stderr


def test_a_long_prediction_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = log.level, log.propagate, list(log.handlers)
    for seconds, said in ((0.4, ""), (3.0, "about 3 s for a prediction; Ctrl-C stops it\n")):
        monkeypatch.setattr("polyspike.theory.announce.prediction_seconds", lambda _, seconds=seconds: seconds)
        done = run("predict", *SMALL)
        assert (done.exit_code, done.stderr) == (0, said)
    assert run("predict", *SMALL, "--method", "window").stderr == ""
    assert run("predict", *SMALL, "--activation", "uncentred relu").exit_code == 3
    assert (log.level, log.propagate, list(log.handlers)) == before
