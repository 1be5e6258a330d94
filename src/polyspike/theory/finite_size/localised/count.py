"""How many localised outliers lie above a level: the expected numbers, as a mixture of Poisson laws.

Given the residuals of the gradient's sample, neurons are long independently of each other, and so rarely that their
number is Poisson. Its mean depends on the sample, most on the largest residual and on the mean square of the others.
"""

import numpy as np

from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.spectra import LocalisedOutliers
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.localised.at_level import at_level
from polyspike.theory.finite_size.localised.gradient_samples import HeavySamples
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.neurons import LongNeurons
from polyspike.theory.finite_size.localised.residual_tail import energy_variance_of_network, residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

__all__ = ["localised_outliers"]

# Quantiles of the largest residual, closer where it is large, and nodes of the mean square of the others.
_QUANTILES, _ENERGIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0), 3


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
    model = spectral_model(problem, refine).model
    scalars = model.conditioning
    if problem.step == 0 or scalars.residual_moment == 0:
        return LocalisedOutliers(level, np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1))
    residual = residual_tail(problem, scalars)
    law = WeightLengths(problem, scalars, residual)
    neurons = LongNeurons(at_level(LongBulk(model, law), level), law)
    samples = HeavySamples(neurons)
    x, energy_weights = gauss_hermite(_ENERGIES)
    nodes = []
    for largest in residual.largest(_QUANTILES):
        others = residual.others(largest.value)
        of_network = energy_variance_of_network(problem, others.second_moment)
        deviation = np.log1p(others.energy_variance + of_network) ** 0.5
        energies = np.exp(deviation * x - deviation**2 / 2)
        one = np.ones(_ENERGIES)
        of_samples = samples.expected(largest.value) * one, samples.of_largest(largest.value) * one
        nodes.append((neurons.expected(largest.value, energies), *of_samples, largest.weight * energy_weights))
    return LocalisedOutliers(level, *(np.concatenate(part) for part in zip(*nodes, strict=True)))
