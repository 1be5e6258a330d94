"""Random streams: every array of a run has its own, in blocks of rows, so that how it is read changes nothing.

The entries of array ``A``, rows ``b * BLOCK_ROWS`` onwards, come from ``SeedSequence(seed, spawn_key=(A, b))``. A run
that holds the array whole and one that streams it see the same numbers, and runs of the same seed and sizes share
them whatever else differs: that makes paired differences exact pairs.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum

import numpy as np

from polyspike.arraytypes import Array
from polyspike.rows import SPLIT_STREAM

__all__ = ["BLOCK_ROWS", "Entries", "Stream", "generator", "normal_blocks", "normals", "standard_normal"]

BLOCK_ROWS = 2048

Entries = Callable[[np.random.Generator, tuple[int, int]], Array]
"""Draws a block of rows of an array."""


class Stream(IntEnum):
    """The arrays of a run; the numbers are part of the format and never change."""

    GRADIENT_INPUTS = 0
    GRADIENT_NOISE = 1
    INPUTS = 2
    NOISE = 3
    WEIGHTS = 4
    READOUT = 5
    TEST_INPUTS = 6
    TEST_NOISE = 7
    SPLIT = SPLIT_STREAM
    TEACHER = 9


def generator(seed: tuple[int, ...], stream: Stream, block: int = 0) -> np.random.Generator:
    """The generator of one block of one array."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(stream), block)))


def standard_normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Independent standard normals."""
    return rng.standard_normal(shape)


def normal_blocks(
    seed: tuple[int, ...],
    stream: Stream,
    rows: int,
    columns: int,
    threads: int = 1,
    entries: Entries = standard_normal,
) -> Iterator[Array]:
    """Standard normals (or other entries), ``rows`` by ``columns``, as blocks of at most ``BLOCK_ROWS`` rows.

    With several threads as many blocks are drawn at a time; every block has its own generator, so the numbers are the
    same.
    """

    def draw(block: int) -> Array:
        height = min(BLOCK_ROWS, rows - block * BLOCK_ROWS)
        return entries(generator(seed, stream, block), (height, columns))

    n_blocks = -(-rows // BLOCK_ROWS)
    if threads == 1:
        yield from map(draw, range(n_blocks))
        return
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, n_blocks, threads):
            yield from pool.map(draw, range(first, min(first + threads, n_blocks)))


def normals(
    seed: tuple[int, ...],
    stream: Stream,
    rows: int,
    columns: int = 1,
    threads: int = 1,
    entries: Entries = standard_normal,
) -> Array:
    """Independent entries, normal by default, in one array: shape (rows, columns), or (rows,) for one column."""
    whole = np.empty((rows, columns))
    start = 0
    for block in normal_blocks(seed, stream, rows, columns, threads, entries):
        whole[start : start + len(block)] = block
        start += len(block)
    return whole[:, 0] if columns == 1 else whole
