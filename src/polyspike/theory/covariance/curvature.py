"""How the activation's curvature changes with a neuron's weight along a known direction (docs/theory-inputs.md,
section 7).

A weight that is long along a strong eigendirection is long: with g standard deviations there the variance of a
pre-activation is ``tau^2 (1 + eps g^2)/(1 + eps)``, and its quadratic part changes with it.
"""

from typing import Any

import numpy as np

from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.step import Step
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.weights_along import curvature_exponent, curvature_factors

__all__ = ["Curvature", "bent", "growth", "straight"]


class Curvature:
    """Factors of the weights' second moments between b^ and the e^_k, shape (A, 1 + p, 1 + p) both.

    Attributes
    ----------
    mean, fluctuation : ndarray
        Of the mean of a product of two weights and of its fluctuation from neuron to neuron (eq-inputs-bend).
    """

    def __init__(self, mean: Any, fluctuation: Any) -> None:
        self.mean, self.fluctuation = _between(mean), _between(fluctuation)


def straight(count: int, directions: int) -> Curvature:
    """That of leading order: nothing changes."""
    one = np.ones((count, directions))
    return Curvature(one, one)


def bent(
    spectrum: Eigenvalues, step: Step, relative: Any, averages: ActivationAverages, grid: Grid, dimension: int
) -> Curvature:
    """From the relative variances ``s_u(lambda)/tau^2`` (L, A)."""
    exponent = curvature_exponent(averages, grid.kappa_weights)
    return Curvature(*curvature_factors(growth(spectrum, step, relative) / dimension, exponent))


def growth(spectrum: Eigenvalues, step: Step, relative: Any) -> Any:
    """``d eps = <s^2>/<s> - avg s`` of the relative variances s (eq-inputs-bend), shape (A, 1 + p).

    A weight of unit length that is long in a direction is short in all others.
    """
    measures = np.einsum("iil->il", step.direction_measures)
    first, second = measures @ relative, measures @ relative**2
    present = first > 0
    return (np.where(present, second / np.where(present, first, 1.0), 0.0) - spectrum.weights @ relative).T


def _between(factors: Any) -> Any:
    """Of two directions, the root of their product."""
    return (factors[:, :, None] * factors[:, None, :]) ** 0.5
