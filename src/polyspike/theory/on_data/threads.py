"""Elementwise maps over slabs of rows at the same time; every slab is the same whatever the number of threads."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

__all__ = ["in_threads", "thread_count"]

_LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
"""What limits the threads of BLAS limits these."""


def thread_count() -> int:
    """Processors of this process, or fewer where BLAS is limited by the environment."""
    limits = [os.environ.get(name, "") for name in _LIMITS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(int(text) for text in limits if text.isdigit())]))


def in_threads(work: Callable[[slice], None], slabs: Sequence[slice]) -> None:
    """Do the work for every slab."""
    threads = min(thread_count(), len(slabs))
    if threads <= 1:
        for slab in slabs:
            work(slab)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, slabs))
