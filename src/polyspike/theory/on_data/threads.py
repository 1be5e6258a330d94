"""Work on several threads, each with a single thread of BLAS: what is done is the same whatever their number.

NumPy and SciPy each bring a BLAS, whose threads wait for work without giving way: on two cores a prediction that goes
from one to the other takes twice as long with two threads each as with one.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from polyspike.blas import blas_threads, one_blas_thread

__all__ = ["Tell", "in_jobs", "in_threads", "own_threads"]

Result = TypeVar("Result")
Part = TypeVar("Part")
Tell = Callable[[float], object]
"""Called with the share that is done."""

_THREADS = ContextVar("threads", default=1)
"""Of this thread; one in those that are begun here."""


@contextmanager
def own_threads() -> Iterator[None]:
    """As many threads for :func:`in_threads` and :func:`in_jobs` as BLAS had, and BLAS on one."""
    token = _THREADS.set(blas_threads())
    try:
        with one_blas_thread():
            yield
    finally:
        _THREADS.reset(token)


def in_threads(work: Callable[[Part], None], parts: Sequence[Part]) -> None:
    """Do the work for every part."""
    threads = min(_THREADS.get(), len(parts))
    if threads <= 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))


def in_jobs(jobs: Sequence[Callable[[Tell], Result]], tell: Tell) -> list[Result]:
    """Do these jobs at the same time; one alone has all threads.

    A job tells what share of it is done, and the mean of these is told by the thread that asks for them. Where a job
    raises, or that thread is interrupted, the others end when they next tell.
    """
    threads, shares = min(_THREADS.get(), len(jobs)), [0.0] * len(jobs)

    def told(k: int, share: float) -> None:
        shares[k] = share
        tell(sum(shares) / len(jobs))

    if threads <= 1:
        return [job(partial(told, k)) for k, job in enumerate(jobs)]
    reports, stopped = SimpleQueue[tuple[int, float] | None](), list[bool]()

    def report(k: int, share: float) -> None:
        if stopped:
            raise _StoppedError
        reports.put((k, share))

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(job, partial(report, k)) for k, job in enumerate(jobs)]
        for future in futures:
            future.add_done_callback(lambda _: reports.put(None))
        try:
            _listen(reports, futures, told)
        finally:
            stopped.append(True)
            pool.shutdown(cancel_futures=True)
    failed = [e for e in (future.exception() for future in futures if not future.cancelled()) if e is not None]
    for error in failed:
        if not isinstance(error, _StoppedError):
            raise error
    return [future.result() for future in futures]


class _StoppedError(Exception):
    """Another job has failed, or nobody waits any more."""


def _listen(
    reports: "SimpleQueue[tuple[int, float] | None]",
    futures: Sequence["Future[Result]"],
    told: Callable[[int, float], object],
) -> None:
    """Until all have ended, or one has failed; each says nothing once it has."""
    ended = 0
    while ended < len(futures):
        said = reports.get()
        if said is not None:
            told(*said)
            continue
        ended += 1
        if any(future.done() and future.exception() is not None for future in futures):
            return
