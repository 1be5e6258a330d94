"""Ridge regression on features, by the cheaper of primal and dual, for many ridges from one Gram matrix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from polyspike.errors import NumericalError
from polyspike.status import Status

__all__ = ["fit_readouts", "ridge_solve"]

Array = NDArray[np.float64]

# One symmetric eigendecomposition costs as much as about this many Cholesky factorisations.
_CHOLESKY_PER_EIGH = 16


def fit_readouts(features: Array, labels: Array, ridges: Sequence[float]) -> Array:
    """``argmin |y - F a|^2 / n + ridge |a|^2`` for every ridge.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    labels : ndarray of shape (n,)
    ridges : sequence of float
        Each >= 0; 0 is the min-norm least-squares solution, the limit of small ridges.

    Returns
    -------
    ndarray of shape (width, len(ridges))

    Raises
    ------
    NumericalError
        If the Gram matrix plus ridge is not positive definite in double precision.
    """
    n, width = features.shape
    readouts = np.empty((width, len(ridges)))
    positive = [k for k, ridge in enumerate(ridges) if ridge > 0]
    if len(positive) < len(ridges):
        zero = [k for k, ridge in enumerate(ridges) if ridge == 0]
        readouts[:, zero] = linalg.lstsq(features, labels, lapack_driver="gelsd")[0][:, None]
    if positive:
        shifts = n * np.array([ridges[k] for k in positive])
        if width <= n:
            readouts[:, positive] = ridge_solve(_gram(features.T), features.T @ labels, shifts)
        else:
            readouts[:, positive] = features.T @ ridge_solve(_gram(features), labels, shifts)
    return readouts


def ridge_solve(gram: Array, target: Array, shifts: Array) -> Array:
    """Columns ``(gram + shift I)^-1 target``, by repeated Cholesky or one eigendecomposition, whichever is cheaper.

    Only the lower triangle of ``gram`` is read; ``gram`` is overwritten.
    """
    if len(shifts) > _CHOLESKY_PER_EIGH:
        values, vectors = linalg.eigh(gram, lower=True, overwrite_a=True, check_finite=False)
        coordinates = (vectors.T @ target)[:, None]
        return vectors @ (coordinates / (np.maximum(values, 0.0)[:, None] + shifts))
    diagonal = gram.diagonal().copy()
    solution = np.empty((len(target), len(shifts)))
    work = np.empty_like(gram) if len(shifts) > 1 else gram
    for k, shift in enumerate(shifts):
        shifted = gram
        if k + 1 < len(shifts):  # the last one may overwrite the Gram matrix itself
            work[...] = gram
            shifted = work
        np.fill_diagonal(shifted, diagonal + shift)
        solution[:, k] = _cholesky_solve(shifted, target, float(shift))
    return solution


def _cholesky_solve(matrix: Array, target: Array, shift: float) -> Array:
    try:
        factor = linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError as error:
        raise NumericalError(Status.SINGULAR, f"Gram matrix + {shift:.3g} is not positive definite: {error}") from error
    return linalg.cho_solve(factor, target, check_finite=False)


def _gram(rows: Array) -> Array:
    """``rows rows'``, lower triangle, Fortran order (half the work of the full product)."""
    if rows.flags.c_contiguous:
        return linalg.blas.dsyrk(1.0, rows.T, trans=1, lower=1)
    return linalg.blas.dsyrk(1.0, rows, trans=0, lower=1)
