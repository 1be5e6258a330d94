"""Products and inverses of symmetric matrices: half of the entries are computed, and mirrored."""

import itertools
from collections.abc import Iterator

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.on_data.lapack import upper_inverse
from polyspike.theory.on_data.packed import slabs, unpacked

__all__ = ["blocks", "filled", "forms", "mirrored", "sandwich", "shifted_inverse"]

_BLOCKS = 8


def sandwich(inverse: Array, middle: Array) -> Array:
    """``X C X`` of symmetric matrices, shape (n, n): of the second product the upper blocks, the others mirrored."""
    left, whole = inverse @ middle, np.empty_like(inverse)
    for start, end in blocks(len(inverse)):
        np.matmul(left[start:end], inverse[:, start:], out=whole[start:end, start:])
    return mirrored(whole)


def forms(rows: Array, middle: Array) -> Array:
    """``s'C s`` of a packed symmetric matrix, shape (M,), at the rows s of a table (m, n); shape (m,)."""
    upper, total = unpacked(middle, rows.shape[1]), np.zeros(len(rows), dtype=rows.dtype)
    for slab in slabs(len(upper)):
        own, end = rows[:, slab.own], slab.own.stop
        total += 2 * np.einsum("tn,tn->t", rows[:, :end] @ upper[:end, slab.own], own)
        total -= np.square(own) @ np.diagonal(upper)[slab.own]
    return total


def shifted_inverse(matrix: Array, shift: float) -> Array:
    """``(matrix + shift)^-1``, shape (n, n), in the place of the matrix: the upper triangle of both.

    Raises
    ------
    NumericalError
        If it is not positive definite up to rounding.
    """
    matrix[np.diag_indices_from(matrix)] += matrix.dtype.type(shift)
    if not upper_inverse(matrix):
        raise NumericalError(Status.SINGULAR, "the averaged Gram matrix plus the ridge is not positive definite")
    return matrix


def filled(flat: Array, size: int) -> Array:
    """The matrix of shape (n, n) of a packed one, shape (M,)."""
    return mirrored(unpacked(flat, size))


def mirrored(matrix: Array) -> Array:
    """The matrix of shape (n, n) made symmetric by its upper triangle, in place."""
    for start, end in blocks(len(matrix)):
        matrix[end:, start:end] = matrix[start:end, end:].T
        block = matrix[start:end, start:end]
        np.copyto(block, block.T.copy(), where=np.tri(len(block), k=-1, dtype=bool))
    return matrix


def blocks(size: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of some eight blocks of rows."""
    ends = np.linspace(0, size, _BLOCKS + 1).astype(int)
    return itertools.pairwise(map(int, ends))
