"""The results store: one file, a row for every finished run, spectra beside it."""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from polyspike._version import __version__
from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError, NumericalError
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.experiments.sweep.database import connect, reported, transaction, try_writing
from polyspike.experiments.sweep.tables import frame, write_csv, write_parquet
from polyspike.problem import Problem
from polyspike.problem.serialise import ADDED
from polyspike.record import Result
from polyspike.results import Alignment, Measurement
from polyspike.status import Status

__all__ = ["Row", "Store", "aligned", "problem_columns", "run_columns", "run_key", "seed_columns"]

_MEASURED = ("dtype", "device", "seconds", "n_test", *SCALAR_FIELDS)
_COLUMNS = ("key", "problem", "seed", "options", "status", "message", "version", "finished_at", *_MEASURED)
_CHUNK = 500  # keys in one query; SQLite allows some thousands


_ADDED = {"bulk_edge": None, "device": "cpu", "dtype": "float64", "streaming": None}
"""Options that came later: at these values they are no part of a key, so that rows of older stores are found."""


def run_key(problem: Problem, seed: Sequence[int], options: dict[str, Any]) -> str:
    """What a run is known by: a hash of everything that determines its numbers.

    Raises
    ------
    ArgumentError
        If the problem holds a callable or an option is not a string, number or None: neither can be written.
    """
    kept = {name: value for name, value in options.items() if name not in _ADDED or value != _ADDED[name]}
    content = {"problem": problem.to_dict(), "seed": list(seed), "options": kept}
    return sha256(_text(content).encode()).hexdigest()


def _text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError("options", value, f"give strings, finite numbers or None ({error})") from error


@dataclass(frozen=True, eq=False, repr=False)
class Row(Result):
    """A finished run, or one that failed.

    Attributes
    ----------
    problem : Problem
    seed : tuple of int
    options : dict
        Those of the run that its numbers depend on.
    measurement : Measurement or None
        None where the run failed.
    status : Status
    message : str
        What went wrong, empty where nothing did.
    version, finished_at : str
        Of polyspike, and when it was stored (UTC); empty before it is.
    """

    problem: Problem
    seed: tuple[int, ...]
    options: dict[str, Any]
    measurement: Measurement | None
    status: Status = Status.OK
    message: str = ""
    version: str = ""
    finished_at: str = ""

    @property
    def key(self) -> str:
        """See :func:`run_key`."""
        return run_key(self.problem, self.seed, self.options)

    @property
    def is_finite(self) -> bool:
        """Whether every measured number is."""
        return not _not_finite(self.measurement)


