"""What finite dimension adds to the bulk (docs/theory-finite-size.md, section 11): fourth cumulants of the features.

The leading theory takes the part ``A2`` of a feature that is not linear in the orthogonal input as independent noise.
At finite d it is not, and two of its dependences are larger than 1/d lets expect:

1. Its quadratic part ``a2 h_2``, ``a2 = t / sqrt 2``, lives in a space of only ``D2 = d(d+1)/2`` dimensions: like the
   linear part, with ``n/D2`` in the place of ``n/d``. It is no longer negligible at n of order d^2, where quadratic
   features begin to be learned.
2. All features of a sample grow with its norm: ``A2^2`` is off by ``b (|x|^2/d - 1)``, ``b = dA2^2/d log tau^2``, and
   the variance 2/d of the bracket is multiplied by the square of the degree. So the diagonal of ``(K + D)^-1`` varies
   from sample to sample by ``nu = (2/d) R^2 h'^2``, ``h' = E_u[zeta b]``, less what the others know already of the
   sample's quadratic features, which grow, too: ``h'`` loses ``a2' [Z - Z (1 + (n/D2) V2 Z)^-1] da2/d log tau``.

Both change the free energy of the bulk, whose stationary point is the fixed point of fixed_point.py, per sample by
``(D2/n) [log det(1 + (n/D2) Z V2) - tr (n/D2) Z V2] - (1/2) E_kappa log(1 + nu)`` with ``V2 = E_kappa[a2 a2' R]`` and
Z = diag(zeta) in the neuron measure; its derivatives by R and zeta are what the methods below return. The logarithm in
the second is a choice of the higher orders that keeps every term positive.

Both are sound as far as n of the order of D2, where the quadratic features are all learned: what the label has in
common with them and with the linear ones is fitted jointly (quadratic_directions.py). Beyond, cubic features are
next, and predictions are not trusted (trust.py).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["LARGEST_SAMPLES_PER_QUADRATIC_DIM", "NextOrder", "NextOrderState"]

LARGEST_SAMPLES_PER_QUADRATIC_DIM = 1.0
"""Largest n/D2 at which predictions are trusted."""


@dataclass(frozen=True)
class NextOrder:
    """The arrays of the two terms.

    Attributes
    ----------
    phi, phi_by_log_norm, chi : ndarray of shape (K, p2), (K, p2), (A, p2)
        ``a2 = phi chi'``, ``da2/d log tau = turned chi'``, without what the sample's norm already has of both.
    noise_by_log_square : ndarray of shape (K, A)
        ``b``, of what the norm leaves of ``A2^2``.
    input_dim : int
        d.
    n_samples : int
    """

    phi: Any
    phi_by_log_norm: Any
    chi: Any
    noise_by_log_square: Any
    input_dim: int
    n_samples: int

    @property
    def samples_per_quadratic_dim(self) -> float:
        """``n / D2``."""
        return 2 * self.n_samples / (self.input_dim * (self.input_dim + 1))

    @cached_property
    def pairs(self) -> Any:
        """``phi_p turned_q`` flat, shape (K, p2^2)."""
        return (self.phi[:, :, None] * self.phi_by_log_norm[:, None, :]).reshape(len(self.phi), -1)

    @cached_property
    def other_noise_by_log_square(self) -> Any:
        """``b`` without the quadratic features' part ``a2 da2/d log tau``, shape (K, A)."""
        return self.noise_by_log_square - (self.phi @ self.chi.T) * (self.phi_by_log_norm @ self.chi.T)


