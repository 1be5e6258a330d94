"""Arguments that several experiments take, checked before any work starts."""

from collections.abc import Sequence
from typing import Any

from polyspike.errors import ArgumentError
from polyspike.scalars import as_integer, integer_or_none

__all__ = ["as_count", "as_seed"]


def as_count(argument: str, value: Any, least: int = 1, why: str = "") -> int:
    """An integer of at least ``least``.

    Raises
    ------
    ArgumentError
    """
    return as_integer(argument, value, least, why)


def as_seed(seed: Any) -> tuple[int, ...]:
    """A seed as a tuple of integers >= 0; replicate k of base seed s is the run with seed ``(*s, k)``.

    Raises
    ------
    ArgumentError
        If it is neither an integer nor a sequence of them, all >= 0.
    """
    parts = tuple(seed) if isinstance(seed, Sequence) else (seed,)
    whole = [integer_or_none(part) for part in parts]
    numbers = tuple(s for s in whole if s is not None and s >= 0)
    if not parts or len(numbers) < len(parts):
        raise ArgumentError("seed", seed, "give an integer >= 0 or a sequence of them")
    return numbers
