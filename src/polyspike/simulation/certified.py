"""One ridge regression and its prediction of a row of its own, to an accuracy that is proved, or an error.

With ``Q = F'F + shift`` the prediction is ``f . Q^-1 F'y``. Of any a near the readout and any z near ``Q^-1 f``, with
the residuals ``r = F'y - Q a`` and ``s = f - Q z``, it is::

    f . a + z . r + s . Q^-1 r,        |s . Q^-1 r| <= |s| |r| / shift,

whatever they come from: an inverse that rounding or an expansion has spoilt makes the residuals large, and the bound
with them. Both are found side by side, by conjugate gradients.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.simulation.resolvent import SingularValues
from polyspike.status import Status

__all__ = ["RidgeSystem", "certain_prediction"]

Inverse = Callable[[Array], Array]
"""What stands for ``Q^-1``, on rows of width numbers."""

_MOST_STEPS = 50
"""Of conjugate gradients, which then take as long as a factor of Q."""

_ROUNDING = 4 * float(np.finfo(float).eps)
"""Of a sum of products, relative to the norms of its factors: long sums lose less, as their errors cancel."""


@dataclass(frozen=True, eq=False)
class RidgeSystem:
    """The ridge regression of labels on features, and the row of which it shall predict the label.

    Attributes
    ----------
    features : ndarray of shape (n, width)
        F.
    labels : ndarray of shape (n,)
    shift : float
        ``n ridge``, positive.
    row : ndarray of shape (width,)
        f.
    """

    features: Array
    labels: Array
    shift: float
    row: Array

    def product(self, rows: Array) -> Array:
        """``rows Q``."""
        return np.asarray(rows @ self.features.T @ self.features + self.shift * rows)

    def residual(self, readout: Array) -> Array:
        """``F'(y - F a) - shift a``."""
        return np.asarray(self.features.T @ (self.labels - self.features @ readout) - self.shift * readout)

    @cached_property
    def squared_size(self) -> float:
        """``tr F'F``, which is at least the largest eigenvalue."""
        return float(np.vdot(self.features, self.features))

    def bound(self, found: Array, left: Array) -> float:
        """Of the error of ``f . a + z . r``, rounding included: ``found`` are z and a, ``left`` their residuals."""
        sizes, residuals = np.sqrt(_dots(found, found)), np.sqrt(_dots(left, left))
        residuals += _ROUNDING * (self.squared_size + self.shift) * sizes
        residuals[1] += _ROUNDING * self._labels_pulled
        return float(residuals[0] * residuals[1] / self.shift + _ROUNDING * self._row_size * sizes[1])

    @cached_property
    def _labels_pulled(self) -> float:
        return float(np.sqrt(self.squared_size) * np.linalg.norm(self.labels))

    @cached_property
    def _row_size(self) -> float:
        return float(np.linalg.norm(self.row))


def certain_prediction(system: RidgeSystem, inverse: Inverse, readout: Array, accuracy: float) -> float:
    """The prediction to ``accuracy``, by an inverse and a readout close to those of the system if they are.

    Where they are not, by a factor of Q, and where rounding has spoilt that, by the singular values of the features.

    Raises
    ------
    NumericalError
        If rounding alone can move the prediction by more.
    """
    with np.errstate(all="ignore"):  # what overflows is not certain, and goes on to the next
        for trusted, start in _starts(system, inverse, readout):
            found = _iterated(system, trusted, start, accuracy)
            if found is not None:
                return found
        return _by_singular_values(system, accuracy)


def _starts(system: RidgeSystem, inverse: Inverse, readout: Array) -> Iterator[tuple[Inverse, Array]]:
    yield inverse, readout
    factored = _factored(system)
    if factored is not None:
        yield factored, np.zeros_like(readout)


def _iterated(system: RidgeSystem, inverse: Inverse, readout: Array, accuracy: float) -> float | None:
    """By preconditioned conjugate gradients; None where the bound stays larger or the inverse is not positive."""
    found = np.stack([np.zeros_like(readout), readout])
    left = np.stack([system.row, system.residual(readout)])
    direction, before = np.zeros_like(found), np.ones(2)
    for step in range(_MOST_STEPS):
        if system.bound(found, left) <= accuracy:
            return float(system.row @ found[1] + found[0] @ left[1])
        solved = inverse(left)
        now = _dots(left, solved)
        direction = solved + (now / before if step else np.zeros(2))[:, None] * direction
        image = system.product(direction)
        length = now / _dots(direction, image)
        if not np.all((now > 0) & (length > 0) & np.isfinite(length)):
            return None
        found += length[:, None] * direction
        left -= length[:, None] * image
        before = now
    return None


def _factored(system: RidgeSystem) -> Inverse | None:
    """``Q^-1`` by the Cholesky factor of the smaller of its two matrices; None if rounding leaves it none."""
    features, shift = system.features, system.shift
    dual = len(features) < features.shape[1]
    gram = features @ features.T if dual else features.T @ features
    gram[np.diag_indices_from(gram)] += shift
    try:
        factor = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return None

    def solved(columns: Array) -> Array:
        return np.asarray(linalg.cho_solve(factor, columns, check_finite=False))

    if dual:
        return lambda rows: (rows - solved(features @ rows.T).T @ features) / shift
    return lambda rows: solved(rows.T).T


def _by_singular_values(system: RidgeSystem, accuracy: float) -> float:
    """Backward stable: the prediction is that of features off by their rounding, delta, which moves it by at most

    ``2 |delta| sqrt(f . Q^-1 f) sqrt(|a|^2 + |y - F a|^2/shift)``.
    """
    decomposed = SingularValues.of(system.features)
    left, values, right = decomposed.left, decomposed.values, decomposed.right
    shift, along = system.shift, left.T @ system.labels
    readout = values / (values**2 + shift) * along
    residual = system.labels - left @ (values * readout)
    inside = right @ system.row
    outside = system.row - inside @ right
    spread = np.sum(inside**2 / (values**2 + shift)) + np.sum(outside**2) / shift
    size = np.sum(readout**2) + np.sum(residual**2) / shift
    bound = 2 * _ROUNDING * float(np.sqrt(system.squared_size * spread * size))
    if not bound <= accuracy:
        raise _uncertain(system, bound, accuracy)
    return float(inside @ readout)


def _uncertain(system: RidgeSystem, bound: float, accuracy: float) -> NumericalError:
    condition = system.squared_size / system.shift
    text = f"rounding moves a left-out prediction by up to {bound:.1e}, and it is wanted to {accuracy:.1e}: the squared"
    text += (
        f" features are {condition:.1e} times n ridge; take a larger ridge, or inputs and an activation of order one"
    )
    return NumericalError(Status.NOT_CONVERGED, text)


def _dots(rows: Array, others: Array) -> Array:
    return np.asarray(np.einsum("ji,ji->j", rows, others))
