"""Errors of the ridge fit averaged over the network, at the actual rows (eq-data-train, eq-data-test)."""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.resolvent import Resolvent
from polyspike.theory.on_data.response import Response

__all__ = ["TrainErrors", "row_errors", "train_errors"]


class TrainErrors(NamedTuple):
    """Loss with the penalty, and mean squared residual."""

    loss: float
    error: float


def train_errors(found: Resolvent, response: Response, target: Array) -> TrainErrors:
    """``gamma y'v/n`` and ``(gamma^2/n)(v'v + sum_u l_u S_u)`` with ``S_u = tr(K_u B^-2)``, so that the sum is
    ``tr G`` (eq-data-train).
    """
    v, n = response.vector, len(target)
    squares = v @ v + np.trace(response.spread, dtype=float)
    return TrainErrors(float(found.shift * (target @ v) / n), float(found.shift**2 / n * squares))


def row_errors(response: Response, found: Resolvent, kernels: Array, diagonals: Array, target: Array) -> Array:
    """Errors of test rows, shape (rows,) (eq-data-test), from ``K_u(t, X)`` and ``K_u(t, t)``.

    These have the shapes (A, rows, n) and (A, rows).
    """
    weights = np.stack([response.by_zeta, response.by_response]).astype(kernels.dtype)
    mean, varied = np.tensordot(weights, kernels, axes=1)
    spread = np.einsum("tn,tn->t", mean @ response.spread - 2 * varied @ found.inverse, mean)
    return (target - mean @ response.vector) ** 2 + spread + response.by_response @ diagonals
