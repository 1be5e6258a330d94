"""Sums and blocks of matrices, at the cost of the products alone.

Tangents of a state are taken several at a time: what belongs to one of them has their axis before the last two of a
matrix (before the last of a vector), and after the axes of eigenvalues, of nodes or of blocks.
"""

from functools import lru_cache
from math import isqrt
from typing import Any

import numpy as np

__all__ = ["beside", "inverse", "joined", "over_neurons", "split", "total", "triangle", "without_tangents"]

# An imaginary part that is smaller beside the real one has a square below rounding.
_TANGENT = 1e-9


def total(weights: Any, arrays: Any) -> Any:
    """``sum_l weights[..., l] arrays[l]`` for weights (..., L) and arrays (L, ...); shape (..., ...)."""
    found = _times(weights, arrays.reshape(len(arrays), -1))
    return found.reshape(*weights.shape[:-1], *arrays.shape[1:])


def _times(matrix: Any, columns: Any) -> Any:
    """The product of two matrices, by real numbers alone where only the columns carry tangents."""
    if np.iscomplexobj(matrix) or not np.iscomplexobj(columns):
        return matrix @ columns
    return (matrix @ np.ascontiguousarray(columns).view(float)).view(complex)


def beside(values: Any, like: Any) -> Any:
    """Values (L,) beside an array whose first axis is theirs or would be, of as many axes."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def over_neurons(values: Any, weighted_zeta: Any, pairs: Any) -> Any:
    """``E[zeta values chi chi']`` of values (..., A) at ``w zeta`` (S, A) or (A,), for the products ``chi_i chi_j``
    (A, q^2); shape (..., [S,] q, q).
    """
    first, more, size = values.shape[:-1], weighted_zeta.shape[:-1], isqrt(pairs.shape[1])
    weighted = (values.reshape(*first, *[1] * len(more), -1) * weighted_zeta).reshape(-1, len(pairs))
    return _times(pairs.T, weighted.T).T.reshape(*first, *more, size, size)


def joined(blocks: Any) -> Any:
    """Blocks (i, j, ..., a, b) as one matrix (..., i a, j b)."""
    rows, columns, *more, a, b = blocks.shape
    if not more:
        return blocks.swapaxes(1, 2).reshape(rows * a, columns * b)
    return blocks.transpose(2, 0, 3, 1, 4).reshape(*more, rows * a, columns * b)


def split(matrix: Any, rows: int, columns: int) -> Any:
    """A matrix as so many blocks, shape (rows, columns, ..., a, b)."""
    *more, m, n = matrix.shape
    found = matrix.reshape(*more, rows, m // rows, columns, n // columns)
    return found.transpose(1, 3, 0, 2, 4) if more else found.swapaxes(1, 2)


def inverse(matrices: Any) -> Any:
    """The inverses; with a tangent (eq-tangent) as ``M^-1 - i M^-1 dM M^-1``, by real products alone."""
    if not np.iscomplexobj(matrices):
        return np.linalg.inv(matrices)
    values, tangents = matrices.real, np.ascontiguousarray(matrices.imag)
    if np.abs(tangents).max(initial=0.0) > _TANGENT * np.abs(values).max(initial=0.0):
        return np.linalg.inv(matrices)
    # Tangents of one state have its values in common.
    first = values[..., :1, :, :] if matrices.ndim > 2 else values
    known = np.linalg.inv(first if (values == first).all() else values)
    found = np.empty_like(matrices)
    found.real, found.imag = known, -known @ tangents @ known
    return found


def without_tangents(array: Any, tangents: int, axes: int) -> Any:
    """The values that tangents belong to: of an array (..., S, ...) whose axis of tangents, if there is one, stands
    before so many last axes.
    """
    return np.real(array if tangents == 0 else array.take(0, axis=-1 - axes))


@lru_cache(maxsize=64)
def triangle(size: int) -> tuple[Any, Any]:
    """The places on and above the diagonal of a symmetric matrix."""
    return np.triu_indices(size)
