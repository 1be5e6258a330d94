"""A text file as rows of cells: its encoding, its delimiter, its quotes, its lines."""

import csv
import gzip
import io
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from polyspike.errors import ArgumentError, UnreadableError

__all__ = ["DELIMITERS", "Records", "read_records"]

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 500
"""Rows that decide on the delimiter."""

MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Byte-order marks, longest first where one begins another."""

GZIP = b"\x1f\x8b"
FOREIGN = {b"PK\x03\x04": "a zip file or a workbook", b"\xd0\xcf\x11\xe0": "an old workbook", b"PAR1": "a Parquet file"}

# What other programs put between digits or before them; the reader of numbers knows blank and hyphen only.
TIDY = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-", "\ufeff": ""})


@dataclass
class Records:
    """The header and the rows of a file; rows of another length than the header are not among them.

    Attributes
    ----------
    header : list of str
    rows : list of list of str
        Cells without blanks around them.
    lines : list of int
        Line of the file on which each row begins.
    delimiter : str
    problems, notes : list of str
    """

    header: list[str]
    delimiter: str
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_records(path: Path, delimiter: str | None, encoding: str | None) -> Records:
    """Rows of a delimited text file, maybe gzipped; quoted cells may hold delimiters and line breaks.

    Raises
    ------
    UnreadableError
        If the file cannot be read, or is no text in its encoding.
    ArgumentError
        If it is empty, or its delimiter cannot be told.
    """
    _check(encoding)
    try:
        known = encoding or _encoding(path)
        with _wide_cells():
            mark = delimiter or _delimiter(path, known)
            with _open(path, known) as stream:
                return _collect(_numbered(stream, mark), mark, path)
    except UnreadableError:
        raise
    except UnicodeError as error:
        raise UnreadableError(f"data = {str(path)!r}: {_not_decoded(error)}") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableError(f"data = {str(path)!r}: cannot be read ({reason}); check the name") from error


def _check(encoding: str | None) -> None:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding or "utf-8")
    except LookupError as error:
        raise ArgumentError("encoding", encoding, "give a name such as 'utf-8', 'latin-1' or 'cp1252'") from error


@contextmanager
def _wide_cells() -> Iterator[None]:
    """No limit on the length of a cell, and the limit of other users of the csv module back afterwards."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _bytes(path: Path) -> Any:
    """The file, unpacked when it is gzipped."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    return gzip.open(path, "rb") if zipped else path.open("rb")


def _open(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(_bytes(path), encoding=encoding, newline="")


def _encoding(path: Path) -> str:
    """UTF-8, unless a byte-order mark says otherwise."""
    with _bytes(path) as file:
        start = file.read(4096)
    for sign, what in FOREIGN.items():
        if start.startswith(sign):
            raise UnreadableError(f"data = {str(path)!r}: it is {what}, not text; save the table as CSV UTF-8")
    if not start:
        raise ArgumentError("data", str(path), "the file is empty; give a header line and rows")
    found = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if found is None and b"\0" in start:
        likely = "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
        remedy = f"it has zero bytes, as UTF-16 without a mark has; save it as UTF-8, or give encoding={likely!r}"
        raise UnreadableError(f"data = {str(path)!r}: {remedy}")
    return found or "utf-8"


def _not_decoded(error: UnicodeError) -> str:
    what = "text"
    if isinstance(error, UnicodeDecodeError):
        what = f"{error.encoding.upper()} text (byte 0x{error.object[error.start]:02x})"
    return f"not a {what}; save it as CSV UTF-8, or name its encoding, such as encoding='cp1252'"


def _numbered(stream: IO[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins; blank lines and ``sep=;`` are no rows."""
    tidy = (text if text.isascii() else text.translate(TIDY) for text in stream)
    reader = csv.reader(tidy, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 1
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells) and not (line == 1 and re.match("sep=", ",".join(cells))):
            yield line, cells
        line = reader.line_num + 1


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter by which most of the first rows have as many cells as the header, and more than one."""
    counts = {mark: _agreeing(path, encoding, mark) for mark in DELIMITERS}
    best = [mark for mark, count in counts.items() if count == max(counts.values()) > 0]
    if not best:
        # Maybe one column only, which is a complaint for later; maybe nothing can be read, which csv says best.
        return ","
    if len(best) > 1:
        named = " or ".join(map(repr, best))
        raise ArgumentError("data", str(path), f"cells may be delimited by {named}; say by which: delimiter=")
    return best[0]


def _agreeing(path: Path, encoding: str, delimiter: str) -> int:
    """Rows with as many cells as the first, up to the first that is quoted wrongly for this delimiter."""
    lengths: list[int] = []
    with _open(path, encoding) as stream, suppress(csv.Error):  # the reading proper says where
        for _, row in islice(_numbered(stream, delimiter), SAMPLE):
            lengths.append(len(row))
    return lengths.count(lengths[0]) if lengths and lengths[0] > 1 else 0


def _collect(numbered: Iterator[tuple[int, list[str]]], delimiter: str, path: Path) -> Records:
    line, header = _first(numbered, path)
    found = Records(header, delimiter)
    ragged: dict[int, int] = {}
    try:
        for line, row in numbered:
            if len(row) == len(header):
                found.rows.append(row)
                found.lines.append(line)
            else:
                ragged[line] = len(row)
    except csv.Error as error:
        found.problems.append(f"after line {line} the quotes are broken ({error}); within quotes double them")
    if ragged:
        found.problems.append(_ragged(ragged, len(header)))
    return found


def _first(numbered: Iterator[tuple[int, list[str]]], path: Path) -> tuple[int, list[str]]:
    try:
        first = next(numbered, None)
    except csv.Error as error:
        raise ArgumentError("data", str(path), f"the header's quotes are broken ({error}); repair them") from error
    if first is None:
        raise ArgumentError("data", str(path), "the file is empty; give a header line and rows")
    return first


def _ragged(lengths: dict[int, int], width: int) -> str:
    shown = ", ".join(f"line {line} has {n}" for line, n in islice(lengths.items(), 5))
    more = f" and {len(lengths) - 5} more" if len(lengths) > 5 else ""
    usual, _ = Counter(lengths.values()).most_common(1)[0]
    hint = " (a name is missing in the header?)" if usual == width + 1 and len(lengths) > 5 else ""
    return f"the header has {width} cells, {shown}{more}{hint}: repair them"
