"""What the size of a column's numbers says: whether it varies, and whether float64 can hold it."""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.rows import as_numbers

__all__ = ["LARGEST", "SMALLEST", "as_table", "is_constant", "is_out_of_range", "standardise"]

ROUNDING = 8 * float(np.finfo(float).eps)
"""A column that varies by less than this fraction of its largest value holds rounding, not data."""

LARGEST = 1e300
"""Beyond it a difference of two values, or a sum of a few thousand, may overflow."""

SMALLEST = 1e-290
"""A spread below it is made of numbers that float64 holds with fewer digits (the smallest full one is 2e-308)."""


def as_table(inputs: Any) -> Array:
    """Inputs of shape (n, p), in float64.

    Raises
    ------
    ArgumentError
        What is no table of finite numbers.
    """
    table = as_numbers("inputs", inputs)
    if table.ndim != 2 or not np.all(np.isfinite(table)):
        raise ArgumentError("inputs", table.shape, "give a table of finite numbers, one row a sample")
    return table


def is_constant(values: Array) -> bool:
    """Whether finite values, shape (n,), are all the same up to rounding."""
    return values.size == 0 or _spread(values) <= ROUNDING * float(np.max(np.abs(values)))


def is_out_of_range(values: Array) -> bool:
    """Whether finite values that vary, shape (n,), are so large or so close that their variance loses digits."""
    return float(np.max(np.abs(values))) > LARGEST or _spread(values) < SMALLEST


def _spread(values: Array) -> float:
    """Largest minus smallest; halved first, because the difference of two large numbers may overflow."""
    return 2 * float(values.max() / 2 - values.min() / 2)


def standardise(values: Array, name: str = "target") -> Array:
    """Values of mean 0 and variance 1, shape (n,), whatever their unit.

    They are divided by the largest first, so that no square overflows: values of 1e200 and of 1e-200 are as good as
    any.

    Raises
    ------
    ArgumentError
        If they are all the same up to rounding, or beyond what float64 holds with all its digits.
    """
    values = np.asarray(values, dtype=float)
    if is_constant(values):
        first = float(values.flat[0]) if values.size else values.shape
        raise ArgumentError(name, first, "it is constant; choose another column")
    if is_out_of_range(values):
        largest = float(np.max(np.abs(values)))
        raise ArgumentError(name, largest, f"give numbers up to {LARGEST:g} that differ by at least {SMALLEST:g}")
    unit = values / np.max(np.abs(values))
    centred = unit - unit.mean()
    return centred / centred.std()
