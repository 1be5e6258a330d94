"""The overlap of a neuron's initial weight with the gradient, with a covariance (docs/theory-inputs.md, section 2).

For ``c_3 != 0`` the gradient moves a weight w along ``Sigma w``, by ``6 c_3 eta a (w . beta)`` times that. As in the
isotropic theory (finite_size/given_kappa/overlaps.py), of which the nodes are, ``g = sqrt(d) w . beta/|beta|`` then
stands beside u as a second number of a neuron. A neuron's spike has ``turn u g^2 Sigma beta`` beside ``u b``: its mean
is part of b (:func:`~polyspike.theory.covariance.step.condition`), the rest is here. Where g is no number of a neuron
its moments stand for it. In all of this what isotropic inputs have as well is left to the isotropic theory: the mean of
b has ``(Sigma - 1) beta``, and so on.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.step import Step
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.overlaps import with_overlaps

__all__ = ["MovesAlongInputs", "grid_of_neurons", "own_moves"]


class MovesAlongInputs(NamedTuple):
    """What is known of the neurons' moves along ``Sigma w``, given (u, g); A neurons.

    Attributes
    ----------
    mean : ndarray of shape (A,)
        Of a neuron's weight along b^ the part ``g/sqrt(d) (1 - delta u^2 + s) b^ . Sigma^(1/2) beta/|beta|``, which
        belongs to the learned functions; zero where g is no number of a neuron.
    in_spike : ndarray of shape (A,)
        What Sigma adds to that, less its mean over g.
    in_square : ndarray of shape (A,)
        What that takes from the mean square of the weight along b^.
    tied : bool
        Whether a neuron's weight along b counts as known. Where M acts it does not, and only the average over g of what
        ``mean`` adds to the learned functions is kept.
    directions : ndarray of shape (2 + p, P)
        In the frame: b^, the e^_k and ``Sigma^(1/2) (Sigma - 1) beta``.
    squares : ndarray of shape (A, 2, 2)
        What is to be added to the mean products of the weights along the first and the last of them.
    length : ndarray of shape (A,)
        The variance of ``log tau`` over neurons of the same (u, g).
    with_length : ndarray of shape (A,)
        Its covariance with the weight along b^.
    """

    mean: Any
    in_spike: Any
    in_square: Any
    tied: bool
    directions: Any
    squares: Any
    length: Any
    with_length: Any


def grid_of_neurons(grid: Grid, problem: Problem, spectrum: Eigenvalues, step: Step, refine: float = 1.0) -> Grid:
    """The grid with nodes of (u, g) where the moves along ``Sigma w`` are resolved; otherwise as it is.

    ``w' Sigma w`` changes by ``m_2`` times what it does for isotropic inputs. With a Gaussian readout, where nodes of g
    multiply those of u, moments stand for them but where Sigma has one eigenvalue.
    """
    if not step.has_own_moves or (problem.readout == "gaussian" and len(spectrum.values) > 1):
        return grid
    return with_overlaps(grid, problem, step.scalars, refine, spectrum.moment(2))


def own_moves(
    problem: Problem, spectrum: Eigenvalues, step: Step, gains: Any, grid: Grid, tau: Any
) -> MovesAlongInputs | None:
    """What is known from the grid's overlaps, the gains (L, A) and ``tau`` (A,); None where no weight moves."""
    if not step.has_own_moves:
        return None
    resolved, tied = bool(np.ndim(grid.overlap)), step.scalars.quadratic_step == 0
    share = grid.overlap_share if resolved else 0.0
    along, rest = _along_b(problem, step, gains, grid)
    squares = _squares_of_spikes(problem, step, grid, share if tied else 0.0)
    in_spike = in_square = 0 * along
    if resolved and tied:
        added = (along - rest) * grid.overlap
        in_spike, in_square = added - grid.average_over_overlaps(added), along**2 - rest**2
        squares[:, 0, 0] -= along**2
    alike, longer = (_growth(spectrum, step, gains, grid, tau, power) for power in (1, 2))
    return MovesAlongInputs(
        mean=rest * grid.overlap,
        in_spike=in_spike,
        in_square=in_square,
        tied=tied,
        directions=np.concatenate([step.known, _turning(step)[None]]),
        squares=squares,
        length=(1 - share**2) * (longer**2 - alike**2),
        with_length=(1 - share) * (longer - alike) * _along_b(problem, step, 0 * gains + 1, grid)[0],
    )


def _along_b(problem: Problem, step: Step, gains: Any, grid: Grid) -> tuple[Any, Any]:
    """The weight along b^ of a neuron with g = 1, and what it is with the gains of isotropic inputs; shape (A,)."""
    measures = step.known[0] @ step.frame_measures[:, step.place]
    scale = step.length * problem.input_dim**0.5
    isotropic = step.scalars.own_gain(grid.u, grid.moving_overlap) * float(measures.sum())
    return measures @ gains / scale, isotropic / scale


def _turning(step: Step) -> Any:
    """``Sigma^(1/2) (Sigma - 1) beta`` in the frame."""
    return np.array([*[0.0] * (len(step.frame_measures) - 2), -1.0, 1.0])


def _squares_of_spikes(problem: Problem, step: Step, grid: Grid, share: float) -> Any:
    """The mean products along b^ and :func:`_turning` of a neuron's ``(turn/sqrt(N)) u (g^2 - 1)`` times the latter,
    shape (A, 2, 2); where g is known what is along b^ is no part of it (eq-inputs-known).
    """
    size = (step.turn * grid.u) ** 2 / problem.width
    known = size * share**2 * (np.square(grid.overlap) - 1) ** 2
    direction = _turning(step)
    beside = float(step.known[0] @ step.frame_measures.sum(axis=2) @ direction)
    out = known[:, None, None] * np.array([[beside**2, -beside], [-beside, 1.0]])
    out[:, 1, 1] += 2 * size * (1 - share**2)
    return out


def _growth(spectrum: Eigenvalues, step: Step, gains: Any, grid: Grid, tau: Any, power: int) -> Any:
    """How much longer a neuron with g = 1 is by its move along ``Sigma^(power - 1) w``, as a share; shape (A,)."""
    moved = (spectrum.weights * spectrum.values**power) @ gains
    return step.scalars.cubic_step * grid.u * moved / tau**2
