"""Rows of real data on both roads: checked in the same words, split in the same way by the same seed."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.scalars import LARGEST

__all__ = ["SPLIT_STREAM", "Split", "as_bounded", "as_numbers", "as_rows", "check_counts", "shuffled", "split"]

SPLIT_STREAM = 8
"""The random stream of the split; a part of the format that never changes."""

LEAST_TESTED = 2


class Split(NamedTuple):
    """Indices of the rows of the gradient step, of the ridge fit, and of the test."""

    gradient: NDArray[np.int64]
    fit: NDArray[np.int64]
    test: NDArray[np.int64]


def shuffled(seed: tuple[int, ...], rows: int) -> NDArray[np.int64]:
    """The order in which rows are dealt out: the first to the gradient, the next to the fit, the rest to the test."""
    sequence = np.random.SeedSequence(seed, spawn_key=(SPLIT_STREAM, 0))
    return np.random.default_rng(sequence).permutation(rows)


def split(seed: tuple[int, ...], rows: int, n_gradient: int, n_samples: int) -> Split:
    """The split that a simulation of this seed makes, too."""
    order = shuffled(seed, rows)
    return Split(*np.split(order, [n_gradient, n_gradient + n_samples]))


def as_rows(inputs: Any, target: Any) -> tuple[Array, Array]:
    """Inputs of shape (rows, d) and a target of shape (rows,), in float64.

    Raises
    ------
    ArgumentError
        What is no table of numbers, shapes that do not fit, values that are not finite.
    """
    table, values = as_numbers("inputs", inputs), as_numbers("target", target)
    if table.ndim != 2 or values.shape != (len(table),):
        shapes: Any = (table.shape, values.shape)
        raise ArgumentError("inputs, target", shapes, "give arrays of shape (rows, d) and (rows,)")
    for name, numbers in (("inputs", table), ("target", values)):
        bad = np.argwhere(~np.isfinite(numbers))
        if len(bad):
            where = f"row {bad[0][0]}" + (f", column {bad[0][1]}" if numbers.ndim > 1 else "")
            remedy = f"{len(bad)} values are not finite, the first at {where}; drop or fill missing ones"
            raise ArgumentError(name, float(numbers[tuple(bad[0])]), remedy)
    return table, values


def as_numbers(name: str, values: Any) -> Array:
    """What a user gives as an argument of this name, in float64, of any shape.

    Raises
    ------
    ArgumentError
        What holds no real numbers, masked values, or rows of several lengths.
    """
    if np.ma.is_masked(values):
        remedy = (
            f"{np.ma.count_masked(values)} values are masked; fill them, or drop their rows (numpy.ma.compress_rows)"
        )
        raise ArgumentError(name, type(values).__name__, remedy)
    try:
        if not np.iscomplexobj(values):
            return np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        remedy = "give numbers, in rows of one length; polyspike.data makes them of words (read_table)"
        remedy += " and of class labels (label_target)"
        raise ArgumentError(name, type(values).__name__, remedy) from error
    raise ArgumentError(name, type(values).__name__, "give real numbers, such as real and imaginary parts")


def as_bounded(name: str, values: Any) -> Array:
    """What a user gives as an argument of this name, in float64: finite, and of a size whose powers are finite too.

    Raises
    ------
    ArgumentError
    """
    numbers = as_numbers(name, values)
    if not np.all(np.isfinite(numbers)):
        raise ArgumentError(name, numbers.shape, "all values must be finite; drop or fill missing ones")
    largest = float(np.max(np.abs(numbers), initial=0.0))
    if largest > LARGEST:
        raise ArgumentError(name, largest, f"give numbers up to {LARGEST:g}; divide them by their standard deviation")
    return numbers


def check_counts(inputs: Array, n_samples: int, n_gradient: int, input_dim: int, shared: int = 0) -> None:
    """Refuse sizes that inputs of shape (rows, d) do not have; ``n_gradient`` counts rows of the gradient alone, and
    ``shared`` are those of ``n_samples`` that it has besides.

    Raises
    ------
    ArgumentError
        An input dimension that is not the number of columns, or too few rows.
    """
    rows, columns = inputs.shape
    if input_dim != columns:
        raise ArgumentError("input_dim", input_dim, f"the data have {columns} columns")
    if rows < n_gradient + n_samples + LEAST_TESTED:
        used = "n_samples + n_gradient" if n_gradient else "n_samples"
        used += f", less the {shared} in both," if n_gradient and shared else ""
        remedy = f"the data have {rows} rows; {used} must leave at least {LEAST_TESTED} of them for the test"
        raise ArgumentError("n_samples", n_samples, remedy)
