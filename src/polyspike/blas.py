"""How many threads BLAS has: elementwise maps take as many, and work on threads of its own leaves it one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, so that it is found below
from threadpoolctl import ThreadpoolController

__all__ = ["blas_threads", "one_blas_thread"]


def blas_threads() -> int:
    """Threads that BLAS may use now; elementwise maps use as many, so that a limit on BLAS limits both."""
    return max((library.num_threads for library in _blas_libraries()), default=1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread inside: for shares that call it, each on a thread of its own.

    Calls that each ask for all cores wait for each other: the products of a few vectors take twice as long.
    """
    before = [(library, library.num_threads) for library in _blas_libraries()]
    for library, _ in before:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, threads in before:
            library.set_num_threads(threads)


@cache
def _blas_libraries() -> list[Any]:
    """The BLAS libraries of the process, searched once: a search takes milliseconds, a query to one of them less."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
