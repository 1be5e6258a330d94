"""A real data set: inputs, a target, and where they come from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.display import Readable
from polyspike.errors import ArgumentError

__all__ = ["Dataset"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Readable):
    """Inputs and a regression target, checked once.

    Attributes
    ----------
    name : str
    inputs : ndarray of shape (n, p)
        Finite; no column is constant.
    target : ndarray of shape (n,)
        Finite and not constant.
    columns : tuple of str
        Names of the p columns.
    target_name : str

    Raises
    ------
    ArgumentError
        Naming the column and the row of a missing value, or the column that is constant.
    """

    name: str
    inputs: Array
    target: Array
    columns: tuple[str, ...]
    target_name: str

    def __post_init__(self) -> None:
        for column, values in zip((*self.columns, self.target_name), (*self.inputs.T, self.target)):
            _check_column(self.name, column, values)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the inputs."""
        return self.inputs.shape[0], self.inputs.shape[1]


def _check_column(data: str, column: str, values: Array) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        where = f"column {column!r} has {bad.size} missing or infinite values, the first in row {bad[0] + 1}"
        raise ArgumentError("data", data, f"{where}; fill or drop them")
    if values.size == 0 or values.min() == values.max():
        raise ArgumentError("data", data, f"column {column!r} is constant; drop it")
