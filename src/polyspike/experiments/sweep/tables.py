"""Results as tables for other programs: pandas, CSV, Parquet."""

import csv
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from polyspike.errors import MissingPackageError
from polyspike.experiments.files import write_whole

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

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as text:
            names = list(dict.fromkeys(name for record in records for name in record))
            table = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
            table.writeheader()
            table.writerows(records)

    write_whole(Path(path), write, "path")


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
    write_whole(Path(path), lambda temporary: table.to_parquet(temporary, engine="pyarrow", index=False), "path")


def _library(name: str, argument: str, value: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(argument, value, name, "tables", "write a .csv") from error
