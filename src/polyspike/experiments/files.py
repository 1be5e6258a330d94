"""Files that are made beside and moved into place."""

import os

__all__ = ["share_as_usual"]


def share_as_usual(path: str) -> None:
    """Give a file of ``mkstemp``, which nobody else may read, the permissions that ``open`` would have given it."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
