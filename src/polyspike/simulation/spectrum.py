"""Eigenvalues of ``F F'/N``: all of them by the cheaper Gram matrix, or the top few by Lanczos, certified."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from polyspike.errors import ArgumentError, NumericalError
from polyspike.status import Status

__all__ = ["eigenvalues", "top_eigenpairs"]

Array = NDArray[np.float64]

_RESIDUAL = 1e-8


def eigenvalues(features: Array, which: "str | int") -> Array:
    """Eigenvalues of ``F F'/N``, descending.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    which : "all" or int
        "all": the min(n, width) eigenvalues that are not zero by shape; k: the k largest, by Lanczos.

    Raises
    ------
    ArgumentError
        If k exceeds min(n, width) - 1.
    NumericalError
        If Lanczos does not converge or a residual is too large.
    """
    if which == "all":
        n, width = features.shape
        gram = features @ features.T if n <= width else features.T @ features
        return np.ascontiguousarray(linalg.eigvalsh(gram / width, overwrite_a=True, check_finite=False)[::-1])
    return top_eigenpairs(features, int(which))[0]


def top_eigenpairs(features: Array, k: int) -> tuple[Array, Array]:
    """The k largest eigenvalues of ``F F'/N``, descending, and their eigenvectors, shape (n, k).

    Implicitly restarted Lanczos from a fixed start vector; every residual ``|F F' v / N - lambda v|`` is checked
    against 1e-8 of the largest eigenvalue.
    """
    n, width = features.shape
    if not 1 <= k < min(n, width):
        raise ArgumentError("eigenvalues", k, f"give a number from 1 to {min(n, width) - 1}, or 'all'")
    operator = LinearOperator((n, n), matvec=lambda v: features @ (features.T @ v) / width, dtype=float)
    start = np.random.default_rng(0).standard_normal(n)
    try:
        values, vectors = eigsh(operator, k=k, which="LA", v0=start, ncv=min(n - 1, max(2 * k + 1, 24)))
    except ArpackNoConvergence as error:
        raise NumericalError(Status.NOT_CONVERGED, f"Lanczos: {error}") from error
    order = np.argsort(values)[::-1]
    values, vectors = values[order], vectors[:, order]
    residuals = np.linalg.norm(features @ (features.T @ vectors) / width - vectors * values, axis=0)
    if residuals.max() > _RESIDUAL * values[0]:
        raise NumericalError(Status.NOT_CONVERGED, f"Lanczos: residual {residuals.max():.1e}")
    return values, vectors
