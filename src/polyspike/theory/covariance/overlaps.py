"""The overlap of a neuron's initial weight with the gradient, with a covariance (docs/theory-inputs.md, section 2).

For ``c_3 != 0`` the gradient moves a weight w along ``Sigma w``, by ``6 c_3 eta a (w . beta)`` times that. As in the
isotropic theory (finite_size/given_kappa/overlaps.py), of which the nodes are, ``g = sqrt(d) w . beta/|beta|`` then
stands beside u as a second number of a neuron.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.step import Step
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.overlaps import with_overlaps

__all__ = ["OwnWeights", "grid_of_neurons", "own_weights"]


class OwnWeights(NamedTuple):
    """The weights ``Sigma^(1/2) w`` along b^, given (u, g).

    They are ``g/sqrt(d)`` times ``int gain dnu_{b^ beta}/|beta|``. What Sigma adds to that of isotropic inputs is part
    of the spike, the rest of the learned functions.

    Attributes
    ----------
    mean : ndarray of shape (A,)
        The rest: ``g/sqrt(d) (1 - delta u^2 + s) b^ . Sigma^(1/2) beta/|beta|``.
    in_spike : ndarray of shape (A,)
        What Sigma adds, less its mean over g.
    square : ndarray of shape (A,)
        The mean squares of all at a given gain.
    square_in_spike : ndarray of shape (A,)
        That less the mean square of the rest.
    tied : bool
        Whether a neuron's weight along b counts as known. Where M acts it does not, and only the average over g of what
        it adds to the learned functions is kept.
    """

    mean: Any
    in_spike: Any
    square: Any
    square_in_spike: Any
    tied: bool


def grid_of_neurons(grid: Grid, problem: Problem, spectrum: Eigenvalues, step: Step, refine: float = 1.0) -> Grid:
    """The grid with nodes of (u, g) where the moves along ``Sigma w`` are resolved; otherwise as it is.

    ``w' Sigma w`` changes by ``m_2`` times what it does for isotropic inputs, and the spike is ``|Sigma^(1/2) beta|``.
    """
    count = len(step.mean_gradient)
    square = float(step.frame_measures[count, count].sum())
    if problem.precondition is not None or square <= 0:
        return grid
    m2 = spectrum.moment(2)
    return with_overlaps(grid, problem, step.scalars, refine, m2, m2 * step.length / square**0.5)


def own_weights(problem: Problem, spectrum: Eigenvalues, step: Step, gains: Any, grid: Grid) -> OwnWeights | None:
    """What is known of the weights from the grid's overlaps and the gains (L, A); None where it has none."""
    if np.ndim(grid.overlap) == 0:
        return None
    measures = step.known[0] @ step.frame_measures[:, len(step.mean_gradient)]
    scale = 1 / (step.length * problem.input_dim**0.5)
    along = measures @ gains * scale
    rest = float(measures.sum()) * scale * step.scalars.own_gain(grid.u, grid.moving_overlap)
    added = (along - rest) * grid.overlap
    in_spike = added - grid.average_over_overlaps(added)
    tied = step.scalars.quadratic_step == 0
    return OwnWeights(rest * grid.overlap, in_spike, along**2, along**2 - rest**2, tied)
