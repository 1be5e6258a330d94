"""Results as tables for other programs: pandas, CSV, Parquet."""

import csv
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

from polyspike.errors import MissingPackageError, UnreadableError
from polyspike.experiments.files import share_as_usual

__all__ = ["frame", "write_csv", "write_parquet"]

Records = Sequence[dict[str, Any]]


def frame(records: Records) -> Any:
    """The records as a ``pandas.DataFrame``.

    Raises
    ------
    MissingPackageError
        If pandas is not installed (extra ``tables``).
    """
    return _library("pandas", "library", "pandas").DataFrame.from_records(list(records))


def write_csv(records: Records, path: str | Path) -> None:
    """The records as a CSV file with a header; numbers with all their digits. Needs no pandas.

    Raises
    ------
    UnreadableError
        If the place cannot be written; a file that was there before is left as it was.
    """

    def write(file: IO[bytes]) -> None:
        with open(file.fileno(), "w", newline="", encoding="utf-8", closefd=False) as text:
            table = csv.DictWriter(text, fieldnames=list(records[0]) if records else [], lineterminator="\n")
            table.writeheader()
            table.writerows(records)

    _write_whole(Path(path), write)


def write_parquet(records: Records, path: str | Path) -> None:
    """The records as a Parquet file.

    Raises
    ------
    MissingPackageError
        If pandas or pyarrow is not installed (extra ``tables``).
    UnreadableError
        As :func:`write_csv`.
    """
    for name in ("pandas", "pyarrow"):
        _library(name, "table", str(path))
    table = frame(records)
    _write_whole(Path(path), lambda file: table.to_parquet(file, engine="pyarrow", index=False))


def _library(name: str, argument: str, value: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(argument, value, name, "tables", "write a .csv") from error


def _write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write beside and move into place, so that nobody reads half a table."""
    try:
        handle, name = mkstemp(prefix=".polyspike.", dir=path.parent)
    except OSError as error:
        raise UnreadableError(
            f"path = {str(path)!r}: cannot be written ({error.strerror}); give another place"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        share_as_usual(name)
        os.replace(name, path)
    except OSError as error:
        raise UnreadableError(
            f"path = {str(path)!r}: cannot be written ({error.strerror}); give another place"
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> UnreadableError:
    return UnreadableError(f"path = {str(path)!r}: cannot be written ({error.strerror}); give another place")
