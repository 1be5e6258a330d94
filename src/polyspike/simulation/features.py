"""Features ``sigma(Z0 + eta Zg)`` in cache-sized slabs of rows, split over threads.

The pre-activation is linear in the step, so ``Z0 = X W0'`` and ``Zg = X G'`` serve every step size. The elementwise map
is a large share of a simulation's time and limited by memory: scaling, adding and mapping a slab while it is in the
cache costs one pass instead of four. Slabs are independent, so threads change nothing in the result.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation

__all__ = ["in_shares", "in_slabs", "step_features"]

Result = TypeVar("Result")

# Entries of a slab: three of them (Z0, Zg and the output) fit in a core's second-level cache.
_SLAB = 16_384


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
