"""``sweep``: many problems at many seeds, resumable, on all cores or a cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from inspect import Parameter, signature
from pathlib import Path
from time import sleep
from typing import Any

from polyspike.display import Readable
from polyspike.errors import ArgumentError, DoesNotFitError
from polyspike.experiments.announce import Announce, announced
from polyspike.experiments.replicate import Replication, Run
from polyspike.experiments.sweep.dispatch import Backend, finished, on_cluster, on_this_machine
from polyspike.experiments.sweep.progress import Progress, work
from polyspike.experiments.sweep.reservations import Reservations
from polyspike.experiments.sweep.store import Row, Store, run_key
from polyspike.experiments.sweep.tables import frame
from polyspike.experiments.sweep.tasks import Task, plan, sizes_of
from polyspike.experiments.threads import BLAS_THREADS, workers_that_fit
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.results import Measurement
from polyspike.scalars import as_integer, as_seed, integer_or_none
from polyspike.simulation import simulate
from polyspike.simulation.devices import arrays_on
from polyspike.simulation.memory import available_bytes, needed_bytes
from polyspike.status import Status

__all__ = ["SweepInterrupted", "SweepResult", "sweep"]

CHUNK = 128
"""Most problems in a task: what a SIGKILL can cost, and what one worker computes before it shows."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds between looks at rows that another process is making, when nothing else is left to do."""


_NOT_OF_A_ROW = ("seed", "progress")
"""Arguments of a run that are no options of its rows."""

_WHOLE = ("n_test", "eigenvalues", "alignment_degree")
"""Options that are integers, so that 1e4 and 10000 are one run."""


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Readable):
    """What a sweep made or found.

    Attributes
    ----------
    problems : tuple of Problem
    keys : tuple of tuple of str
        ``keys[i][k]`` is the row of problem i, replicate k, in the store.
    store : Store or Path
        The store that was given, or the file it is in; one in memory when none was given.
    progress : Progress
        The last one, as a summary.
    """

    problems: tuple[Problem, ...]
    keys: tuple[tuple[str, ...], ...] = field(repr=False)
    store: Store | Path
    progress: Progress

    def rows(self) -> list[Row]:
        """All rows, problem by problem, replicate by replicate."""
        with _opened(self.store) as store:
            return store.get([key for keys in self.keys for key in keys])

    def failures(self) -> list[Row]:
        """The rows that failed, each with its status and message."""
        return [row for row in self.rows() if not row.status.ok]

    def measurements(self) -> list[list[Measurement]]:
        """``[problem][replicate]``, without the rows that failed."""
        rows = iter(self.rows())
        columns = [[next(rows).measurement for _ in keys] for keys in self.keys]
        return [[run for run in runs if run is not None] for runs in columns]

    def replications(self) -> list[Replication | None]:
        """Means and standard errors for every problem; None where fewer than two replicates succeeded."""
        return [Replication.of(runs) if len(runs) > 1 else None for runs in self.measurements()]

    def to_pandas(self) -> Any:
        """:meth:`records` as a ``pandas.DataFrame``; :meth:`Store.to_pandas` has all rows of a store."""
        return frame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """The rows of this sweep as flat dicts, in the order of :meth:`rows`."""
        with _opened(self.store) as store:
            records = {record["key"]: record for record in store.records()}
        return [records[key] for keys in self.keys for key in keys]


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep. All rows that were finished are stored; the same call goes on from there.

    Attributes
    ----------
    progress : Progress
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        super().__init__(f"interrupted: {progress}")


