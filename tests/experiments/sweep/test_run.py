import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments.fakes import Fake, fake_measurement, lines, same
from polyspike import ArgumentError, DoesNotFitError, Measurement, Problem, Status, UnreadableError, simulate
from polyspike.errors import MissingPackageError
from polyspike.experiments.sweep import run as sweep_module
from polyspike.experiments.sweep.progress import Progress
from polyspike.experiments.sweep.run import SweepInterrupted, sweep
from polyspike.experiments.sweep.store import Store
from polyspike.simulation.memory import needed_bytes

BASE = Problem("relu", "h1 + 0.7*h2", 60, 30, 50, step_exponent=0.25, ridge=0.1)
RIDGES = [0.01, 0.02, 0.03, 0.05]
STEPS = [0.0, 0.1, 0.25]


def grid() -> list[Problem]:
    return [BASE.replace(step_exponent=a, ridge=r) for a in STEPS for r in RIDGES]


def sizes() -> list[Problem]:
    return [p.replace(width=w) for w in (40, 50) for p in grid()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "log")


def all_same(a: Any, b: Any) -> bool:
    pairs = zip(a.rows(), b.rows(), strict=True)
    return all(same(x.measurement, y.measurement) for x, y in pairs)


# What a sweep does


def test_every_problem_at_every_seed(log: str) -> None:
    found = sweep(sizes(), replicates=3, run=Fake(log), workers=1, seed=4)
    assert len(lines(log)) == 24 * 3
    assert [m.seed for m in found.measurements()[5]] == [(4, 0), (4, 1), (4, 2)]
    assert found.progress.done == found.progress.total == found.progress.made == 72
    alone = [fake_measurement(sizes()[5], (4, k)) for k in range(3)]
    assert all(same(a, b) for a, b in zip(found.measurements()[5], alone))
    replication = found.replications()[5]
    assert replication is not None
    assert replication.test_error.replicates == 3


def test_what_is_stored_is_not_made_again(path: Path, log: str) -> None:
    sweep(grid()[:5], replicates=2, store=path, run=Fake(log), workers=1)
    found = sweep(grid(), replicates=3, store=path, run=Fake(log), workers=1)
    assert found.progress.skipped == 10
    assert found.progress.made == 26
    made = lines(log)
    assert len(made) == len(set(made)) == 36


def test_redo_makes_everything_again(path: Path, log: str) -> None:
    sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1)
    assert sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1, redo=True).progress.made == 12
    assert len(lines(log)) == 24


def test_options_are_part_of_a_row_and_defaults_are_options(path: Path, log: str) -> None:
    sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1)
    assert sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1, eigenvalues=None).progress.made == 0
    spectra = sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1, eigenvalues=2)
    assert spectra.progress.made == 12
    (first, *_), *_ = spectra.measurements()
    assert first.eigenvalues is not None


def test_a_repeated_problem_counts_once(log: str) -> None:
    assert sweep([BASE, BASE], replicates=2, run=Fake(log), workers=1).progress.total == 2


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_problems_that_share_a_draw_go_together_but_for_the_chunk(chunk: int) -> None:
    calls: list[list[Problem]] = []

    def run(problems: Sequence[Problem], seed: tuple[int, ...]) -> list[Measurement]:
        calls.append(list(problems))
        return [fake_measurement(p, seed) for p in problems]

    sweep(sizes(), replicates=1, run=run, workers=1, chunk=chunk)
    assert calls.pop(0) == []  # the options are tried before any work
    assert max(map(len, calls)) == min(chunk, 12)
    assert all(len({p.width for p in call}) == 1 for call in calls)
    assert sorted(map(str, itertools.chain(*calls))) == sorted(map(str, sizes()))


def test_a_real_sweep_gives_what_single_runs_give(path: Path) -> None:
    found = sweep(grid(), replicates=2, store=path, workers=1, n_test=300, eigenvalues=3)
    for problem, runs in zip(grid(), found.measurements()):
        for k, run in enumerate(runs):
            (alone,) = simulate([problem], seed=(0, k), n_test=300, eigenvalues=3)
            assert run.test_error == pytest.approx(alone.test_error, rel=1e-10)
            assert run.train_loss == pytest.approx(alone.train_loss, rel=1e-10)


