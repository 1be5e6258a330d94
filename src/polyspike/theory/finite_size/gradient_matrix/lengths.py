"""What the lengths of the gradient's samples add to M where all neurons add up (eq-lengths).

With a constant readout and the full gradient the residual of a sample depends on its length, ``eps = eps' - f`` with
``f = c_2 sqrt(N) (|x|^2/d - 1)``. What M has of a sample is ``eps |x|^2/d``, whose mean is larger by the
``trace_shift`` and whose second moment is the ``matrix_moment`` instead of ``E eps^2``. M is taken to be the free sum
of its outliers and of a bulk that is wider in proportion.
"""

from typing import Any

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law

__all__ = ["cumulants_with_lengths", "eigenvalues_with_lengths"]


def cumulants_with_lengths(problem: Problem, scalars: Conditioning) -> tuple[float, float, float, float]:
    """The free cumulants of M for k = 1 .. 4, of which the later ones follow the second."""
    k1, *others = matrix_cumulants(gradient_law(problem, scalars))
    wider = _wider(scalars)
    k2, k3, k4 = (cumulant * wider**k for k, cumulant in enumerate(others, 2))
    return k1 + scalars.trace_shift, k2, k3, k4


def eigenvalues_with_lengths(problem: Problem, scalars: Conditioning, mu: Any) -> Any:
    """Where the eigenvalues ``mu`` of the law of M without lengths are.

    An outlier ``theta + k_2/theta`` from the mean keeps its theta; so do the tails beyond two deviations, which differ
    from a bulk that is wider in proportion by the square of the change.
    """
    if scalars.trace_shift == 0:
        return mu
    mean, square, *_ = matrix_cumulants(gradient_law(problem, scalars))
    wider = _wider(scalars)
    distance = mu - mean
    root = np.sqrt(np.maximum(distance**2 - 4 * square, 0.0))
    theta = (distance + np.sign(distance) * root) / 2
    outside = np.abs(distance) > 2 * square**0.5
    moved = np.where(outside, theta + wider**2 * square / np.where(outside, theta, 1.0), wider * distance)
    return mean + moved + scalars.trace_shift


def _wider(scalars: Conditioning) -> float:
    """The ratio of the deviations of M, with lengths over without."""
    return 1.0 if scalars.residual_moment == 0 else float(scalars.matrix_moment / scalars.residual_moment) ** 0.5