class Store:
    """Finished runs in one SQLite file that a crash cannot corrupt.

    Any number of processes may read and write it at once. A transaction holds the rows of one piece of work;
    after SIGKILL or a power cut the file holds exactly the transactions that were committed.

    Parameters
    ----------
    path : str or Path, optional
        The file, made if it is not there; None keeps everything in memory.
    read_only : bool
        Open an existing store and never write.

    Raises
    ------
    UnreadableError
        A file that is no store, of a newer or unknown format, damaged or truncated; a place that cannot be
        written; later, a disk that is full. What was stored before is kept.

    Examples
    --------
    >>> with Store() as store:
    ...     len(store)
    0
    """

    def __init__(self, path: str | Path | None = None, read_only: bool = False) -> None:
        self.path = None if path is None else Path(path)
        self._connection = connect(self.path, read_only)
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; it is whole at any time, closed or not."""
        with self._lock, reported(self.path):
            self._connection.close()

    def try_writing(self) -> None:
        """Find out now, not after the first hour, whether the store can be written.

        Raises
        ------
        UnreadableError
            If it is read-only or the disk is full.
        """
        with self._lock, reported(self.path):
            try_writing(self._connection)

    def __len__(self) -> int:
        (count,) = self._rows("SELECT count(*) FROM runs")[0]
        return int(count)

    def statuses(self, keys: Iterable[str]) -> dict[str, Status]:
        """Status of those of the keys that are there."""
        found: dict[str, Status] = {}
        for some in _chunks(list(keys)):
            query = f"SELECT key, status FROM runs WHERE key IN ({_marks(some)})"
            found.update((key, Status(status)) for key, status in self._rows(query, some))
        return found

    def add(self, rows: Iterable[Row], replace: bool = False) -> None:
        """Write rows in one transaction: after it all of them are on the disk, before it none.

        A row that is there already stays as it is, unless ``replace``.

        Raises
        ------
        UnreadableError
            If the disk is full or cannot be written; nothing that was there is lost.
        NumericalError
            If a measured number is not finite; give such a row a status and no measurement.
        """
        runs = [(row.key, _values(row), _arrays(row.measurement)) for row in rows]
        marks = _marks(_COLUMNS)
        verb = "INSERT OR REPLACE" if replace else "INSERT OR IGNORE"
        with self._lock, reported(self.path), transaction(self._connection):
            for key, values, arrays in runs:
                done = self._connection.execute(
                    f"{verb} INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks})", (key, *values)
                )
                if done.rowcount == 1:
                    blobs = [(key, name, _text(a.shape), _bytes(a)) for name, a in arrays.items()]
                    self._connection.executemany("INSERT INTO arrays VALUES (?, ?, ?, ?)", blobs)

    def get(self, keys: Sequence[str]) -> list[Row]:
        """The rows with these keys, in this order.

        Raises
        ------
        ArgumentError
            If a key is not there.
        """
        found: dict[str, Row] = {}
        for some in _chunks(keys):
            query = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE key IN ({_marks(some)})"
            arrays = self._read_arrays(some)
            found.update((values[0], _row(values, arrays.get(values[0], {}))) for values in self._rows(query, some))
        missing = [key for key in keys if key not in found]
        if missing:
            raise ArgumentError("keys", missing[0], f"{len(missing)} such runs are not in the store")
        return [found[key] for key in keys]

    def keys(self) -> list[str]:
        """Keys of all rows, ordered by content: the order of work leaves no trace."""
        return [key for (key,) in self._rows("SELECT key FROM runs ORDER BY problem, seed, options")]

    def rows(self) -> Iterator[Row]:
        """All rows, ordered by content."""
        for some in _chunks(self.keys()):
            yield from self.get(some)

    def records(self) -> list[dict[str, Any]]:
        """All rows as flat dicts, without spectra, ordered by content; the columns of every export."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM runs ORDER BY problem, seed, options"
        cells = [dict(zip(_COLUMNS, values)) for values in self._rows(query)]
        longest = max((len(json.loads(cell["seed"])) for cell in cells), default=2)
        return aligned([_record(cell, longest) for cell in cells])

    def to_pandas(self) -> Any:
        """All rows as a ``pandas.DataFrame``: problem, step, phi, psi, seed, replicate, status and everything measured.

        Raises
        ------
        MissingPackageError
            If pandas is not installed (extra ``tables``).
        """
        return frame(self.records())

    def to_csv(self, path: str | Path) -> None:
        """Write :meth:`records` to a CSV file; see :func:`polyspike.experiments.sweep.tables.write_csv`."""
        write_csv(self.records(), path)

    def to_parquet(self, path: str | Path) -> None:
        """Write :meth:`records` to a Parquet file; see :func:`polyspike.experiments.sweep.tables.write_parquet`."""
        write_parquet(self.records(), path)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, reported(self.path):
            return self._connection.execute(query, values).fetchall()

    def _read_arrays(self, keys: Sequence[str]) -> dict[str, dict[str, Array]]:
        arrays: dict[str, dict[str, Array]] = {}
        query = f"SELECT key, name, shape, data FROM arrays WHERE key IN ({_marks(keys)})"
        for key, name, shape, data in self._rows(query, keys):
            flat = np.frombuffer(data, dtype="<f8").astype(float)
            arrays.setdefault(key, {})[name] = flat.reshape(json.loads(shape))
        return arrays


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK))


def _bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array, dtype="<f8").tobytes()


def _values(row: Row) -> tuple[Any, ...]:
    """The columns after the key; the date is for the reader, nothing is ordered by it."""
    texts = (_text(row.problem.to_dict()), _text(list(row.seed)), _text(row.options))
    measured = [None if row.measurement is None else getattr(row.measurement, name) for name in _MEASURED]
    for name in _not_finite(row.measurement):
        raise NumericalError(Status.OUT_OF_RANGE, f"{name} of {row.problem}, seed {row.seed} is not finite")
    date = datetime.now(UTC).isoformat(timespec="seconds")
    origin = (row.version or __version__, row.finished_at or date)
    return (*texts, row.status.value, row.message, *origin, *measured)


