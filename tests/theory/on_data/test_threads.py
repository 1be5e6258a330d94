"""Work on several threads: the same results, the same failures, whatever their number."""

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from polyspike.blas import blas_threads
from polyspike.theory.on_data.threads import Tell, in_jobs, in_threads, own_threads

counts = pytest.mark.parametrize("count", [1, 3])


@counts
def test_every_slab_is_worked_once_whatever_their_number(count: int) -> None:
    seen = np.zeros(50)

    def work(rows: slice) -> None:
        seen[rows] += np.arange(50)[rows]

    with threadpool_limits(limits=count), own_threads():
        assert blas_threads() == 1
        in_threads(work, [slice(k, k + 7) for k in range(0, 50, 7)])
    np.testing.assert_array_equal(seen, np.arange(50))


def test_blas_has_its_threads_again_after_a_failure() -> None:
    with threadpool_limits(limits=2):
        with pytest.raises(ZeroDivisionError), own_threads():
            raise ZeroDivisionError
        assert blas_threads() == 2


@counts
def test_what_fails_in_a_thread_is_raised(count: int) -> None:
    def work(rows: slice) -> None:
        raise ZeroDivisionError(rows)

    with pytest.raises(ZeroDivisionError), threadpool_limits(limits=count), own_threads():
        in_threads(work, [slice(0, 1), slice(1, 2)])


@counts
def test_jobs_tell_their_mean_to_the_thread_that_asks(count: int) -> None:
    told: list[float] = []
    tellers = set()

    def tell(share: float) -> None:
        told.append(share)
        tellers.add(threading.get_ident())

    def job(size: int, report: Tell) -> int:
        for done in range(1, size + 1):
            report(done / size)
        return size

    with threadpool_limits(limits=count), own_threads():
        found = in_jobs([partial(job, size) for size in (1, 2, 4)], tell)
    assert found == [1, 2, 4]
    assert len(told) == 7
    assert told == sorted(told)
    assert told[-1] == 1
    assert tellers == {threading.get_ident()}


def test_jobs_run_at_the_same_time_each_with_one_thread() -> None:
    together = threading.Barrier(2, timeout=30)

    def job(_: Tell) -> int:
        together.wait()
        seen: list[int] = []
        in_threads(lambda _: seen.append(threading.get_ident()), [slice(0, 1), slice(1, 2)])
        return len(set(seen))

    with threadpool_limits(limits=2), own_threads():
        assert in_jobs([job, job], lambda _: None) == [1, 1]


def _until_stopped(report: Tell) -> None:
    while True:
        report(0.5)


@pytest.mark.parametrize("first", [True, False])
def test_a_job_that_fails_ends_the_others(first: bool) -> None:
    def fails(_: Tell) -> None:
        raise ZeroDivisionError

    jobs: list[Callable[[Tell], None]] = [fails, _until_stopped, _until_stopped]
    with threadpool_limits(limits=3), own_threads(), pytest.raises(ZeroDivisionError):
        in_jobs(jobs if first else jobs[::-1], lambda _: None)


def test_an_interruption_ends_all() -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with threadpool_limits(limits=2), own_threads(), pytest.raises(KeyboardInterrupt):
        in_jobs([_until_stopped, _until_stopped], interrupted)
