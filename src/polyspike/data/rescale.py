"""Inputs in one unit, not whitened: centred, with a mean square of 1 in a column on average."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data.scale import as_table, is_constant
from polyspike.errors import ArgumentError

__all__ = ["rescale"]


def rescale(inputs: Array, standardised: bool = False) -> Array:
    """Inputs of shape (n, d) shifted to mean zero and scaled to ``|x|^2 = d`` on average; their shape is kept.

    Beside :func:`polyspike.data.whiten`, which gives all directions the same variance, this one leaves the strong ones
    strong. Constant columns become zero.

    Parameters
    ----------
    inputs : ndarray of shape (n, d)
    standardised : bool
        Whether every column is brought to variance 1 first, for columns with units of their own.

    Raises
    ------
    ArgumentError
        What is no finite table, or where nothing varies.

    Examples
    --------
    >>> rescale(np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 3.0]])).round(3).tolist()
    [[-1.309, -0.655], [0.0, -0.655], [1.309, 1.309]]
    """
    table = as_table(inputs)
    moves = np.array([not is_constant(column) for column in table.T], dtype=bool)
    if not moves.any():
        raise ArgumentError("inputs", table.shape, "every column is constant; there is nothing to scale")
    varying = [_unit(column) if standardised else column for column in table.T[moves]]
    largest = max(float(np.max(np.abs(column))) for column in varying)
    centred = np.zeros_like(table)
    centred[:, moves] = np.transpose([column / largest for column in varying])
    centred[:, moves] -= centred[:, moves].mean(axis=0)
    if standardised:
        centred[:, moves] /= centred[:, moves].std(axis=0)
    size = np.sqrt(np.mean(centred**2))
    if not size > 0:
        raise ArgumentError("inputs", largest, "the columns differ by less than float64 holds; give smaller numbers")
    return np.asarray(centred / size)


def _unit(column: Array) -> Array:
    """Divided by its largest number first, so that no square of it overflows."""
    return np.asarray(column / np.max(np.abs(column)))