def _not_finite(measurement: Measurement | None) -> list[str]:
    """Names of the measured numbers that are not finite."""
    if measurement is None:
        return []
    numbers = {name: getattr(measurement, name) for name in SCALAR_FIELDS} | _arrays(measurement)
    return [name for name, value in numbers.items() if not np.all(np.isfinite(value))]


def _arrays(measurement: Measurement | None) -> dict[str, Array]:
    if measurement is None:
        return {}
    found = {"eigenvalues": measurement.eigenvalues}
    if measurement.biased_cosine is not None:
        found["biased_cosine"] = np.array(measurement.biased_cosine)
    if measurement.alignment is not None:
        names = ("monomial", "hermite", "overlaps")
        found |= {f"alignment_{name}": getattr(measurement.alignment, name) for name in names}
    return {name: array for name, array in found.items() if array is not None}


def _row(values: Sequence[Any], arrays: dict[str, Array]) -> Row:
    cell = dict(zip(_COLUMNS, values))
    problem, seed = Problem.from_dict(json.loads(cell["problem"])), tuple(json.loads(cell["seed"]))
    measurement = None
    if Status(cell["status"]).ok:
        measured = {name: cell[name] for name in _MEASURED}
        alignment = _alignment(arrays)
        spectrum, biased = arrays.get("eigenvalues"), arrays.get("biased_cosine")
        measured["biased_cosine"] = None if biased is None else float(biased)
        measurement = Measurement(problem, seed, **measured, eigenvalues=spectrum, alignment=alignment)
    end = (Status(cell["status"]), cell["message"], cell["version"], cell["finished_at"])
    return Row(problem, seed, json.loads(cell["options"]), measurement, *end)


def _alignment(arrays: dict[str, Array]) -> Alignment | None:
    if "alignment_overlaps" not in arrays:
        return None
    overlaps = arrays["alignment_overlaps"]
    return Alignment(len(overlaps), arrays["alignment_monomial"], arrays["alignment_hermite"], overlaps)


def run_columns(row: Row, longest: int = 2) -> dict[str, Any]:
    """A row as it is exported, seeds being at most so long; one that was not stored has no version and no date yet."""
    origin = {"version": row.version or None, "finished_at": row.finished_at or None}
    return _record(dict(zip(_COLUMNS, (row.key, *_values(row)))) | origin, longest)


def _record(cell: dict[str, Any], longest: int) -> dict[str, Any]:
    columns = problem_columns(Problem.from_dict(json.loads(cell["problem"])))
    rest = {name: cell[name] for name in _COLUMNS if name not in {"key", "problem"}}
    return {**columns, **(rest | seed_columns(json.loads(cell["seed"]), longest)), "key": cell["key"]}


def aligned(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records with the same columns: fields that :func:`problem_columns` left out where they stand in another one."""
    later = [name for name in ADDED if any(name in record for record in records)]
    return [{**record, **{name: record.get(name, ADDED[name]) for name in later}} for record in records]


def problem_columns(problem: Problem) -> dict[str, Any]:
    """A problem in every table: its fields, None where there is no value, its step, phi and psi.

    What :meth:`polyspike.Problem.to_dict` leaves out as the value of before there was such a field has no column.
    """
    fields = {"step_exponent": None, "step_size": None, "n_gradient": None, **problem.to_dict()}
    return {**fields, "step": problem.step, "phi": problem.phi, "psi": problem.psi}


def seed_columns(seed: Sequence[int], longest: int) -> dict[str, int | None]:
    """Base seed and number of the replicate, each in a column of numbers; a base of several has more columns."""
    *base, replicate = seed if len(seed) > 1 else (*seed, None)
    names = ["seed", *(f"seed_{k}" for k in range(2, longest))]
    return {**{name: base[k] if k < len(base) else None for k, name in enumerate(names)}, "replicate": replicate}
