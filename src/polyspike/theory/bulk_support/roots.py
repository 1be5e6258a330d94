"""Outliers, where a symmetric matrix along a path outside the bulk is singular (docs/theory-same-data.md, section 9).

The matrix is a Schur complement of one whose inertia is that of ``F F'/N - z``, without a pole outside the bulk: above
z there are as many outliers as it has negative eigenvalues more than far above.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status

__all__ = ["Roots", "scaled"]

_TOLERANCE = 1e-10


def scaled(matrix: Array) -> tuple[Array, Array]:
    """``S'E S`` of order one on its diagonal and S, whose columns are those of the coefficients that count; the signs
    of the eigenvalues are those of E.
    """
    largest = np.abs(matrix).max(axis=0)
    scale = np.diag(np.where(largest > 0, 1 / np.sqrt(np.where(largest > 0, largest, 1.0)), 0.0))[:, largest > 0]
    return scale.T @ (matrix + matrix.T) @ scale / 2, scale


@dataclass(frozen=True, eq=False)
class Roots:
    """The outliers on a path of real solutions outside the bulk.

    Attributes
    ----------
    path : sequence of RealPoint
        Monotonous in z: down from above everything to the upper edge, or up through a gap or to the lower edge.
    matrix : callable
        E at a point.
    """

    path: Sequence[Any]
    matrix: Callable[[Any], Array]

    def above(self) -> list[Any]:
        """The solution at every outlier above the bulk, largest first, on a path down from above all of them.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED`` when an outlier is not located.
        """
        first, last = (int((values < 0).sum()) for values in (self._values[0], self._values[-1]))
        return [self._locate(place, True) for place in range(first, last)]

    def between(self) -> list[Any]:
        """The solution at every outlier on a path up, smallest first.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED`` when an outlier is not located.
        """
        first, last = (int((values < 0).sum()) for values in (self._values[0], self._values[-1]))
        return [self._locate(place, False) for place in range(first - 1, last - 1, -1)]

    def null_vector(self, point: Any) -> Array:
        """Of the matrix at an outlier."""
        matrix, scale = scaled(self.matrix(point))
        values, vectors = np.linalg.eigh(matrix)
        found: Array = scale @ vectors[:, np.abs(values).argmin()]
        return found

    @cached_property
    def _values(self) -> list[Array]:
        return [self._eigenvalues(point) for point in self.path]

    def _eigenvalues(self, point: Any) -> Array:
        return np.asarray(np.linalg.eigvalsh(scaled(self.matrix(point))[0]), dtype=float)

    def _locate(self, place: int, falling: bool) -> Any:
        """The solution at which an eigenvalue of E, in ascending order, changes its sign."""
        after = next(i for i, values in enumerate(self._values) if (values[place] < 0) == falling)
        start, stop = sorted(self.path[after - 1 : after + 1], key=lambda point: point.pace)
        found: dict[float, Any] = {}

        def height(share: float) -> float:
            point = start.towards(stop, share)
            if point is None:
                message = f"the outlier between {stop.z:.4g} and {start.z:.4g} was not located"
                raise NumericalError(Status.NOT_CONVERGED, message)
            found[share] = point
            return float(self._eigenvalues(point)[place])

        root = float(brentq(height, 0.0, 1.0, xtol=_TOLERANCE, rtol=4 * np.finfo(float).eps))
        return found[root]
