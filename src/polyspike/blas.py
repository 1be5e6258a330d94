"""How many threads BLAS has: elementwise maps take as many, and work on threads of its own leaves it one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, so that it is found below
from threadpoolctl import ThreadpoolController

__all__ = ["blas_threads", "one_blas_thread"]


def blas_threads() -> int:
    """Threads that BLAS may use now; elementwise maps use as many, so that a limit on BLAS limits both."""
    return max((library.num_threads for library in _blas_libraries()), default=1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread inside, or in what it decorates: for small matrices, and for shares that call it, each on a
    thread of its own.

    Calls that each ask for all cores wait for each other: the products of a few vectors take twice as long. So do calls
    of NumPy and of SciPy in turn, whose BLAS each have threads that wait busily. The number is that of the process:
    of several threads that are inside, the first sets it and gives it back.
    """
    first = _FIRST.acquire(blocking=False)
    before = [(library, library.num_threads) for library in _blas_libraries()] if first else []
    try:
        for library, _ in before:
            library.set_num_threads(1)
        yield
    finally:
        for library, threads in before:
            library.set_num_threads(threads)
            # Newer versions of threadpoolctl let no other thread set it until this one says that it has done.
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread()
        if first:
            _FIRST.release()


_FIRST = Lock()
"""Held by the first that is inside."""


@cache
def _blas_libraries() -> list[Any]:
    """The BLAS libraries of the process, searched once: a search takes milliseconds, a query to one of them less."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
