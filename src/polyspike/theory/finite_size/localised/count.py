"""How many localised outliers lie above a level: the expected numbers, as a mixture of Poisson laws.

Given the residuals of the gradient's sample, neurons and samples of the fit are long independently of each other, and
so rarely that their number is Poisson. Its mean depends on the gradient's sample: on the largest residual, on the mean
square of all, with which the bulk itself grows, and on their mean, by which M is shifted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.spectra import LocalisedOutliers
from polyspike.theory.finite_size.conditioning import Conditioning, StepScalars, activation_numbers
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.localised.at_level import AtLevel, at_level
from polyspike.theory.finite_size.localised.bulk_count import number_above
from polyspike.theory.finite_size.localised.gradient_samples import HeavySamples
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.neurons import LongNeurons
from polyspike.theory.finite_size.localised.residual_tail import ResidualTail, energy_variance_of_network, residual_tail
from polyspike.theory.finite_size.localised.samples import LongSamples
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

__all__ = ["localised_outliers"]

# Quantiles of the largest residual, closer where it is large, nodes of the mean square of the others, and of the mean.
_QUANTILES, _ENERGIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0), 3
_SHIFTS = 2
# Samples of the gradient whose mean squares lie between two of these quantiles have one bulk.
_GROUPS = (0.25, 0.6, 0.85, 0.97)
# An expected number that is none.
_NONE = 1e-5


class _Sample(NamedTuple):
    """A node of the law of the gradient's sample.

    Attributes
    ----------
    largest : float
        The largest residual.
    others : float
        The mean square of the others, over its expectation given the largest.
    energy : float
        The mean square of all, over its expectation.
    weight : float
    """

    largest: float
    others: float
    energy: float
    weight: float


def localised_outliers(problem: Problem, refine: float, level: float) -> LocalisedOutliers:
    """The expected numbers of localised outliers above a level, over draws of the gradient's sample.

    Parameters
    ----------
    problem : Problem
    refine : float
        That of the spectrum's nodes.
    level : float
        Above the bulk.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where the bulk has no solution at the level.
    """
    with within_double_precision():
        return _counted(problem, refine, level)


def _counted(problem: Problem, refine: float, level: float) -> LocalisedOutliers:
    scalars = spectral_model(problem, refine).model.conditioning
    if problem.step == 0 or scalars.residual_moment == 0:
        return _without_step(problem.replace(step_exponent=None, step_size=0.0), refine, level)
    residual = residual_tail(problem, scalars)
    counter = _Counter(problem, refine, level, scalars, residual)
    return LocalisedOutliers(level, *np.concatenate(list(_rows(counter))).T)


def _without_step(problem: Problem, refine: float, level: float) -> LocalisedOutliers:
    """Without a step samples of the fit are long all the same."""
    model, one = spectral_model(problem, refine).model, np.ones(1)
    law = WeightLengths(problem, model.conditioning, ResidualTail(one, one, problem.gradient_samples))
    in_bulk, found = _solved(LongBulk(model, law), level)
    neurons, fitted = 0 * one, 0 * one
    if found is not None:
        neurons, fitted = LongNeurons(found, law).expected(1.0, one), LongSamples(found).expected * one
    return LocalisedOutliers(level, neurons, 0 * one, 0 * one, fitted, np.maximum(in_bulk - neurons - fitted, 0), one)


def _solved(long: LongBulk, level: float) -> tuple[float, AtLevel | None]:
    """The number of eigenvalues of the bulk above the level, and the bulk there without them; None where it takes so
    many that single ones cannot be told from it.
    """
    try:
        found = at_level(long, level, most=0)
    except NumericalError:
        found = None
    if found is not None and not found.has_ends_above:
        return 0.0, found
    in_bulk = number_above(long, level)
    try:
        return in_bulk, at_level(long, level, in_bulk)
    except NumericalError:
        return in_bulk, None


def _rows(counter: "_Counter") -> Iterator[Array]:
    """The rows of all groups, from the largest mean square down: where there are none, there are none at a smaller."""
    some = True
    for group in reversed(_groups(counter.samples())):
        rows = np.array(list(counter.rows(group))) if some else np.array([(0, 0, 0, 0, 0, one.weight) for one in group])
        some = rows[:, :-1].max() > _NONE
        yield rows


@dataclass(frozen=True)
class _Counter:
    """What is common to all samples of the gradient."""

    problem: Problem
    refine: float
    level: float
    scalars: Conditioning
    residual: ResidualTail

    def samples(self) -> Iterator[_Sample]:
        """Quantiles of the largest residual, and given it nodes of the mean square of the others."""
        x, weights = gauss_hermite(_ENERGIES)
        for largest in self.residual.largest(_QUANTILES):
            others = self.residual.others(largest.value)
            of_network = energy_variance_of_network(self.problem, others.second_moment)
            deviation = np.log1p(others.energy_variance + of_network) ** 0.5
            for energy, weight in zip(np.exp(deviation * x - deviation**2 / 2), weights, strict=True):
                sum_of_squares = others.count * others.second_moment * energy + largest.value**2
                mean = sum_of_squares / self.residual.count / self.residual.second_moment
                yield _Sample(largest.value, float(energy), mean, largest.weight * float(weight))

    def rows(self, group: list[_Sample]) -> Iterator[tuple[float, ...]]:
        """The expected numbers and the weight of every sample of a group, which have one bulk, at every shift of M."""
        total = sum(sample.weight for sample in group)
        energy = sum(sample.weight * sample.energy for sample in group) / total
        for shift, weight in self._shifts(energy):
            long = self._long_bulk(energy, shift)
            in_bulk, level = _solved(long, self.level)
            for sample, numbers in zip(group, self._single(level, long.law, group), strict=True):
                yield *numbers, max(in_bulk - sum(numbers), 0.0), sample.weight * weight

    def _single(self, level: AtLevel | None, law: WeightLengths, group: list[_Sample]) -> list[tuple[float, ...]]:
        """The expected numbers of single neurons and samples."""
        if level is None:
            return [(0.0,) * 4] * len(group)
        neurons = LongNeurons(level, law)
        heavy, of_fit = HeavySamples(neurons), LongSamples(neurons.level).expected
        found: list[tuple[float, ...]] = []
        for sample in group:
            of_neurons = float(neurons.expected(sample.largest, np.array([sample.others]))[0])
            of_gradient = heavy.expected(sample.largest), heavy.of_largest(sample.largest)
            found.append((of_neurons, *of_gradient, of_fit))
        return found

    def _long_bulk(self, energy: float, shift: float) -> LongBulk:
        signal = float(np.linalg.norm(self.problem.teacher.linear_coefficients))
        output = -activation_numbers(self.problem.activation).c1 if self.problem.gradient == "full" else 0.0
        sample = StepScalars(energy, signal, output, 1.0)
        model = spectral_model(self.problem, self.refine, sample=sample, shift=shift).model
        return LongBulk(model, WeightLengths(self.problem, self.scalars, self.residual, shift), energy)

    def _shifts(self, energy: float) -> list[tuple[float, float]]:
        """Nodes and weights of the deviation of the mean of M given the mean square of the residuals.

        To the first order the two have the covariance ``E eps^3 - E eps E eps^2`` over the number of samples. With a
        Gaussian readout, whose neurons a shift moves in both directions and by all amounts, it stays at its mean.
        """
        if self.scalars.quadratic_step == 0:
            return [(0.0, 1.0)]
        values, weights, count = self.residual.values, self.residual.weights, self.residual.count
        first, second, third, fourth = (float(weights @ values**k) for k in (1, 2, 3, 4))
        slope = (third - first * second) / (fourth - second**2) if fourth > second**2 else 0.0
        variance = max(second - first**2 - slope * (third - first * second), 0.0) / count
        x, node_weights = gauss_hermite(1 if self.problem.readout == "gaussian" else _SHIFTS)
        nodes = slope * second * (energy - 1) + variance**0.5 * x
        return [(float(node), float(weight)) for node, weight in zip(nodes, node_weights, strict=True)]


def _groups(samples: Iterator[_Sample]) -> list[list[_Sample]]:
    """The samples in groups of about the same mean square."""
    ordered = sorted(samples, key=lambda sample: sample.energy)
    weights = np.array([sample.weight for sample in ordered])
    group = np.searchsorted(_GROUPS, np.cumsum(weights) - weights / 2)
    return [[ordered[i] for i in np.flatnonzero(group == g)] for g in np.unique(group)]
