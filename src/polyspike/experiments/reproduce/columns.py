"""Tables as plain columns, and as CSV files."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Columns", "Row", "select", "to_columns", "to_csv", "unique"]

Row = Mapping[str, float | int | str]
Columns = dict[str, np.ndarray]
"""Columns of equal length by name; numbers are float arrays, texts are string arrays."""


def to_columns(rows: Sequence[Row]) -> Columns:
    """Columns of rows that all have the same names."""
    return {name: _array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def to_csv(columns: Columns) -> str:
    """CSV text with a header line; floats are written so that reading gives the same number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([_cell(v) for v in values.tolist()] for values in columns.values())))
    return text.getvalue()


def select(columns: Columns, **values: float | str) -> Columns:
    """The rows in which every named column has the given value."""
    keep = np.ones(len(next(iter(columns.values()))), dtype=bool)
    for name, value in values.items():
        keep &= columns[name] == value
    return {name: column[keep] for name, column in columns.items()}


def unique(values: Iterable[Any]) -> list[Any]:
    """Distinct values in order of first appearance."""
    return list(dict.fromkeys(values))


def _cell(value: Any) -> str:
    return repr(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _array(values: list[Any]) -> np.ndarray:
    try:
        return np.array([float(v) for v in values])
    except ValueError:
        return np.array([str(v) for v in values])
