"""Kernels as power series of the correlation, with a lumped tail and a bound of what the cut leaves out."""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.hermite_moments import Moments

__all__ = ["Series", "cut_bound", "lumped", "power_series"]

_BLOCK = 1 << 17
"""Entries that are worked on at a time: a few blocks fit into the cache."""


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
    (eq-data-cut). Correlations of shape (rows, rows).
    """
    degree = len(series.coefficients) - 2
    squares = np.abs(correlation) ** (2 * degree)
    np.fill_diagonal(squares, 0.0)
    return 2 * float(np.sqrt(max(series.tail @ squares @ series.tail, 0.0)))


def power_series(left: Series, right: Series, correlation: Array, out: Array | None = None) -> Array:
    """The kernel between rows of ``left`` and of ``right``, shape (rows, rows'), by Horner's scheme."""
    out = np.empty_like(correlation) if out is None else out
    height = max(1, _BLOCK // correlation.shape[1])
    for start in range(0, len(correlation), height):
        rows = slice(start, start + height)
        _horner(left.coefficients[:, rows], right.coefficients, correlation[rows], out[rows])
    return out


def _horner(left: Array, right: Array, correlation: Array, out: Array) -> None:
    spare = np.empty_like(out)
    np.multiply(left[-1][:, None], right[-1], out=out)
    for a, b in zip(left[-2::-1], right[-2::-1], strict=True):
        out *= correlation
        if a.any() and b.any():
            np.multiply(a[:, None], b, out=spare)
            out += spare