class NextOrderState:
    """The terms at a pair (R, zeta); leading axes are a batch.

    Parameters
    ----------
    arrays : NextOrder
    weighted_r, weighted_zeta : ndarray of shape (..., K), (..., A)
        R and zeta times their quadrature weights.
    r : ndarray of shape (..., K)
    samples_per_neuron : float
        ``n / N``.
    """

    def __init__(self, arrays: NextOrder, wr: Any, wz: Any, r: Any, overload: float) -> None:
        self.arrays, self.weighted_r, self.weighted_zeta, self.r, self.samples_per_neuron = arrays, wr, wz, r, overload

    @cached_property
    def v(self) -> Any:
        """``phi' R phi``, shape (..., p2, p2); ``V2 = chi v chi'``."""
        phi = self.arrays.phi
        return phi.T @ (self.weighted_r[..., None] * phi)

    @cached_property
    def q_hat(self) -> Any:
        """``chi' Z chi``, shape (..., p2, p2)."""
        chi = self.arrays.chi
        return chi.T @ (self.weighted_zeta[..., None] * chi)

    @cached_property
    def e(self) -> Any:
        """``(1 + (n/D2) v q)^-1``, shape (..., p2, p2)."""
        return np.linalg.inv(np.eye(self.v.shape[-1]) + self.arrays.samples_per_quadratic_dim * (self.v @ self.q_hat))

    @cached_property
    def gam(self) -> Any:
        """``q e``: ``a2' Z (1 + (n/D2) V2 Z)^-1 a2 = phi gam phi'``."""
        return self.q_hat @ self.e

    @cached_property
    def psi(self) -> Any:
        """``e v``: ``(1 + (n/D2) V2 Z)^-1 V2 = chi psi chi'``."""
        return self.e @ self.v

    @cached_property
    def h_slope(self) -> Any:
        """``h' = E_u[zeta b] - a2' (Z - Z (1 + (n/D2) V2 Z)^-1) da2/d log tau``, shape (..., K)."""
        arrays = self.arrays
        known = ((arrays.phi @ (self.q_hat - self.gam)) * arrays.phi_by_log_norm).sum(axis=-1)
        return self.weighted_zeta @ arrays.noise_by_log_square.T - known

    @cached_property
    def h_slope_by_zeta(self) -> Any:
        """Derivative of the slope by zeta, over its quadrature weights, shape (..., K, A)."""
        arrays = self.arrays
        through = np.swapaxes(self.e, -1, -2) @ arrays.chi.T
        return arrays.other_noise_by_log_square + (arrays.phi @ through) * (arrays.phi_by_log_norm @ through)

    @cached_property
    def _known_pairs(self) -> Any:
        """``(Gam phi)_p (Gam phi)_q`` flat, shape (..., K, p2^2)."""
        known = self.arrays.phi @ self.gam
        flat = known[..., :, None] * known[..., None, :]
        return flat.reshape(*known.shape[:-1], -1)

    @property
    def h_slope_by_r(self) -> Any:
        """Derivative of the slope by R, over its quadrature weights, shape (..., K, K)."""
        return -self.arrays.samples_per_quadratic_dim * self.arrays.pairs @ np.swapaxes(self._known_pairs, -1, -2)

    @cached_property
    def diagonal_variance(self) -> Any:
        """``nu``, the relative variance of the diagonal of ``(K + D)^-1`` between samples, shape (..., K)."""
        return 2 / self.arrays.input_dim * (self.r * self.h_slope) ** 2

    @cached_property
    def variance_share(self) -> Any:
        """``nu / (1 + nu)``."""
        return self.diagonal_variance / (1 + self.diagonal_variance)

    @cached_property
    def by_r(self) -> Any:
        """What 1/R gains: ``a2' [Z (1 + (n/D2) V2 Z)^-1 - Z] a2 - nu / (R (1 + nu))`` and, as the slope depends on R,
        less ``(2/d) E_kappa[R^2 h' dh'/dR / (1 + nu)]``, shape (..., K).
        """
        phi = self.arrays.phi
        bent = self.gam @ self._by_gam @ self.gam
        changed = ((phi @ (self.gam - self.q_hat + self.arrays.samples_per_quadratic_dim * bent)) * phi).sum(axis=-1)
        return changed - self.variance_share / self.r

    @cached_property
    def by_zeta(self) -> Any:
        """What 1/zeta gains, over n/N: the diagonal of ``(1 + (n/D2) V2 Z)^-1 V2 - V2``, less
        ``(2/d) E_kappa[R^2 h' dh'/dzeta / (1 + nu)]``, shape (..., A).
        """
        chi = self.arrays.chi
        through = self.e @ self._by_gam @ np.swapaxes(self.e, -1, -2)
        changed = ((chi @ (self.psi - self.v - through)) * chi).sum(axis=-1)
        return changed - self._by_h_slope @ self.arrays.other_noise_by_log_square

    @cached_property
    def _by_h_slope(self) -> Any:
        """``(2/d) w R^2 h' / (1 + nu)``, shape (..., K)."""
        return 2 / self.arrays.input_dim * self.weighted_r * self.r * self.h_slope / (1 + self.diagonal_variance)

    @cached_property
    def by_fluctuating_shift(self) -> tuple[Any, Any]:
        """What 1/R and 1/zeta lose, per e, when the shift fluctuates as ``e/R_ii^2`` does, whose relative deviation is
        that of ``2 R h'``: ``(4/d) E_kappa[R h' dh'/dR / (1 + nu)]``, shape (K,), and n/N times that by zeta, (A,).
        """
        weights = 4 / self.arrays.input_dim * self.weighted_r * self.h_slope / (1 + self.diagonal_variance)
        return weights @ self.h_slope_by_r, self.samples_per_neuron * weights @ self.h_slope_by_zeta

    def second_derivatives(self) -> tuple[Any, Any, Any]:
        """Derivatives of :attr:`by_r` by R and by zeta, and of :attr:`by_zeta` by zeta, over the quadrature weights of
        what they are derived by: shapes (..., K, K), (..., K, A), (..., A, A). The first lacks the diagonal
        :meth:`own_derivative`.
        """
        phi, chi, c = self.arrays.phi, self.arrays.chi, self.arrays.samples_per_quadratic_dim
        through, whole = phi @ np.swapaxes(self.e, -1, -2) @ chi.T, phi @ chi.T
        along, across = phi @ self.gam @ phi.T, chi @ self.psi @ chi.T
        own_r, both, own_zeta = self._second_by_h_slope()
        # Second derivatives of the slopes: Gam = (q^-1 + c v)^-1 has d^2 Gam = 2 c^2 Gam dv Gam dv Gam
        # - 2 c (Gam dv E' dq E + its transpose) - 2 c E' dq Psi dq E.
        lever, e_t = self._by_gam, np.swapaxes(self.e, -1, -2)
        bent = self.gam @ lever @ self.gam
        samples = own_r - c * along**2 - 2 * c**2 * along * (phi @ bent @ phi.T)
        cross = both + through**2 - whole**2 + 2 * c * through * (phi @ self.gam @ lever @ e_t @ chi.T)
        neurons = own_zeta - c * across**2 + 2 * c * across * (chi @ self.e @ lever @ e_t @ chi.T)
        return samples, cross, neurons

    @cached_property
    def _by_gam(self) -> Any:
        """The sum over kappa of the lever times ``phi turned'``, symmetrised, shape (..., p2, p2)."""
        half = self.arrays.phi.T @ (self._by_h_slope[..., None] * self.arrays.phi_by_log_norm)
        return (half + np.swapaxes(half, -1, -2)) / 2

    def _second_by_h_slope(self) -> tuple[Any, Any, Any]:
        """The part of :meth:`second_derivatives` in which the slopes move to first order."""
        d, c, pairs, known = (
            self.arrays.input_dim,
            self.arrays.samples_per_quadratic_dim,
            self.arrays.pairs,
            self._known_pairs,
        )
        by_zeta, back = self.h_slope_by_zeta, np.swapaxes(known, -1, -2)
        steep = (4 / d * self.r * self.h_slope / (1 + self.diagonal_variance) ** 2)[..., None]
        flat = (2 / d * self.weighted_r * self.r * (1 - self.diagonal_variance) / (1 + self.diagonal_variance) ** 2)[
            ..., None
        ]
        turning = steep * self.h_slope_by_r
        samples = -turning - np.swapaxes(turning, -1, -2) - c**2 * known @ (pairs.T @ (flat * pairs)) @ back
        cross = -steep * by_zeta + c * known @ (pairs.T @ (flat * by_zeta))
        return samples, cross, -np.swapaxes(flat * by_zeta, -1, -2) @ by_zeta

    @cached_property
    def diagonal_derivative(self) -> Any:
        """``R d/dR [-nu / (R (1 + nu))] = -(1/R) nu (1 - nu) / (1 + nu)^2``, shape (..., K)."""
        return -self.variance_share * (1 - self.diagonal_variance) / (1 + self.diagonal_variance) / self.r
