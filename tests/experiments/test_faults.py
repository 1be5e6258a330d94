"""What a sweep must survive: killed processes, dying workers, full disks, two at once."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from experiments.fakes import Fake, lines, same
from experiments.sweep.test_run import BASE, grid, sizes
from experiments.sweep.test_store import environment
from polyspike import Status, UnreadableError
from polyspike.experiments.sweep.run import SweepResult, sweep
from polyspike.experiments.sweep.store import Store

SWEEP = """
    import signal, sys
    from experiments.fakes import Fake
    from experiments.sweep.test_run import grid, sizes
    from polyspike.experiments.sweep.run import SweepInterrupted, sweep

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    path, log, workers, seconds, label = sys.argv[1:]
    if label == "together:":
        print("ready", flush=True)
        sys.stdin.readline()
    try:
        found = sweep(
            sizes(), replicates=4, store=path, run=Fake(log, seconds=float(seconds)), workers=int(workers), chunk=3,
            progress=lambda p: print("rows", p.done, flush=True),
        )
        print(label, found.progress)
    except SweepInterrupted as interrupt:
        print(label, interrupt)
        sys.exit(130)
"""
ROWS = 96


def command(path: Path, log: str, workers: int, seconds: float, label: str = "summary:") -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SWEEP), str(path), log, str(workers), str(seconds), label]


def start(path: Path, log: str, workers: int = 1, seconds: float = 0.02) -> subprocess.Popen[str]:
    """A sweep in a process group of its own."""
    return subprocess.Popen(
        command(path, log, workers, seconds),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_rows(process: subprocess.Popen[str], rows: int) -> None:
    """Until the sweep has told that so many rows are done, or it is over."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("rows") and int(line.split()[1]) >= rows:
            return


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "log")


def complete(found: SweepResult) -> bool:
    """Whether all rows are those of an undisturbed sweep, bit for bit."""
    expected = sweep(found.problems, replicates=len(found.keys[0]), run=Fake(), workers=1)
    pairs = zip(found.rows(), expected.rows(), strict=True)
    return all(same(a.measurement, b.measurement) for a, b in pairs)


# Killed


def kill_again_and_again(path: Path, log: str, times: int, workers: int) -> None:
    """SIGKILL at random moments; then nothing is lost, nothing is made twice, and the rest can be made."""
    moments = random.Random(times)
    stored: set[str] = set()
    for _ in range(times):
        process = start(path, log, workers, seconds=0.05)
        time.sleep(moments.uniform(0.0, 2.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if path.exists():
            with Store(path) as store:
                keys = set(store.keys())
                assert stored <= keys  # no finished row is lost
                assert all(row.measurement is not None for row in store.rows())
                stored = keys
    before = len(lines(log))
    found = sweep(sizes(), replicates=4, store=path, run=Fake(log), workers=1, chunk=3)
    assert found.progress.skipped == len(stored)
    assert len(lines(log)) - before == found.progress.made == ROWS - len(stored)  # no finished row is repeated
    assert complete(found)


def test_sigkill_at_random_moments(path: Path, log: str) -> None:
    kill_again_and_again(path, log, times=4, workers=1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_sigkill_at_twenty_random_moments(path: Path, log: str, workers: int) -> None:
    kill_again_and_again(path, log, times=20, workers=workers)


def children(pid: int) -> set[int]:
    """Worker processes of a sweep."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended in the meantime
            if f"PPid:\t{pid}\n" in status.read_text() and b"LokyProcess" in (status.parent / "cmdline").read_bytes():
                found.add(int(status.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked up in /proc")
def test_workers_end_when_the_sweep_alone_is_killed(path: Path, log: str) -> None:
    """In the middle of tasks of eight seconds: without a watch they would go on to the end of theirs."""
    process = start(path, log, workers=2, seconds=8.0)
    wait_for_rows(process, 3)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    end = time.monotonic() + 5.0
    while (alive := {w for w in workers if Path(f"/proc/{w}").exists()}) and time.monotonic() < end:
        time.sleep(0.1)
    process.communicate(timeout=60)
    assert not alive


def family(group: int) -> set[int]:
    """Processes of a process group that are alive."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(") ")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.add(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked up in /proc")
def test_nobody_outlives_a_sweep_that_is_killed_while_its_workers_start(path: Path, log: str) -> None:
    """Neither those that were still importing nor those that had nothing to do yet, nor who watches over them."""
    for moment in (0.0, 0.1, 0.3, 0.8):
        process = start(path, log, workers=2, seconds=30.0)
        wait_for_rows(process, 0)  # the workers are started next
        time.sleep(moment)
        process.kill()
        end = time.monotonic() + 10.0
        while (alive := family(process.pid)) and time.monotonic() < end:
            time.sleep(0.05)
        process.communicate(timeout=60)
        assert not alive


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_cleanly_with_a_summary(path: Path, log: str, workers: int) -> None:
    process = start(path, log, workers, seconds=0.5)
    wait_for_rows(process, 6)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "summary: interrupted: " in out
    assert f"of {ROWS} rows are stored" in out
    assert err == ""
    with Store(path) as store:
        told = int(out.split("interrupted: ")[1].split()[0])
        assert 6 <= told <= len(store) < ROWS
    assert complete(sweep(sizes(), replicates=4, store=path, run=Fake(log), workers=1, chunk=3))


def test_ctrl_c_while_workers_start_shows_no_traceback(path: Path, log: str) -> None:
    """At moments from before the first process is started to after all are at work."""
    for moment in (0.0, 0.02, 0.05, 0.1, 0.3):
        process = start(path, log, workers=2, seconds=0.5)
        wait_for_rows(process, 0)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "summary: interrupted: " in out
        assert err == ""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked up in /proc")
def test_workers_are_deaf_to_ctrl_c_from_their_first_instruction(path: Path, log: str) -> None:
    """They alone are interrupted, again and again from the moment that they are there: the sweep notices nothing."""
    process = start(path, log, workers=2, seconds=0.05)
    wait_for_rows(process, 0)
    while process.poll() is None:
        for worker in children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGINT)
        time.sleep(0.005)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert f"summary: {ROWS} of {ROWS} rows are stored" in out