def test_workers_order_and_interruption_change_no_bit(path: Path) -> None:
    whole = sweep(sizes(), replicates=2, workers=1, n_test=300)
    parallel = sweep(sizes(), replicates=2, workers=2, n_test=300)
    assert all_same(whole, parallel)

    def stop(progress: Progress) -> None:
        if progress.made:
            raise KeyboardInterrupt

    for done in (12, 24, 36, 48):  # interrupted after every task
        with pytest.raises(SweepInterrupted) as interrupt:
            sweep(sizes(), replicates=2, store=path, workers=1, n_test=300, progress=stop)
        assert (interrupt.value.progress.made, interrupt.value.progress.done) == (12, done)
    resumed = sweep(sizes(), replicates=2, store=path, workers=1, n_test=300)
    assert (resumed.progress.skipped, resumed.progress.made) == (48, 0)
    assert all_same(whole, resumed)
    backwards = sweep(sizes()[::-1], replicates=2, workers=2, n_test=300)
    again = sweep(sizes(), replicates=2, store=backwards.store, workers=1, n_test=300)
    assert again.progress.made == 0
    for a, b in zip(whole.rows(), again.rows()):  # the same chunk in another order: the same to rounding
        assert a.measurement is not None
        assert b.measurement is not None
        assert a.measurement.test_error == pytest.approx(b.measurement.test_error, rel=1e-10)


# Progress


def test_progress_counts_and_knows_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Progress] = []
    sweep(sizes(), replicates=2, run=Fake(seconds=0.02), workers=1, progress=seen.append, chunk=6)
    assert [p.made for p in seen] == list(range(0, 49, 6))
    assert seen[0].seconds_left is None
    assert seen[-1].seconds_left == 0
    middle = seen[4]
    assert middle.seconds_left is not None
    assert 0.2 * middle.seconds < middle.seconds_left < 5 * middle.seconds
    assert middle.rate == middle.made / middle.seconds


