"""Jobs are planned first, run in any order, and kept."""

from pathlib import Path
from typing import Any

import pytest

from polyspike.experiments.reproduce import PARTS, Folder, Job, Options, run_jobs


class Work:
    """Tasks that count how often each was run."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    def jobs(self, n: int, fail_at: int | None = None, error: type[BaseException] = ArithmeticError) -> list[Job]:
        return [Job(f"job {i}", 1.0 + i, lambda i=i: self._run(i, fail_at, error)) for i in range(n)]  # type: ignore[misc]

    def _run(self, i: int, fail_at: int | None, error: type[BaseException]) -> dict[str, Any]:
        if i == fail_at:
            raise error
        self.runs.append(i)
        return {"squares": [{"i": i, "square": i * i}]}


def test_rows_come_in_the_order_of_the_plan_and_costs_add_up(tmp_path: Path) -> None:
    done: list[float] = []
    rows = run_jobs(Work().jobs(9), Folder(tmp_path), done.append, workers=3)
    assert [row["i"] for row in rows["squares"]] == list(range(9))
    assert sum(done) == sum(1.0 + i for i in range(9))


@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_what_finished_before_a_failure_is_not_run_again(tmp_path: Path, error: type[BaseException]) -> None:
    work = Work()
    with pytest.raises(error):
        run_jobs(work.jobs(6, fail_at=4, error=error), Folder(tmp_path), lambda _: None, workers=1)
    finished = list(work.runs)
    assert finished[:4] == [0, 1, 2, 3]
    rows = run_jobs(work.jobs(6), Folder(tmp_path), lambda _: None, workers=1)
    assert sorted(work.runs) == list(range(6))
    assert [row["square"] for row in rows["squares"]] == [i * i for i in range(6)]


def test_a_truncated_or_foreign_file_is_run_again(tmp_path: Path) -> None:
    work, folder = Work(), Folder(tmp_path)
    run_jobs(work.jobs(2), folder, lambda _: None)
    first, second = sorted(folder.kept.glob("*.json"))
    first.write_text(first.read_text()[:10])
    second.write_text('{"key": "another", "rows": {}}')
    run_jobs(work.jobs(2), folder, lambda _: None)
    assert sorted(work.runs) == [0, 0, 1, 1]
    folder.forget()
    run_jobs(work.jobs(2), folder, lambda _: None)
    assert len(work.runs) == 6


@pytest.mark.parametrize("name", ["spectrum", "alignment", "errors", "convergence", "reuse", "inputs"])
def test_plans_are_cheap_and_their_keys_differ(name: str) -> None:
    full, quick = PARTS[name].plan(Options()), PARTS[name].plan(Options(quick=True, seeds=3))
    for plan in (full, quick):
        assert len({job.key for job in plan}) == len(plan)
        assert all(job.cost > 0 for job in plan)
    assert sum(t.cost for t in quick) < sum(t.cost for t in full)
