"""What finite dimension adds to the bulk (docs/theory-corrections.md, section 11): fourth cumulants of the features.

The leading theory takes the part ``A2`` of a feature that is not linear in the orthogonal input as independent noise.
At finite d it is not independent, and two effects have large factors beside their 1/d:

1. The quadratic part ``a2 h_2``, ``a2 = t / sqrt 2``, lives in a space of only ``D2 = d(d+1)/2`` dimensions. It behaves
   like the linear part, with ``n/D2`` instead of ``n/d``, and is not negligible at n of order d^2, where quadratic
   features begin to be learned.
2. All features of a sample grow with its norm: ``A2^2`` deviates by ``b (|x|^2/d - 1)``, ``b = dA2^2/d log tau^2``, and
   the variance 2/d of the bracket is multiplied by the square of the degree. So the diagonal of ``(K + D)^-1`` varies
   from sample to sample with the relative variance ``nu = (2/d) R^2 h'^2``. Here h' is ``E_u[zeta b]`` less the part
   ``a2' [Z - Z (1 + (n/D2) V2 Z)^-1] da2/d log tau`` of the quadratic features that the other samples determine.

Both change the free energy of the bulk, whose stationary point is the fixed point of fixed_point.py (eq-free-energy),
per sample by ``(D2/n) [log det(1 + (n/D2) Z V2) - tr (n/D2) Z V2] - (1/2) E_kappa log(1 + nu)``
(eq-quadratic-features) with ``V2 = E_kappa[a2 a2' R]`` and Z = diag(zeta) in the neuron measure. The methods below
return its derivatives by R and zeta. The logarithm in the second term is a choice of the higher orders that keeps every
term positive.

Both terms hold up to n of the order of D2, where the quadratic features are all learned: what the label has in common
with them and with the linear ones is fitted jointly (quadratic_directions.py). At larger n cubic features begin to be
learned, and predictions are not trusted (trust.py).
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
    """The arrays of the two terms, for the quadratic features without their part in the sample's norm.

    Attributes
    ----------
    phi, phi_by_log_norm, chi : ndarray of shape (K, p2), (K, p2), (A, p2)
        ``a2 = phi chi'``, ``da2/d log tau = phi_by_log_norm chi'``.
    noise_by_log_square : ndarray of shape (K, A)
        ``b = dA2^2/d log tau^2``.
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
        """``n / D2``, ``D2 = d(d+1)/2``."""
        return 2 * self.n_samples / (self.input_dim * (self.input_dim + 1))

    @cached_property
    def other_noise_by_log_square(self) -> Any:
        """``b`` without the quadratic features' part ``a2 da2/d log tau``, shape (K, A)."""
        return self.noise_by_log_square - (self.phi @ self.chi.T) * (self.phi_by_log_norm @ self.chi.T)


