"""The overlap of a neuron's initial weight with the gradient.

See docs/theory-corrections.md, "Weights that move along themselves". For ``c_3 != 0`` the gradient moves a weight along
itself, by ``6 c_3 eta a (w . beta)`` times the weight: neurons of the same readout differ in length by their overlap
``g = sqrt(d) w . beta/|beta|``, which also is their weight along the spike (eq-cubic). Where that is not small, g is a
second number of a neuron beside u: functions of u on the grid become functions of (u, g).
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.given_kappa.grids import Grid

__all__ = ["KnownOverlaps", "known_overlaps", "overlap_share", "with_overlaps"]


# The least and the full size of the moves of weights along themselves at which they are resolved, with a Gaussian
# readout and with one of a single size.
_RESOLVED = {True: (2e-3, 4e-3), False: (2e-5, 4e-5)}
# Up to so many dimensions, where a weight may turn round as it moves, and no prediction is trusted, they are left out.
_FEWEST = 5
# Nodes of the overlap by the standard deviation of the move of a weight along itself at u = 1; on sin(2z) and
# h1 - 0.5 h3 the errors are within 1e-7 of 12 nodes, 1e-5 where the move is beyond 0.3.
_NODES = ((0.03, 5), (0.12, 6), (0.3, 8), (np.inf, 10))


class KnownOverlaps(NamedTuple):
    """The weights along b, given (u, g).

    Attributes
    ----------
    mean : ndarray of shape (A,)
        Their means, ``w_b = (1 - delta u^2 + s) g cos(b, beta)/sqrt(d)``.
    square : ndarray of shape (A,)
        Their mean squares at a given own gain, ``(1 - delta u^2 + s)^2 cos^2(b, beta)/d``.
    slope, slope_by_log_norm : ndarray of shape (K, A)
        ``A1/tau`` and its derivative by ``log |x|``: what such a weight multiplies beside kappa.
    tied : bool
        Whether a neuron's weight along b counts as known. Where M acts it does not, and only the average over g of what
        it adds to the learned functions is kept.
    """

    mean: Any
    square: Any
    slope: Any
    slope_by_log_norm: Any
    tied: bool


def known_overlaps(
    problem: Problem, scalars: Conditioning, grid: Grid, averages: ActivationAverages
) -> KnownOverlaps | None:
    """What is known of the weights from the grid's overlaps; None where it has none."""
    if np.ndim(grid.overlap) == 0:
        return None
    size = scalars.own_gain(grid.u, grid.moving_overlap) * scalars.beta_cosine / problem.input_dim**0.5
    tied = bool(scalars.quadratic_step == 0)
    return KnownOverlaps(size * grid.overlap, size**2, averages.slope, averages.slope_by_log_norm, tied)


def overlap_share(problem: Problem, stretch: float = 1.0) -> float:
    """How much of the moves of weights along themselves is kept: 1, 0 where they are not resolved, or between.

    They count for a share of order ``(6 c_3/c_1)^2/d`` of what is learned, and for more where all readouts are of one
    size, so that the neurons have no other difference, and nodes cost little. They set in from the first to the second
    of :data:`_RESOLVED`, whatever the step. With a covariance they are ``stretch`` times as long beside the spike.
    """
    numbers = activation_numbers(problem.activation)
    if numbers.c3 == 0:
        return 0.0
    least, full = _RESOLVED[problem.readout == "gaussian"]
    size = 36 * numbers.c3**2 / (numbers.c1**2 or numbers.derivative_variance) / problem.input_dim * stretch**2
    return _ramp((size - least) / (full - least)) * _ramp((problem.input_dim - _FEWEST) / _FEWEST)


def _ramp(x: float) -> float:
    """0 up to x = 0, 1 from x = 1, smooth between."""
    x = min(max(x, 0.0), 1.0)
    return x**2 * (3 - 2 * x)


def with_overlaps(
    grid: Grid,
    problem: Problem,
    scalars: Conditioning,
    refine: float = 1.0,
    reach: float = 1.0,
    stretch: float = 1.0,
) -> Grid:
    """The grid with nodes of (u, g), their number times ``refine``, where the overlaps g are resolved; otherwise as
    it is.

    With a covariance the moves are ``reach`` times as long as the conditioning says, and ``stretch`` times beside the
    spike.
    """
    share = overlap_share(problem, stretch)
    if share == 0:
        return grid
    move = abs(np.real(scalars.cubic_step)) * reach
    g, weights = gauss_hermite(round(next(count for largest, count in _NODES if move <= largest) * refine))
    return replace(
        grid,
        u=np.repeat(grid.u, len(g)),
        u_weights=np.outer(grid.u_weights, weights).ravel(),
        overlap=np.tile(g, len(grid.u)),
        overlap_share=share,
    )
