"""A user's own rows: predicted beside measured, at the best predicted step and without one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data_predictions import DataGrid, DataPrediction
from polyspike.estimate import Estimate
from polyspike.experiments.statistics import estimate
from polyspike.problem import Problem
from polyspike.record import Result
from polyspike.scalars import as_integer
from polyspike.simulation import simulate_data
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.cost import NOMINAL, Rates, measure_rates, phases_of
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import Storage, estimate_bytes
from polyspike.theory import predict_data_grid
from polyspike.theory.on_data.cost import DataCost, data_cost

__all__ = [
    "EXPONENTS",
    "DataComparison",
    "InputShape",
    "beside_networks",
    "comparison_bytes",
    "comparison_cost",
    "shape_of",
]

EXPONENTS = (-inf, 0.0, 0.1, 0.2, 0.3, 0.4, 0.45)
"""Steps that are predicted by default; the first is none."""

_TRAINED = 2
"""Steps at which every network is trained."""

_RUN = 4e-4
"""Seconds that a network takes whatever its size."""

_WORTH_MEASURING = 0.2
"""Seconds of training from which this machine's rates are measured, which takes as long."""


@dataclass(frozen=True, eq=False, repr=False)
class DataComparison(Result):
    """Networks on the same split of the rows beside the prediction of their mean.

    Attributes
    ----------
    grid : DataGrid
        All steps and ridges.
    still, best : DataPrediction
        Without a step, and at the best step; both at the best ridge of the grid.
    still_measured, best_measured : Estimate
        Mean test errors of networks that differ by their initial weights alone.
    """

    grid: DataGrid
    still: DataPrediction
    best: DataPrediction
    still_measured: Estimate
    best_measured: Estimate


@dataclass(frozen=True, eq=False, repr=False)
class InputShape(Result):
    """Which covariance inputs have, and how far from Gaussian they are.

    Attributes
    ----------
    rows, columns : int
    effective_dimension : float
        ``(tr S)^2 / tr S^2`` of the covariance S: the number of columns when whitened.
    decay : float
        Slope of log eigenvalue against log rank over the leading half, with its sign changed: 0 when whitened.
    length_variance : float
        Variance of ``|x|^2`` over the square of its mean.
    gaussian_length_variance : float
        The same of Gaussian inputs of this covariance, ``2 / effective_dimension``.
    kurtosis : float
        Mean over the principal axes of the fourth moment at unit variance: 3 for Gaussian inputs.
    """

    rows: int
    columns: int
    effective_dimension: float
    decay: float
    length_variance: float
    gaussian_length_variance: float
    kurtosis: float


def beside_networks(
    inputs: Array,
    target: Array,
    *,
    networks: int = 8,
    step_exponents: Sequence[float] = EXPONENTS,
    ridges: Sequence[float] = (0.1,),
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    **options: Any,
) -> DataComparison:
    """Predict all steps and ridges, then train networks at the best step and without one.

    Parameters
    ----------
    inputs, target, ridges, seed, progress, options
        As in :func:`polyspike.predict_data_grid`.
    networks : int
        At least 2.
    step_exponents : sequence of float
        The first, minus infinity, is no step.

    Raises
    ------
    ArgumentError, NumericalError
        As :func:`polyspike.predict_data_grid`.
    """
    count = as_integer("networks", networks, 2)
    exponents = [-inf, *(alpha for alpha in step_exponents if alpha != -inf)]
    grid = predict_data_grid(
        inputs, target, step_exponents=exponents, ridges=ridges, seed=seed, progress=progress, **options
    )
    best = grid.best
    still = grid.points[0][grid.ridges.index(grid.best_ridge)]
    runs = [
        simulate_data([still.problem, best.problem], inputs, target, seed=(seed, k), split_seed=seed)
        for k in range(count)
    ]
    before, after = (estimate([row[j].test_error for row in runs]) for j in (0, 1))
    return DataComparison(grid, still, best, before, after)


def comparison_cost(
    problem: Problem,
    rows: int,
    networks: int,
    ridges: int = 1,
    steps: int = len(EXPONENTS),
    rates: Callable[[Problem, Arrays], Rates] = measure_rates,
) -> DataCost:
    """What :func:`beside_networks` takes: the time of prediction and networks, and the larger of their peaks.

    Parameters
    ----------
    problem : Problem
        Its sizes, activation, gradient and readout count.
    rows : int
        Of the table.
    networks, ridges, steps : int
    rates : callable
        Stand-in for :func:`polyspike.simulation.cost.measure_rates`.
    """
    tested = _tested(problem, rows)
    phases, runs = phases_of(problem, Storage.HELD, tested), _TRAINED * networks
    seconds = runs * sum(phases.seconds(NOMINAL))
    if seconds > _WORTH_MEASURING:
        seconds = runs * sum(phases.seconds(rates(problem, HOST)))
    seconds += data_cost(problem, tested, steps, ridges).seconds + runs * _RUN
    return DataCost(seconds, comparison_bytes(problem, rows, ridges, steps))


def comparison_bytes(problem: Problem, rows: int, ridges: int = 1, steps: int = len(EXPONENTS)) -> int:
    """The memory of :func:`comparison_cost` alone, which takes no time to tell."""
    return max(data_cost(problem, _tested(problem, rows), steps, ridges).bytes, estimate_bytes(problem))


def _tested(problem: Problem, rows: int) -> int:
    return max(0, rows - problem.n_samples - problem.gradient_samples)


def shape_of(inputs: Array) -> InputShape:
    """The shape of inputs, (rows, columns)."""
    centred = inputs - inputs.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(inputs))
    values, axes = values[::-1], axes[:, ::-1]
    kept = values > 1e-10 * values[0]
    values, along = values[kept], centred @ axes[:, kept]
    half = max(2, len(values) // 2)
    slope = np.polyfit(np.log(np.arange(1, half + 1)), np.log(values[:half]), 1)[0] if len(values) > 1 else 0.0
    squares = np.sum(centred**2, axis=1)
    effective = float(values.sum() ** 2 / np.sum(values**2))
    return InputShape(
        rows=len(inputs),
        columns=inputs.shape[1],
        effective_dimension=effective,
        decay=float(-slope),
        length_variance=float(np.var(squares) / np.mean(squares) ** 2),
        gaussian_length_variance=2 / effective,
        kurtosis=float(np.mean(np.mean(along**4, axis=0) / values**2)),
    )