def sweep(
    problems: Iterable[Problem],
    *,
    replicates: int = 8,
    store: Store | str | Path | None = None,
    workers: int | None = None,
    seed: int | Sequence[int] = 0,
    redo: bool | str = False,
    scheduler: str | None = None,
    threads: int = BLAS_THREADS,
    chunk: int = CHUNK,
    progress: Callable[[Progress], object] | None = None,
    announce: Announce | None = None,
    run: Run = simulate,
    **options: Any,
) -> SweepResult:
    """Simulate every problem at every seed, skip what is stored already, and store the rest as it is finished.

    Problems of the same sizes share the draw of a seed, and the work that follows from it is done once. A row does
    not depend on the number of workers, on the order, or on interruptions: bit for bit at the same number of BLAS
    threads (one by default). A row that fails is stored with its status and message, and the sweep goes on.

    Parameters
    ----------
    problems : iterable of Problem
        Each once; they must have a text form (no callables).
    replicates : int
        Replicate k is the run with seed ``(*seed, k)``.
    store : Store, str or Path, optional
        Where the rows are kept; None keeps them in memory.
    workers : int, optional
        Processes; all cores by default. Workers times ``threads`` never exceed the cores.
    seed : int or sequence of int
    redo : {False, True, "failed"}
        Make rows again that are stored: none, all, or those that failed.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers are used instead (extra ``cluster``).
    threads : int
        BLAS threads of a task.
    chunk : int
        Most problems that one worker takes at once. Smaller ones are stored sooner and spread over more workers,
        larger ones share more.
    progress : callable
        Called with a :class:`Progress` at the start and after every task.
    announce : callable
        Called with what is being prepared, how much of it is done and how much there is, before and while the keys of
        all rows are made and looked up: minutes, for millions of them.
    run : callable
        Stand-in for :func:`polyspike.simulate`.
    **options
        Those of :func:`polyspike.simulate`: ``n_test``, ``eigenvalues``, ...

    Returns
    -------
    SweepResult

    Raises
    ------
    ArgumentError
        Naming the argument, before any work starts.
    UnreadableError
        A store or scheduler that cannot be used; a disk that is full. What was stored is kept.
    SweepInterrupted
        On Ctrl-C, with the progress so far.
    """
    listed = _distinct(problems)
    seeds = [(*as_seed(seed), k) for k in range(as_integer("replicates", replicates, 1))]
    options = _all_options(run, options)
    run([], seed=seeds[0], **options)  # a bad option is refused now, and not in every row
    if redo not in (False, True, "failed"):
        raise ArgumentError("redo", redo, "give False, True or 'failed'")
    tasks = list(plan(run, listed, seeds, options, as_integer("chunk", chunk, 1), as_integer("threads", threads, 1)))
    named = announced(listed, "keys", len(listed), announce)
    keys = tuple(tuple(run_key(p, s, options) for s in seeds) for p in named)
    count = _count_workers(listed, workers, threads, run, options) if scheduler is None else None
    backend = on_cluster(scheduler) if scheduler is not None else on_this_machine(count or 1)
    place = Store() if store is None else store if isinstance(store, Store) else Path(store)
    with _opened(place) as opened:
        opened.try_writing()
        start = _survey(announced(tasks, "pieces of work", len(tasks), announce), opened, redo, count)
        last = _make(start, opened, redo, backend, progress or _silent)
    return SweepResult(listed, keys, place, last)


def _opened(store: Store | Path) -> AbstractContextManager[Store]:
    """A store that was opened by others stays open, one that is opened here does not."""
    return nullcontext(store) if isinstance(store, Store) else Store(store)


def _make(
    start: tuple[Progress, list[Task]],
    store: Store,
    redo: bool | str,
    backend: Backend,
    report: Callable[[Progress], object],
) -> Progress:
    """Do what is missing, store every task as it is finished, and tell how it went."""
    moment, pending = start
    try:
        report(moment)
        with Reservations(store.path) as reserved:
            for round_ in _rounds(pending, store, redo, reserved):
                with closing(finished(round_, backend)) as outcomes:
                    for task, rows in outcomes:
                        store.add(rows, replace=bool(redo))
                        reserved.release(task.by_key())
                        failed = sum(not row.status.ok for row in rows)
                        moment = moment.after(task, failed).found(round_.taken())
                        report(moment)
                moment = moment.found(round_.taken())
    except KeyboardInterrupt as interrupt:
        raise SweepInterrupted(moment) from interrupt
    return moment


def _rounds(tasks: list[Task], store: Store, redo: bool | str, reserved: Reservations) -> Iterator["_Round"]:
    """All tasks, then those that another process was making, until it has stored them or has died."""
    pause = _SHORTEST_PAUSE
    while tasks:
        round_ = _Round(tasks, store, redo, reserved)
        yield round_
        tasks = round_.reserved_by_others
        if tasks and not round_.moved:
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            pause = _SHORTEST_PAUSE


