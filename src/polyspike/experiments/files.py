"""Files that are made beside and moved into place."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from polyspike.errors import UnreadableError

__all__ = ["share_as_usual", "write_whole"]


def write_whole(path: Path, write: Callable[[Path], Any], argument: str = "out") -> None:
    """Write a file by ``write(temporary path)`` and move it into place: a reader never sees half of it.

    The temporary path has the ending of the path.

    Raises
    ------
    UnreadableError
        If the place cannot be written, naming the argument; a file that was there before is left as it was.
    """
    temporary = None
    try:
        handle, name = mkstemp(prefix=".polyspike.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        share_as_usual(name)
        os.replace(name, path)
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        message = f"{argument} = {str(path)!r}: cannot be written ({error.strerror}); free it, or give another place"
        raise UnreadableError(message) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def share_as_usual(path: str) -> None:
    """Give a file of ``mkstemp``, which nobody else may read, the permissions that ``open`` would have given it."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
