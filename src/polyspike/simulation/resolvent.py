"""The inverse that a ridge regression is made of, by a Cholesky factor or, where rounding spoils that, without."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.simulation.arrays import not_positive
from polyspike.status import Status

__all__ = ["Resolvent", "SingularValues", "StableResolvent"]


class Resolvent:
    """``A = (F'F + shift)^-1`` on rows of width numbers, and what leaving a sample out of it takes.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    shift : float
        ``n ridge``, positive.
    pulled : ndarray of shape (d, width)
        ``X'F``, on which A is wanted too.

    Raises
    ------
    NumericalError
        If the sum is not positive definite in double precision.
    """

    def __init__(self, features: Array, shift: float, pulled: Array) -> None:
        self.features, self.shift, self._pulled = features, shift, pulled
        n, width = features.shape
        self._dual = width > n
        gram = features @ features.T if self._dual else features.T @ features
        gram[np.diag_indices_from(gram)] += shift
        self._inverse = _inverse(gram, shift)

    def __call__(self, rows: Array) -> Array:
        """``rows A``; where neurons are more than samples by ``A = (1 - F'(F F' + shift)^-1 F)/shift``."""
        if self._dual:
            return np.asarray((rows - rows @ self.features.T @ self._inverse @ self.features) / self.shift)
        return np.asarray(rows @ self._inverse)

    @cached_property
    def image(self) -> Array:
        """``F A``, shape (n, width)."""
        return self._inverse @ self.features if self._dual else self(self.features)

    @cached_property
    def pulled_image(self) -> Array:
        """``X'F A``, shape (d, width)."""
        return self(self._pulled)

    @cached_property
    def freedoms(self) -> Array:
        """One less the leverages: ``1 - f_j . A f_j``."""
        return np.asarray(1 - np.einsum("ji,ji->j", self.features, self.image))

    def residuals(self, labels: Array) -> Array:
        """``y - F a`` of the ridge regression, shape (n,)."""
        return np.asarray(labels - self.image @ (self.features.T @ labels))


def _inverse(gram: Array, shift: float) -> Array:
    """The inverse of a positive definite matrix, from its Cholesky factor."""
    factor, info = linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
    if info != 0:
        raise not_positive(shift, f"its leading minor {info} is not")
    lower, _ = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    whole = np.tril(lower)
    return np.asarray(whole + np.tril(lower, -1).T)


@dataclass(frozen=True, eq=False)
class SingularValues:
    """``F = U diag(s) V``, with as many of them as the smaller side of F.

    Attributes
    ----------
    left : ndarray of shape (n, k)
    values : ndarray of shape (k,)
    right : ndarray of shape (k, width)
    """

    left: Array
    values: Array
    right: Array

    @classmethod
    def of(cls, features: Array) -> "SingularValues":
        """By divide and conquer, and where that does not converge by the slower iteration.

        Raises
        ------
        NumericalError
            Of features that are not finite.
        """
        if not np.all(np.isfinite(features)):
            raise NumericalError(Status.OUT_OF_RANGE, "features overflow: take inputs of order one")
        try:
            return cls(*linalg.svd(features, full_matrices=False, check_finite=False))
        except linalg.LinAlgError:
            return cls(*linalg.svd(features, full_matrices=False, check_finite=False, lapack_driver="gesvd"))


class StableResolvent(Resolvent):
    """The same by singular values, which F'F has lost where it is large beside the shift; some ten times as long.

    Parameters
    ----------
    decomposed : SingularValues
        Of the features, for every shift the same.
    """

    def __init__(self, decomposed: SingularValues, features: Array, shift: float, pulled: Array) -> None:
        self.features, self.shift, self._pulled = features, shift, pulled
        self._left, values, self._right = decomposed.left, decomposed.values, decomposed.right
        self._weights, self._shares = 1 / (values**2 + shift), values / (values**2 + shift)

    def __call__(self, rows: Array) -> Array:
        inside = rows @ self._right.T
        found = (inside * self._weights) @ self._right
        if len(self._right) < self._right.shape[1]:
            found += (rows - inside @ self._right) / self.shift
        return np.asarray(found)

    @cached_property
    def image(self) -> Array:
        """``F A``, shape (n, width)."""
        return np.asarray((self._left * self._shares) @ self._right)

    @cached_property
    def pulled_image(self) -> Array:
        """``X'F A``, shape (d, width): no part of it is outside the rows of F."""
        return np.asarray((self._pulled @ self._right.T * self._weights) @ self._right)

    @cached_property
    def freedoms(self) -> Array:
        """One less the leverages, without their cancellation."""
        squares = self._left**2
        outside = np.maximum(1 - squares.sum(axis=1), 0.0) if self._tall else 0.0
        return np.asarray(squares @ (self.shift * self._weights) + outside)

    def residuals(self, labels: Array) -> Array:
        """``y - F a`` of the ridge regression, shape (n,)."""
        along = self._left.T @ labels
        outside = labels - self._left @ along if self._tall else 0.0
        return np.asarray(self._left @ (self.shift * self._weights * along) + outside)

    @property
    def _tall(self) -> bool:
        """Whether labels can lie outside the columns of F."""
        return len(self._left) > len(self._right)
