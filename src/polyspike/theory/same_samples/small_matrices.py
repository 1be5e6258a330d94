"""Inverses and solutions of single small matrices, for which NumPy's checks take longer than LAPACK."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

__all__ = ["inverse", "solved"]


@lru_cache(maxsize=8)
def _functions(kind: np.dtype[Any]) -> Any:
    return get_lapack_funcs(("getrf", "getri", "gesv"), dtype=kind)


def inverse(matrix: Any) -> Any:
    """``A^-1`` of a real or complex matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where it is singular.
    """
    factorise, invert, _ = _functions(matrix.dtype)
    # LAPACK's order is that of the transpose, whose inverse is the inverse's.
    factors, pivots, info = factorise(matrix.T)
    if info == 0:
        found, info = invert(factors, pivots, overwrite_lu=True)
    if info != 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return found.T


def solved(matrix: Any, right: Any) -> Any:
    """``A^-1 B`` of a matrix and right-hand sides (m,) or (m, s) of one type.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where it is singular.
    """
    *_, solve = _functions(np.result_type(matrix, right))
    _, _, found, info = solve(matrix, right)
    if info != 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return found
