"""Errors of the ridge fit averaged over the network, at the actual rows (eq-data-train, eq-data-test)."""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.resolvent import Family, Resolvent

__all__ = ["ResponseWeights", "TrainErrors", "response_weights", "row_errors", "train_errors"]


class TrainErrors(NamedTuple):
    """Loss with the penalty, and mean squared residual."""

    loss: float
    error: float


class ResponseWeights(NamedTuple):
    """What makes an error of the kernels of a test row: ``v``, ``w zeta`` and the response of ``zeta`` to the row."""

    vector: Array
    by_zeta: Array
    by_response: Array


def train_errors(family: Family, found: Resolvent, target: Array, width: int) -> TrainErrors:
    """``gamma y'v/n`` and ``(gamma^2/n)(v'v + sum_u w_u zdot_u v'K_u v)`` with ``v = B^-1 y`` (eq-data-train)."""
    v, n = found.inverse @ target, len(target)
    source = family.traces(found.inverse @ found.inverse)
    zdot = found.answered(found.zeta**2 / width * source)
    squares = v @ v + (family.weights * zdot) @ family.forms(v)
    return TrainErrors(float(found.shift * (target @ v) / n), float(found.shift**2 / n * squares))


def response_weights(family: Family, found: Resolvent, target: Array, width: int) -> ResponseWeights:
    """The weights of (eq-data-test): ``sum_u w_u zdot_u v'K_u v = sum_u l_u S_u``,
    ``l = (zeta^2/N) (1 - J')^-1 (w v'K v)``.
    """
    v = found.inverse @ target
    response = found.zeta**2 / width * found.adjoint(family.weights * family.forms(v))
    return ResponseWeights(v, family.weights * found.zeta, response)


def row_errors(
    weights: ResponseWeights, found: Resolvent, family: Family, kernels: Array, diagonals: Array, target: Array
) -> Array:
    """Errors of test rows, shape (rows,) (eq-data-test), from ``K_u(t, X)`` and ``K_u(t, t)``.

    These have the shapes (A, rows, n) and (A, rows).
    """
    mean, response = (np.tensordot(w, kernels, axes=1) for w in (weights.by_zeta, weights.by_response))
    solved = mean @ found.inverse
    spread = weights.by_response @ diagonals - 2 * np.sum(response * solved, axis=1)
    spread += np.sum((solved @ family.combined(weights.by_response)) * solved, axis=1)
    return (target - mean @ weights.vector) ** 2 + spread
