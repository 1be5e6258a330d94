"""Who is told of long work, and how: the ``logging`` of the standard library, as users of a library expect."""

import logging

from polyspike.display import duration

__all__ = ["LONG", "VERY_LONG", "log", "tell"]

log = logging.getLogger("polyspike.theory.announce")

LONG = 0.5
"""Estimated seconds from which work is announced: estimates are within a factor of four, and two seconds are a wait."""

VERY_LONG = 10.0
"""Seconds from which this is a warning."""


def tell(seconds: float, sentence: str) -> None:
    """Log a sentence, whose ``%s`` becomes the time, where work takes long."""
    if seconds >= LONG:
        log.log(logging.WARNING if seconds >= VERY_LONG else logging.INFO, sentence, duration(seconds))