# Workers that die or raise


def test_a_worker_that_dies_once_costs_nothing(path: Path, tmp_path: Path) -> None:
    found = sweep(sizes(), replicates=4, store=path, run=Fake(die_once=str(tmp_path / "died")), workers=2, chunk=3)
    assert (tmp_path / "died").exists()
    assert found.progress.failed == 0
    assert found.progress.made == ROWS
    assert complete(found)


def test_a_row_that_kills_its_worker_is_marked_and_all_others_are_made(path: Path) -> None:
    guilty = [BASE.replace(step_exponent=0.1, ridge=r) for r in (0.01, 0.666, 0.02)]
    found = sweep(guilty, replicates=1, store=path, run=Fake(die_at=0.666), workers=2)
    assert [(row.problem.ridge, row.seed) for row in found.failures()] == [(0.666, (0, 0))]
    assert {row.status for row in found.failures()} == {Status.WORKER_FAILED}
    assert "the worker process died" in found.failures()[0].message
    assert [len(runs) for runs in found.measurements()] == [1, 0, 1]
    assert found.progress.done == 3


def test_a_worker_that_raises_on_one_row(path: Path) -> None:
    found = sweep(grid(), replicates=2, store=path, run=Fake(raise_at=0.02), workers=2)
    assert {(row.problem.ridge, row.status) for row in found.failures()} == {(0.02, Status.SINGULAR)}
    assert sum(map(len, found.measurements())) == 18


# Two at once


def start_together(path: Path, log: str, count: int, seconds: float) -> list[subprocess.Popen[str]]:
    """Sweeps on one store that wait until all of them are ready."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    several = [
        subprocess.Popen(command(path, log, 1, seconds, "together:"), env=environment(), text=True, **pipes)
        for _ in range(count)
    ]
    for process in several:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in several:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return several


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What they told when all is stored."""
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    assert all(f"{ROWS} of {ROWS} rows are stored" in out for out, _ in told)
    return [out for out, _ in told]


def wall(told: str) -> float:
    """Seconds of a sweep by its own summary."""
    return float(told.split(" made in ")[1].split()[0])


@pytest.mark.parametrize("count", [2, 4])
def test_processes_on_one_store_share_the_work(path: Path, log: str, count: int) -> None:
    """Every row is made once, in at most 0.6 of the time that one alone takes, which works on a store of its own
    meanwhile: whatever else the machine does slows all of them. A task sleeps, so that there are always cores.
    """
    alone = start_together(path.with_name("alone.db"), log + " alone", 1, 0.2)
    told = finish(start_together(path, log, count, 0.2))
    assert len(lines(log)) == len(set(lines(log))) == ROWS
    made = [int(out.split("rows are stored: ")[1].split()[0]) for out in told]
    assert sum(made) == ROWS
    assert max(map(wall, told)) <= 0.6 * wall(finish(alone)[0])
    found = sweep(sizes(), replicates=4, store=path, run=Fake(), workers=1)
    assert found.progress.skipped == ROWS
    assert complete(found)
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(path.name)] == [path.name]


