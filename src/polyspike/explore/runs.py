"""Simulations in the background: one at a time, in a process of its own, which can be stopped at any moment."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from polyspike.errors import ArgumentError
from polyspike.experiments.statistics import estimate
from polyspike.explore.questions import numbers_of, problem_of, replicates_of, whole
from polyspike.simulation.memory import choose_storage

__all__ = ["N_TEST", "Run", "Runs"]

N_TEST = 5000
"""Test samples of every network; what they leave undecided is part of the spread over replicates."""

_COMMAND = (sys.executable, "-m", "polyspike.explore.worker")
_ERRORS = ("train_error", "test_error")


@dataclass
class Run:
    """One simulation: what was asked for, and what is done of it.

    Attributes
    ----------
    number : int
    steps : list of float
        Exponents at which networks are simulated.
    total : int
        Replicates asked for.
    seconds : float or None
        How long all of it takes, as estimated by the worker.
    rows : list of dict
        Errors of every replicate that is done, a list over the steps each.
    spectrum : dict or None
        See :func:`polyspike.explore.worker.spectrum`; it comes last.
    state : {"running", "done", "cancelled", "failed"}
    message : str
        Why it failed.
    """

    number: int
    steps: list[float]
    total: int
    seconds: float | None = None
    rows: list[dict[str, list[float]]] = field(default_factory=list)
    spectrum: dict[str, Any] | None = None
    state: str = "running"
    message: str = ""

    def report(self) -> dict[str, Any]:
        """Progress, and means with standard errors over the replicates so far."""
        rows = list(self.rows)
        return {
            "number": self.number,
            "state": self.state,
            "done": len(rows),
            "total": self.total,
            "n_test": N_TEST,
            "seconds": self.seconds,
            "message": self.message,
            "spectrum": self.spectrum,
            "dots": [self._dot(rows, k) for k in range(len(self.steps))] if len(rows) > 1 else [],
        }

    def _dot(self, rows: list[dict[str, list[float]]], k: int) -> dict[str, float]:
        dot = {"step_exponent": self.steps[k]}
        for name in _ERRORS:
            mean, standard_error = estimate([row[name][k] for row in rows])
            dot |= {name: mean, f"{name}_se": standard_error}
        return dot


class Runs:
    """The simulations of one explorer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run: Run | None = None
        self._process: subprocess.Popen[str] | None = None
        self._number = 0

    def start(self, question: dict[str, Any]) -> dict[str, Any]:
        """Start to simulate ``problem`` at ``steps``, ``replicates`` networks each; a run in progress is stopped.

        The eigenvalues are those of the first network at the problem's own step.

        Raises
        ------
        ArgumentError
            Bad values; DoesNotFitError where the arrays do not fit in memory.
        """
        problem, steps, count = problem_of(question), numbers_of(question, "steps"), replicates_of(question)
        for step in steps:
            problem.replace(step_exponent=step)
        choose_storage(problem)
        job = {"problem": problem.to_dict(), "steps": steps, "replicates": count, "n_test": N_TEST}
        with self._lock:
            self._stop()
            self._number += 1
            self._run = Run(self._number, steps, count)
            self._process = _started(job)
            Thread(target=self._follow, args=(self._run, self._process), daemon=True).start()
            return self._run.report()

    def look(self, question: dict[str, Any]) -> dict[str, Any]:
        """How far the run of this ``number`` is.

        Raises
        ------
        ArgumentError
            If it is not the latest.
        """
        with self._lock:
            return self._named(question).report()

    def cancel(self, question: dict[str, Any]) -> dict[str, Any]:
        """Stop the run of this ``number``; what it has done stays."""
        with self._lock:
            run = self._named(question)
            self._stop()
            return run.report()

    def close(self) -> None:
        """Stop whatever is running."""
        with self._lock:
            self._stop()

    def _named(self, question: dict[str, Any]) -> Run:
        number = whole(question, "number")
        if self._run is None or self._run.number != number:
            raise ArgumentError("number", number, "this simulation is gone; start it again")
        return self._run

    def _stop(self) -> None:
        if self._run is not None and self._run.state == "running":
            self._run.state = "cancelled"
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _follow(self, run: Run, process: "subprocess.Popen[str]") -> None:
        """Take in what the worker tells, to its end."""
        assert process.stdout is not None
        with process:
            for line in process.stdout:
                self._take(run, json.loads(line))
        with self._lock:
            if run.state == "running":
                run.state = "failed" if run.spectrum is None else "done"
                run.message = run.message or ("" if run.state == "done" else "the simulating process has died")

    def _take(self, run: Run, told: dict[str, Any]) -> None:
        with self._lock:
            if run.state != "running":
                return
            if "message" in told:
                run.state, run.message = "failed", told["message"]
            elif "seconds" in told:
                run.seconds = told["seconds"]
            elif "spectrum" in told:
                run.spectrum = told["spectrum"]
            else:
                run.rows.append(told)


def _started(job: dict[str, Any]) -> "subprocess.Popen[str]":
    """A worker with its job; Ctrl-C in the terminal does not reach it, the end of this process does."""
    process = subprocess.Popen(
        _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    return process
