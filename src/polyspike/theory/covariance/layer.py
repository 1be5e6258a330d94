"""The samples of the gradient as a layer of their own (docs/theory-inputs.md, section 4).

After the step the weights have the covariance ``Sigma_u = (gain + e u M)^2 + q u^2 C`` with
``M = avg eps x x'`` and ``C = avg eps^2 x x'/E eps^2`` over the gradient's own samples. M, C and Sigma do not commute.
With ``x = Sigma^(1/2) g`` the form of the weights becomes linear in ``g_j g_j'`` once M has fields of its own; a sample
taken out and put back then leaves one matrix T in the place of them all, the same in every direction. At a given T
everything is a function of the eigenvalue of Sigma.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.residuals import Residuals

__all__ = ["Blocks", "LayerCoefficients", "Samples"]


@dataclass(frozen=True, eq=False)
class LayerCoefficients:
    """The averages over the neurons of which the form of the weights is made; p factors, L eigenvalues.

    Attributes
    ----------
    values : ndarray of shape (L,)
    own, mixed : ndarray of shape (L, p, p)
        ``Q_aa = lambda E[zeta gain^2 chi chi']`` and ``Q_ab = sqrt(lambda) E[zeta gain e u chi chi']``.
    tilt, noise : ndarray of shape (p, p)
        ``Q_bb = E[zeta e^2 u^2 chi chi']`` and ``Q_1 = E[zeta q u^2 chi chi']``.
    tilted : bool
        Whether e is not zero; if it is, the layer has the one field of C.
    """

    values: Any
    own: Any
    mixed: Any
    tilt: Any
    noise: Any
    tilted: bool

    def vertices(self, law: Residuals) -> Any:
        """``b_j = [[c_j Q_1, eps_j], [eps_j, 0]]``, the part of a sample in the form (eq-vertex), shape
        (J, f p, f p).
        """
        size = len(self.noise)
        through_noise = (law.eps**2 / law.energy)[:, None, None] * self.noise
        if not self.tilted:
            return through_noise
        out = np.zeros((len(law.eps), 2 * size, 2 * size), dtype=through_noise.dtype)
        out[:, :size, :size] = through_noise
        out[:, :size, size:] = out[:, size:, :size] = law.eps[:, None, None] * np.eye(size)
        return out


class Blocks:
    """The form of the weights at a given T, eigenvalue by eigenvalue (eq-effective, eq-blocks).

    Parameters
    ----------
    coefficients : LayerCoefficients
    t : ndarray of shape (f p, f p)
        ``[[T11, T12], [T12', -T22]]``, or T11 alone.
    v : ndarray of shape (p, p)
        ``V' = (n/d) E[R phi phi']``.
    """

    def __init__(self, coefficients: LayerCoefficients, t: Any, v: Any) -> None:
        self.coefficients, self.t, self.v = coefficients, t, v
        self._values = coefficients.values[:, None, None]
        size = len(v)
        self._t11, self._t12, self._t22 = t[:size, :size], t[:size, size:], -t[size:, size:]

    @cached_property
    def _l(self) -> Any:
        """``L = (1 + lambda T22 Q_bb)^-1``."""
        return np.linalg.inv(np.eye(len(self.v)) + self._values * (self._t22 @ self.coefficients.tilt))

    @cached_property
    def _k(self) -> Any:
        """``K = T22 (1 + lambda Q_bb T22)^-1``."""
        return self._t22 @ _transposed(self._l)

    @cached_property
    def _bb(self) -> Any:
        """``BB = Q_bb L``."""
        return self.coefficients.tilt @ self._l

    @cached_property
    def z(self) -> Any:
        """``Z = Q_ab L + lambda^(3/2) T12 BB``, shape (L, p, p)."""
        return self.coefficients.mixed @ self._l + self._values**1.5 * (self._t12 @ self._bb)

    @cached_property
    def q(self) -> Any:
        """The effective ``Q(lambda)`` of the weights (eq-effective), shape (L, p, p)."""
        parts = self.coefficients
        plain = parts.own + self._values**2 * self._t11
        if not parts.tilted:
            return plain
        mixed_t = _transposed(parts.mixed)
        crossed = self._values**1.5 * (self._t12 @ (_transposed(self._l) @ mixed_t))
        square = self._values**3 * (self._t12 @ self._bb @ self._t12.T)
        return plain - self._values * (parts.mixed @ self._k @ mixed_t) + crossed + _transposed(crossed) + square

    @cached_property
    def e(self) -> Any:
        """``(1 + Q V')^-1``, so that ``H = V' e`` and ``Gam = e Q``; shape (L, p, p)."""
        return np.linalg.inv(np.eye(len(self.v)) + self.q @ self.v)

    @cached_property
    def gam(self) -> Any:
        """``Gam = Q (1 + V' Q)^-1``, shape (L, p, p)."""
        return self.e @ self.q

    @cached_property
    def h(self) -> Any:
        """``H = (1 + V' Q)^-1 V'``, shape (L, p, p)."""
        return self.v @ self.e

    @cached_property
    def fields(self) -> Any:
        """The covariance of the fields that a sample of the gradient sees, shape (L, f p, f p) (eq-blocks)."""
        first = self._values**2 * self.h
        if not self.coefficients.tilted:
            return first
        cross = self._values**1.5 * (self.h @ self.z)
        last = -self._values * (self._bb - _transposed(self.z) @ self.h @ self.z)
        return np.block([[first, cross], [_transposed(cross), last]])

    @cached_property
    def half(self) -> Any:
        """``e [lambda, sqrt(lambda) Z]``: between a feature and the fields, over V' from the left; (L, p, f p)."""
        first = self._values * self.e
        if not self.coefficients.tilted:
            return first
        return np.concatenate([first, self._values**0.5 * (self.e @ self.z)], axis=2)

    @cached_property
    def seen(self) -> Any:
        """``[lambda^2; lambda^(3/2) Z'] e'``: the first column of :attr:`fields` over V'; shape (L, f p, p)."""
        return self._values * _transposed(self.half)

    @cached_property
    def tilt_form(self) -> tuple[Any, Any]:
        """``H Y`` and ``Y' H Y + lambda K`` (eq-theta), shape (L, p, p) each."""
        mixed = self.coefficients.mixed
        y = -self._values * (mixed @ self._k) + self._values**1.5 * (self._t12 @ _transposed(self._l))
        h_y = self.h @ y
        return h_y, _transposed(y) @ h_y + self._values * self._k


class Samples:
    """The samples of the gradient put back, given the mean P of the fields' covariance (eq-layer).

    Attributes
    ----------
    answer : ndarray of shape (J, f p, f p)
        ``b (1 + phi_0 P b)^-1`` of every node of the residual's law.
    """

    def __init__(self, coefficients: LayerCoefficients, law: Residuals, phi_gradient: float, p: Any) -> None:
        self.coefficients, self.law, self.p, self.phi_gradient = coefficients, law, p, phi_gradient
        vertices = coefficients.vertices(law)
        self._inverse = np.linalg.inv(np.eye(vertices.shape[1]) + phi_gradient * (p @ vertices))
        self.answer = vertices @ self._inverse

    @cached_property
    def t(self) -> Any:
        """``T = E b (1 + phi_0 P b)^-1``."""
        found = np.tensordot(self.law.weights, self.answer, 1)
        return (found + found.T) / 2

    @cached_property
    def noise_form(self) -> Any:
        """``E[c_j (1 + phi_0 P b)^-1 P]_11``: n/d times W (eq-theta), shape (p, p)."""
        weights = self.law.weights * self.law.eps**2 / self.law.energy
        size = len(self.coefficients.noise)
        return (np.tensordot(weights, self._inverse, 1) @ self.p)[:size, :size]


def _transposed(matrices: Any) -> Any:
    return np.swapaxes(matrices, -1, -2)
