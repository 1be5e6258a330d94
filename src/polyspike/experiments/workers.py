"""Worker processes that leave Ctrl-C to their parent, and that never outlive it by more than a moment."""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from threading import Thread, current_thread, main_thread
from time import sleep
from types import FrameType
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend import resource_tracker as loky_tracker

__all__ = ["as_done", "interrupts_held"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_UNTIL_AN_INTERRUPT_IS_SEEN = 0.2  # where a waiting thread does not see it at once
_SECONDS_OF_IDLENESS = 300  # after which a worker ends; until then the next call finds it ready

_pools: dict[int, Any] = {}


def as_done(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, in_flight: int | None = None
) -> Generator[tuple[Item, "Future[Result]"]]:
    """Every item with the finished future of ``function(item)``, in the order in which they are done.

    Items are read when a worker can take them, in the calling thread. A worker that dies breaks the pool: all that was
    in flight then fails with ``BrokenExecutor``, and no more items are read. When the generator is closed the workers
    are killed, whatever they are at.

    Parameters
    ----------
    function : callable
        Sent to the workers with cloudpickle, like the items and results.
    items : iterable
    workers : int
        Processes; they stay for the next call.
    in_flight : int, optional
        Items with the workers at a time; as many as there are workers.
    """
    waiting, running, count = iter(items), dict[Future[Result], Item](), in_flight or workers
    pool = _pool(workers)
    whole = True
    try:
        while True:
            for item in islice(waiting, count - len(running) if whole else 0):
                _submit(pool, function, item, running)
            if not running:
                return
            for future in _next_done(running):
                whole = whole and not isinstance(future.exception(), BrokenExecutor)
                yield running.pop(future), future
    finally:
        if running:
            _kill(pool, running)


def _pool(workers: int) -> Any:
    """The pool of so many workers, a new one where none is there or it is broken or shut down.

    Not loky's reusable one: joblib takes whichever pool that is for its own, and fails on one it has not made.
    """
    pool = _pools.get(workers)
    if pool is None or pool._flags.broken or pool._flags.shutdown:
        settings: dict[str, Any] = {"timeout": _SECONDS_OF_IDLENESS, "initializer": _begin, "initargs": (os.getpid(),)}
        pool = _pools[workers] = ProcessPoolExecutor(workers, **settings)
    return pool


def _submit(pool: Any, function: Callable[[Item], Result], item: Item, running: dict["Future[Result]", Item]) -> None:
    """Hand an item to the pool; an interrupt comes before, or after it is known to be running."""
    with interrupts_held():  # this is where processes are started
        try:
            future = pool.submit(function, item)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        running[future] = item


def _next_done(running: Iterable["Future[Result]"]) -> list["Future[Result]"]:
    while True:
        done = wait(running, _SECONDS_UNTIL_AN_INTERRUPT_IS_SEEN, FIRST_COMPLETED).done
        if done:
            return list(done)


def _kill(pool: Any, running: Iterable["Future[Any]"]) -> None:
    # A pool that is shut down before it has looked at a call loses it, and prints a traceback when it does look.
    while not all(future.running() or future.done() for future in running):
        sleep(0.001)
    pool.shutdown(wait=True, kill_workers=True)


def _begin(parent: int) -> None:
    """What a worker does first: Ctrl-C is its parent's, and it ends when its parent does, idle or in a task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent,), name="end with the parent", daemon=True).start()


def _end_with(parent: int) -> None:
    """On Windows a process keeps the number of a dead parent; workers there go on to the end of their task."""
    while os.getppid() == parent:
        sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Put Ctrl-C off to the end of the block; processes started in it never get one.

    A process that has just been started knows nothing yet of what to do with an interrupt, and would print a
    traceback in the middle of its imports. It inherits the signals that its parent blocks, from its first instruction
    on. A parent that is interrupted between starting it and telling it its task would leave it the same way.
    """
    noted: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)

    former = signal.getsignal(signal.SIGINT) if current_thread() is main_thread() else None
    if former is not None:
        signal.signal(signal.SIGINT, note)  # the block holds for this thread only, and any other may take the signal
    try:
        with _sigint_blocked():
            yield
    finally:
        if former is not None:
            signal.signal(signal.SIGINT, former)
        if noted:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Those that watch over shared resources unblock the signal when they are started (before Python 3.14): first them.
    resource_tracker.ensure_running()
    loky_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
