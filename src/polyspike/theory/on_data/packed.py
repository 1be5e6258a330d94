"""Symmetric matrices by the upper triangles of their rows, some rows at a time: half of the numbers to be read.

Sums of many kernels and traces with them take the time in which these are read from memory.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["Slab", "clear_below", "doubled", "inner", "outer", "packed", "packed_size", "slabs", "unpacked"]

_HEIGHT = 64
_TOGETHER = 512
"""Products that are summed in the precision of the matrices; sums of these in double precision."""


class Slab(NamedTuple):
    """Some rows of a matrix from their first column on: ``matrix[own, right]`` are ``flat[there]``, shape (h, m).

    Of its first h columns the entries under the diagonal are zero.
    """

    own: slice
    right: slice
    there: slice
    extent: tuple[int, int]

    def of(self, flat: Array) -> Array:
        """The slab's part of a packed matrix, shape (h, m), which is no copy."""
        return flat[self.there].reshape(self.extent)


@cache
def slabs(size: int) -> tuple[Slab, ...]:
    """Those of a matrix of shape (n, n)."""
    return tuple(_slabs(size))


def _slabs(size: int) -> Iterator[Slab]:
    first = 0
    for start in range(0, size, _HEIGHT):
        end = min(start + _HEIGHT, size)
        last = first + (end - start) * (size - start)
        yield Slab(slice(start, end), slice(start, size), slice(first, last), (end - start, size - start))
        first = last


def packed_size(size: int) -> int:
    """Numbers M of a packed matrix, zeros at the end among them."""
    return -(-slabs(size)[-1].there.stop // _TOGETHER) * _TOGETHER


@cache
def _below(height: int) -> Array:
    return np.tri(height, k=-1, dtype=bool)


def packed(matrix: Array, times: float = 1.0) -> Array:
    """The upper triangle of a matrix of shape (n, n) times a number, shape (M,)."""
    flat = np.zeros(packed_size(len(matrix)), matrix.dtype)
    for slab in slabs(len(matrix)):
        part = slab.of(flat)
        np.multiply(matrix[slab.own, slab.right], times, out=part)
        clear_below(part)
    return flat


def clear_below(part: Array) -> None:
    """Put zeros under the diagonal of a slab, shape (h, m)."""
    np.copyto(part[:, : len(part)], 0.0, where=_below(len(part)))


def unpacked(flat: Array, size: int) -> Array:
    """The matrix of shape (n, n), of which the lower triangle is undefined but for zeros in the slabs."""
    matrix = np.empty((size, size), flat.dtype)
    for slab in slabs(size):
        matrix[slab.own, slab.right] = slab.of(flat)
    return matrix


def doubled(matrix: Array) -> Array:
    """A symmetric matrix of which the upper triangle is given, packed; what stands for two entries twice, shape (M,).

    :func:`inner` products with it are those of whole matrices.
    """
    flat = packed(matrix, 2.0)
    flat[_diagonal(len(matrix))] /= 2
    return flat


def outer(left: Array, right: Array) -> Array:
    """:func:`doubled` of ``left right'``, if that is symmetric, of factors of shape (n, r)."""
    flat, twice = np.zeros(packed_size(len(left)), left.dtype), 2 * left
    for slab in slabs(len(left)):
        part = slab.of(flat)
        np.matmul(twice[slab.own], right[slab.right].T, out=part)
        clear_below(part)
    flat[_diagonal(len(left))] /= 2
    return flat


@cache
def _diagonal(size: int) -> Array:
    """Where the diagonal of a matrix of shape (n, n) is when it is packed, shape (n,)."""
    return np.concatenate([slab.there.start + np.arange(slab.extent[0]) * (slab.extent[1] + 1) for slab in slabs(size)])


def inner(parts: Array, twice: Array) -> Array:
    """``sum_ij K_ij X_ij`` of packed matrices, shape (P, M), with a :func:`doubled` one, shape (M,); shape (P,)."""
    rows = parts.reshape(len(parts), -1, _TOGETHER).transpose(1, 0, 2)
    sums = np.matmul(rows, twice.reshape(-1, _TOGETHER, 1))[:, :, 0]
    return np.sum(sums, axis=0, dtype=float)
