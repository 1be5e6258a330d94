"""A user's own data: one CSV file, one target column, all numbers."""

import csv
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polyspike.data.dataset import Dataset
from polyspike.errors import ArgumentError, UnreadableError

__all__ = ["read_csv"]

Array = NDArray[np.float64]

MISSING = frozenset({"", "na", "nan", "n/a", "null", "none", "?"})


def read_csv(path: str | Path, target: str) -> Dataset:
    """Read a CSV file with a header line; every column but the target is an input.

    Parameters
    ----------
    path : str or Path
        Comma, semicolon or tab separated; UTF-8.
    target : str
        Name of the target column.

    Returns
    -------
    Dataset

    Raises
    ------
    UnreadableError
        If the file cannot be read, or is not a table.
    ArgumentError
        Unknown target (with the nearest name), a missing value or a text (with its row and column), or a
        constant column.
    """
    path = Path(path)
    header, *rows = _read_rows(path)
    if target not in header:
        raise ArgumentError("target", target, _nearest(target, header))
    if len(rows) < 2 or len(header) < 2:
        raise ArgumentError("data", str(path), "give at least two rows, one input column and the target")
    table = _numbers(path, header, rows)
    j = header.index(target)
    columns = tuple(name for name in header if name != target)
    return Dataset(str(path), np.delete(table, j, axis=1), table[:, j], columns, target)


def _read_rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableError(f"data = {str(path)!r}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"data = {str(path)!r}: not a UTF-8 text; save it as CSV UTF-8") from error
    lines = text.splitlines()
    if not lines:
        raise ArgumentError("data", str(path), "the file is empty; give a header line and rows")
    delimiter = max(",;\t", key=lines[0].count)
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter) if row]


def _numbers(path: Path, header: list[str], rows: list[list[str]]) -> Array:
    duplicated = sorted({name for name in header if header.count(name) > 1})
    if duplicated:
        raise ArgumentError("data", str(path), f"two columns are called {duplicated[0]!r}; rename one")
    for i, row in enumerate(rows, start=1):
        if len(row) != len(header):
            remedy = f"row {i} has {len(row)} cells, the header {len(header)}; repair it"
            raise ArgumentError("data", str(path), remedy)
    return np.array(
        [[_number(path, name, i, cell) for name, cell in zip(header, row)] for i, row in enumerate(rows, 1)]
    )


def _number(path: Path, column: str, row: int, cell: str) -> float:
    where = f"column {column!r}, row {row}"
    if cell.lower() in MISSING:
        raise ArgumentError("data", str(path), f"{where}: a value is missing; fill it or drop the row")
    try:
        return float(cell)
    except ValueError as error:
        remedy = f"{where}: {cell!r} is not a number; encode the column as numbers or drop it"
        raise ArgumentError("data", str(path), remedy) from error


def _nearest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.0)
    listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"no such column; did you mean {close[0]!r}? Columns: {listed}" if close else f"columns: {listed}"
