"""One column of a table that is being read: numbers, words, truth values or dates, and what in it is none of these."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.data.numbers import form

__all__ = [
    "MISSING",
    "Column",
    "column_of_cells",
    "days_since_1970",
    "is_missing",
    "looks_numeric",
    "numbers_column",
    "plain_numbers",
]

MISSING = frozenset({"", "na", "nan", "n/a", "null", "none", "?", "#n/a", "#na", "<na>", "nat", "-", "--", "."})
"""Cells without a value, in small letters."""

INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
TRUTH = {"true": 1.0, "false": 0.0}
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
PLAIN = re.compile(r"[0-9eE+.\n-]*", re.ASCII)
MONEY = re.compile(r"[+-]?[$€£¥][ ]?[+-]?[\d.,' ]+|[+-]?[\d.,' ]+[ ]?[$€£¥%‰]", re.ASCII)
LOCAL_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[T ]\d{1,2}:\d\d(?::\d\d)?)?", re.ASCII)


@dataclass
class Column:
    """A column, read.

    Attributes
    ----------
    name : str
    kind : {"numbers", "words", "dates", "local dates", "signed", "empty"}
        Local dates are those in which day and month cannot be told apart; signed are numbers with % or a currency.
    values : ndarray of shape (n,)
        The numbers; NaN in a missing cell, and everywhere in a column of words.
    missing : ndarray of bool, shape (n,)
    words : list of str
        The cells of a column of words, empty where missing; empty for the other kinds.
    strays : list of (int, str)
        Row and content of the cells of a column of numbers that are no number.
    note : str
        What had to be decided to read it.
    """

    name: str
    kind: str
    values: Array
    missing: NDArray[np.bool_]
    words: Sequence[str] = ()
    strays: Sequence[tuple[int, str]] = field(default_factory=list)
    note: str = ""


def plain_numbers(cells: Sequence[str]) -> Array | None:
    """The numbers of a column in which every cell is one, with at most a decimal point; None for any other.

    Quick, and no laxer than :func:`polyspike.data.numbers.form`: no letter but the exponent's passes, and no ``_``.
    """
    if not PLAIN.fullmatch("\n".join(cells)):
        return None
    try:
        return np.array(cells, dtype=float)
    except ValueError:  # an empty cell, or 1.2.3
        return None


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.lower() in MISSING


def looks_numeric(cells: Sequence[str]) -> bool:
    """Whether at least half of the cells that are not missing are numbers, in any convention."""
    present = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(form(cell) is not None or cell.lower() in INFINITE for cell in present) >= max(len(present), 1)


def numbers_column(name: str, values: Array, missing: NDArray[np.bool_], note: str = "") -> Column:
    """A column that is numbers already, or empty."""
    kind = "empty" if missing.all() else "numbers"
    return Column(name, kind, np.where(missing, np.nan, values), missing, note=note)


def column_of_cells(
    name: str, cells: Sequence[str], read: Callable[[str], float | None], plain: Array | None = None
) -> Column:
    """A column of text cells; ``read`` knows how this file writes its numbers, ``plain`` are those read already."""
    if plain is not None:
        return numbers_column(name, plain, np.zeros(len(plain), dtype=bool))
    missing = np.array([is_missing(cell) for cell in cells], dtype=bool)
    present = {cell for cell, absent in zip(cells, missing) if not absent}
    if all(cell.lower() in TRUTH for cell in present):
        values = np.array([TRUTH.get(cell.lower(), np.nan) for cell in cells])
        return numbers_column(name, values, missing, "true and false are 1 and 0" if present else "")
    for kind, pattern in (("dates", ISO_DATE), ("local dates", LOCAL_DATE), ("signed", MONEY)):
        if all(pattern.fullmatch(cell) for cell in present):
            return _dates(name, kind, cells, missing)
    if looks_numeric(cells):
        return _numbers(name, cells, missing, read)
    words = ["" if absent else cell for cell, absent in zip(cells, missing)]
    return Column(name, "words", np.full(len(cells), np.nan), missing, words)


def _numbers(
    name: str, cells: Sequence[str], missing: NDArray[np.bool_], read: Callable[[str], float | None]
) -> Column:
    values, strays = np.full(len(cells), np.nan), []
    for i in np.flatnonzero(~missing).tolist():
        value = float(cells[i]) if cells[i].lower() in INFINITE else read(cells[i])
        if value is None:
            strays.append((i, cells[i]))
        else:
            values[i] = value
    return Column(name, "numbers", values, missing, strays=strays)


def _dates(name: str, kind: str, cells: Sequence[str], missing: NDArray[np.bool_]) -> Column:
    values, strays = np.full(len(cells), np.nan), []
    for i in np.flatnonzero(~missing).tolist() if kind == "dates" else ():
        try:
            values[i] = days_since_1970(datetime.fromisoformat(cells[i]))
        except ValueError:  # the 30th of February
            strays.append((i, cells[i]))
    return Column(name, kind, values, missing, words=list(cells), strays=strays)


def days_since_1970(moment: datetime) -> float:
    """Days, with their fraction; a moment without a time zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.timestamp() / 86400
