"""The spike of the gradient in the few directions that are known (docs/theory-same-data.md, section 1)."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.residual import energy_with_norm, mean_stretch, residual_energy

__all__ = ["SpikeFrame", "spike_frame"]


@dataclass(frozen=True)
class SpikeFrame:
    """The spike in the frame (beta*, omega, noise of beta); omega counts for the full gradient only.

    Attributes
    ----------
    coordinates : ndarray of shape (3,)
        ``b / |b|``.
    strength : float
        ``r = |b| / sqrt(N)``.
    self_share : float
        ``sqrt(phi / E eps^2)``: a sample of the gradient has ``g + eps`` times this along the noise of beta.
    """

    coordinates: Array
    strength: Any
    self_share: float


@lru_cache(maxsize=1)
def spike_frame(problem: Problem) -> SpikeFrame:
    """``b = [omega] + eta c_1 beta``, ``beta = c*_1 beta* - [c_1 omega]`` and ``sqrt(phi E[eps^2 |x|^2/d])`` times a
    unit vector.

    Of a constant readout omega is stretched as the weights are, and M moves some of it there (eq-same-output-norm).
    """
    eta, c1 = problem.step, activation_numbers(problem.activation).c1
    signal, energy = float(np.linalg.norm(problem.teacher.linear_coefficients)), residual_energy(problem)
    noise = sqrt(problem.phi_gradient * energy_with_norm(problem))
    if problem.gradient == "full":
        gain, across = (mean_stretch(problem), _moved_across(problem)) if problem.readout == "constant" else (0.0, 0.0)
        b = np.array([eta * c1 * signal, 1 + gain - eta * c1**2, eta * c1 * noise + across])
        strength = float(np.linalg.norm(b))
    else:
        b = (-1.0 if c1 < 0 else 1.0) * np.array([signal, 0.0, noise])
        strength = eta * abs(c1) * float(np.linalg.norm(b))
    size = float(np.linalg.norm(b))
    share = sqrt(problem.phi_gradient / energy) if energy > 0 else 0.0
    return SpikeFrame(b / size if size > 0 else np.array([0.0, 0.0, 1.0]), strength / sqrt(problem.width), share)


def _moved_across(problem: Problem) -> float:
    """``e M omega`` along the noise of beta: ``e phi E[eps^2 omega . x]`` over its length, with ``-2 c_1 E eps`` for
    the mean.
    """
    numbers, energy = activation_numbers(problem.activation), energy_with_norm(problem)
    mean = float(problem.teacher.coefficients(0)[0])
    if mean == 0 or energy == 0:
        return 0.0
    e = 2 * numbers.c2 * problem.step / sqrt(problem.width)
    return -2 * numbers.c1 * e * mean * sqrt(problem.phi_gradient / energy)
