"""The alignment of the top left singular vectors of the features with Hermite functions of the spike coordinate."""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import hermite_functions
from polyspike.results import Alignment
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST
from polyspike.simulation.spectrum import top_eigenpairs

__all__ = ["AlignmentSum", "alignment", "span_share"]


def alignment(features: Any, projection: Array, degree: int, n_vectors: int, arrays: Arrays = HOST) -> Alignment:
    """Alignment of the span of the top left singular vectors with monomials and Hermite functions of ``kappa``.

    Parameters
    ----------
    features : array of shape (n, width)
        In float64.
    projection : ndarray of shape (n,)
        ``kappa = X b / |b|``.
    degree : int
        Degrees 1 .. degree.
    n_vectors : int
        Size of the span.
    arrays : Arrays
        Library and device of the features.
    """
    vectors = top_eigenpairs(features, n_vectors, arrays)[1]
    monomials = projection ** np.arange(1, degree + 1)[:, None]
    hermite = hermite_functions(projection, degree)[1:]
    return Alignment(
        n_vectors=n_vectors,
        monomial=span_share(vectors, monomials),
        hermite=span_share(vectors, hermite),
        overlaps=(vectors.T @ _unit(hermite).T) ** 2,
    )


class AlignmentSum:
    """:func:`alignment`, summed over blocks of rows of the singular vectors."""

    def __init__(self, degree: int) -> None:
        self.degree = degree
        self._products: list[Any] = [0.0, 0.0]
        self._energies: list[Any] = [0.0, 0.0]

    def add(self, projection: Array, vectors: Array) -> None:
        """``kappa`` of shape (rows,) and those rows of the unit vectors, shape (rows, n_vectors)."""
        monomials = projection ** np.arange(1, self.degree + 1)[:, None]
        for k, functions in enumerate((monomials, hermite_functions(projection, self.degree)[1:])):
            self._products[k] = self._products[k] + functions @ vectors
            self._energies[k] = self._energies[k] + np.sum(functions**2, axis=1)

    def result(self) -> Alignment:
        """The alignment of all rows together."""
        monomial, hermite = (
            p**2 / np.where(e > 0, e, 1.0)[:, None] for p, e in zip(self._products, self._energies, strict=True)
        )
        return Alignment(
            n_vectors=monomial.shape[1],
            monomial=np.sum(monomial, axis=1),
            hermite=np.sum(hermite, axis=1),
            overlaps=np.ascontiguousarray(hermite.T),
        )


def span_share(vectors: Array, functions: Array) -> Array:
    """Squared norm of the projection of every normalised row of ``functions`` on the span of orthonormal columns."""
    return np.sum((_unit(functions) @ vectors) ** 2, axis=1)


def _unit(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)
