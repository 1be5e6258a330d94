"""Weighted sums of matrices: what ``np.tensordot`` and ``np.einsum`` do, at the cost of the product alone."""

from typing import Any

__all__ = ["total"]


def total(weights: Any, arrays: Any) -> Any:
    """``sum_l weights[..., l] arrays[l]`` for weights (..., L) and arrays (L, ...); shape (..., ...)."""
    found = weights @ arrays.reshape(len(arrays), -1)
    return found.reshape(*weights.shape[:-1], *arrays.shape[1:])
