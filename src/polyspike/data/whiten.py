"""PCA whitening: real inputs brought to the model's mean zero and identity covariance."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data.scale import as_table, is_constant
from polyspike.display import Readable
from polyspike.errors import ArgumentError

__all__ = ["Whitening", "fit_whitening", "redundant", "whiten"]

# Directions with less than this fraction of the largest standard deviation are rounding, not data.
RANK_TOLERANCE = 1e-10

# Axes whose standard deviations differ by less than this fraction are told apart by rounding only.
EQUAL_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Whitening(Readable):
    """The map ``x -> (x - mean) @ directions``, so that the fitted data have mean 0 and covariance I.

    Attributes
    ----------
    mean : ndarray of shape (p,)
    directions : ndarray of shape (p, dim)
        Principal axes over the standard deviation along each, largest first.
    shares : ndarray of shape (dim,)
        Share of the total variance along each axis: that of the standardised columns, or of the columns as they are
        where they have a common unit.
    """

    mean: Array
    directions: Array
    shares: Array

    @property
    def explained(self) -> float:
        """Share of the total variance that the ``dim`` axes carry."""
        return float(np.sum(self.shares))

    @property
    def dim(self) -> int:
        """Number of axes."""
        return self.directions.shape[1]

    def leading(self, dim: int) -> "Whitening":
        """The whitening along the first ``dim`` axes only, or all of them if there are fewer."""
        return replace(self, directions=self.directions[:, :dim], shares=self.shares[:dim])

    def __call__(self, inputs: Array) -> Array:
        """Whitened inputs, shape (n, dim)."""
        return (np.asarray(inputs, dtype=float) - self.mean) @ self.directions


def fit_whitening(inputs: Array, dim: int | None = None, common_unit: bool = False) -> Whitening:
    """Whitening by the leading ``dim`` principal axes of ``inputs``, shape (n, p).

    Every column is standardised before anything is compared or cut, so the result does not depend on the units: the
    axes are those of the correlation matrix. A column that is constant up to rounding takes no part. The singular
    values of the standardised inputs give the standard deviations with the divisor n, so that the whitened fitting
    data have the covariance I exactly. Cost O(n p min(n, p)).

    Parameters
    ----------
    inputs : ndarray of shape (n, p)
    dim : int, optional
        As many axes as there are independent directions by default.
    common_unit : bool
        The columns are measured in one unit, as the pixels of an image are, and their variances may be compared: the
        axes are those of the covariance matrix.

    Raises
    ------
    ArgumentError
        If ``inputs`` is not a finite table, or has fewer than ``dim`` independent directions.
    """
    table = as_table(inputs)
    mean, unit, scaled = _scaled(table, common_unit)
    _, singular, axes = np.linalg.svd(scaled, full_matrices=False)
    rank = int(np.sum(singular > RANK_TOLERANCE * singular[0]))
    if dim is not None and (dim not in range(1, rank + 1) or dim is True):
        raise ArgumentError("dim", dim, f"give an integer from 1 to {rank}, the number of independent directions")
    directions = _settled(axes[:rank], singular[:rank]) * np.sqrt(table.shape[0])
    whitening = Whitening(mean, directions / unit[:, None], singular[:rank] ** 2 / np.sum(singular**2))
    return whitening.leading(rank if dim is None else dim)


def _scaled(table: Array, common_unit: bool) -> tuple[Array, Array, Array]:
    """Means, units, and the centred columns in these units; a constant column is zero."""
    largest = np.max(np.abs(table), axis=0, initial=0.0)
    largest[largest == 0] = 1.0  # a column of zeros, or no rows
    centred = table / largest
    mean = centred.mean(axis=0)
    centred -= mean
    unit = largest * centred.std(axis=0)
    moves = np.array([not is_constant(column) for column in table.T], dtype=bool)
    if common_unit:
        unit[:] = float(np.max(unit, initial=1.0, where=moves)) if moves.any() else 1.0
    unit[~moves] = 1.0
    if not moves.any():
        raise ArgumentError("inputs", table.shape, "every column is constant; there is nothing to whiten")
    return mean * largest, unit, np.where(moves, centred * (largest / unit), 0.0)


def _settled(axes: Array, singular: Array) -> Array:
    """Axes over singular values, shape (p, rank), with signs and rotations that rounding does not choose.

    An axis is known up to its sign, and axes of equal singular values up to a rotation among themselves. In every
    such group one column after the other, the first that still has at least half the largest weight, is given to
    one axis, with a positive sign.
    """
    gaps = [0, *(j for j, (a, b) in enumerate(pairwise(singular), 1) if b < a * (1 - EQUAL_TOLERANCE)), len(singular)]
    groups = [slice(start, stop) for start, stop in pairwise(gaps)]
    return np.hstack([(axes[g].T / singular[g]) @ _rotation(axes[g]) for g in groups])


def _rotation(axes: Array) -> Array:
    """The rotation of :func:`_settled` for one group of axes, shape (k, p) to (k, k)."""
    rest, chosen = axes.copy(), []
    for _ in range(len(axes)):
        weights = np.linalg.norm(rest, axis=0)
        j = int(np.argmax(weights >= weights.max() / 2))
        chosen.append(rest[:, j] / weights[j])
        rest -= np.outer(chosen[-1], chosen[-1] @ rest)
    return np.column_stack(chosen)


def redundant(inputs: Array) -> tuple[int, ...]:
    """Indices of the columns that are linear combinations of those before them and a constant.

    By orthogonalising the standardised columns in their order: the rest of such a column is rounding. With fewer
    rows than columns the later columns cannot but be.

    Examples
    --------
    >>> a, b = np.random.default_rng(0).standard_normal((2, 9))
    >>> redundant(np.column_stack([a, b, 1e9 * a - 2 * b + 5]))
    (2,)
    """
    table = np.asarray(inputs, dtype=float)
    scaled = _scaled(table, common_unit=False)[2]
    rest = np.zeros(scaled.shape[1])
    diagonal = np.diagonal(np.linalg.qr(scaled, mode="r"))
    rest[: diagonal.size] = np.abs(diagonal)
    return tuple(np.flatnonzero(rest <= RANK_TOLERANCE * np.sqrt(len(table) * scaled.shape[1])).tolist())


def whiten(inputs: Array, dim: int | None = None, common_unit: bool = False) -> Array:
    """Inputs along their leading ``dim`` principal axes, with mean 0 and covariance I.

    Parameters
    ----------
    inputs : ndarray of shape (n, p)
    dim : int, optional
        At most the rank of the centred inputs, which is the default; a few hundred for images.
    common_unit : bool
        As in :func:`fit_whitening`.

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
    return fit_whitening(inputs, dim, common_unit)(inputs)