class NextOrderState:
    """The derivatives of the two terms by R and zeta at a pair (R, zeta); leading axes are a batch.

    The terms are those of (eq-free-energy) that section 11 adds: (eq-quadratic-features) and
    ``-(1/2) E_kappa log(1 + nu)``.

    Parameters
    ----------
    arrays : NextOrder
    weighted_r, weighted_zeta : ndarray of shape (..., K), (..., A)
        R and zeta times their quadrature weights.
    r : ndarray of shape (..., K)
    samples_per_neuron : float
        ``n / N``.
    """

    def __init__(
        self, arrays: NextOrder, weighted_r: Any, weighted_zeta: Any, r: Any, samples_per_neuron: float
    ) -> None:
        self.arrays, self.r, self.samples_per_neuron = arrays, r, samples_per_neuron
        self.weighted_r, self.weighted_zeta = weighted_r, weighted_zeta

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
        """``h' = E_u[zeta b] - phi2' (Q2 - Gam2) dphi2/dlog |x|`` (eq-known-slope), shape (..., K)."""
        arrays = self.arrays
        determined = ((arrays.phi @ (self.q_hat - self.gam)) * arrays.phi_by_log_norm).sum(axis=-1)
        return self.weighted_zeta @ arrays.noise_by_log_square.T - determined

    @cached_property
    def h_slope_by_zeta(self) -> Any:
        """Derivative of h' by zeta, over its quadrature weights, shape (..., K, A)."""
        arrays = self.arrays
        e_chi = np.swapaxes(self.e, -1, -2) @ arrays.chi.T
        return arrays.other_noise_by_log_square + (arrays.phi @ e_chi) * (arrays.phi_by_log_norm @ e_chi)

    @cached_property
    def h_slope_by_r(self) -> Any:
        """Derivative of h' by R, over its quadrature weights, shape (..., K, K)."""
        phi, by_log_norm = self.arrays.phi, self.arrays.phi_by_log_norm
        gam_phi = self.gam @ phi.T
        return -self.arrays.samples_per_quadratic_dim * (phi @ gam_phi) * (by_log_norm @ gam_phi)

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
        """The terms of 1/R: ``phi2' [Gam2 - Q2] phi2 - nu / (R (1 + nu))`` and, as h' depends on R,
        ``-(2/d) E_kappa[R^2 h' dh'/dR / (1 + nu)]``, shape (..., K).
        """
        phi = self.arrays.phi
        through_h_slope = self.arrays.samples_per_quadratic_dim * (self.gam @ self._by_gam @ self.gam)
        changed = ((phi @ (self.gam - self.q_hat + through_h_slope)) * phi).sum(axis=-1)
        return changed - self.variance_share / self.r

    @cached_property
    def by_zeta(self) -> Any:
        """The terms of 1/zeta, over n/N: the diagonal of ``(1 + (n/D2) V2 Z)^-1 V2 - V2``, less
        ``(2/d) E_kappa[R^2 h' dh'/dzeta / (1 + nu)]``, shape (..., A).
        """
        chi = self.arrays.chi
        through_h_slope = self.e @ self._by_gam @ np.swapaxes(self.e, -1, -2)
        changed = ((chi @ (self.psi - self.v - through_h_slope)) * chi).sum(axis=-1)
        return changed - self._by_h_slope @ self.arrays.other_noise_by_log_square

    @cached_property
    def _by_h_slope(self) -> Any:
        """The derivative of ``(1/2) E_kappa log(1 + nu)`` by h', ``(2/d) w R^2 h' / (1 + nu)``, shape (..., K)."""
        return 2 / self.arrays.input_dim * self.weighted_r * self.r * self.h_slope / (1 + self.diagonal_variance)

    @cached_property
    def by_fluctuating_shift(self) -> tuple[Any, Any]:
        """What the fluctuation of the shift ``e/R_ii^2`` takes from 1/R and 1/zeta, per e (eq-fluctuating-shift).

        These are ``(4/d) E_kappa[R h' dh'/dR / (1 + nu)]``, shape (K,), and n/N times the same with ``dh'/dzeta``,
        shape (A,).
        """
        weights = 4 / self.arrays.input_dim * self.weighted_r * self.h_slope / (1 + self.diagonal_variance)
        return weights @ self.h_slope_by_r, self.samples_per_neuron * weights @ self.h_slope_by_zeta

    def second_derivatives(self) -> tuple[Any, Any, Any]:
        """Derivatives of :attr:`by_r` by R and by zeta, and of :attr:`by_zeta` by zeta, each over the quadrature
        weights of the variable of the derivative.

        Shapes (..., K, K), (..., K, A), (..., A, A). The first lacks the diagonal :attr:`diagonal_derivative`.
        """
        phi, chi, c = self.arrays.phi, self.arrays.chi, self.arrays.samples_per_quadratic_dim
        phi_chi, phi_e_chi = phi @ chi.T, phi @ np.swapaxes(self.e, -1, -2) @ chi.T
        phi_gam_phi, chi_psi_chi = phi @ self.gam @ phi.T, chi @ self.psi @ chi.T
        first_r, first_both, first_zeta = self._through_first_derivatives()
        # Second derivatives of h', through Gam = (q^-1 + c v)^-1: d^2 Gam = 2 c^2 Gam dv Gam dv Gam
        # - 2 c (Gam dv E' dq E + its transpose) - 2 c E' dq Psi dq E.
        by_gam, e_t = self._by_gam, np.swapaxes(self.e, -1, -2)
        gam_gam = self.gam @ by_gam @ self.gam
        samples = first_r - c * phi_gam_phi**2 - 2 * c**2 * phi_gam_phi * (phi @ gam_gam @ phi.T)
        gam_e = phi @ self.gam @ by_gam @ e_t @ chi.T
        cross = first_both + phi_e_chi**2 - phi_chi**2 + 2 * c * phi_e_chi * gam_e
        e_e = chi @ self.e @ by_gam @ e_t @ chi.T
        neurons = first_zeta - c * chi_psi_chi**2 + 2 * c * chi_psi_chi * e_e
        return samples, cross, neurons

    @cached_property
    def _by_gam(self) -> Any:
        """The derivative of ``(1/2) E_kappa log(1 + nu)`` by Gam2, symmetrised, shape (..., p2, p2)."""
        half = self.arrays.phi.T @ (self._by_h_slope[..., None] * self.arrays.phi_by_log_norm)
        return (half + np.swapaxes(half, -1, -2)) / 2

    def _through_first_derivatives(self) -> tuple[Any, Any, Any]:
        """The part of :meth:`second_derivatives` that is made of first derivatives of h'."""
        d, nu, by_r, by_zeta = self.arrays.input_dim, self.diagonal_variance, self.h_slope_by_r, self.h_slope_by_zeta
        # The derivative by h' of nu/(R (1 + nu)), and the second derivative by h' of (1/2) E_kappa log(1 + nu).
        share_by_h = (4 / d * self.r * self.h_slope / (1 + nu) ** 2)[..., None]
        twice_by_h = (2 / d * self.weighted_r * self.r * (1 - nu) / (1 + nu) ** 2)[..., None]
        share_by_r, twice_by_r = share_by_h * by_r, np.swapaxes(twice_by_h * by_r, -1, -2)
        samples = -share_by_r - np.swapaxes(share_by_r, -1, -2) - twice_by_r @ by_r
        cross = -share_by_h * by_zeta - twice_by_r @ by_zeta
        return samples, cross, -np.swapaxes(twice_by_h * by_zeta, -1, -2) @ by_zeta

    @cached_property
    def diagonal_derivative(self) -> Any:
        """``R d/dR [-nu / (R (1 + nu))] = -(1/R) nu (1 - nu) / (1 + nu)^2``, shape (..., K)."""
        return -self.variance_share * (1 - self.diagonal_variance) / (1 + self.diagonal_variance) / self.r
