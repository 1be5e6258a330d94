"""The kernels of many readouts as combinations of few matrices, and the precision in which they are held."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.packed import doubled, inner, outer, packed, unpacked
from polyspike.theory.on_data.symmetric import filled, mirrored

__all__ = [
    "DOUBLE",
    "FEW_ROWS",
    "Compression",
    "KernelFamily",
    "Precision",
    "compress",
    "compress_packed",
    "compression_of",
    "counted",
    "gram",
    "has_many",
    "precision_for",
]

COMPRESSION = 1e-7
"""Share of the Frobenius norm of the kernels that their compression may lose."""

RESPONSE = 1e-3
"""The same for the matrix of Newton's method, which has only to be good enough for it to converge."""

_RARE = 1e-4
"""A readout of a smaller weight, relative to the largest, is held as accurately as one of this weight."""

_TINY = 1e-300

FEW_ROWS = 400
"""From here on kernels are held in single precision."""

_ROUNDING_SHARE = 2e-3

_AT_ONCE = 1 << 14
"""Entries of every kernel that are held in double precision at a time."""


class Precision(NamedTuple):
    """How numbers are held, and when iterations end.

    Attributes
    ----------
    dtype : type
        Of kernels and inverses; sums over rows are in double precision.
    fixed_point : float
        Largest relative gap of ``zeta``.
    response : float
        Largest relative residual of the response.
    compression : float
        Share of the Frobenius norm of the kernels.
    change : float
        Relative change of the kernels by which a derivative may be a difference; 0 where it may not.
    """

    dtype: Any
    fixed_point: float
    response: float
    compression: float
    change: float = 0.0

    @property
    def error(self) -> float:
        """What the ends of the iterations cost, relative."""
        return self.fixed_point + self.response


DOUBLE = Precision(np.float64, 1e-9, 1e-8, COMPRESSION)
_SINGLE = Precision(np.float32, 5e-4, 4e-4, 1e-5, 1e-3)
_LARGE = Precision(np.float64, 5e-5, 3e-4, COMPRESSION, 1e-5)
"""Where kernels are so large beside the shift that single precision would not do, nor would a coarse compression."""


def rounding(diagonal: Array, shift: float) -> float:
    """Norm of what rounding to single precision adds to a kernel of this diagonal, over the shift.

    Entries are at most the mean diagonal on average, and independent roundings of them have the norm
    ``2 sqrt(n)`` times theirs.
    """
    return float(2.0**-24 * 2 * np.sqrt(len(diagonal)) * np.mean(diagonal) / shift)


def has_many(rows: int) -> bool:
    """Whether so many rows are worth the roads that are fast to a stated error."""
    return rows >= FEW_ROWS


def precision_for(diagonal: Array, shift: float) -> Precision:
    """Double and exact for few rows; else as coarse as 1e-3 of the errors allows, at this smallest shift."""
    if not has_many(len(diagonal)):
        return DOUBLE
    return _SINGLE if rounding(diagonal, shift) < _ROUNDING_SHARE else _LARGE


@dataclass(frozen=True, eq=False)
class KernelFamily:
    """Kernels of A readouts as combinations of P symmetric matrices: ``K_u = sum_p mix[u, p] parts[p]``.

    Attributes
    ----------
    weights : ndarray of shape (A,)
        Of the law of u.
    mix : ndarray of shape (A, P)
    parts : ndarray of shape (P, M)
        Packed, the largest first.
    rows : int
        Their number n.
    leading : int
        How many of them count for the matrix of Newton's method.
    precision : Precision
    """

    weights: Array
    mix: Array
    parts: Array
    rows: int
    leading: int
    precision: Precision = DOUBLE

    @property
    def shares(self) -> Array:
        """Roots of the weights relative to the largest: what an error at a rare readout counts, shape (A,)."""
        return np.sqrt(self.weights / np.max(self.weights))

    @property
    def whole(self) -> Array:
        """The parts as matrices, shape (P, n, n)."""
        return np.array([filled(part, self.rows) for part in self.parts])

    def packed(self, by_readout: Array) -> Array:
        """``sum_u c_u K_u``, packed, shape (M,)."""
        combined: Array = (self.mix.T @ by_readout).astype(self.parts.dtype) @ self.parts
        return combined

    def upper(self, by_readout: Array) -> Array:
        """The same as a matrix of shape (n, n), of which the lower triangle is undefined."""
        return unpacked(self.packed(by_readout), self.rows)

    def combined(self, by_readout: Array) -> Array:
        """The same, the whole matrix."""
        return mirrored(self.upper(by_readout))

    def traces(self, matrix: Array) -> Array:
        """``tr(K_u X)`` for a symmetric matrix, of which the upper triangle is read, shape (A,)."""
        return self.mix @ inner(self.parts, doubled(matrix))

    def forms(self, left: Array, right: Array) -> Array:
        """``tr(K_u L R')`` of factors of shape (n, r) whose product ``L R'`` is symmetric, shape (A,)."""
        dtype = self.parts.dtype
        return self.mix @ inner(self.parts, outer(left.astype(dtype, copy=False), right.astype(dtype, copy=False)))

    def pair_traces(self, inverse: Array) -> Array:
        """``tr(K_u X K_v X)``, shape (A, A), from the leading parts."""
        mix = self.mix[:, : self.leading]
        traces = np.empty((self.leading, self.leading))
        products = [inverse @ filled(part, self.rows) for part in self.parts[: self.leading]]
        for p, left in enumerate(products):
            turned = np.ascontiguousarray(left.T)
            traces[p, p:] = [_inner(turned, right) for right in products[p:]]
        pairs: Array = mix @ (np.triu(traces) + np.triu(traces, 1).T) @ mix.T
        return pairs


