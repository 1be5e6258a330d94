"""Which rows of a store a sweep is making, for other sweeps to see; a reservation dies with its owner.

A row is reserved by locking one byte, which its key names, of a file beside the store. The operating system lets go of
the locks of a process that ends, in whatever way: no reservation is left behind, and no clock has to judge who is still
alive. A SQLite store in WAL mode is for the processes of one machine, and so are these locks.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from polyspike.errors import UnreadableError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, byte: int) -> None:
        os.lseek(file, byte, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int, byte: int) -> None:
        os.lseek(file, byte, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def _lock_whole(file: int) -> None:
        """Nothing to do: Windows does not remove a file that others have open."""
else:
    import fcntl

    def _lock(file: int, byte: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)

    def _unlock(file: int, byte: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)

    def _lock_whole(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["Reservations"]

_DIGITS = 15  # hexadecimal, of a key, that name its byte; two rows that share one wait for each other, no more
_HELD_BY_OTHERS = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Reservations:
    """The rows that this process is making.

    Locks are those of the process: two sweeps of one process on one store do not see each other's.

    Parameters
    ----------
    store : Path or None
        The file of the store; one in memory is nobody else's, and everything is granted.
    """

    def __init__(self, store: Path | None) -> None:
        self.path = None if store is None else store.with_name(f"{store.name}-reserved")
        self._file: int | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, keys: Iterable[str]) -> set[str]:
        """Reserve those of the rows that no other process has reserved, and say which they are.

        What was stored is to be looked up afterwards: an owner stores a row before it lets go of it.

        Raises
        ------
        UnreadableError
            If the file beside the store cannot be made or locked.
        """
        if self.path is None:
            return set(keys)
        try:
            taken = {key for key in keys if key in self._held or self._try(self.path, key)}
        except OSError as error:
            raise UnreadableError(
                f"store = {str(self.path)!r}: cannot be locked ({error}); give another place"
            ) from error
        self._held |= taken
        return taken

    def release(self, keys: Iterable[str]) -> None:
        """Let go of rows that are stored, or that are not to be made."""
        for key in self._held.intersection(keys):
            if self._file is not None:
                _unlock(self._file, _byte(key))
            self._held.discard(key)

    def close(self) -> None:
        """Let go of everything, and remove the file when nobody has anything reserved."""
        self.release(list(self._held))
        if self.path is None or self._file is None:
            return
        try:
            if _granted(_lock_whole, self._file) and _is_at(self._file, self.path):
                self.path.unlink()
        except PermissionError:  # Windows: others have it open; elsewhere: a folder that may no longer be written
            pass
        finally:
            os.close(self._file)
            self._file = None

    def _try(self, path: Path, key: str) -> bool:
        """Lock the byte of a row in the file that is at the path now: whoever was last may have removed another."""
        while True:
            if self._file is None:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _granted(_lock, self._file, _byte(key)):
                return False
            if _is_at(self._file, path):
                return True
            os.close(self._file)
            self._file = None


def _byte(key: str) -> int:
    return int(key[:_DIGITS], 16)


def _granted(lock: Callable[..., None], *arguments: int) -> bool:
    try:
        lock(*arguments)
    except OSError as error:
        if error.errno not in _HELD_BY_OTHERS:
            raise
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
