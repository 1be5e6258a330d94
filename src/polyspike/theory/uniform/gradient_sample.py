"""The law of what one sample of the gradient leaves in the step, and a rule for averages over it.

The conditioning of section 1 takes the sample's averages at their expectations. With few samples they fluctuate, and
no error is linear in them (docs/theory-uniform.md, section 11, "The gradient's sample"). Given the inputs along beta*
and omega and the noises of the sample, the rest of beta is Gaussian. So three averages and one chi-square say it all:

    V = avg eps^2,   S = avg eps kappa* = beta . beta*,   T = avg eps omega.x = beta . omega,
    |beta|^2 - S^2 - T^2 = V chi^2 / n_0.

For a linear teacher V is gamma distributed and, given V, S and T are Gaussian with variances proportional to V and
means linear in V; of other teachers the first two moments are the same functions of the sample's.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.problem import Problem, Teacher
from polyspike.theory.uniform.conditioning import StepScalars, activation_numbers, condition
from polyspike.theory.uniform.residual_law import teacher_sample

__all__ = [
    "Overlaps",
    "SampleMoments",
    "WeightedSample",
    "energy_variance",
    "mean_overlaps",
    "sample_moments",
    "weighted_samples",
]

Array = NDArray[np.float64]

WINDOW = (0.005, 0.01)
"""Relative variance of V under which the expectations alone are taken, and above which the average alone."""

_ENERGY_NODES = 3
# Signs of (S, T, across) at the four points of a half fraction: means, variances and covariances are exact.
_CORNERS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


class SampleMoments(NamedTuple):
    """Of ``eps^2``, ``eps kappa*`` and ``eps omega.x`` of a single sample of the gradient.

    Attributes
    ----------
    mean : ndarray of shape (3,)
    covariance : ndarray of shape (3, 3)
    """

    mean: Array
    covariance: Array


class WeightedSample(NamedTuple):
    """A node of the average; None stands for the expectations."""

    weight: float
    scalars: StepScalars | None


class Overlaps(NamedTuple):
    """The gradient's cosine with beta*, the spike's, and the spike's strength r."""

    cosine: float
    spike_cosine: float
    strength: float


def sample_moments(problem: Problem) -> SampleMoments:
    """With ``eps = sigma* + nu``, nu Gaussian of variance v and ``E[nu omega.x] = -c_1`` for the full gradient."""
    output = activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
    return _sample_moments(problem.teacher, condition(problem, 0.0).noise_variance, output)


@lru_cache(maxsize=256)
def _sample_moments(teacher: Teacher, v: float, c1: float) -> SampleMoments:
    labels, weights, inputs = teacher_sample(teacher)
    kappa = inputs[:, 0]
    signal = float(weights @ (labels * kappa))
    if signal < 0:
        kappa, signal = -kappa, -signal
    square, fourth = float(weights @ labels**2), float(weights @ labels**4)
    moment = square + v
    both = float(weights @ (labels**2 * kappa**2)) + v - signal**2
    cubed = float(weights @ (labels**3 * kappa)) + (3 * v - moment) * signal
    covariance = [
        [fourth + 6 * square * v + 3 * v**2 - moment**2, cubed, -2 * c1 * moment],
        [cubed, both, -c1 * signal],
        [-2 * c1 * moment, -c1 * signal, (moment if c1 != 0 else 0.0) + c1**2],
    ]
    return SampleMoments(np.array([moment, signal, -c1]), np.array(covariance))


def energy_variance(problem: Problem) -> float:
    """Relative variance of V over the samples: ``2/n_0`` for Gaussian residuals, more for heavier ones."""
    moments = sample_moments(problem)
    if moments.mean[0] == 0:
        return 0.0
    return float(moments.covariance[0, 0] / moments.mean[0] ** 2) / problem.gradient_samples


def weighted_samples(problem: Problem) -> tuple[WeightedSample, ...]:
    """Nodes and weights, all positive, of an average over the gradient's sample.

    Below the window the expectations alone, at which a prediction is cheaper by an order; what is left out there is
    less than a third of the relative variance of V, 0.3 % of an error. Across the window the two are blended, so that
    nothing jumps.
    """
    share = _share(energy_variance(problem))
    if share == 0:
        return (WeightedSample(1.0, None),)
    nodes = tuple(node._replace(weight=share * node.weight) for node in _rule(problem))
    return nodes if share == 1 else (WeightedSample(1 - share, None), *nodes)


def mean_overlaps(problem: Problem) -> Overlaps:
    """Their means over the gradient's sample."""
    total = np.zeros(3)
    for weight, sample in weighted_samples(problem):
        found = condition(problem, sample=sample)
        total += weight * np.array([found.gradient_cosine, found.cosine, found.strength])
    return Overlaps(*map(float, total))


def _share(variance: float) -> float:
    """From 0 to 1 across the window, with continuous slope in the logarithm."""
    if variance <= 0:
        return 0.0
    low, high = WINDOW
    x = min(max(np.log(variance / low) / np.log(high / low), 0.0), 1.0)
    return float(x * x * (3 - 2 * x))


def _rule(problem: Problem) -> tuple[WeightedSample, ...]:
    """Gauss's rule in V, of a gamma law with V's mean and variance, times a half fraction in the other three."""
    n0 = problem.gradient_samples
    (moment, signal, own), covariance = sample_moments(problem)
    lean = covariance[0, 1:] / covariance[0, 0]
    root = _root(covariance[1:, 1:] - np.outer(lean, covariance[0, 1:])) / np.sqrt(n0)
    given = 1 + (problem.gradient == "full")
    freedom = max(problem.input_dim - given, 1)
    nodes = []
    for energy, weight in zip(*_gamma_rule(energy_variance(problem), _ENERGY_NODES), strict=True):
        means = np.array([signal, own]) + lean * moment * (energy - 1)
        for corner in _CORNERS:
            overlaps = means + np.sqrt(energy) * (root @ corner[:2])
            across = freedom / problem.input_dim * _chi_square(freedom, corner[2])
            nodes.append(
                WeightedSample(
                    weight / len(_CORNERS), StepScalars(energy, float(overlaps[0]), float(overlaps[1]), across)
                )
            )
    return tuple(nodes)


def _root(covariance: Array) -> Array:
    """A lower triangular root of a positive semidefinite matrix of two rows."""
    first = np.sqrt(max(covariance[0, 0], 0.0))
    cross = covariance[0, 1] / first if first > 0 else 0.0
    return np.array([[first, 0.0], [cross, np.sqrt(max(covariance[1, 1] - cross**2, 0.0))]])


def _chi_square(freedom: int, sign: int) -> float:
    """A chi-square over its mean at the lower (-1) or upper (1) of two equally likely values.

    Their variance is that of the law, ``2/freedom``, to first order in 1/freedom, and both are positive.
    """
    return float(1 + sign * np.sqrt(2 / (freedom + 2)))


def _gamma_rule(variance: float, count: int) -> tuple[list[float], list[float]]:
    """Gauss's nodes and weights of a gamma law of mean one: Laguerre's recurrence, Hermite's as the variance goes."""
    j = np.arange(count)
    off = np.sqrt(j[1:] * (1 + variance * (j[1:] - 1)) * variance)
    nodes, vectors = np.linalg.eigh(np.diag(1 + 2 * variance * j) + np.diag(off, 1) + np.diag(off, -1))
    return nodes.tolist(), (vectors[0] ** 2).tolist()
