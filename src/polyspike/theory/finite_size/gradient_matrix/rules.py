"""Which rule the spectral measures of a problem are averaged by, and how many nodes it has."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning
from polyspike.theory.finite_size.gradient_matrix.continuous import ContinuousLaw, continuous
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.gauss_rule import (
    LARGEST_ROUNDING,
    Contour,
    contour,
    measure_nodes,
    outermost,
)
from polyspike.theory.finite_size.gradient_matrix.measures import UNLIMITED, MeasureNodes, frame_gram
from polyspike.theory.finite_size.gradient_matrix.noise_law import NoiseLaw, noise_given_matrix, noise_in_frame
from polyspike.theory.finite_size.gradient_matrix.residual_law import GradientLaw, ResidualLaw, gradient_law

__all__ = ["continuous_law", "measures", "noise_at"]

# Nodes of the measure of M by the largest |e mu| of its eigenvalues: for a Gaussian readout, and for one of a single
# size |u|, where the gains of all neurons vanish at the same mu and the functions of M are sharp there (its models are
# small enough for many nodes). Chosen on 182 and, for the Gaussian ones, 956 random problems with d/n_0 from 1/8 to 8
# and labels to cubic, for 6e-9 in the three errors against sums along the contour itself or many more nodes.
MU_NODES = (
    (0.05, 8, 8),
    (0.3, 8, 16),
    (0.45, 8, 32),
    (0.7, 12, 32),
    (1.0, 16, 48),
    (1.5, 16, 80),
    (2.2, 20, 80),
    (3.0, 24, 80),
    (12.0, 36, 80),
    (25.0, 44, 80),
    (60.0, 56, 80),
    (150.0, 72, 80),
    (np.inf, 84, 80),
)
_USUAL_NODES = 36
# Nodes and length of the rule whose cumulated weights are interpolated, and the largest rounding of its recurrence:
# what is interpolated shows the rounding of a node, which an average over nodes does not.
_CONTINUOUS = (36, 2.0, 1e-6)
# A tail that extends further, in standard deviations, is so heavy that it counts twice.
_HEAVY = 60.0
# Length of their map, in standard deviations of M, by the largest |e| times that.
MU_LENGTHS = ((0.1, 8.0), (0.25, 4.0), (1.0, 2.0), (np.inf, 1.0))
# Nodes and length for the covariance of the noise by the largest variance that it adds at u = 1. On 80 such problems
# the rows are within 4e-9 of 72 nodes, but for the last: 1e-9 up to 1e5, 8e-9 up to 1e6, 3e-7 for one beyond.
NOISE_NODES = ((0.3, 8, 1.0), (1.5, 12, 1.0), (40.0, 16, 1.0), (1e3, 24, 1.0), (1e4, 28, 1.0), (np.inf, 48, 1.5))


def measures(problem: Problem, scalars: Conditioning, count: int | None = None) -> MeasureNodes:
    """The measures of M, or of the noise's covariance where M does not act (c_2 = 0); one node where neither does.

    They depend neither on the step nor on the ridge. ``count`` overrides the number of nodes.
    """
    law = gradient_law(problem, scalars)
    if scalars.gradient_noise_variance == 0 and scalars.quadratic_step == 0:
        return MeasureNodes(np.zeros(1), np.ones(1), frame_gram(law.residual(ResidualLaw))[None], np.ones(1))
    if scalars.quadratic_step == 0:
        usual, length = _choice(NOISE_NODES, abs(np.real(scalars.gradient_noise_variance)) * _largest_noise(law))
        return _noise_measures(law, count or usual, length)
    e_deviation, furthest = abs(np.real(scalars.quadratic_step)) * law.residual(ResidualLaw).deviation, _outermost(law)
    largest_e_mu = e_deviation * furthest * (2.0 if furthest > _HEAVY else 1.0)
    usual = _choice(MU_NODES, largest_e_mu)[problem.readout != "gaussian"]
    (length,) = _choice(MU_LENGTHS, e_deviation)
    return _matrix_measures(law, count or usual, length)


def continuous_law(problem: Problem, scalars: Conditioning) -> ContinuousLaw | None:
    """The spectral distribution of M, or of the noise's covariance where M does not act; None where it is a point.

    It is that of one rule for all steps, so that what stands on it is continuous in the step.
    """
    if scalars.gradient_noise_variance == 0 and scalars.quadratic_step == 0:
        return None
    return _continuous(gradient_law(problem, scalars), scalars.quadratic_step != 0)


@lru_cache(maxsize=512)
def _continuous(law: GradientLaw, of_matrix: bool) -> ContinuousLaw | None:
    if law.phi_gradient < UNLIMITED:
        return None
    nodes, length, rounding = _CONTINUOUS
    rule = _matrix_measures(law, nodes, length, rounding) if of_matrix else _noise_measures(law, nodes, 1.0, rounding)
    return continuous(rule, max(0.0, 1 - 1 / law.phi_gradient))


def noise_at(problem: Problem, scalars: Conditioning, nodes: Array) -> Array:
    """The noise's covariance at eigenvalues of M (eq-noise-on-matrix)."""
    return noise_given_matrix(nodes, matrix_cumulants(gradient_law(problem, scalars)))


@lru_cache(maxsize=512)
def _matrix_measures(law: GradientLaw, count: int, length: float, rounding: float = LARGEST_ROUNDING) -> MeasureNodes:
    found = measure_nodes(law.residual(ResidualLaw), count, length, partial(_along, _contour, law), rounding)
    if law.phi_gradient < UNLIMITED:
        return found
    return replace(found, noise_covariance=noise_given_matrix(found.nodes, matrix_cumulants(law)))


@lru_cache(maxsize=512)
def _noise_measures(law: GradientLaw, count: int, length: float, rounding: float = LARGEST_ROUNDING) -> MeasureNodes:
    found = measure_nodes(law.residual(NoiseLaw), count, length, partial(_along, _noise_contour, law), rounding)
    # With heavy labels the rule misses a share of the mean, while tau contains all of it: the mean is made one.
    return replace(found, nodes=np.zeros_like(found.nodes), noise_covariance=found.nodes / (found.bulk @ found.nodes))


def _along(made: Callable[..., Contour], law: GradientLaw, _: ResidualLaw, count: int, height: float) -> Contour:
    """One contour for all rules of a law except the longest, since the contour costs more than the rules."""
    return made(law, max(count, _USUAL_NODES), height)


@lru_cache(maxsize=16)
def _contour(law: GradientLaw, count: int, height: float) -> Contour:
    return contour(law.residual(ResidualLaw), count, height)


@lru_cache(maxsize=16)
def _noise_contour(law: GradientLaw, count: int, height: float) -> Contour:
    return contour(law.residual(NoiseLaw), count, height)


@lru_cache(maxsize=512)
def _outermost(law: GradientLaw) -> float:
    return outermost(law.residual(ResidualLaw))


@lru_cache(maxsize=512)
def _largest_noise(law: GradientLaw) -> float:
    """The largest eigenvalue of the noise's covariance, whose mean is one."""
    noise = replace(law, output_covariance=0.0).residual(NoiseLaw)
    return 1 + outermost(noise) * noise.deviation / noise.second_moment if noise.second_moment > 0 else 1.0


def _choice(table: tuple[tuple[Any, ...], ...], size: float) -> Any:
    """The entries of the first row whose limit is not below a size."""
    return next(row[1:] for row in table if size <= row[0])


@lru_cache(maxsize=512)
def noise_between(law: GradientLaw) -> Array:
    """The noise's covariance between the known directions: see :func:`noise_in_frame`."""
    return noise_in_frame(law.residual(ResidualLaw))
