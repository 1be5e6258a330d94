"""A second road to the test error: ridge regression's deterministic equivalents at the covariance of drawn features.

It needs a network and its features, and no theory of the network: only that features behave as Gaussian vectors of
their covariance do (the Gaussian covariate model). The theory on data needs neither; the two can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.rows import as_rows, check_counts
from polyspike.scalars import as_integer, as_real, as_seed
from polyspike.simulation.data_draw import DataDraw
from polyspike.simulation.gradient import gradient_step

__all__ = ["RidgeCurve", "covariate_curve", "ridge_curve"]


@dataclass(frozen=True, eq=False)
class RidgeCurve:
    """Errors of a ridge fit on ``n_samples`` rows, all of shape (sizes, ridges).

    Attributes
    ----------
    train_error, test_error : ndarray
    penalty : ndarray
        kappa, the ridge of the population to which the fit is equivalent.
    """

    train_error: Array
    test_error: Array
    penalty: Array


def ridge_curve(features: Array, labels: Array, n_samples: Sequence[int], ridges: Sequence[float]) -> RidgeCurve:
    """The learning curve of ridge regression, the given rows taken for the population.

    With ``S = F'F/m``, ``c = F'y/m`` and ``df_k = tr S^k (S + kappa)^-k``,

        kappa (1 - df_1/n) = ridge,
        test error = (E y^2 - 2 c'(S + kappa)^-1 c + c'(S + kappa)^-1 S (S + kappa)^-1 c) / (1 - df_2/n),
        train error = (ridge/kappa)^2 test error.

    Parameters
    ----------
    features : ndarray of shape (m, width)
        Many more rows than n_samples: the fit would see some of these rows, and S is known from them only.
    labels : ndarray of shape (m,)
    n_samples : sequence of int
    ridges : sequence of float
        > 0; minimises ``|y - Fa|^2/n + ridge |a|^2``.

    Raises
    ------
    ArgumentError
        A ridge that is not positive, or a size below 2.
    """
    sizes = [as_integer("n_samples", n, 2) for n in n_samples]
    some = [as_real("ridges", ridge, 0) for ridge in ridges]
    if 0.0 in some:
        raise ArgumentError("ridges", 0.0, "give ridges > 0")
    values, axes = np.linalg.eigh(features.T @ features / len(labels))
    values, along = np.maximum(values, 0.0), axes.T @ (features.T @ labels / len(labels))
    energy = float(np.mean(labels**2))
    points = np.array([[_point(values, along, energy, n, ridge) for ridge in some] for n in sizes])
    return RidgeCurve(points[..., 0], points[..., 1], points[..., 2])


def _point(values: Array, along: Array, energy: float, n: int, ridge: float) -> tuple[float, float, float]:
    kappa = _penalty(values, n, ridge)
    kept = values / (values + kappa)
    population = energy - np.sum(along**2 * (2 - kept) / (values + kappa))
    test = float(population / (1 - np.sum(kept**2) / n))
    return (ridge / kappa) ** 2 * test, test, kappa


def _penalty(values: Array, n: int, ridge: float) -> float:
    """The kappa of ``kappa (1 - df_1/n) = ridge``: between the ridge and the ridge plus ``tr S / n``."""

    def excess(kappa: float) -> float:
        return float(kappa - ridge - np.sum(kappa * values / (values + kappa)) / n)

    return float(brentq(excess, ridge, ridge + np.sum(values) / n + ridge, xtol=1e-14 * ridge, rtol=1e-13))


def covariate_curve(
    problem: Problem,
    inputs: Array,
    target: Array,
    *,
    n_samples: Sequence[int] | None = None,
    ridges: Sequence[float] | None = None,
    seed: int | Sequence[int] = 0,
    split_seed: int | Sequence[int] | None = None,
) -> RidgeCurve:
    """:func:`ridge_curve` of one network after its step, on all rows that its gradient has not seen.

    Parameters
    ----------
    problem, inputs, target, seed, split_seed
        As in :func:`polyspike.simulate_data`.
    n_samples, ridges : sequences, optional
        Those of the problem when None.

    Raises
    ------
    ArgumentError
        As :func:`polyspike.simulate_data` and :func:`ridge_curve`.
    """
    inputs, target = as_rows(inputs, target)
    check_counts(inputs, problem.n_samples, problem.gradient_samples, problem.input_dim)
    chosen = None if split_seed is None else as_seed(split_seed)
    rest = len(inputs) - problem.gradient_samples
    sizes = (problem.gradient_samples, rest, problem.width)
    draw = DataDraw(as_seed(seed), inputs, target, *sizes, split_seed=chosen)
    start, rows = draw.gradient_sample, draw.ridge_sample
    readout = draw.readout(problem.readout)
    moved = gradient_step(start.inputs, start.target, draw.weights, readout, problem.activation, problem.gradient)
    weights = draw.weights + problem.step * moved.matrix
    features = problem.activation(rows.inputs @ weights.T)
    return ridge_curve(features, rows.target, n_samples or [problem.n_samples], ridges or [problem.ridge])
