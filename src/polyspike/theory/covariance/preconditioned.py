"""What a preconditioned step makes of the gradient's sample (docs/theory-inputs.md, section 10).

``(1 + rho) (X'X/n_0 + rho)^-1 X' r/n_0`` is ``1 + rho`` times the ridge regression of r on the gradient's inputs, for
the residuals ``r = eps`` (the direction beta) as for what moves single neurons. Its mean and covariance are those of a
regression with the effective ridge ``varrho``, in which the sample does not appear any more.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues

__all__ = ["Reach", "reach"]


class Reach(NamedTuple):
    """How far the gradient goes along the eigendirections of Sigma; L of them.

    Attributes
    ----------
    along : ndarray of shape (L,)
        ``A(lambda) = lambda P(lambda)``: a pre-activation moves by this share of the gradient's mean; lambda in a plain
        step.
    over : ndarray of shape (L,)
        ``P(lambda) = (1 + rho)/(lambda + varrho)``; one in a plain step.
    missed : ndarray of shape (L,)
        ``varrho/(lambda + varrho)``, the share of the mean that the regression does not explain; one in a plain step.
    inflation : float
        ``1/(1 - phi_0 avg[lambda^2/(lambda + varrho)^2])``, by which the noise is larger; one in a plain step.
    """

    along: Array
    over: Array
    missed: Array
    inflation: float

    def noise(self, energy: float, mean: Array, measures: Array) -> float:
        """``tau^2``, the energy of the noise of beta (eq-preconditioned), for residuals of this energy whose mean has
        the coordinates ``mean`` (q,) in directions with these measures (q, q, L).
        """
        explained = float(mean @ measures.sum(axis=2) @ mean)
        left = float(np.einsum("i,ijl,j->l", mean, measures, mean) @ self.missed**2)
        return (energy - explained + left) * self.inflation

    def missed_of_own(self, spectrum: Eigenvalues) -> float:
        """The root mean square of what the regression misses of ``x . w``, for weights w of no direction; one in a
        plain step.
        """
        return float(spectrum.weights @ (spectrum.values * self.missed**2)) ** 0.5


def reach(problem: Problem, spectrum: Eigenvalues) -> Reach:
    """The reach of the step of a problem whose inputs have this spectrum (eq-effective-ridge)."""
    values, rho, phi = spectrum.values, problem.precondition, problem.phi_gradient
    one = np.ones(len(values))
    if rho is None:
        return Reach(values, one, one, 1.0)
    ridge = _effective_ridge(spectrum, rho, phi)
    seen = values / (values + ridge)
    inflation = 1 / (1 - phi * float(spectrum.weights @ seen**2))
    return Reach((1 + rho) * seen, (1 + rho) / (values + ridge), 1 - seen, inflation)


def _effective_ridge(spectrum: Eigenvalues, rho: float, phi: float) -> float:
    """The root of ``rho = varrho (1 - phi_0 avg[lambda/(lambda + varrho)])``, between rho and ``rho + phi_0``."""

    def excess(ridge: float) -> float:
        return ridge - phi * float(spectrum.weights @ (spectrum.values * (ridge / (spectrum.values + ridge)))) - rho

    return float(brentq(excess, rho, rho + phi, xtol=1e-15, rtol=1e-14)) if rho > 0 else 0.0
