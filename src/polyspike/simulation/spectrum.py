"""Eigenvalues of ``F F'/N``: all of them, the top few, or every one above an edge with the count certified.

The top of the spectrum comes from one block Krylov space (:mod:`polyspike.simulation.krylov`), which costs a few dozen
products with the features and no decomposition of anything large. The features may lie on any device, in float64; what
comes back is on the host.
"""

from typing import Any

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError, NumericalError
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST
from polyspike.simulation.krylov import Krylov
from polyspike.status import Status

__all__ = [
    "count_above",
    "eigenvalues",
    "gram",
    "operator_norm",
    "outlier_pairs",
    "outliers",
    "top_eigenpairs",
]

ACCURACY = 1e-8
"""Largest residual of an eigenpair, relative to its eigenvalue; it bounds the relative error of the eigenvalue."""

ROUNDING = 1e-12
"""The same relative to the largest eigenvalue, which limits the accuracy of the small ones in double precision."""

# A Krylov space of more than this share of the dimension costs more than the decomposition that it was to save.
_LARGEST_SHARE = 1 / 3


def eigenvalues(features: Any, which: "str | int", arrays: Arrays = HOST) -> Array:
    """Eigenvalues of ``F F'/N``, descending.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    which : "all" or int
        "all": the min(n, width) eigenvalues that are not zero by shape, from the smaller of the two Gram matrices
        (a zero of low rank may come out as -1e-16 of the largest); k: the k largest, by Krylov.
    arrays : Arrays
        Library and device of the features.

    Raises
    ------
    ArgumentError
        If k is not from 1 to min(n, width).
    NumericalError
        If a residual exceeds 1e-8 of its eigenvalue.
    """
    if which != "all":
        return top_eigenpairs(features, int(which), arrays)[0]
    values = arrays.eigvalsh(gram(features, arrays))
    return np.ascontiguousarray(values[::-1]) / features.shape[1]


def top_eigenpairs(features: Any, k: int, arrays: Arrays = HOST) -> tuple[Array, Array]:
    """The k largest eigenvalues of ``F F'/N``, descending, and their eigenvectors, the columns of shape (n, k).

    Each eigenvalue is accurate to 1e-8 relative (or 1e-12 of the largest, where that is more: a zero eigenvalue has
    no relative accuracy). The random start is the same for every call.

    Raises
    ------
    ArgumentError
        If k is not from 1 to min(n, width), or a feature is not finite.
    NumericalError
        If a residual ``|F F' v / N - lambda v|`` exceeds that accuracy.
    """
    _check_finite(features, arrays)
    if not 1 <= k <= min(features.shape):
        raise ArgumentError("eigenvalues", k, f"give a number from 1 to {min(features.shape)}, or 'all'")
    krylov = Krylov(features, arrays)
    while krylov.fits(_LARGEST_SHARE):
        ritz = krylov.grow()
        if ritz.converged(ACCURACY, ROUNDING) >= k:
            return _left_pairs(features, ritz.vectors(k), ritz.of_columns, arrays)
    return _decompose(features, k, arrays)


def outliers(features: Any, bulk_edge: float, arrays: Arrays = HOST) -> Array:
    """Every eigenvalue of ``F F'/N`` above ``bulk_edge``, descending; see :func:`outlier_pairs`."""
    return outlier_pairs(features, bulk_edge, arrays)[0]


