"""Workers times BLAS threads never exceed the cores, and no number depends on either."""

from collections.abc import Sequence
from typing import Any

import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, so that the limit below reaches it
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from polyspike.errors import ArgumentError
from polyspike.scalars import as_integer

__all__ = ["one_task", "workers_that_fit"]

BLAS_THREADS = 1
"""Threads of the matrix products in one task; fixed, because the order of a sum depends on it."""


def one_task(
    run: Any,
    problems: Sequence[Any],
    seed: tuple[int, ...],
    options: dict[str, Any],
    threads: int = BLAS_THREADS,
) -> Any:
    """``run`` with a fixed number of BLAS threads, whatever process it is in."""
    with threadpool_limits(limits=threads):
        return run(problems, seed=seed, **options)


def workers_that_fit(workers: int | None, threads: int = BLAS_THREADS) -> int:
    """Workers to start: as many as asked for (None: all), at most one for every ``threads`` cores.

    Raises
    ------
    ArgumentError
        If there are fewer cores than threads, or either is not an integer >= 1.
    """
    cores = cpu_count()
    if as_integer("threads", threads, 1) > cores:
        raise ArgumentError("threads", threads, f"this machine has {cores} cores; give at most as many")
    most = cores // threads
    return most if workers is None else min(as_integer("workers", workers, 1), most)
