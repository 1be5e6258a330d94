"""The file behind the results store, opened, checked and written so that no crash harms it.

SQLite in WAL mode: a transaction is in the file or it is not, whatever is killed. What
polyspike adds is that a file which is not a whole store of a known version is refused with a clear word.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from urllib.parse import quote

from polyspike.errors import UnreadableError
from polyspike.experiments.files import share_as_usual

__all__ = ["FORMAT", "connect", "reported", "transaction", "try_writing"]

FORMAT = 1
"""Version of the tables; a higher one was written by a newer polyspike."""

_APPLICATION = 0x506F6C79  # "Poly", in the header of the file
_PATIENCE = 60.0  # seconds to wait for another process that writes
_MAGIC = b"SQLite format 3\x00"

_TABLES = """
CREATE TABLE runs (
    key TEXT PRIMARY KEY,
    problem TEXT NOT NULL,
    seed TEXT NOT NULL,
    options TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    version TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    dtype TEXT,
    device TEXT,
    seconds REAL,
    n_test INTEGER,
    train_loss REAL,
    train_error REAL,
    test_error REAL,
    test_error_se REAL,
    cosine REAL,
    spike_cosine REAL,
    rank_one_fraction REAL
);
CREATE TABLE arrays (
    key TEXT NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (key, name)
);
"""

_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and start again",
    sqlite3.SQLITE_READONLY: "it is read-only; give a place that can be written",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; free some space or choose another, and start again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged or truncated; restore a copy, or give a new name",
    sqlite3.SQLITE_NOTADB: "not a results store; give another name",
    sqlite3.SQLITE_BUSY: f"another process has held it for over {_PATIENCE:.0f} s; wait for it to finish",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened or made; check the folder and its permissions",
    sqlite3.SQLITE_PERM: "permission denied; give a place that can be written",
}


@contextmanager
def reported(path: Path | None) -> Iterator[None]:
    """Turn what SQLite complains of into an :class:`UnreadableError` with advice."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code of an extended one
        if code not in _WORDS:
            raise
        kept = "what was stored before is kept"
        raise UnreadableError(f"store = {str(path)!r}: {_WORDS[code]} ({error}); {kept}") from error


def connect(path: Path | None, read_only: bool = False) -> sqlite3.Connection:
    """An open connection to a store that is whole and of a known version; made first if it is not there.

    Parameters
    ----------
    path : Path or None
        None: in memory.
    read_only : bool
        Nothing is ever written, not even beside the file.

    Raises
    ------
    UnreadableError
        A file that is no store, of a newer version, damaged or truncated; a place that cannot be written.
    """
    if path is None:
        connection = _open(":memory:")
        _fill(connection)
        return connection
    if not os.path.exists(path):  # unlike Path.exists it says no to a name that no file can have
        if read_only:
            raise UnreadableError(f"store = {str(path)!r}: there is no such file; check the name")
        _create(path)
    _check_header(path)
    with reported(path):
        connection = _open(_address(path, read_only))
        with ExitStack() as on_error:
            on_error.callback(connection.close)
            _check(connection, path)
            if not read_only:
                try_writing(connection)
            on_error.pop_all()
    return connection


def try_writing(connection: sqlite3.Connection) -> None:
    """Write what is there already; to begin a transaction is not enough, SQLite allows that on a read-only file."""
    with transaction(connection):
        connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _open(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        uri=address.startswith("file:"),
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _address(path: Path, read_only: bool) -> str:
    if not read_only:
        return f"{_uri(path)}?mode=rw"
    # Where nothing can be written beside the file there are no writers with whom to agree.
    lonely = not _has_log(path) and not os.access(path.parent, os.W_OK)
    return f"{_uri(path)}?{'immutable=1' if lonely else 'mode=ro'}"


def _uri(path: Path) -> str:
    """The address with an authority, which is empty: what follows two slashes would be taken for one."""
    place = quote(str(path.absolute()))
    return f"file://{place}" if place.startswith("/") else f"file:{place}"


def _create(path: Path) -> None:
    """Make a store beside and link it into place: there is never half a store, nor is one overwritten."""
    try:
        handle, name = mkstemp(prefix=".polyspike.", suffix=".new", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    try:
        with reported(path), closing(_open(name)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _fill(connection)
        share_as_usual(name)
        with suppress(FileExistsError):  # another process was quicker; its store is as good
            os.link(name, path)
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        raise _unwritable(path, error) from error
    finally:
        for rest in ("", "-wal", "-shm"):
            Path(name + rest).unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection) -> None:
    connection.executescript(
        f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {FORMAT}; BEGIN; {_TABLES} COMMIT;"
    )


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(100)
        whole = _has_log(path) or path.stat().st_size >= _recorded_size(start)
    except OSError as error:
        raise UnreadableError(f"store = {str(path)!r}: cannot be read ({error.strerror}); check the name") from error
    if not start.startswith(_MAGIC) and not _MAGIC.startswith(start):
        raise UnreadableError(f"store = {str(path)!r}: not a results store; give another name")
    if len(start) < 100 or not whole:
        size = path.stat().st_size
        raise UnreadableError(f"store = {str(path)!r}: truncated to {size} bytes; restore a copy or remove it")


def _recorded_size(header: bytes) -> int:
    """Bytes that the file has by its header; SQLite itself fills a last page that was cut with zeros."""
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def _has_log(path: Path) -> bool:
    """Whether transactions wait in a log beside the file, and the file itself need not be whole."""
    return os.path.exists(f"{path}-wal")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise UnreadableError(f"store = {str(path)!r}: a database, but no results store; give another name")
    if version != FORMAT:
        raise UnreadableError(
            f"store = {str(path)!r}: written in format {version}, and this polyspike knows format {FORMAT}; "
            "upgrade polyspike, or give another name"
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise UnreadableError(f"store = {str(path)!r}: damaged or truncated ({verdict}); restore a copy")


def _unwritable(path: Path, error: OSError) -> UnreadableError:
    return UnreadableError(f"store = {str(path)!r}: cannot be made ({error.strerror}); give another place")
