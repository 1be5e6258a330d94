"""A block Krylov space of ``F'F/N`` with full reorthogonalisation, and what Lanczos may be short of.

Why not ARPACK: it says nothing of eigenvalues that it did not find, and it takes one vector a product. A product
with six costs hardly more when the rows of F are taken in slabs that stay in the cache for both factors, and six
independent random starts are what makes the certificate of :meth:`Krylov.shortfall` cheap.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, special

from polyspike.arraytypes import Array
from polyspike.blas import one_blas_thread
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST

__all__ = ["Krylov", "Ritz"]

BLOCK = 6
"""Vectors in a block."""

MISSED = 1e-12
"""Probability over the start block with which an eigenvalue above the certified bound is missed."""

_SEED = 20231011


@dataclass(frozen=True, eq=False)
class Ritz:
    """Ritz pairs of ``F'F/N``, values descending, with the norms of their residuals, which bound the values' errors.

    Attributes
    ----------
    values, residuals : ndarray of shape (m,)
    coordinates : ndarray of shape (m, m)
        Columns: the vectors in the basis.
    basis : ndarray of shape (m, dimension)
    of_columns : bool
        Whether the vectors live on the columns of the features (right singular vectors) or, for Fortran-ordered
        features, on the rows.
    """

    values: Array
    residuals: Array
    coordinates: Array
    basis: Array
    of_columns: bool

    def converged(self, accuracy: float, rounding: float) -> int:
        """The number of first values accurate to a bound relative to themselves plus one relative to the largest."""
        bad = np.flatnonzero(self.residuals > accuracy * self.values + rounding * self.values[0])
        return int(bad[0]) if len(bad) else len(self.values)

    def vectors(self, count: int) -> Array:
        """The first Ritz vectors, columns of shape (dimension, count)."""
        return self.basis.T @ self.coordinates[:, :count]


class Krylov:
    """Block Krylov space of ``F'F/N``, grown block by block.

    Parameters
    ----------
    features : ndarray of shape (n, width)
        Either memory order; the space lives in the dimension of the contiguous axis.
    arrays : Arrays
        Library and device of the features; the space itself is on the host.
    """

    def __init__(self, features: Any, arrays: Arrays = HOST) -> None:
        self.arrays = arrays
        self.rows, self.of_columns = arrays.contiguous_rows(features)
        self.scale = features.shape[1]
        self.dimension = self.rows.shape[1]
        self.block = min(BLOCK, self.dimension)
        start = np.random.default_rng(_SEED).standard_normal((self.block, self.dimension))
        self.basis = np.empty((16 * self.block, self.dimension))
        self.basis[: self.block] = _orthonormal(start)[0]
        self.size = self.block
        self.columns: list[Array] = []

    def fits(self, share: float) -> bool:
        """Whether one more block still leaves the space within that share of the features' smaller dimension."""
        return self.size + self.block <= share * min(self.rows.shape)

    def grow(self) -> Ritz:
        """Enlarge the space, by an eighth at least, and project on it.

        All but the product with the features is small, and small products take longer on several threads than on one.
        """
        target = max(len(self.columns) + 1, len(self.columns) * 9 // 8)
        while len(self.columns) < target:
            image = self._apply(self.basis[self.size - self.block : self.size])
            with one_blas_thread():
                self._enlarge(image)
        with one_blas_thread():
            return self._project()

    def shortfall(self) -> float:
        """How far, relative, the largest Ritz value may be below the largest eigenvalue: ``tanh^2(s / (2k - 1))``.

        k blocks span ``p(A) X`` for all polynomials of degree below k. Let ``mu = (1 - e) lambda_1`` and take the p of
        ``sqrt(mu - x) p(x) = sqrt(mu) T_{2k-1}(sqrt(1 - x/mu))``. Then ``(mu - x) p^2 <= mu`` for x in [0, mu] and
        ``(lambda_1 - mu) p(lambda_1)^2 = mu sinh^2((2k-1) artanh sqrt(e))``. If no Rayleigh quotient reaches mu, every
        start ``x = X c`` has ``sinh^2(..) x_1^2 < |x_rest|^2``, that is ``g (R'R)^-1 g' < 1/sinh^2(..)`` with g the
        first row of X in the eigenbasis, R the others. For a Gaussian X of b columns in dimension D the left side is
        ``b/(D-b)`` times a Fisher variable of (b, D-b) degrees of freedom; s is where that has probability ``MISSED``.
        (One column is the theorem of Kuczynski and Wozniakowski 1992.) The event is the same for every k, so that
        stopping early costs nothing.

        The same holds for the largest Ritz value beside p converged ones: with the vectors of a set S of eigenvalues in
        the space, the rest of it is a Krylov space of A restricted to their complement, where the start is Gaussian
        too. S is one of ``2^p`` sets.
        """
        b, complement = self.block, self.dimension - self.block
        quantile = float(special.fdtri(b, complement, MISSED))
        s = np.arcsinh(np.sqrt(complement / (b * quantile)))
        return float(np.tanh(s / (2 * len(self.columns) - 1)) ** 2)

    def _enlarge(self, image: Array) -> None:
        """A product orthogonalised against the whole space, twice because once is not enough."""
        space = self.basis[: self.size]
        column = image @ space.T
        image -= column @ space
        correction = image @ space.T
        image -= correction @ space
        fresh, factor = _orthonormal(image)
        fresh -= (fresh @ space.T) @ space
        fresh, turn = _orthonormal(fresh)
        self.columns.append(np.hstack([column + correction, factor @ turn]))
        self._append(fresh)

    def _append(self, rows: Array) -> None:
        if self.size + self.block > len(self.basis):
            self.basis = np.vstack([self.basis, np.empty_like(self.basis)])
        self.basis[self.size : self.size + self.block] = rows
        self.size += self.block

    def _apply(self, vectors: Array) -> Array:
        """``vectors F'F/N``."""
        return self.arrays.normal_product(self.rows, vectors) / self.scale

    def _project(self) -> Ritz:
        """Rayleigh-Ritz on all blocks but the last, whose couplings give the residuals."""
        inside = self.size - self.block
        matrix = np.zeros((inside, self.size))
        for k, column in enumerate(self.columns):
            matrix[k * self.block : (k + 1) * self.block, : column.shape[1]] = column
        projected = matrix[:, :inside]
        values, coordinates = linalg.eigh(np.tril(projected) + np.tril(projected, -1).T, check_finite=False)
        coupling = matrix[inside - self.block :, inside:]
        residuals = np.linalg.norm(coupling.T @ coordinates[inside - self.block :], axis=0)
        order = np.argsort(values)[::-1]
        return Ritz(values[order], residuals[order], coordinates[:, order], self.basis[:inside], self.of_columns)


def _orthonormal(rows: Array) -> tuple[Array, Array]:
    """Orthonormal rows ``Q`` and the square ``L`` with ``rows = L Q``."""
    q, r = np.linalg.qr(rows.T)
    return np.ascontiguousarray(q.T), r.T
