"""Random features at initialisation: the two limiting traces that every error limit is made of.

Moniri et al. (arXiv 2310.07891), section 3, in the form of docs/theory.md: with ``r = n/N``, ``y = n/d`` and one
unknown ``w > 0`` everything is explicit, including the limits of vanishing ridge and of extreme shapes:

    t = C1/(Cg + w),  q = E[1/(1 + t x)],  p = E[x/(1 + t x)]  over the Marchenko-Pastur law of X X'/d,
    k = 1 - r (Cg q + C1 p)/(Cg + w),   w k = gamma = lambda n/N.

The paper's two unknowns are ``m1 = q/(k (Cg + w))`` and ``m2 = p/(k (Cg + w))``.
"""

from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Protocol

from scipy.optimize import brentq

from polyspike.errors import ArgumentError, NumericalError
from polyspike.status import Status

__all__ = ["RandomFeatures", "random_features", "root_of_ridge"]


@dataclass(frozen=True)
class RandomFeatures:
    """The limiting resolvent of ``F0 F0' + lambda n``, in forms that stay finite as lambda goes to 0.

    Attributes
    ----------
    trace_times_ridge : float
        ``lambda T1``, ``T1 = lim tr (F0 F0' + lambda n)^-1``: the share of a label's energy that stays in the training
        loss when it is pure noise; in [0, 1].
    ratio : float
        ``tau = T2/T1``, ``T2 = lim (1/d) tr X' (F0 F0' + lambda n)^-1 X``.
    loo_factor : float
        ``d(1/T1)/d lambda``, which turns a training quadratic form per T1 into a test error.
    loo_ratio : float
        ``-(1/T1) d tau/d lambda``.
    trace : float
        ``T1`` itself; inf at ridge 0 when n > N.
    neuron_trace : float
        ``k T1``: what a unit of energy of a function on the neurons is worth beside one on the samples.
    loo_neuron : float
        ``(1/T1) d log(k T1)/d lambda``.
    """

    trace_times_ridge: float
    ratio: float
    loo_factor: float
    loo_ratio: float
    trace: float
    neuron_trace: float
    loo_neuron: float

    @property
    def data_trace(self) -> float:
        """``T2``."""
        return self.ratio * self.trace


def random_features(
    linear_strength: float, residual_strength: float, phi: float, psi: float, ridge: float
) -> RandomFeatures:
    """Limiting traces of the random-feature resolvent.

    Parameters
    ----------
    linear_strength, residual_strength : float
        ``C1 = c_1^2`` and ``Cg = E sigma^2 - c_0^2 - c_1^2``, not both zero.
    phi, psi : float
        ``d/n`` and ``d/N``, > 0 and finite; 1e-8 to 1e8 keep full accuracy.
    ridge : float
        lambda >= 0; 0 is the min-norm limit.

    Raises
    ------
    ArgumentError
        Arguments out of range.
    NumericalError
        ``ridge = 0`` at the interpolation peak ``n = N``, where the test error is infinite; or ``ridge = 0`` with a
        linear activation (``Cg = 0``) whose features do not have full rank.
    """
    for name, value in (("phi", phi), ("psi", psi)):
        if not 0 < value < inf:
            raise ArgumentError(name, value, "give a number > 0; extreme shapes are limits of it")
    if not 0 <= ridge < inf:
        raise ArgumentError("ridge", ridge, "give a number >= 0")
    if linear_strength + residual_strength <= 0:
        raise ArgumentError("activation", (linear_strength, residual_strength), "a constant activation has no features")
    curve = _Curve(linear_strength, residual_strength, 1 / phi, psi / phi)
    gamma = ridge * psi / phi
    return curve.at(root_of_ridge(curve, gamma), gamma)


@dataclass(frozen=True)
class _Curve:
    """Everything as a function of the unknown ``w``; ``gamma(w)`` is increasing."""

    c1: float
    cg: float
    y: float
    r: float

    def shares(self, w: float) -> tuple[float, float, float, float]:
        """``t, q, p`` and the square root S of the Marchenko-Pastur quadratic ``y t q^2 + (1 + t - y t) q = 1``."""
        t = self.c1 / (self.cg + w)
        linear, product = 1 + t - self.y * t, 4 * self.y * t
        root = sqrt(linear**2 + product)
        q = 2 / (linear + root) if linear > 0 else (root - linear) / (2 * self.y * t)
        return t, q, q / (1 + self.y * t * q), root

    def k(self, w: float) -> float:
        """``1 - r (1 - q w/(Cg + w))``, with ``1 - q w/(Cg + w) = (Cg q + C1 p)/(Cg + w)``."""
        t, q, p, _ = self.shares(w)
        return 1 - self.r * (self.cg * q / (self.cg + w) + t * p)

    def at(self, w: float, gamma: float) -> RandomFeatures:
        """The traces at ``w``, with their derivatives by the implicit function theorem."""
        t, q, p, root = self.shares(w)
        scale, k = self.cg + w, gamma / w if w > 0 else self.k(w)
        t_w = -t / scale
        q_w = -p / root * t_w
        spread = 1 + self.y * t * q
        tau_w = -self.y * (t_w * q + t * q_w) / spread**2
        omega, omega_w = w / scale, self.cg / scale**2
        k_w = self.r * (omega_w * q + omega * q_w)
        gamma_w = k + w * k_w
        if gamma_w <= 0:
            raise NumericalError(Status.SINGULAR, "ridge = 0 at the interpolation peak n = width")
        inverse_w = (k_w * scale + k) / q - k * scale * q_w / q**2
        return RandomFeatures(
            trace_times_ridge=omega * q,
            ratio=1 / spread,
            loo_factor=inverse_w / gamma_w,
            loo_ratio=-k * scale / q * tau_w / gamma_w,
            trace=self.r * q / (k * scale) if k > 0 else inf,
            neuron_trace=self.r * q / scale,
            loo_neuron=k * scale / q * (q_w / q - 1 / scale) / gamma_w,
        )


class Curve(Protocol):
    """What the root of the ridge is found from: the strengths of the features, n/N, and k as a function of w."""

    @property
    def c1(self) -> float: ...

    @property
    def cg(self) -> float: ...

    @property
    def r(self) -> float: ...

    def k(self, w: float) -> float: ...


def root_of_ridge(curve: Curve, gamma: float) -> float:
    """The root of ``w k(w) = gamma``, in log w: ``gamma <= w`` because ``k <= 1``.

    Raises
    ------
    NumericalError
        ``SINGULAR`` for gamma 0 at the interpolation peak, or with a linear activation.
    """
    if gamma == 0 and curve.cg == 0:
        raise NumericalError(Status.SINGULAR, "ridge = 0 with a linear activation")
    if gamma == 0 and curve.r < 1:
        return 0.0
    if gamma == 0 and curve.r == 1:
        raise NumericalError(Status.SINGULAR, "ridge = 0 at the interpolation peak n = width")
    floor = gamma if gamma > 0 else 1e-290
    high = max(gamma, curve.c1 + curve.cg)
    while high * curve.k(high) <= gamma:
        high *= 4
    root = brentq(lambda v: _excess(curve, exp(v), gamma), log(floor / 2), log(high), xtol=1e-15, rtol=1e-15)
    return exp(float(root))


def _excess(curve: Curve, w: float, gamma: float) -> float:
    return curve.k(w) - gamma / w
