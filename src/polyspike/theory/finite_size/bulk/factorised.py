"""A factorised Jacobian, which Newton's method and the implicit derivatives solve with many times."""

from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from polyspike.errors import NumericalError
from polyspike.status import Status

__all__ = ["FactorisedJacobian"]


class FactorisedJacobian:
    """The LU factors of a Jacobian, for any number of right-hand sides, real or complex.

    Parameters
    ----------
    matrix : ndarray of shape (m, m)
        Overwritten.
    state : object
        Where it was taken; the error holds it.

    Raises
    ------
    NumericalError
        ``SINGULAR`` where the Jacobian is singular or not finite.
    """

    def __init__(self, matrix: Any, state: Any) -> None:
        factorise, self._back = get_lapack_funcs(("getrf", "getrs"), (matrix,))
        # The transpose is in LAPACK's order already, so that nothing is copied.
        self._factors, self._pivots, info = factorise(matrix.T, overwrite_a=True)
        if info != 0 or not np.isfinite(np.diagonal(self._factors)).all():
            raise NumericalError(Status.SINGULAR, "the Jacobian of the bulk's fixed point is singular", partial=state)

    def solve(self, right: Any) -> Any:
        """``J^-1 right``."""
        return self._back(self._factors, self._pivots, right, trans=1)[0]

    def solve_transposed(self, right: Any) -> Any:
        """``J'^-1 right``."""
        return self._back(self._factors, self._pivots, right)[0]