class _Round:
    """Tasks as they are handed out, without the rows that another process has stored, or is making."""

    def __init__(self, tasks: Iterable[Task], store: Store, redo: bool | str, reserved: Reservations) -> None:
        self._tasks, self._store, self._redo, self._reserved = tasks, store, redo, reserved
        self._stored: list[Task] = []
        self.reserved_by_others: list[Task] = []
        self.moved = False
        """Whether any task was handed out or found."""

    def __iter__(self) -> Iterator[Task]:
        for task in self._tasks:
            mine = self._reserved.take(task.by_key())
            rest, stored = _missing(task, self._store, self._redo)
            keys = rest.by_key()
            self._reserved.release(mine - set(keys))
            todo = task.only(problem for key, problem in keys.items() if key in mine)
            theirs = task.only(problem for key, problem in keys.items() if key not in mine)
            self._stored += [stored] if stored.problems else []
            self.reserved_by_others += [theirs] if theirs.problems else []
            self.moved = self.moved or bool(stored.problems or todo.problems)
            if todo.problems:
                yield todo

    def taken(self) -> list[Task]:
        """What others have stored since this was asked last."""
        found, self._stored = self._stored, []
        return found


def _survey(tasks: Iterable[Task], store: Store, redo: bool | str, workers: int | None) -> tuple[Progress, list[Task]]:
    """Where a sweep starts, and what of its tasks is missing."""
    pending, total, missing, failed, cost = list[Task](), 0, 0, 0, 0.0
    for task in tasks:
        keys = task.by_key()
        statuses = store.statuses(keys)
        todo = [problem for key, problem in keys.items() if not _settled(statuses.get(key), redo)]
        total, missing = total + len(keys), missing + len(todo)
        failed += sum(_settled(status, redo) and not status.ok for status in statuses.values())
        if todo:
            pending.append(task.only(todo))
            cost += work(todo)
    return Progress(total, total - missing, failed=failed, workers=workers, work=cost), pending


def _settled(status: Status | None, redo: bool | str) -> bool:
    """Whether a row with this status, None where there is none, is left as it is."""
    return status is not None and redo is not True and (status.ok or redo is False)


def _missing(task: Task, store: Store, redo: bool | str) -> tuple[Task, Task]:
    """The part of a task that must be done, and the part that is stored."""
    keys = task.by_key()
    statuses = store.statuses(keys)
    split: tuple[list[Problem], list[Problem]] = ([], [])
    for key, problem in keys.items():
        split[_settled(statuses.get(key), redo)].append(problem)
    return task.only(split[0]), task.only(split[1])


def _distinct(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    listed = tuple(dict.fromkeys(problems))
    if not listed:
        raise ArgumentError("problems", listed, "give at least one problem")
    for problem in listed:
        if not isinstance(problem, Problem):
            raise ArgumentError("problems", problem, "give Problem(...) values")
    return listed


def _all_options(run: Run, given: dict[str, Any]) -> dict[str, Any]:
    """The options of a run, defaults included: a row is known by all of them."""
    parameters = signature(run).parameters.values()
    known = {p.name: p.default for p in parameters if p.default is not Parameter.empty and p.name not in _NOT_OF_A_ROW}
    for name in given:
        if name not in known:
            raise ArgumentError(name, given[name], closest_names(name, sorted(known)))
    whole = {name: integer_or_none(given[name]) for name in _WHOLE if name in given}
    return known | given | {name: value for name, value in whole.items() if value is not None}


def _count_workers(
    problems: Sequence[Problem], workers: int | None, threads: int, run: Run, options: dict[str, Any]
) -> int:
    """As many workers as cores and memory allow."""
    count = workers_that_fit(workers, threads)
    if run is not simulate:
        return count
    arrays = arrays_on(options["device"], options["dtype"])
    sizes = {sizes_of(problem): problem for problem in problems}
    needs = {needed_bytes(problem, options["streaming"], arrays): problem for problem in sizes.values()}
    most = max(needs)
    room = max(1, available_bytes(arrays) // most)
    if workers is not None and count > room:
        needed = f"each needs about {most / 1e9:.1f} GB for {needs[most]}"
        raise DoesNotFitError("workers", workers, f"{needed}; {room} would fit")
    return min(count, room)


def _silent(_: Progress) -> None:
    """Progress that nobody looks at."""
