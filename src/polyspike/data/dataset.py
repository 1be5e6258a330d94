"""A real data set: inputs, a target, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data.scale import is_constant, is_out_of_range
from polyspike.display import Readable
from polyspike.errors import ArgumentError

__all__ = ["Dataset"]

MAX_SHOWN = 5


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
    dropped : mapping of str to str
        Columns of the source that are not among the inputs, each with the reason.
    rows_read : int
        Rows of the source; n when 0 is given. The others were left out.
    notes : tuple of str
        What a reader had to decide: a decimal comma, rows left out, categories made numbers.
    common_unit : bool
        Whether all columns are measured in one unit, as the pixels of an image are, so that their variances may be
        compared. The columns of a table have units of their own.

    Raises
    ------
    ArgumentError
        Naming every column with values that are not finite, that is constant up to rounding, or whose numbers lose
        digits in float64.
    """

    name: str
    inputs: Array
    target: Array
    columns: tuple[str, ...]
    target_name: str
    dropped: Mapping[str, str] = field(default_factory=dict)
    rows_read: int = 0
    notes: tuple[str, ...] = ()
    common_unit: bool = False

    def __post_init__(self) -> None:
        every = zip((*self.columns, self.target_name), (*self.inputs.T, self.target))
        wrong = [text for column, values in every if (text := _complaint(column, values)) is not None]
        if wrong:
            more = f"; and {len(wrong) - MAX_SHOWN} more columns" if len(wrong) > MAX_SHOWN else ""
            raise ArgumentError("data", self.name, "; ".join(wrong[:MAX_SHOWN]) + more)
        object.__setattr__(self, "rows_read", self.rows_read or len(self.target))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the inputs."""
        return self.inputs.shape[0], self.inputs.shape[1]


def _complaint(column: str, values: Array) -> str | None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        where = f"column {column!r} has {bad.size} missing or infinite values, the first in row {bad[0] + 1}"
        return f"{where}; fill or drop them"
    if is_constant(values):
        return f"column {column!r} is constant; drop it"
    return f"column {column!r} is out of range; change its unit" if is_out_of_range(values) else None