def test_a_clock_that_jumps_disturbs_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall time goes backwards by a year with every call; order and durations do not depend on it."""
    jumps = itertools.count()
    monkeypatch.setattr(time, "time", lambda: 1.7e9 - 3.2e7 * next(jumps))
    seen: list[Progress] = []
    found = sweep(grid(), replicates=2, store=path, run=Fake(), workers=1, progress=seen.append, chunk=3)
    assert next(jumps) >= 0
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(seen))
    assert all(p.seconds_left is None or p.seconds_left >= 0 for p in seen)
    assert all_same(found, sweep(grid(), replicates=2, run=Fake(), workers=1))
    resumed = sweep(grid(), replicates=2, store=path, run=Fake(), workers=1)
    assert (resumed.progress.made, resumed.progress.skipped) == (0, 24)


def test_dates_of_any_order_change_no_row(path: Path) -> None:
    with Store(path) as store:
        sweep(grid(), replicates=1, store=store, run=Fake(), workers=1)
        keys = store.keys()
        for k, key in enumerate(keys):
            store._connection.execute("UPDATE runs SET finished_at = ? WHERE key = ?", (f"{1970 - k}-01-01", key))
        assert store.keys() == keys
        assert sweep(grid(), replicates=1, store=store, run=Fake(), workers=1).progress.made == 0


# Rows that fail


def test_a_row_that_raises_is_marked_and_the_sweep_goes_on(path: Path) -> None:
    found = sweep(grid(), replicates=2, store=path, run=Fake(raise_at=0.03), workers=1)
    assert found.progress.failed == 6
    assert {row.status for row in found.failures()} == {Status.SINGULAR}
    assert "no inverse at ridge 0.03" in found.failures()[0].message
    good = [run for runs in found.measurements() for run in runs]
    assert len(good) == 18
    assert all(same(run, fake_measurement(run.problem, run.seed)) for run in good)
    assert found.replications()[2] is None
    again = sweep(grid(), replicates=2, store=path, run=Fake(), workers=1)
    assert (again.progress.made, again.progress.failed) == (0, 6)
    healed = sweep(grid(), replicates=2, store=path, run=Fake(), workers=1, redo="failed")
    assert (healed.progress.made, healed.progress.failed) == (6, 0)


def test_a_number_that_is_not_finite_fails_its_row() -> None:
    def run(problems: Sequence[Problem], seed: tuple[int, ...]) -> list[Measurement]:
        runs = [fake_measurement(p, seed) for p in problems]
        if runs:
            object.__setattr__(runs[0], "cosine", float("nan"))
        return runs

    found = sweep(grid(), replicates=1, run=run, workers=1)
    assert [row.status for row in found.failures()] == [Status.OUT_OF_RANGE]


def test_any_exception_of_a_row_is_kept_as_its_message() -> None:
    def run(problems: Sequence[Problem], seed: tuple[int, ...]) -> list[Measurement]:
        if any(p.ridge == 0.05 for p in problems):
            raise ZeroDivisionError("a bug in somebody's code")
        return [fake_measurement(p, seed) for p in problems]

    found = sweep(grid(), replicates=1, run=run, workers=1)
    assert {row.message for row in found.failures()} == {"ZeroDivisionError: a bug in somebody's code"}
    assert {row.status for row in found.failures()} == {Status.WORKER_FAILED}
    assert found.progress.failed == 3


def test_a_real_failure_is_kept_with_its_status() -> None:
    huge = BASE.replace(step_size=1e200)
    found = sweep([BASE, huge], replicates=1, workers=1, n_test=300)
    assert len(found.measurements()[0]) == 1
    (row,) = found.failures()
    assert row.problem == huge


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"problems": []}, r"problems = \(\): give at least one"),
        ({"problems": [3]}, "problems = 3: give Problem"),
        ({"replicates": 0}, "replicates = 0: give an integer >= 1"),
        ({"workers": 0}, "workers = 0"),
        ({"threads": 1.5}, "threads = 1.5"),
        ({"chunk": 0}, "chunk = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"redo": "some"}, "redo = 'some': give False, True or 'failed'"),
        ({"n_tset": 5}, "n_tset = 5: did you mean 'n_test'"),
        ({"n_test": -5}, "n_test = -5"),
        ({"problems": [BASE.replace(teacher=lambda t: t)]}, "a callable has no text form"),
    ],
)
def test_bad_input_is_refused_before_any_work(path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        sweep(**{"problems": grid(), "replicates": 1, "store": path, "workers": 1, **arguments})
    assert not path.exists()


def test_more_than_memory_holds_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    one = needed_bytes(BASE)
    monkeypatch.setattr(sweep_module, "available_bytes", lambda *_: int(1.5 * one))
    monkeypatch.setattr(sweep_module, "workers_that_fit", lambda workers, threads: workers or 8)
    with pytest.raises(DoesNotFitError, match=r"workers = 4: each needs about .*; 1 would fit"):
        sweep([BASE], replicates=1, workers=4)
    assert sweep([BASE], replicates=1, n_test=300).progress.workers == 1
    with pytest.raises(DoesNotFitError, match="needs about"):
        sweep([BASE.replace(n_samples=10**8, width=10**6)], replicates=1)


def test_precision_device_and_streaming_are_options_of_a_sweep() -> None:
    with pytest.raises(ArgumentError, match=r"^device = 'toaster'"):
        sweep([BASE], replicates=1, device="toaster")
    options: dict[str, Any] = {"n_test": 300, "workers": 1}
    rounded = sweep([BASE], replicates=1, dtype="float32", streaming=True, **options).measurements()[0][0]
    exact = sweep([BASE], replicates=1, **options).measurements()[0][0]
    assert (rounded.dtype, rounded.device, exact.dtype) == ("float32", "cpu", "float64")
    assert rounded.test_error != exact.test_error
    assert rounded.test_error == pytest.approx(exact.test_error, rel=1e-4)


def test_a_read_only_store_is_refused_before_any_work(path: Path, log: str) -> None:
    Store(path).close()
    with Store(path, read_only=True) as store, pytest.raises(UnreadableError, match="read-only"):
        sweep(grid(), replicates=1, store=store, run=Fake(log), workers=1)
    assert lines(log) == []


def test_a_truncated_store_is_refused_before_any_work(path: Path, log: str) -> None:
    sweep(grid(), replicates=1, store=path, run=Fake(), workers=1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableError, match="truncated"):
        sweep(grid(), replicates=2, store=path, run=Fake(log), workers=1)
    assert lines(log) == []


def test_workers_and_threads_never_exceed_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    from polyspike.experiments import threads

    monkeypatch.setattr(threads, "cpu_count", lambda: 8)
    assert threads.workers_that_fit(None) == 8
    assert threads.workers_that_fit(None, 3) == 2
    assert threads.workers_that_fit(64) == 8
    assert threads.workers_that_fit(1, 8) == 1
    with pytest.raises(ArgumentError, match=r"threads = 9: this machine has 8 cores"):
        threads.workers_that_fit(1, 9)


def test_the_blas_threads_of_a_task_are_those_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    from polyspike.experiments import threads as module

    monkeypatch.setattr(module, "cpu_count", lambda: 2)

    def run(problems: Sequence[Problem], seed: tuple[int, ...]) -> list[Measurement]:
        seen.extend(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas" and problems)
        return [fake_measurement(p, seed) for p in problems]

    for threads in (1, 2):
        seen: list[int] = []
        sweep([BASE], replicates=1, run=run, workers=1, threads=threads)
        assert set(seen) == {threads}


def test_a_cluster_without_dask_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError, match=r"in a clone pip install '\.\[cluster\]', .*'polyspike\[cluster\]'"):
        sweep(grid(), replicates=1, run=Fake(), scheduler="tcp://127.0.0.1:1")
