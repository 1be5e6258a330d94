"""Features ``sigma(Z0 + eta Zg)`` in cache-sized slabs of rows, split over threads.

The pre-activation is linear in the step, so ``Z0 = X W0'`` and ``Zg = X G'`` serve every step size. The elementwise map
is a large share of a simulation's time and limited by memory: scaling, adding and mapping a slab while it is in the
cache costs one pass instead of four. Slabs are independent, so threads change nothing in the result.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np
import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, so that it is found below
from threadpoolctl import ThreadpoolController

from polyspike.arraytypes import Array
from polyspike.problem import Activation

__all__ = ["blas_threads", "in_shares", "in_slabs", "one_blas_thread", "step_features"]

Result = TypeVar("Result")

# Entries of a slab: three of them (Z0, Zg and the output) fit in a core's second-level cache.
_SLAB = 16_384


def blas_threads() -> int:
    """Threads that BLAS may use now; elementwise maps use as many, so that a limit on BLAS limits both."""
    return max((library.num_threads for library in _blas_libraries()), default=1)


@cache
def _blas_libraries() -> list[Any]:
    """The BLAS libraries of the process, searched once: a search takes milliseconds, a query to one of them less."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def step_features(
    still: Array, moved: Array, step: float, activation: Activation, out: Array | None = None, threads: int = 1
) -> Array:
    """``sigma(still + step * moved)``.

    Parameters
    ----------
    still, moved : ndarray of shape (rows, width)
        ``X W0'`` and ``X G'``, C-contiguous.
    step : float
    activation : Activation
    out : ndarray of shape (rows, width), optional
        Where to write; made anew when None.
    threads : int
        Rows are split over so many threads.
    """
    result = np.empty_like(still) if out is None else out

    def work(rows: slice) -> None:
        target = result[rows]
        np.multiply(moved[rows], step, out=target)
        target += still[rows]
        activation.apply_into(target, target)

    in_slabs(work, still.shape, threads)
    return result


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


def in_slabs(work: Callable[[slice], object], shape: tuple[int, int], threads: int = 1) -> None:
    """Call ``work`` on slices of the rows small enough for the cache, which together are all of them."""
    rows, columns = shape
    height = max(1, _SLAB // columns)

    def share(start: int, stop: int) -> None:
        for top in range(start, stop, height):
            work(slice(top, min(top + height, stop)))

    in_shares(share, rows, threads)


def in_shares(work: Callable[[int, int], Result], rows: int, threads: int) -> list[Result]:
    """``work(start, stop)`` on consecutive shares of the rows, one for each thread, and what each of them returns."""
    if threads == 1:
        return [work(0, rows)]
    cuts = np.linspace(0, rows, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, cuts[:-1], cuts[1:]))