@pytest.mark.parametrize("count", [2, 4])
def test_what_a_killed_process_was_making_is_made_by_the_others(path: Path, log: str, count: int) -> None:
    killed, *others = start_together(path, log, count, 0.1)
    wait_for_rows(killed, 6)
    killed.kill()
    finish(others)
    killed.communicate()
    made = lines(log)
    assert len(set(made)) == ROWS
    assert len(made) - ROWS <= 3  # the rows of the task at which it was
    assert complete(sweep(sizes(), replicates=4, store=path, run=Fake(), workers=1))


def test_a_row_that_another_process_makes_is_waited_for_but_for_its_death(path: Path, log: str) -> None:
    """The owner makes nothing and holds one row until it is killed; then the row is made here."""
    code = """
        import sys, time
        from pathlib import Path
        from experiments.sweep.test_run import sizes
        from polyspike.experiments.sweep.reservations import Reservations
        from polyspike.experiments.sweep.store import run_key

        print(Reservations(Path(sys.argv[1])).take([run_key(sizes()[0], (0, 0), {"eigenvalues": None})]), flush=True)
        time.sleep(600)
    """
    arguments = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    owner = subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert len(owner.stdout.readline()) > 64
    process = start(path, log, seconds=0.0)
    wait_for_rows(process, ROWS - 1)
    assert len(lines(log)) == ROWS - 1
    owner.kill()
    owner.communicate()
    process.communicate(timeout=60)
    assert len(lines(log)) == len(set(lines(log))) == ROWS


def test_what_another_process_stores_meanwhile_is_not_made_again(path: Path, log: str) -> None:
    """The second sweep runs inside the first, after its first task."""
    inner: list[SweepResult] = []

    def interfere(_: object) -> None:
        if not inner and lines(log):
            inner.append(sweep(grid()[:9], replicates=1, store=path, run=Fake(log), workers=1, chunk=3))

    outer = sweep(grid(), replicates=1, store=path, run=Fake(log), workers=1, chunk=3, progress=interfere)
    assert len(lines(log)) == len(set(lines(log))) == 12
    assert outer.progress.done == 12
    assert outer.progress.made == 6
    assert complete(outer)


# Disks


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system with little room; the test is skipped where none may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path, log: str) -> None:
    with small_disk(tmp_path / "disk", 256) as folder:
        path = folder / "results.db"
        many = [BASE.replace(step_size=k / 10) for k in range(200)]
        made: list[int] = []
        with pytest.raises(UnreadableError, match=r"full.*what was stored before is kept"):
            sweep(
                many,
                replicates=1,
                store=path,
                run=Fake(),
                workers=1,
                chunk=5,
                eigenvalues=300,
                progress=lambda p: made.append(p.made),
            )
        assert max(made) > 0
        with Store(path, read_only=True) as store:
            assert len(store) == max(made)
        moved = tmp_path / "moved.db"
        for name in folder.iterdir():
            moved.with_name(name.name.replace("results", "moved")).write_bytes(name.read_bytes())
    found = sweep(many, replicates=1, store=moved, run=Fake(log), workers=1, chunk=5, eigenvalues=300)
    assert found.progress.skipped == max(made)
    assert len(lines(log)) == 200 - max(made)


FILL = """
    import resource, signal, sys
    from experiments.fakes import Fake
    from experiments.sweep.test_run import sizes
    from polyspike import UnreadableError
    from polyspike.experiments.sweep.run import sweep

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000))
    try:
        sweep(
            sizes(), replicates=4, store=sys.argv[1], run=Fake(), workers=1, chunk=3,
            progress=lambda p: print(p.made),
        )
    except UnreadableError as error:
        sys.exit(str(error))
"""


def test_a_file_that_may_not_grow_is_a_clear_error_and_loses_nothing(path: Path, log: str) -> None:
    arguments = [sys.executable, "-c", textwrap.dedent(FILL), str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment())
    assert "what was stored before is kept" in done.stderr
    assert "Traceback" not in done.stderr
    made = int(done.stdout.split()[-1])
    assert 0 < made < ROWS
    found = sweep(sizes(), replicates=4, store=path, run=Fake(log), workers=1, chunk=3)
    assert found.progress.skipped == made
    assert len(lines(log)) == ROWS - made
    assert complete(found)
