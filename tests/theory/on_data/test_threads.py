"""Threads that elementwise maps run in."""

import numpy as np
import pytest

from polyspike.theory.on_data import threads
from polyspike.theory.on_data.threads import in_threads, thread_count


def test_the_environment_limits_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert thread_count() == 6
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert thread_count() == 2
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "many")
    assert thread_count() == 2


@pytest.mark.parametrize("count", [1, 3])
def test_every_slab_is_worked_once_whatever_their_number(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: count)
    seen = np.zeros(50)

    def work(rows: slice) -> None:
        seen[rows] += np.arange(50)[rows]

    in_threads(work, [slice(k, k + 7) for k in range(0, 50, 7)])
    np.testing.assert_array_equal(seen, np.arange(50))


def test_what_fails_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: 2)

    def work(rows: slice) -> None:
        raise ZeroDivisionError(rows)

    with pytest.raises(ZeroDivisionError):
        in_threads(work, [slice(0, 1), slice(1, 2)])