def outlier_pairs(features: Any, bulk_edge: float, arrays: Arrays = HOST) -> tuple[Array, Array]:
    """Every eigenvalue of ``F F'/N`` above ``bulk_edge``, descending, with its eigenvector: shapes (p,) and (n, p).

    The values are as accurate as those of :func:`top_eigenpairs`. The count is certified: the Krylov space grows
    until the largest Ritz value below the edge, raised by what Lanczos from a random start may be short of
    (:meth:`polyspike.simulation.krylov.Krylov.shortfall`), is still below the edge. A wrong count then has
    probability under ``2^p 1e-12`` over the start block, whatever the features. The nearer the edge lies to an
    eigenvalue, the longer that takes: a relative distance ``e`` takes about ``4.5/sqrt(e)`` products. An edge inside
    the bulk is answered by the full decomposition.

    Raises
    ------
    ArgumentError
        If ``bulk_edge`` is not a positive finite number.
    NumericalError
        If a residual exceeds 1e-8 of its eigenvalue.
    """
    _check_finite(features, arrays)
    _check_edge(bulk_edge)
    krylov = Krylov(features, arrays)
    while krylov.fits(_LARGEST_SHARE):
        ritz = krylov.grow()
        count = int(np.sum(ritz.values > bulk_edge))
        highest = ritz.values[count] / (1 - krylov.shortfall()) if count < len(ritz.values) else np.inf
        if highest <= bulk_edge and ritz.converged(ACCURACY, ROUNDING) >= count:
            return _left_pairs(features, ritz.vectors(count), ritz.of_columns, arrays)
    return _decompose(features, count_above(features, bulk_edge, arrays), arrays)


def count_above(features: Any, bulk_edge: float, arrays: Arrays = HOST) -> int:
    """The number of eigenvalues of ``F F'/N`` above ``bulk_edge``, by Sylvester's law of inertia.

    No eigenvalue is computed and nothing is random: an LDL' factorisation of ``F F'/N - edge`` has as many positive
    pivots (a pivot of two rows, in the choice of Bunch and Kaufman, is indefinite). The independent check of
    :func:`outliers`, at about a third of the cost of the full decomposition.
    """
    _check_edge(bulk_edge)
    shifted = np.require(arrays.host(gram(features, arrays)), requirements="W")
    shifted[np.diag_indices_from(shifted)] -= bulk_edge * features.shape[1]
    pivots = linalg.ldl(shifted, lower=True, overwrite_a=True, check_finite=False)[1]
    of_two = pivots.diagonal(-1) != 0
    single = ~(np.append(of_two, False) | np.append(False, of_two))
    return int(np.sum(of_two)) + int(np.sum(pivots.diagonal()[single] > 0))


def operator_norm(matrix: Array) -> float:
    """The largest singular value, by a Krylov method."""
    return float(np.sqrt(top_eigenpairs(matrix, 1)[0][0] * matrix.shape[1]))


def gram(features: Any, arrays: Arrays = HOST) -> Any:
    """The smaller of ``F F'`` and ``F' F``; of NumPy arrays the lower triangle, in Fortran order."""
    return arrays.gram(features if features.shape[0] <= features.shape[1] else features.T)


def _left_pairs(features: Any, vectors: Array, of_columns: bool, arrays: Arrays) -> tuple[Array, Array]:
    """Singular vectors, right or left ones, as eigenpairs of ``F F'/N``, checked against the features themselves."""
    left = np.linalg.qr(arrays.host(features @ arrays.put_exact(vectors)))[0] if of_columns else vectors
    images = arrays.host(features @ (features.T @ arrays.put_exact(left))) / features.shape[1]
    values = np.sum(left * images, axis=0)
    residuals = np.linalg.norm(images - left * values, axis=0)
    if np.any(residuals > 2 * (ACCURACY * values + ROUNDING * values.max(initial=0.0))):
        message = f"an eigenpair has residual {residuals.max():.1e}; the largest eigenvalue is {values[0]:.3g}"
        raise NumericalError(Status.NOT_CONVERGED, message, values)
    return values, left


def _decompose(features: Any, k: int, arrays: Arrays) -> tuple[Array, Array]:
    """The k largest eigenpairs of ``F F'/N`` by a full decomposition."""
    if k == 0:
        return np.empty(0), np.empty((features.shape[0], 0))
    vectors = arrays.top_eigenvectors(gram(features, arrays), k)
    return _left_pairs(features, vectors, features.shape[1] < features.shape[0], arrays)


def _check_finite(features: Any, arrays: Arrays) -> None:
    if not arrays.all_finite(features):
        raise ArgumentError("features", features, "an entry is not finite, or the sum of all overflows")


def _check_edge(edge: float) -> None:
    if not (np.isfinite(edge) and edge > 0):
        raise ArgumentError("bulk_edge", edge, "give a positive finite number")
