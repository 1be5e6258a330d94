"""Random features at initialisation on inputs of a covariance: what every limit of their errors is made of.

The form of :mod:`polyspike.theory.limits.random_features` with averages over the eigenvalues ``lambda`` of Sigma
(docs/theory-inputs.md, section 9). With ``t = C1/(Cg + w)``, ``y = n/d`` and ``r = n/N``, q is the root of

    q + t q avg[lambda/(1 + s lambda)] = 1,  s = y t q;   k = 1 - r (1 - q w/(Cg + w)),  w k = gamma = lambda n/N.

The form of linear functions of measure nu is then ``T1 int d nu/(1 + s lambda)``.
"""

from dataclasses import dataclass
from math import exp, inf, log

from scipy.optimize import brentq

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.status import Status
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.limits.random_features import root_of_ridge

__all__ = ["ColouredFeatures", "coloured_features"]


@dataclass(frozen=True, eq=False)
class ColouredFeatures:
    """The limiting resolvent of ``F0 F0' + lambda n`` on inputs of a covariance.

    Attributes
    ----------
    values : ndarray of shape (L,)
        Eigenvalues of Sigma.
    shrinkage, loo_shrinkage : float
        s and ``(1/T1) ds/d lambda``.
    trace_times_ridge, loo_factor, trace, neuron_trace, loo_neuron : float
        As in :class:`~polyspike.theory.limits.random_features.RandomFeatures`.
    """

    values: Array
    shrinkage: float
    loo_shrinkage: float
    trace_times_ridge: float
    loo_factor: float
    trace: float
    neuron_trace: float
    loo_neuron: float

    def ratio(self, measure: Array) -> float:
        """``int d nu/(1 + s lambda)``: the form of linear functions, per T1, for their spectral measure (L,)."""
        return float(measure @ (1 / (1 + self.shrinkage * self.values)))

    def loo_ratio(self, measure: Array) -> float:
        """``-(1/T1) d/d lambda`` of :meth:`ratio`."""
        return self.loo_shrinkage * float(measure @ (self.values / (1 + self.shrinkage * self.values) ** 2))


def coloured_features(problem: Problem, spectrum: Eigenvalues) -> ColouredFeatures:
    """The features of a problem whose inputs have this spectrum (eq-coloured-features).

    Raises
    ------
    NumericalError
        ``SINGULAR`` for ridge 0 at the interpolation peak, or with a linear activation.
    """
    activation = problem.activation
    curve = _Curve(
        activation.linear_strength,
        activation.residual_strength,
        1 / problem.phi,
        problem.psi / problem.phi,
        spectrum,
    )
    gamma = problem.ridge * problem.psi / problem.phi
    return curve.at(root_of_ridge(curve, gamma), gamma)


@dataclass(frozen=True, eq=False)
class _Curve:
    """Everything as a function of the unknown ``w``; ``gamma(w)`` is increasing."""

    c1: float
    cg: float
    y: float
    r: float
    spectrum: Eigenvalues

    def average(self, s: float, power: int) -> float:
        """``avg[lambda/(1 + s lambda)^power]``."""
        values = self.spectrum.values
        return float(self.spectrum.weights @ (values / (1 + s * values) ** power))

    def q(self, w: float) -> float:
        """The root of ``q + t q avg[lambda/(1 + s lambda)] = 1``, whose left side increases, in log q."""
        t = self.c1 / (self.cg + w)

        def excess(log_q: float) -> float:
            q = exp(log_q)
            return q * (1 + t * self.average(self.y * t * q, 1)) - 1

        return exp(float(brentq(excess, -log(1 + t) - 1e-9, 1e-9, xtol=1e-15, rtol=1e-15)))

    def k(self, w: float) -> float:
        """``1 - r (1 - q w/(Cg + w))``."""
        return 1 - self.r * (1 - self.q(w) * w / (self.cg + w))

    def at(self, w: float, gamma: float) -> ColouredFeatures:
        """The numbers at ``w``, with their derivatives by the implicit function theorem."""
        t, q, scale = self.c1 / (self.cg + w), self.q(w), self.cg + w
        k = gamma / w if w > 0 else 1 - self.r
        s, t_w = self.y * t * q, -t / scale
        by_t = self.average(s, 2)
        q_w = -q * by_t / (1 + t * by_t) * t_w
        s_w = self.y * (t_w * q + t * q_w)
        omega, omega_w = w / scale, self.cg / scale**2
        k_w = self.r * (omega_w * q + omega * q_w)
        gamma_w = k + w * k_w
        if gamma_w <= 0:
            raise NumericalError(Status.SINGULAR, "ridge = 0 at the interpolation peak n = width")
        return ColouredFeatures(
            values=self.spectrum.values,
            shrinkage=s,
            loo_shrinkage=k * scale / q * s_w / gamma_w,
            trace_times_ridge=omega * q,
            loo_factor=((k_w * scale + k) / q - k * scale * q_w / q**2) / gamma_w,
            trace=self.r * q / (k * scale) if k > 0 else inf,
            neuron_trace=self.r * q / scale,
            loo_neuron=k * scale / q * (q_w / q - 1 / scale) / gamma_w,
        )
