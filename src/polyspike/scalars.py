"""Numbers as users give them: 1e6 is an integer when it is one, a 0-d array is its number, and -0.0 is 0.0."""

from collections.abc import Iterable, Sequence
from math import inf, isfinite, nan
from numbers import Integral, Real
from typing import Any

from polyspike.errors import ArgumentError

__all__ = [
    "LARGEST",
    "LEAST",
    "as_flag",
    "as_integer",
    "as_list",
    "as_real",
    "as_reals",
    "as_seed",
    "integer_or_none",
    "real_or_none",
]

LEAST, LARGEST = 1e-30, 1e30
"""What is neither zero nor between these leaves double precision when it is squared twice and multiplied."""


def integer_or_none(value: Any) -> int | None:
    """The integer that a value is, be it written ``1e6``, ``np.int64(3)`` or as a 0-d array; None for all else.

    ``True`` and ``False`` are no numbers here.
    """
    value = _bare(value)
    if isinstance(value, Integral):
        return int(value)
    number = real_or_none(value)
    return int(number) if number is not None and number.is_integer() else None


def real_or_none(value: Any) -> float | None:
    """The number that a value is, as a float in which -0.0 is 0.0; None for what is none (NaN and inf pass).

    An integer too large for a float is infinite.
    """
    value = _bare(value)
    if not isinstance(value, Real):
        return None
    try:
        return float(value) + 0.0
    except OverflowError:
        return inf


def as_integer(argument: str, value: Any, least: int, why: str = "") -> int:
    """An integer of at least ``least``.

    Raises
    ------
    ArgumentError
    """
    whole = integer_or_none(value)
    if whole is None or whole < least:
        raise ArgumentError(argument, value, f"give an integer >= {least}{why}")
    return whole


def as_real(argument: str, value: Any, least: float = -inf) -> float:
    """A finite number of at least ``least``.

    Raises
    ------
    ArgumentError
    """
    number = real_or_none(value)
    if not isfinite(nan if number is None else number):
        raise ArgumentError(argument, value, "give a finite number")
    assert number is not None
    if number < least:
        raise ArgumentError(argument, value, f"give a number >= {least:g}")
    return number


def as_flag(argument: str, value: Any) -> bool:
    """``True`` or ``False``, NumPy's too; no other value stands for one of them.

    Raises
    ------
    ArgumentError
    """
    value = value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
    if not isinstance(value, bool):
        raise ArgumentError(argument, value, "give True or False")
    return value


def as_list(argument: str, values: Any, remedy: str) -> list[Any]:
    """The elements of what is several; a text is one thing, and so is a 0-d array.

    Raises
    ------
    ArgumentError
        With this remedy.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or getattr(values, "ndim", None) == 0:
        raise ArgumentError(argument, values, remedy)
    return list(values)


def as_reals(argument: str, values: Any, remedy: str) -> list[float]:
    """Finite numbers.

    Raises
    ------
    ArgumentError
        With this remedy, whatever is wrong.
    """
    given = as_list(argument, values, remedy)
    numbers = [number for number in map(real_or_none, given) if number is not None and isfinite(number)]
    if len(numbers) < len(given):
        raise ArgumentError(argument, given, remedy)
    return numbers


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


def _bare(value: Any) -> Any:
    """A 0-d array or NumPy scalar as Python's own; booleans as None."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, bool) else value
