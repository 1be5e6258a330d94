"""Tasks to workers and rows back, on one machine (loky) or many (Dask), whatever dies on the way."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor
from contextlib import closing
from importlib import import_module
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from threadpoolctl import threadpool_limits

from polyspike.errors import ArgumentError, MissingPackageError, UnreadableError
from polyspike.experiments.sweep.store import Row
from polyspike.experiments.sweep.tasks import Task
from polyspike.experiments.workers import as_done
from polyspike.status import Status

__all__ = ["Backend", "Outcome", "finished", "on_cluster", "on_this_machine"]

Outcome = tuple[Task, list[Row] | None]
"""A task and its rows; None when the worker that had it died, and it may or may not be the task's fault."""

Backend = Callable[[Iterable[Task], bool], Generator[Outcome]]

_SECONDS_TO_CONNECT = 20


def finished(tasks: Iterable[Task], backend: Backend) -> Generator[tuple[Task, list[Row]]]:
    """Every task with its rows, in the order in which they are done.

    A task whose worker died is tried again with no other beside it; if that worker dies too, its halves are
    tried, and so on down to the rows that kill their worker: those are marked, all others are made.
    """
    orphans: list[Task] = []
    with closing(backend(tasks, False)) as outcomes:
        for task, rows in outcomes:
            if rows is None:
                orphans.append(task)
            else:
                yield task, rows
    while orphans:
        task = orphans.pop()
        for _, rows in backend([task], True):
            if rows is not None:
                yield task, rows
            elif len(task.problems) > 1:
                orphans.extend(task.halves())
            else:
                message = "the worker process died, and so did the one that tried again"
                yield task, task.failed(Status.WORKER_FAILED, message)


def on_this_machine(workers: int) -> Backend:
    """Worker processes by loky; with a single worker everything is done in this process."""

    def backend(tasks: Iterable[Task], alone: bool) -> Generator[Outcome]:
        if workers == 1:
            return ((task, task.rows()) for task in tasks)
        return _by_processes(tasks, workers, 1 if alone else workers)

    return backend


def _by_processes(tasks: Iterable[Task], workers: int, in_flight: int) -> Generator[Outcome]:
    """A dead worker breaks the pool: all that was in flight is suspect, the rest goes on in a new one."""
    waiting = iter(tasks)
    for first in waiting:
        with closing(as_done(Task.rows, chain([first], waiting), workers, in_flight)) as outcomes:
            for task, future in outcomes:
                broken = isinstance(future.exception(), BrokenExecutor)
                yield task, None if broken else future.result()


def on_cluster(address: str) -> Backend:
    """Workers of the Dask cluster whose scheduler has this address (extra ``cluster``).

    Raises
    ------
    MissingPackageError
        If ``distributed`` is not installed.
    ArgumentError
        If that is no address with a port.
    """
    distributed = _distributed(address)
    _check_address(address)

    def backend(tasks: Iterable[Task], alone: bool) -> Generator[Outcome]:
        return _by_dask(distributed, address, tasks, alone)

    return backend


def _check_address(address: str) -> None:
    """Before any work: Dask itself says only what it cannot parse, when it is asked to connect."""
    try:
        found = urlsplit(address if "://" in address else f"tcp://{address}")
        complete = bool(found.hostname and found.port) or found.scheme == "inproc"
    except ValueError:  # a port that is no number
        complete = False
    if not complete:
        raise ArgumentError("scheduler", address, "give protocol, host and port, as in tcp://10.0.0.1:8786")


def _distributed(address: str) -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise MissingPackageError("scheduler", address, "distributed", "cluster", "leave it out") from error


def _by_dask(distributed: Any, address: str, tasks: Iterable[Task], alone: bool) -> Generator[Outcome]:
    """Dask itself gives the task of a dead worker to others, and names it when several died of it."""
    waiting = iter(tasks)
    with _client(distributed, address) as client:
        in_flight = 1 if alone else 2 * max(1, sum(client.nthreads().values()))
        owner: dict[str, Task] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for task in islice(waiting, count):
                futures.append(client.submit(_rows_in_a_thread, task, pure=False))
                owner[futures[-1].key] = task
            return futures

        running = distributed.as_completed(submit(in_flight), loop=client.loop)
        try:
            for future in running:
                died = isinstance(future.exception(), distributed.KilledWorker)
                yield owner.pop(future.key), None if died else future.result()
                running.update(submit(1))
        finally:
            client.cancel([distributed.Future(key, client) for key in owner])


def _rows_in_a_thread(task: Task) -> list[Row]:
    """The rows of a task in a process that may do several: the limit stays set when one of them ends."""
    threadpool_limits(limits=task.threads)
    return task.rows()


def _client(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except ValueError as error:
        raise ArgumentError("scheduler", address, f"Dask does not know such an address ({error})") from error
    except OSError as error:
        remedy = "start one with `dask scheduler`, or check the address"
        raise UnreadableError(f"scheduler = {address!r}: no scheduler answers ({error}); {remedy}") from error
