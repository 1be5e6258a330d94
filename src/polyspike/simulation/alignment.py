"""What the top left singular vectors of the features have learned."""

import numpy as np
from numpy.typing import NDArray

from polyspike.hermite import hermite_functions
from polyspike.results import Alignment
from polyspike.simulation.spectrum import top_eigenpairs

__all__ = ["alignment", "span_share"]

Array = NDArray[np.float64]


def alignment(features: Array, projection: Array, degree: int, n_vectors: int) -> Alignment:
    """Alignment of the span of the top left singular vectors with monomials and Hermite functions of ``kappa``.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    projection : ndarray of shape (n,)
        ``kappa = X b / |b|``.
    degree : int
        Degrees 1 .. degree.
    n_vectors : int
        Size of the span.
    """
    vectors = top_eigenpairs(features, n_vectors)[1]
    monomials = projection ** np.arange(1, degree + 1)[:, None]
    hermite = hermite_functions(projection, degree)[1:]
    return Alignment(
        n_vectors=n_vectors,
        monomial=span_share(vectors, monomials),
        hermite=span_share(vectors, hermite),
        overlaps=(vectors.T @ _unit(hermite).T) ** 2,
    )


def span_share(vectors: Array, functions: Array) -> Array:
    """Squared norm of the projection of every normalised row of ``functions`` on the span of orthonormal columns."""
    return np.sum((_unit(functions) @ vectors) ** 2, axis=1)


def _unit(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)
