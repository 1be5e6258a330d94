"""Kernels as power series of the correlation, with a lumped tail and a bound of what the cut leaves out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.on_data.hermite_moments import Moments
from polyspike.theory.on_data.lapack import outer_adder
from polyspike.theory.on_data.threads import in_threads

__all__ = ["Series", "cut_bound", "cut_square", "lumped", "power_series"]

_BLOCK = 1 << 16
"""Entries that are worked on at a time: a few blocks fit into the cache."""

_NOTHING = 1e-30
"""Powers of correlations are taken to be no less, in a bound."""


class Series(NamedTuple):
    """``k(x, x') = sum_k b_k(x) b_k(x') rho^k`` (eq-data-kernel).

    Attributes
    ----------
    coefficients : ndarray of shape (degrees, rows)
        The last two carry the energy of all higher degrees.
    tail : ndarray of shape (rows,)
        That energy.
    """

    coefficients: Array
    tail: Array

    def times(self, weight: float, dtype: Any) -> "Series":
        """Coefficients for the left side of a kernel times a weight, in this precision."""
        return Series((weight * self.coefficients).astype(dtype), self.tail)

    def of(self, rows: slice) -> "Series":
        """The series of some of the rows."""
        return Series(self.coefficients[:, rows], self.tail[rows])


def lumped(moments: Moments) -> Series:
    """The series whose last two degrees hold what the higher ones would: the diagonal is exact.

    With the coefficients ``a_0 .. a_{K+2}`` and the second moment, what is beyond degree K is divided between the
    degrees K+1 and K+2 as their own energies are, with their signs. A higher degree differs from that by no more than
    ``|rho|^{K+1}`` of its energy, see :func:`cut_bound`; where ``rho`` is 1 nothing is lost.
    """
    a = moments.coefficients
    own = a[-2:] ** 2
    tail = moments.rest + own.sum(axis=0)
    total = own.sum(axis=0)
    share = np.where(total > 0, own / np.where(total > 0, total, 1.0), 0.5)
    ends = np.where(a[-2:] < 0, -1.0, 1.0) * np.sqrt(share * tail)
    return Series(np.vstack([a[:-2], ends]), tail)


def cut_bound(series: Series, correlation: Array) -> float:
    """Bound of the Frobenius norm of the error off the diagonal, ``2 |rho|^{K+1} sqrt(r r')`` for each pair.

    By the inequality of Cauchy and Schwarz, once for the degrees left out and once for those in their place
    (eq-data-cut). Correlations of shape (rows, rows), of which the upper half is read.
    """
    each = [cut_square(series, rows, correlation[rows, rows.start :]) for rows in _slabs(correlation.shape)]
    return 2 * float(np.sqrt(sum(each)))


def cut_square(series: Series, rows: slice, correlation: Array) -> float:
    """A quarter of the square of :func:`cut_bound` that is due to some rows and all from the first of them on.

    Correlations of shape (some, others); of pairs beyond the rows' own each stands for two.
    """
    degree, tail = len(series.coefficients) - 2, series.tail.astype(correlation.dtype)
    # Numbers below the least normal one take a hundred times as long; a bound may be larger by this.
    squares = np.square(correlation)
    np.maximum(squares, correlation.dtype.type(_NOTHING ** (1 / degree)), out=squares)
    powers, own = _power(squares, degree), len(correlation)
    np.fill_diagonal(powers, 0.0)
    sums = 2 * (powers @ tail[rows.start :]) - powers[:, :own] @ tail[rows]
    return max(float(np.sum(series.tail[rows] * sums)), 0.0)


def _power(base: Array, exponent: int) -> Array:
    """By repeated squares, with products alone."""
    found = base.copy()
    for bit in f"{exponent:b}"[1:]:
        np.square(found, out=found)
        if bit == "1":
            found *= base
    return found


def power_series(left: Series, right: Series, correlation: Array) -> Array:
    """The kernel between rows of ``left`` and of ``right``, shape (rows, rows'), by Horner's scheme.

    In the precision of the correlations.
    """
    out = np.empty_like(correlation, order="C")
    a, b = (series.coefficients.astype(correlation.dtype, copy=False) for series in (left, right))
    present = np.any(a, axis=1)
    in_threads(lambda rows: _horner(a[:, rows], b, present, correlation[rows], out[rows]), _slabs(correlation.shape))
    return out


def _slabs(shape: tuple[int, ...]) -> list[slice]:
    height = max(1, _BLOCK // max(shape[1], 1))
    return [slice(start, start + height) for start in range(0, shape[0], height)]


def _horner(left: Array, right: Array, present: NDArray[np.bool_], correlation: Array, out: Array) -> None:
    """Degrees that are not present have no coefficient at any row on the left."""
    np.multiply(left[-1][:, None], right[-1], out=out)
    add = outer_adder(out, left, right)
    for k in range(len(left) - 2, -1, -1):
        np.multiply(out, correlation, out=out)
        if present[k]:
            add(k)
