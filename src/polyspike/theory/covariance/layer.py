"""The samples of the gradient as a layer of their own (docs/theory-inputs.md, section 4).

After the step the weights have the covariance ``Sigma_u = (gain + e u M)^2 + q u^2 C`` with
``M = avg eps x x'`` and ``C = avg eps^2 x x'/E eps^2`` over the gradient's own samples. M, C and Sigma do not commute.
With ``x = Sigma^(1/2) g`` the form of the weights becomes linear in ``g_j g_j'`` once M has fields of its own; a sample
taken out and put back then leaves one matrix T in the place of them all, the same in every direction. At a given T
everything is a function of the eigenvalue of Sigma, and in the inverse of one matrix.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import beside, inverse, total
from polyspike.theory.covariance.residuals import Residuals

__all__ = ["Blocks", "LayerCoefficients", "Samples"]


@dataclass(frozen=True, eq=False)
class LayerCoefficients:
    """The averages over the neurons of which the form of the weights is made; p factors, L eigenvalues.

    Attributes
    ----------
    values, reach : ndarray of shape (L,)
        Eigenvalues of Sigma, and what the gradient does along them (lambda but for preconditioned steps).
    own, mixed : ndarray of shape (L, p, p)
        ``Q_aa = lambda E[zeta gain^2 chi chi']`` and ``Q_ab = sqrt(lambda) E[zeta gain e u chi chi']``.
    tilt, noise : ndarray of shape (p, p)
        ``Q_bb = E[zeta e^2 u^2 chi chi']`` and ``Q_1 = E[zeta q u^2 chi chi']``.
    tilted : bool
        Whether e is not zero; if it is, the layer has the one field of C.
    """

    values: Any
    reach: Any
    own: Any
    mixed: Any
    tilt: Any
    noise: Any
    tilted: bool

    def vertices(self, law: Residuals) -> Any:
        """``b_j = [[c_j Q_1, eps_j], [eps_j, 0]]``, the part of a sample in the form (eq-vertex), shape
        (J, f p, f p).
        """
        size = self.noise.shape[-1]
        through_noise = beside(law.relative, self.own) * self.noise
        if not self.tilted:
            return through_noise
        out = np.zeros((*through_noise.shape[:-2], 2 * size, 2 * size), dtype=through_noise.dtype)
        out[..., :size, :size] = through_noise
        out[..., :size, size:] = out[..., size:, :size] = beside(law.of_matrix, self.own) * np.eye(size)
        return out


class Blocks:
    """The form of the weights at a given T, eigenvalue by eigenvalue (eq-effective, eq-blocks).

    The form is quadratic in the fields ``(y, z, mu)``, or in y alone without tilt: m = 3 p or p of them.
    All that is asked of it is in its inverse ``X = (V'^-1 + S)^-1``, where V' stands between y and y (eq-one-inverse).
    Of several tangents (S of them) every matrix below has their axis before its last two.

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

    @cached_property
    def form(self) -> Any:
        """S, shape (L, m, m)."""
        parts, p = self.coefficients, self.v.shape[-1]
        values, reach = beside(parts.values, parts.own), beside(parts.reach, parts.own)
        if not parts.tilted:
            return parts.own + reach**2 * self.t
        y, z, mu = slice(p), slice(p, 2 * p), slice(2 * p, None)
        out = np.zeros((*parts.own.shape[:-2], 3 * p, 3 * p), dtype=np.result_type(parts.own, self.t, self.v))
        out[..., y, y] = parts.own + reach**2 * self.t[..., :p, :p]
        out[..., y, z] = values**0.5 * parts.mixed
        out[..., z, y] = _transposed(out[..., y, z])
        out[..., y, mu] = reach * self.t[..., :p, p:]
        out[..., mu, y] = reach * self.t[..., p:, :p]
        out[..., z, z] = values * parts.tilt
        out[..., z, mu] = out[..., mu, z] = -np.eye(p)
        out[..., mu, mu] = self.t[..., p:, p:]
        return out

    @property
    def _beside_v(self) -> Any:
        """The inverse of X with V' to the left of y, ``1 + V' S`` there, shape (L, m, m)."""
        matrix, p = self.form.astype(np.result_type(self.form, self.v)), self.v.shape[-1]
        matrix[..., :p, :] = self.v @ self.form[..., :p, :]
        matrix[..., range(p), range(p)] += 1
        return matrix

    @cached_property
    def _inverse(self) -> Any:
        """``X`` with the inverse of V' to the right of y, shape (L, m, m)."""
        return inverse(self._beside_v)

    @cached_property
    def signs(self) -> Any:
        """Of the determinant of ``1 + V' Q`` at every eigenvalue, shape (L,); it changes across the band of one."""
        return np.linalg.slogdet(self._beside_v)[0]

    @cached_property
    def x(self) -> Any:
        """``X``, shape (L, m, m)."""
        p = self.v.shape[-1]
        return np.concatenate([self._inverse[..., :p] @ self.v, self._inverse[..., p:]], axis=-1)

    @cached_property
    def responses(self) -> Any:
        """``V'^-1 X`` of the rows of y, shape (L, p, m)."""
        return _transposed(self._inverse[..., : self.v.shape[-1]])

    @cached_property
    def gam(self) -> Any:
        """``Gam = Q (1 + V' Q)^-1``, shape (L, p, p)."""
        p = self.v.shape[-1]
        return self.form[..., :p, :] @ self._inverse[..., :p]

    def on_fields(self, array: Any) -> Any:
        """The last axis of an array (L, ..., m) as the fields ``(lambda y, mu)`` that a sample sees."""
        p = self.v.shape[-1]
        first = beside(self.coefficients.reach, array) * array[..., :p]
        return np.concatenate([first, array[..., 2 * p :]], axis=-1) if self.coefficients.tilted else first

    @cached_property
    def fields(self) -> Any:
        """The covariance of the fields that a sample of the gradient sees, shape (L, f p, f p) (eq-blocks)."""
        return self.on_fields(_transposed(self.on_fields(self.x)))

    @cached_property
    def half(self) -> Any:
        """Between a feature and the fields, over V' from the left; shape (L, p, f p)."""
        return self.on_fields(self.responses)

    @cached_property
    def seen(self) -> Any:
        """The first column of :attr:`fields` over V'; shape (L, f p, p)."""
        return beside(self.coefficients.reach, self.half) * _transposed(self.half)


class Samples:
    """The samples of the gradient put back, given the mean P of the fields' covariance (eq-layer).

    Attributes
    ----------
    inverse : ndarray of shape (J, f p, f p)
        ``(1 + phi_0 P b)^-1`` of every node of the residual's law.
    answer : ndarray of shape (J, f p, f p)
        ``b (1 + phi_0 P b)^-1``.
    """

    def __init__(self, coefficients: LayerCoefficients, law: Residuals, phi_gradient: float, p: Any) -> None:
        self.coefficients, self.law, self.p, self.phi_gradient = coefficients, law, p, phi_gradient
        vertices = coefficients.vertices(law)
        self.inverse = inverse(np.eye(vertices.shape[-1]) + phi_gradient * (p @ vertices))
        self.answer = vertices @ self.inverse

    @cached_property
    def t(self) -> Any:
        """``T = E b (1 + phi_0 P b)^-1``."""
        found = total(self.law.weights, self.answer)
        return (found + _transposed(found)) / 2

    @cached_property
    def noise_form(self) -> Any:
        """``E[c_j (1 + phi_0 P b)^-1 P]_11``: n/d times W (eq-theta), shape (p, p)."""
        size = self.coefficients.noise.shape[-1]
        return (total(self.law.weights * self.law.relative, self.inverse) @ self.p)[..., :size, :size]


def _transposed(matrices: Any) -> Any:
    return np.swapaxes(matrices, -1, -2)
