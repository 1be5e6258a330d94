"""A user's own table: a CSV or Parquet file, one target column, and everything that is wrong with it at once."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from polyspike.data.column import Column, column_of_cells, looks_numeric, numbers_column, plain_numbers
from polyspike.data.dataset import Dataset
from polyspike.data.numbers import Convention, Evidence, decide, form, reader_of
from polyspike.data.options import Reading, TextFormat
from polyspike.data.table import Table, dataset_of, few, short
from polyspike.data.text import Records, read_records
from polyspike.errors import ArgumentError, MissingPackageError, UnreadableError

__all__ = ["read_csv", "read_parquet", "read_table"]

PARQUET = (".parquet", ".pq")
TEXT_OPTIONS = ("delimiter", "decimal", "thousands", "encoding")


def read_csv(
    path: str | Path,
    target: str,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    missing: str = "refuse",
    categories: str = "refuse",
    dates: str = "refuse",
    ignore: Iterable[str] = (),
    min_rows: int = 2,
) -> Dataset:
    """Read a delimited text file with a header line; every column but the target is an input.

    Nothing is changed unless it was asked for, and what had to be decided stands in the ``notes`` of the result.
    Columns that say nothing (constant, empty, an unnamed row index) are left out, with the reason in ``dropped``.
    Quoted cells may hold delimiters and line breaks; the file may be gzipped. About 100 bytes of memory a cell.

    Parameters
    ----------
    path : str or Path
    target : str
        Name of the target column.
    delimiter : str, optional
        One character, or "tab". By default the one of comma, semicolon, tab and bar that cuts the rows into as many
        cells as the header.
    decimal, thousands : str, optional
        Decimal mark ("." or ",") and separator of thousands (",", ".", " " or "'"). By default what the cells prove:
        ``1.234,5`` can be read in one way only. A file in which ``1,234`` stays ambiguous is refused.
    encoding : str, optional
        By default what the byte-order mark says, else UTF-8.
    missing : {"refuse", "drop"}
        What to do with rows in which a value is missing: an empty cell, NA, NaN, N/A, NULL, None, ?, -, --, or a dot.
    categories : {"refuse", "encode"}
        What to do with columns of words: "encode" makes an indicator column of every different word but the
        first in alphabetical order, and -1 and 1 of a target of two words.
    dates : {"refuse", "days"}
        What to do with columns of ISO dates: "days" makes days since 1970 of them.
    ignore : iterable of str
        Columns that are not read. One without a name is called "column 3", by its place.
    min_rows : int
        Rows that must remain.

    Returns
    -------
    Dataset

    Raises
    ------
    UnreadableError
        If the file cannot be read, or is no text.
    ArgumentError
        One message that lists everything that is wrong with the file: names, rows of another length, cells that are no
        numbers, ambiguous numbers, dates, missing and infinite values, a constant target; each with its lines and
        with what to do about it.
    """
    style = TextFormat(delimiter, decimal, thousands, encoding)
    reading = Reading(missing, categories, dates, _names(ignore), min_rows)
    records = read_records(Path(path), style.delimiter, style.encoding)
    return dataset_of(_table_of(str(path), records, style, reading), target, reading)


def _names(ignore: Iterable[str]) -> tuple[str, ...]:
    return (ignore,) if isinstance(ignore, str) else tuple(ignore)


def _table_of(file: str, records: Records, style: TextFormat, reading: Reading) -> Table:
    names = [given or f"column {j}" for j, given in enumerate(records.header, 1)]
    unnamed = frozenset(name for name, given in zip(names, records.header) if not given)
    cells: list[tuple[str, ...]] = list(zip(*records.rows)) if records.rows else [()] * len(names)
    evidence = Evidence()
    plain = [plain_numbers(values) for values in cells]
    for name, values, numbers in zip(names, cells, plain):
        if name in reading.ignore:
            continue
        if numbers is not None:
            evidence.add_plain(name, zip(records.lines, values))
        elif looks_numeric(values):
            evidence.add(name, zip(records.lines, values))
    convention, problems = decide(evidence, (style.decimal, style.thousands), records.delimiter)
    read = reader_of(convention)
    if convention.decimal != ".":
        plain = [None] * len(names)
    columns = [column_of_cells(name, values, read, found) for name, values, found in zip(names, cells, plain)]
    if problems:  # what is wrong with the convention is not wrong with the cells, too
        for column in columns:
            column.strays = [(row, cell) for row, cell in column.strays if form(cell) is None]
    notes = [*records.notes, *_recognised(convention, style)]
    return Table(
        name=file,
        columns=columns,
        lines=np.array(records.lines, dtype=np.int64),
        unnamed=unnamed,
        problems=_header(records) + records.problems + problems,
        notes=notes,
    )


def _header(records: Records) -> list[str]:
    if len(records.header) < 2:
        remedy = "remove what stands before it, or say by delimiter= what is between cells"
        return [f"the first line has one cell, and must be the header, with one input column or more: {remedy}"]
    if all(form(cell) is not None for cell in records.header):
        return ["the first line holds numbers only: give a header line of names before it"]
    return []


def _recognised(convention: Convention, style: TextFormat) -> list[str]:
    found = []
    if convention.decimal == "," and style.decimal is None:
        found.append("numbers are written with a decimal comma")
    if convention.thousands is not None and style.thousands is None:
        found.append(f"numbers are written with {convention.thousands!r} between thousands")
    return found


def read_parquet(
    path: str | Path,
    target: str,
    *,
    missing: str = "refuse",
    categories: str = "refuse",
    dates: str = "refuse",
    ignore: Iterable[str] = (),
    min_rows: int = 2,
) -> Dataset:
    """Read a Parquet file; every column but the target is an input.

    Parameters
    ----------
    path : str or Path
    target : str
    missing, categories, dates, ignore, min_rows
        As in :func:`read_csv`; missing values are nulls and NaN.

    Returns
    -------
    Dataset

    Raises
    ------
    MissingPackageError
        If pyarrow is not installed (extra ``tables``).
    UnreadableError
        If the file cannot be read, or is no Parquet file.
    ArgumentError
        As :func:`read_csv`.
    """
    reading = Reading(missing, categories, dates, _names(ignore), min_rows)
    arrow = _arrow_table(Path(path))
    columns = [_arrow_column(name, values) for name, values in zip(arrow.column_names, arrow.columns)]
    nested = [c.name for c in columns if c.kind == "nested" and c.name not in reading.ignore]
    table = Table(str(path), columns, np.arange(1, arrow.num_rows + 1), "row")
    if nested:
        table.problems.append(
            f"columns of lists or structures: {few([short(name) for name in nested])}: leave them out with ignore="
        )
    table.unnamed = frozenset(name for name in arrow.column_names if name.startswith("__index_level_"))
    return dataset_of(table, target, reading)


def _arrow_table(path: Path) -> Any:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingPackageError("data", str(path), "pyarrow", "tables", "save the table as CSV") from error
    try:
        return parquet.read_table(path)
    except (OSError, ValueError) as error:  # what is no Parquet file is a ValueError of pyarrow
        raise UnreadableError(f"data = {str(path)!r}: cannot be read as Parquet ({error}); check the name") from error


def _arrow_column(name: str, chunks: Any) -> Column:
    types = import_module("pyarrow.types")
    kind, values = chunks.type, chunks.to_pylist()
    missing = np.array([value is None or value != value for value in values], dtype=bool)
    if types.is_boolean(kind):
        numbers = np.array([float(value or 0) for value in values])
        return numbers_column(name, numbers, missing, "true and false are 1 and 0")
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return numbers_column(name, np.array([0.0 if gone else float(v) for v, gone in zip(values, missing)]), missing)
    if types.is_null(kind):
        return numbers_column(name, np.zeros(len(values)), missing)
    nested = types.is_nested(kind)
    texts = ["" if gone else str(value) for value, gone in zip(values, missing)]
    column = column_of_cells(name, texts, reader_of(Convention()))
    if nested:
        column.kind = "nested"
    return column


def read_table(path: str | Path, target: str, **options: Any) -> Dataset:
    """Read a table by its ending: ``.parquet`` or ``.pq`` by :func:`read_parquet`, all else by :func:`read_csv`.

    Parameters
    ----------
    path : str or Path
    target : str
    **options
        Those of the reader.

    Raises
    ------
    ArgumentError
        As the reader, and for an option of text files that is given for a Parquet file.
    """
    if Path(path).suffix.lower() not in PARQUET:
        return read_csv(path, target, **options)
    for name in TEXT_OPTIONS:
        if (value := options.pop(name, None)) is not None:
            raise ArgumentError(name, value, "a Parquet file has no such thing; leave it out")
    return read_parquet(path, target, **options)
