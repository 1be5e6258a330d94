"""PCA whitening: real inputs brought to the model's mean zero and identity covariance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.display import Readable
from polyspike.errors import ArgumentError

__all__ = ["Whitening", "fit_whitening", "whiten"]

Array = NDArray[np.float64]

# Directions with less than this fraction of the largest standard deviation are rounding, not data.
RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class Whitening(Readable):
    """The map ``x -> (x - mean) @ directions``, so that the fitted data have mean 0 and covariance I.

    Attributes
    ----------
    mean : ndarray of shape (p,)
    directions : ndarray of shape (p, dim)
        Principal axes over the standard deviation along each, largest first.
    explained : float
        Share of the total variance that the ``dim`` axes carry.
    """

    mean: Array
    directions: Array
    explained: float

    def __call__(self, inputs: Array) -> Array:
        """Whitened inputs, shape (n, dim)."""
        return (np.asarray(inputs, dtype=float) - self.mean) @ self.directions


def fit_whitening(inputs: Array, dim: int) -> Whitening:
    """Whitening by the leading ``dim`` principal axes of ``inputs``, shape (n, p).

    The singular values of the centred inputs give the standard deviations with the divisor n, so that the
    whitened fitting data have the covariance I exactly. Cost O(n p min(n, p)).

    Raises
    ------
    ArgumentError
        If ``inputs`` is not a finite table, or has fewer than ``dim`` independent directions.
    """
    table = np.asarray(inputs, dtype=float)
    if table.ndim != 2 or not np.all(np.isfinite(table)):
        raise ArgumentError("inputs", table.shape, "give a table of finite numbers, one row a sample")
    mean = table.mean(axis=0)
    _, singular, axes = np.linalg.svd(table - mean, full_matrices=False)
    rank = int(np.sum(singular > RANK_TOLERANCE * singular[0]))
    if dim not in range(1, rank + 1) or dim is True:
        raise ArgumentError("dim", dim, f"give an integer from 1 to {rank}, the rank of the data")
    scale = np.sqrt(table.shape[0]) / singular[:dim]
    explained = float(np.sum(singular[:dim] ** 2) / np.sum(singular**2))
    return Whitening(mean, axes[:dim].T * scale, explained)


def whiten(inputs: Array, dim: int) -> Array:
    """Inputs along their leading ``dim`` principal axes, with mean 0 and covariance I.

    Parameters
    ----------
    inputs : ndarray of shape (n, p)
    dim : int
        At most the rank of the centred inputs; a few hundred for images.

    Returns
    -------
    ndarray of shape (n, dim)

    Raises
    ------
    ArgumentError
        As :func:`fit_whitening`.

    Examples
    --------
    >>> import numpy as np
    >>> white = whiten(np.random.default_rng(0).standard_normal((50, 4)) @ np.diag([1, 2, 3, 4.0]), 3)
    >>> bool(np.allclose(white.T @ white / 50, np.eye(3)))
    True
    """
    return fit_whitening(inputs, dim)(inputs)
