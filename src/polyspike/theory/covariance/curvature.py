"""How the activation's curvature changes with a neuron's weight along a known direction (docs/theory-inputs.md,
section 7).

A weight that is long along a strong eigendirection is long: with g standard deviations there the variance of a
pre-activation is ``tau^2 (1 + eps g^2)/(1 + eps)``, and its quadratic part changes with it.
"""

from typing import Any

import numpy as np

from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.known_block import KnownBlock
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
    spectrum: Eigenvalues,
    step: Step,
    relative: Any,
    known: KnownBlock,
    averages: ActivationAverages,
    grid: Grid,
    dimension: int | None,
) -> Curvature:
    """From the relative variances ``s_u(lambda)/tau^2`` (L, A) and those along the known directions; without a
    ``dimension``, at leading order, nothing changes.
    """
    if dimension is None:
        return straight(len(grid.u), len(step.known))
    exponent = curvature_exponent(averages, grid.kappa_weights)
    mean = known.mean(spectrum.weights, relative, dimension)
    longer = (growth(step, relative, known) - mean[:, None]) / dimension
    return Curvature(*curvature_factors(longer, exponent))


def growth(step: Step, relative: Any, known: KnownBlock) -> Any:
    """``<S^2>_i/<S>_i`` of the weights' second moments S over ``tau^2``, shape (A, 1 + p): ``d eps`` is what it has
    beyond their mean (eq-inputs-bend), as a weight of unit length that is long in a direction is short in all others.
    """
    square = np.einsum("iil,la->ai", step.direction_measures, relative**2)
    square = square + np.einsum("aii->ai", known.square_beyond)
    first = np.einsum("aii->ai", known.moments)
    present = first > 0
    return np.where(present, square / np.where(present, first, 1.0), 0.0)


def _between(factors: Any) -> Any:
    """Of two directions, the root of their product."""
    return (factors[:, :, None] * factors[:, None, :]) ** 0.5
