"""The same sweep on a real Dask cluster on this machine."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.fakes import Fake
from experiments.sweep.test_run import BASE, all_same, grid, sizes
from experiments.test_faults import complete
from polyspike import ArgumentError, Status, UnreadableError
from polyspike.experiments.sweep.progress import Progress
from polyspike.experiments.sweep.run import SweepInterrupted, sweep

distributed = pytest.importorskip("distributed", reason="Dask is not installed (extra 'cluster')")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


def test_a_cluster_gives_the_rows_that_one_process_gives(cluster: Any, tmp_path: Path) -> None:
    here = sweep(grid(), replicates=2, workers=1, n_test=300, eigenvalues=2, chunk=4)
    address = cluster.scheduler_address
    there = sweep(grid(), replicates=2, store=tmp_path / "r.db", n_test=300, eigenvalues=2, chunk=4, scheduler=address)
    assert all_same(here, there)
    assert there.progress.workers is None
    again = sweep(grid(), replicates=2, store=tmp_path / "r.db", n_test=300, eigenvalues=2, chunk=4, scheduler=address)
    assert again.progress.made == 0


def test_a_worker_killed_in_the_middle_costs_nothing(cluster: Any, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if progress.made >= 12 and not killed:
            (nanny, *_) = cluster.workers.values()
            killed.append(nanny.process.pid)
            nanny.process.process._process.kill()  # SIGKILL, as the system does when memory runs out

    found = sweep(
        sizes(),
        replicates=3,
        store=tmp_path / "r.db",
        run=Fake(seconds=0.1),
        chunk=3,
        scheduler=cluster.scheduler_address,
        progress=kill,
    )
    assert killed
    assert (found.progress.made, found.progress.failed) == (72, 0)
    assert complete(found)


@pytest.mark.slow
def test_a_row_that_kills_every_worker_is_marked(cluster: Any, tmp_path: Path) -> None:
    problems = [BASE.replace(ridge=r) for r in (0.01, 0.666)]
    found = sweep(
        problems,
        replicates=1,
        store=tmp_path / "r.db",
        run=Fake(die_at=0.666),
        chunk=1,
        scheduler=cluster.scheduler_address,
    )
    assert [len(runs) for runs in found.measurements()] == [1, 0]
    assert [row.status for row in found.failures()] == [Status.WORKER_FAILED]


def test_a_row_that_raises_is_marked(cluster: Any, tmp_path: Path) -> None:
    found = sweep(
        grid(), replicates=1, store=tmp_path / "r.db", run=Fake(raise_at=0.03), scheduler=cluster.scheduler_address
    )
    assert {(row.problem.ridge, row.status) for row in found.failures()} == {(0.03, Status.SINGULAR)}


def test_an_interrupt_keeps_what_is_done_and_frees_the_cluster(cluster: Any, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.made:
            raise KeyboardInterrupt

    arguments: dict[str, Any] = {"chunk": 3, "scheduler": cluster.scheduler_address}
    with pytest.raises(SweepInterrupted) as interrupt:
        sweep(sizes(), replicates=2, store=tmp_path / "r.db", run=Fake(seconds=0.1), progress=stop, **arguments)
    done = interrupt.value.progress.done
    assert done == 3
    found = sweep(sizes(), replicates=2, store=tmp_path / "r.db", run=Fake(), **arguments)
    assert found.progress.skipped == done
    assert complete(found)
    assert threading.active_count() < 100


def test_no_scheduler_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyspike.experiments.sweep.dispatch._SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(UnreadableError, match=r"scheduler = 'tcp://127.0.0.1:9': no scheduler answers"):
        sweep(grid(), replicates=1, run=Fake(), scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "tcp://10.0.0.1", "tcp://10.0.0.1:port", "nonsense://x", "", "tcp://:1"]
)
def test_an_address_without_host_and_port_is_refused_before_any_work(address: str) -> None:
    with pytest.raises(ArgumentError, match=r"scheduler = .*give protocol, host and port, as in tcp://10.0.0.1:8786"):
        sweep(grid(), replicates=1, run=Fake(), scheduler=address)


def test_a_protocol_that_dask_does_not_know_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"scheduler = 'nonsense://x:1'.*unknown address scheme"):
        sweep(grid(), replicates=1, run=Fake(), scheduler="nonsense://x:1")
