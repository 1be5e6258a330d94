"""Workers times threads never exceed the cores."""

from typing import Any

import pytest
from threadpoolctl import threadpool_info

from polyspike import ArgumentError
from polyspike.experiments import threads


def test_workers_are_at_most_the_cores_over_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cpu_count", lambda: 6)
    assert [threads.workers_that_fit(n, 1) for n in (None, 4, 9)] == [6, 4, 6]
    assert [threads.workers_that_fit(n, 4) for n in (None, 1, 2)] == [1, 1, 1]
    with pytest.raises(ArgumentError, match="this machine has 6 cores"):
        threads.workers_that_fit(None, 7)
    with pytest.raises(ArgumentError, match="workers = 0"):
        threads.workers_that_fit(0)


def test_a_task_has_its_number_of_blas_threads() -> None:
    def run(problems: Any, seed: Any, **options: Any) -> set[int]:
        assert (problems, seed, options) == ([1], (2,), {"a": 3})
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    assert threads.one_task(run, [1], (2,), {"a": 3}) == {1}
