"""Preparations that may take long, told before they start and on the way."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["Announce", "announced"]

Item = TypeVar("Item")

Announce = Callable[[str, int, int], object]
"""Told what is being prepared, how much of it is done, and how much there is."""

_EVERY = 1000  # items between two announcements


def announced(items: Iterable[Item], what: str, total: int, announce: Announce | None) -> Iterator[Item]:
    """The items, with an announcement before the first, after every thousand, and after the last."""
    tell = announce or _nobody
    tell(what, 0, total)
    for done, item in enumerate(items, start=1):
        if done % _EVERY == 0:
            tell(what, done, total)
        yield item
    tell(what, total, total)


def _nobody(_what: str, _done: int, _total: int) -> None:
    """Announcements that nobody hears."""
