"""Arguments that several experiments take, checked before any work starts."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from polyspike.errors import ArgumentError

__all__ = ["as_count", "as_seed"]


def as_count(argument: str, value: Any, least: int = 1, why: str = "") -> int:
    """An integer of at least ``least``.

    Raises
    ------
    ArgumentError
    """
    if not _is_integer(value) or value < least:
        raise ArgumentError(argument, value, f"give an integer >= {least}{why}")
    return int(value)


def as_seed(seed: Any) -> tuple[int, ...]:
    """A seed as a tuple of integers >= 0; replicate k of base seed s is the run with seed ``(*s, k)``.

    Raises
    ------
    ArgumentError
        If it is neither an integer nor a sequence of them, all >= 0.
    """
    parts = tuple(seed) if isinstance(seed, Sequence) else (seed,)
    if not parts or not all(_is_integer(s) and s >= 0 for s in parts):
        raise ArgumentError("seed", seed, "give an integer >= 0 or a sequence of them")
    return tuple(int(s) for s in parts)


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
