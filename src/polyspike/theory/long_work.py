"""Who is told of long work, and how: the ``logging`` of the standard library, as users of a library expect."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import thread_time

from polyspike.display import duration

__all__ = ["LATE", "LONG", "VERY_LONG", "check_clock", "log", "tell", "watched"]

log = logging.getLogger("polyspike.theory.announce")

LONG = 0.5
"""Estimated seconds from which work is announced: estimates are within a factor of four, and two seconds are a wait."""

VERY_LONG = 10.0
"""Seconds from which this is a warning."""

LATE = 1.0
"""Seconds of the thread's own time after which work is announced whose estimate was short; waiting for a busy machine
is not among them.
"""


class _Watch:
    """When a call began, and whether anything was told of how long it takes."""

    def __init__(self) -> None:
        self.began, self.silent = thread_time(), True


_WATCH: ContextVar[_Watch | None] = ContextVar("watch", default=None)


def tell(seconds: float, sentence: str) -> None:
    """Log a sentence, whose ``%s`` becomes the time, where work takes long."""
    if seconds >= LONG:
        log.log(logging.WARNING if seconds >= VERY_LONG else logging.INFO, sentence, duration(seconds))
        if (watch := _WATCH.get()) is not None:
            watch.silent = False


@contextmanager
def watched() -> Iterator[None]:
    """A call whose time is watched, itself and all that it calls: see :func:`check_clock`."""
    if _WATCH.get() is not None:
        yield
        return
    token = _WATCH.set(_Watch())
    try:
        yield
    finally:
        _WATCH.reset(token)


def check_clock() -> None:
    """Passed at every turn of what may be long: tells once of a call that is late and of which nothing was told."""
    watch = _WATCH.get()
    if watch is not None and watch.silent and (seconds := thread_time() - watch.began) >= LATE:
        tell(seconds, "longer than was estimated: %s so far")
