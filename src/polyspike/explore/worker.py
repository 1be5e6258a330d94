"""The process that simulates for the explorer: ``python -m polyspike.explore.worker``.

It reads one job from standard input, a line of JSON, and writes a line of JSON for every replicate that is done, and at
the end one for the eigenvalues of the first replicate. When standard input is closed, because the explorer has stopped
or died, it ends at once.
"""

import json
import os
import sys
from collections.abc import Iterator
from threading import Thread
from typing import Any, TextIO

from polyspike.edge import LEAST, fit_edge
from polyspike.errors import PolyspikeError
from polyspike.experiments.threads import one_task
from polyspike.problem import Problem
from polyspike.simulation import simulate
from polyspike.simulation.cost import estimate_cost

__all__ = ["main", "replicates", "spectrum"]

_LEAST_SHARE = 1e-10
"""Of the largest eigenvalue: those below are rounded zeros."""

_N_UNUSED = 2
"""Test samples of a network of which only the eigenvalues are asked for."""


def replicates(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is to be told of a job: how long it takes, then every replicate, then the spectrum of the first one.

    Parameters
    ----------
    job : dict
        ``problem``, ``steps`` (exponents), ``replicates`` and ``n_test``. Replicate k is the run with seed ``(0, k)``,
        as in :func:`polyspike.replicate`.
    """
    problem = Problem.from_dict(job["problem"], imports=False)
    problems = [problem.replace(step_exponent=step) for step in job["steps"]]
    fits = job["replicates"] * len(problems) * estimate_cost(problem, job["n_test"]).seconds
    yield {"seconds": fits + estimate_cost(problem, _N_UNUSED, "all").seconds}
    for k in range(job["replicates"]):
        runs = one_task(simulate, problems, (0, k), {"n_test": job["n_test"]})
        yield {name: [getattr(run, name) for run in runs] for name in ("train_error", "test_error")}
    yield {"spectrum": spectrum(problem)}


def spectrum(problem: Problem) -> dict[str, Any]:
    """The ``eigenvalues`` above zero of replicate 0 at the problem's own step, descending, and how many are ``spikes``.

    Of fewer than 48 eigenvalues none is counted as a spike, for they show no edge.
    """
    [run] = one_task(simulate, [problem], (0, 0), {"n_test": _N_UNUSED, "eigenvalues": "all"})
    values = run.eigenvalues[run.eigenvalues > _LEAST_SHARE * run.eigenvalues[0]]
    spikes = fit_edge(values).n_spikes if len(values) >= LEAST else 0
    return {"eigenvalues": [float(f"{value:.6g}") for value in values], "spikes": spikes}


def main(source: TextIO, sink: TextIO) -> None:
    """Work on one job; a failure is told as ``message``."""
    job = json.loads(source.readline())
    Thread(target=_end_with, args=(source,), name="end with the explorer", daemon=True).start()
    try:
        for told in replicates(job):
            print(json.dumps(told), file=sink, flush=True)
    except (PolyspikeError, MemoryError) as error:
        print(json.dumps({"message": str(error) or "the memory is full"}), file=sink, flush=True)


def _end_with(source: TextIO) -> None:
    """Nothing more comes from the source before it is closed."""
    source.read()
    os._exit(1)


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
