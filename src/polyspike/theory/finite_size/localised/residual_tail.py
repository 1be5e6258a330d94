"""The residual that the gradient sees, with its tails: the largest of n_0 may make eigenvalues of their own."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from polyspike.arraytypes import Array
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.labels.label_law import teacher_law

__all__ = ["LargestResidual", "ResidualTail", "residual_tail"]

# Inputs of a teacher of one and of two indices: range and step.
_RANGE = {1: (7.5, 0.01), 2: (6.5, 0.08)}
# Sizes of the residual, in its standard deviations, and how far the Gaussian part reaches.
_BINS, _LEAST, _GAUSSIAN_RANGE = 100, 0.02, 8.0
# Values of less than these weights do not occur.
_RARE_INPUT, _RARE = 1e-14, 1e-13


class LargestResidual(NamedTuple):
    """A node of the law of the largest of n_0 residuals: its value, and the weight of the node."""

    value: float
    weight: float


@dataclass(frozen=True)
class ResidualTail:
    """The law of one residual on values with equal ratios, of either sign.

    Attributes
    ----------
    values, weights : ndarray of shape (E,)
    count : int
        The number of samples.
    """

    values: Array
    weights: Array
    count: int

    @property
    def second_moment(self) -> float:
        """``E eps^2``."""
        return float(self.weights @ self.values**2)

    @property
    def energy_variance(self) -> float:
        """Relative variance of the mean of ``eps^2`` over the samples."""
        fourth = float(self.weights @ self.values**4)
        return max(fourth / self.second_moment**2 - 1, 0.0) / self.count

    def largest(self, bounds: tuple[float, ...]) -> list[LargestResidual]:
        """The law of the largest of all residuals, each with its signs: one size between every two of these quantiles,
        which ascend from 0 to 1.
        """
        order = np.argsort(np.abs(self.values))
        reached = np.cumsum(self.weights[order]) ** self.count
        middle = reached - np.diff(reached, prepend=0.0) / 2
        found = []
        for low, high in pairwise(bounds):
            place = min(int(np.searchsorted(middle, (low + high) / 2)), len(order) - 1)
            same = np.flatnonzero(np.abs(self.values) == np.abs(self.values[order[place]]))
            share = self.weights[same] / self.weights[same].sum() * (high - low)
            found += [LargestResidual(float(self.values[k]), float(w)) for k, w in zip(same, share, strict=True)]
        return found

    def others(self, largest: float) -> "ResidualTail":
        """The law of the others, given the largest."""
        kept = np.abs(self.values) <= abs(largest)
        weights = self.weights[kept] / self.weights[kept].sum()
        return ResidualTail(self.values[kept], weights, self.count - 1)


def residual_tail(problem: Problem, scalars: Conditioning) -> ResidualTail:
    """The law of ``eps = sigma* + nu`` of a problem, nu normal."""
    labels, weights = _labels(problem.teacher)
    deviation = scalars.gaussian_variance**0.5
    common = np.abs(labels[weights > _RARE_INPUT]).max() + _GAUSSIAN_RANGE * deviation
    size = scalars.residual_moment**0.5
    sizes = np.geomspace(_LEAST * size, max(common, size), _BINS + 1)
    middle = np.append(sizes[0] / 2, np.sqrt(sizes[1:] * sizes[:-1]))
    bounds = np.append(0.0, sizes)
    mass = np.concatenate([-np.diff(_beyond(sign * labels, weights, deviation, bounds)) for sign in (1, -1)])
    values = np.concatenate([middle, -middle])
    kept = mass > _RARE
    return ResidualTail(values[kept], mass[kept] / mass[kept].sum(), problem.gradient_samples)


def energy_variance_of_network(problem: Problem, second_moment: float) -> float:
    """Relative variance of ``E eps^2`` from network to network: that of ``|a|^2 E sigma^2`` (full gradient)."""
    if problem.gradient != "full" or problem.readout != "gaussian":
        return 0.0
    return 2 / problem.width * (activation_numbers(problem.activation).second_moment / second_moment) ** 2


def _labels(teacher: Teacher) -> tuple[Array, Array]:
    """The teacher's values on fine inputs, whose tails count; of many indices at its quadrature nodes."""
    if teacher.n_indices not in _RANGE:
        law = teacher_law(teacher)
        return law.values, law.weights
    extent, step = _RANGE[teacher.n_indices]
    x = np.arange(-extent, extent + step / 2, step)
    weights = np.exp(-(x**2) / 2)
    weights /= weights.sum()
    if teacher.n_indices == 1:
        return np.asarray(teacher(x), dtype=float), weights
    inputs = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(teacher(inputs), dtype=float), np.outer(weights, weights).ravel()


def _beyond(labels: Array, weights: Array, deviation: float, bounds: Array) -> Array:
    """``P(label + nu > t)`` at ascending t."""
    if deviation > 0:
        return np.array([weights @ ndtr((labels - t) / deviation) for t in bounds])
    return np.array([weights[labels > t].sum() for t in bounds])
