"""Errors of the ridge fit averaged over the network, at the actual rows (eq-data-train, eq-data-test)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.excluded import mixed_slopes
from polyspike.theory.on_data.resolvent import Resolvent
from polyspike.theory.on_data.response import Response
from polyspike.theory.on_data.step import RowKernels
from polyspike.theory.on_data.symmetric import forms

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
    squares = v @ v + response.trace
    return TrainErrors(float(found.shift * (target @ v) / n), float(found.shift**2 / n * squares))


def row_errors(
    solved: Sequence[tuple[Resolvent, Response]], rows: RowKernels, target: Array, width: int = 1
) -> list[Array]:
    """Errors of test rows at every ridge, each of shape (rows,) (eq-data-test)."""
    weights = np.array([(response.by_zeta, response.by_response) for _, response in solved])
    mixed = np.tensordot((weights @ rows.mix).astype(rows.parts.dtype), rows.parts, axes=1)
    return [
        _row_errors(found, response, mean, varied, rows, target, width)
        for (found, response), (mean, varied) in zip(solved, mixed, strict=True)
    ]


def _row_errors(
    found: Resolvent, response: Response, mean: Array, varied: Array, rows: RowKernels, target: Array, width: int
) -> Array:
    """At one ridge, from the kernels weighted by ``w zeta`` and by l, both of shape (rows, n)."""
    value, own = mean @ response.vector, response.by_response @ rows.diagonals
    solved = mean @ found.inverse
    spread = forms(solved, response.middle) - 2 * np.einsum("tn,tn->t", varied, solved)
    if rows.linear is not None and response.excluded is not None:
        value += response.excluded.by_mean @ rows.linear.means
        slopes = mixed_slopes(response.excluded.by_slope, rows.linear.slopes)
        apart = solved @ response.excluded.factor.astype(solved.dtype) - slopes
        own -= np.sum(apart**2, axis=1) / width
    return (target - value) ** 2 + spread + own