def _inner(left: Array, right: Array) -> float:
    """``sum_ij left_ij right_ij``, the sum over rows in double precision."""
    return float(np.sum(np.matmul(left[:, None, :], right[:, :, None]), dtype=float))


def compress(kernels: Array, weights: Array, precision: Precision = DOUBLE) -> KernelFamily:
    """The smallest family that holds these kernels, shape (A, n, n), to a share of their norm.

    By the eigenvectors of their Gram matrix, each kernel weighted by what it counts for.
    """
    return compress_packed(np.array([packed(kernel) for kernel in kernels]), kernels.shape[1], weights, precision)


def compress_packed(kernels: Array, rows: int, weights: Array, precision: Precision = DOUBLE) -> KernelFamily:
    """The same of packed kernels, shape (A, M)."""
    found = compression_of(np.eye(len(kernels)), gram(kernels, rows), weights, precision)
    return found.family(kernels, rows)


class Compression(NamedTuple):
    """Kernels ``sum_b mixed[u, b] K_b`` as ``sum_p mix[u, p] (sum_b by_kernel[p, b] K_b)`` with few p."""

    weights: Array
    mix: Array
    by_kernel: Array
    leading: int
    precision: Precision

    def family(self, kernels: Array, rows: int) -> KernelFamily:
        """Made of these packed kernels, shape (B, M)."""
        parts = self.by_kernel.astype(kernels.dtype) @ kernels
        return KernelFamily(self.weights, self.mix, parts, rows, self.leading, self.precision)


def compression_of(mixed: Array, products: Array, weights: Array, precision: Precision) -> Compression:
    """The smallest compression of kernels of A readouts that are combinations of B, to a share of their norm.

    Parameters
    ----------
    mixed : ndarray of shape (A, B)
    products : ndarray of shape (B, B)
        Inner products of the B kernels.
    weights : ndarray of shape (A,)
        Of the readouts.
    precision : Precision
    """
    inner = mixed @ products @ mixed.T
    roots = counted(weights, np.sqrt(np.maximum(np.diagonal(inner), 0.0)))
    values, vectors = np.linalg.eigh(inner * np.outer(roots, roots))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    keep = _needed(values, precision.compression)
    chosen = vectors[:, :keep]
    by_kernel = (chosen * roots[:, None]).T @ mixed
    return Compression(weights, chosen / roots[:, None], by_kernel, min(keep, _needed(values, RESPONSE)), precision)


def counted(weights: Array, norms: Array) -> Array:
    """What an error of the kernel of each readout counts for (eq-data-counted), shape (A,): about ``sqrt(w_u) zeta_u``.

    A kernel stands in the resolvent as ``w_u zeta_u K_u``, which is bounded however large it is, since
    ``1/zeta_u = 1 + tr(K_u B^-1)/N``: here one plus the norm over the geometric mean of all. Without it rare readouts
    whose kernels are 10^6 times the others' (a cubic activation after a long step) would be all that is held. No
    weight counts for less than a rare one.
    """
    typical = np.exp(weights @ np.log(np.maximum(norms, _TINY)) / np.sum(weights))
    found: Array = np.sqrt(np.maximum(weights, _RARE * np.max(weights))) / (1 + norms / typical)
    return found


def gram(kernels: Array, rows: int) -> Array:
    """``sum_ij K_u,ij K_v,ij`` of packed kernels, shape (A, M), in double precision, some at a time; shape (A, A)."""
    total = np.zeros((len(kernels), len(kernels)))
    twice = doubled(np.ones((rows, rows)))
    for start in range(0, kernels.shape[1], _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        part = kernels[:, some].astype(float)
        total += (part * twice[some]) @ part.T
    return total


def _needed(squares: Array, tolerance: float) -> int:
    """How many of descending squared norms leave no more than a share ``tolerance`` of the norm."""
    left = np.cumsum(squares[::-1])[::-1]
    return max(1, int(np.sum(left > tolerance**2 * left[0])))
