"""The spike of the gradient in the few directions that are known (docs/theory-same-data.md, section 1)."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.residual import energy_with_norm, residual_energy

__all__ = ["SpikeFrame", "spike_frame"]


@dataclass(frozen=True)
class SpikeFrame:
    """What the step adds to the weights along beta, in the frame (beta*, omega, noise of beta); omega counts for the
    full gradient only.

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
    """``b = eta c_1 beta``, ``beta = c*_1 beta* - [c_1 omega]`` and ``sqrt(phi E[eps^2 |x|^2/d])`` times a unit vector.

    What neurons have of omega before the step is no part of it (eq-same-omega).
    """
    c1 = activation_numbers(problem.activation).c1
    signal, energy = float(np.linalg.norm(problem.teacher.linear_coefficients)), residual_energy(problem)
    noise = sqrt(problem.phi_gradient * energy_with_norm(problem))
    beta = np.array([signal, -c1 if problem.gradient == "full" else 0.0, noise])
    size = float(np.linalg.norm(beta))
    strength = problem.step * abs(c1) * size / sqrt(problem.width)
    share = sqrt(problem.phi_gradient / energy) if energy > 0 else 0.0
    along = (-1.0 if c1 < 0 else 1.0) * beta / size if size > 0 else np.array([0.0, 0.0, 1.0])
    return SpikeFrame(along, strength, share)
