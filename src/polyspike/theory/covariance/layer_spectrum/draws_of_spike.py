"""How the spike varies from draw to draw, and outliers with it (docs/theory-inputs.md, section 8).

What b has of a single eigendirection is one normal number with a mean, ``B = sqrt(m) + sqrt(v) x`` in units of the mean
of ``|Sigma^(1/2) b|^2``; what it has of all others are many, and its length fluctuates by them (eq-varying-spike).
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.theory.covariance.discrete_rule import compress
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import above_bulk
from polyspike.theory.covariance.step import Step, condition
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance
from polyspike.theory.long_work import tell

__all__ = ["Components", "Moved", "components", "moved_by_single", "variance_of_others"]

# A single component whose square has less than this variance is taken at its mean.
_FELT = 2e-3
# Of its law, and of a rule for that.
_FINE, _NODES = 80, 4
# Of the outliers of a draw.
_SECONDS = 0.6


class Components(NamedTuple):
    """Energies of b along the L nodes of Sigma, in units of all of it.

    Attributes
    ----------
    mean : ndarray of shape (L,)
        Of its mean.
    rest : ndarray of shape (L,)
        Of what is normal.
    counts : ndarray of shape (L,)
        Over how many directions.
    """

    mean: Array
    rest: Array
    counts: Array

    @property
    def variances(self) -> Array:
        """``(4 m v + 2 v^2)/k`` of the energy of every node."""
        return (4 * self.mean + 2 * self.rest) * self.rest / self.counts


def components(problem: Problem, spectrum: Eigenvalues, step: Step) -> Components:
    """The components of b have the mean ``eta c_1 Sigma^(3/2) beta*`` times c*_1 and are Gaussian beside it."""
    signal = float(np.sum(problem.teacher.linear_coefficients**2))
    grown = (problem.step * activation_numbers(problem.activation).c1) ** 2 * signal
    length = step.scalars.spike_strength**2 * problem.width
    whole = step.direction_measures[0, 0]
    mean = np.minimum(grown * step.reach**2 * spectrum.teacher / length, whole) if length > 0 else 0.0 * whole
    return Components(mean, np.maximum(whole - mean, 0.0), np.maximum(problem.input_dim * spectrum.weights, 1.0))


def variance_of_others(problem: Problem, found: Components, single: Any) -> float:
    """Relative variance of ``|Sigma^(1/2) b|^2`` but for the single components: that of the others', and what isotropic
    inputs have beyond Gaussian components (eq-strength-variance).
    """
    point = Eigenvalues(np.ones(1), np.ones(1), np.ones(1))
    isotropic = problem.replace(inputs="isotropic")
    of_components = components(isotropic, point, condition(isotropic, point)).variances.sum()
    beyond = max(strength_variance(problem) - float(of_components), 0.0)
    return float(np.delete(found.variances, single).sum()) + beyond


class Moved(NamedTuple):
    """The outliers of draws in which one single component of b is what it is and all others are in the mean.

    Attributes
    ----------
    weights : ndarray of shape (D,)
        The probabilities; those of every component sum to one.
    places : ndarray of shape (D, J)
    """

    weights: Array
    places: Array


def moved_by_single(problem: Problem, spectrum: Eigenvalues, single: Any, found: Components, here: Array) -> Moved:
    """The outliers at the nodes of each single component that varies, solved anew; ``here`` are the J locations in the
    mean.
    """
    weights, places = [np.empty(0)], [np.empty((0, len(here)))]
    felt = [node for node in single if found.variances[node] >= _FELT]
    tell(_SECONDS * _NODES * len(felt), "about %s for the means of outliers over draws")
    for node in felt:
        sizes, probabilities = _sizes(found.mean[node], found.rest[node])
        weights.append(probabilities)
        places.append(np.array([_at(problem, spectrum, single, node, size**2, len(here)) for size in sizes]))
    return Moved(np.concatenate(weights), np.concatenate(places))


def _sizes(mean: float, rest: float) -> tuple[Array, Array]:
    """A Gauss rule for ``|sqrt(m) + sqrt(v) x|``: outliers that repel each other by it depend on its size, with a kink
    at zero.
    """
    x, weights = gauss_hermite(_FINE)
    rule = compress(np.abs(mean**0.5 + rest**0.5 * x), weights, _NODES)
    return rule.nodes, rule.weights


def _at(problem: Problem, spectrum: Eigenvalues, single: Any, node: int, energy: float, count: int) -> Array:
    """So many locations where b has this energy along a single eigendirection and what it has of all others; those of
    outliers that are in the bulk are its edge.
    """
    mean = float(condition(problem, spectrum).direction_measures[0, 0, node])
    whole = 1 + energy - mean
    layer, path = above_bulk(problem, spectrum, whole**0.5, single)
    shares = np.where(layer.single == node, energy, layer.mean_shares) / whole
    found = Outliers(replace(layer, shares=shares), path, 0).locations_above()[:count]
    return np.concatenate([found, np.full(count - len(found), path[-1].z)])
