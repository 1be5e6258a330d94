"""Ridge regression on features, by the cheaper of primal and dual, for many ridges from one Gram matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST, ridge_solve

__all__ = ["fit_readouts", "ridge_solve"]


def fit_readouts(features: Any, labels: Any, ridges: Sequence[float], arrays: Arrays = HOST) -> Any:
    """``argmin |y - F a|^2 / n + ridge |a|^2`` for every ridge.

    Parameters
    ----------
    features : array of shape (n, width)
    labels : array of shape (n,)
        In float64.
    ridges : sequence of float
        Each >= 0; 0 is the min-norm least-squares solution, the limit of small ridges.
    arrays : Arrays
        Library, device and precision of the features.

    Returns
    -------
    array of shape (width, len(ridges))
        In float64.

    Raises
    ------
    NumericalError
        If the Gram matrix plus ridge is not positive definite in double precision.
    """
    n, width = features.shape
    columns: list[Any] = [None] * len(ridges)
    positive = [k for k, ridge in enumerate(ridges) if ridge > 0]
    if len(positive) < len(ridges):
        shortest = arrays.least_squares(features, labels)
        columns = [shortest if ridge == 0 else None for ridge in ridges]
    if positive:
        shifts = n * np.array([ridges[k] for k in positive])
        if width <= n:
            target = arrays.cross(features, arrays.working(labels))
            solved = arrays.ridge_solve(arrays.gram(features.T), target, shifts)
        else:
            dual = arrays.ridge_solve(arrays.gram(features), labels, shifts)
            solved = arrays.exact(features.T @ arrays.working(dual))
        if len(positive) == len(ridges):
            return solved
        for j, k in enumerate(positive):
            columns[k] = solved[:, j]
    return arrays.xp.stack(columns, axis=1)
