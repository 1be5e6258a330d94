"""Quadratic features on pairs of eigendirections of Sigma (docs/theory-inputs.md, section 7).

The part ``a2 h_2`` of a feature is linear in the products ``g_i g_j`` of the inputs' coordinates, with weights of
variance ``s_u(lambda_i) s_u(lambda_j)``. On few strong directions these products are few, and are learned.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.eigenvalues import Eigenvalues

__all__ = ["Pairs", "PairsState", "pairs"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs of nodes of the spectrum; L nodes make B = L (L + 1)/2 pairs.

    Attributes
    ----------
    phi, phi_by_log_norm, chi : ndarray of shape (K, p2), (K, p2), (A, p2)
        ``a2 = t / sqrt 2 = phi chi'``, ``da2/d log tau = phi_by_log_norm chi'``.
    other_noise_by_log_square : ndarray of shape (K, A)
        ``dA2^2/d log tau^2`` without the quadratic features' part ``a2 da2/d log tau``.
    products : ndarray of shape (B, A)
        The variance of a weight: that of both directions multiplied, times 2/(d (d + avg s^2/tau^4)), with which all
        of them add up to one.
    counts : ndarray of shape (B,)
        How many pairs of eigendirections belong to a pair of nodes.
    first, second : ndarray of int, shape (B,)
        The nodes of a pair.
    n_samples : int
    """

    phi: Any
    phi_by_log_norm: Any
    chi: Any
    other_noise_by_log_square: Any
    products: Any
    counts: Any
    first: Any
    second: Any
    n_samples: int

    @cached_property
    def phi_pairs(self) -> Any:
        """``phi_i phi_j`` flat, shape (K, p2^2)."""
        return np.einsum("ki,kj->kij", self.phi, self.phi).reshape(len(self.phi), self.phi.shape[1] ** 2)

    @cached_property
    def chi_pairs(self) -> Any:
        """``chi_i chi_j`` flat, shape (A, p2^2)."""
        return np.einsum("ki,kj->kij", self.chi, self.chi).reshape(len(self.chi), self.chi.shape[1] ** 2)


def pairs(
    spectrum: Eigenvalues, dimension: int, n_samples: int, relative: Any, factors: tuple[Any, Any, Any], other: Any
) -> Pairs:
    """The pairs for weights of relative variance ``s_u(lambda)/tau^2`` (L, A).

    The diagonal counts half of a node's eigenvalues once more: ``n (n + 1)/2`` pairs within one of n.
    """
    first, second = np.triu_indices(len(spectrum.values))
    own = dimension * spectrum.weights
    counts = np.where(first == second, own[first] * (own[first] + 1) / 2, own[first] * own[second])
    scale = 2 / (dimension * (dimension + spectrum.weights @ relative**2))
    products = scale * relative[first] * relative[second]
    return Pairs(*factors, other, products, counts, first, second, n_samples)


class PairsState:
    """What quadratic features and the norms of samples add at (R, zeta) (eq-quadratic-pairs, eq-diagonal-variance).

    Parameters
    ----------
    arrays : Pairs
    weighted_r, weighted_zeta : ndarray of shape (K,), (A,)
        R and zeta times their quadrature weights.
    r : ndarray of shape (K,)
    norm_variance : float
        v.
    """

    def __init__(self, arrays: Pairs, weighted_r: Any, weighted_zeta: Any, r: Any, norm_variance: float) -> None:
        self.arrays, self.weighted_r, self.weighted_zeta = arrays, weighted_r, weighted_zeta
        self.r, self.norm_variance = r, norm_variance

    @cached_property
    def v(self) -> Any:
        """``V2 = E[R phi phi']``, shape (p2, p2)."""
        return self.arrays.phi.T @ (self.weighted_r[:, None] * self.arrays.phi)

    @cached_property
    def q2(self) -> Any:
        """``Q2`` of every pair, shape (B, p2, p2)."""
        size = self.arrays.phi.shape[1]
        flat = (self.arrays.products * self.weighted_zeta) @ self.arrays.chi_pairs
        return flat.reshape(len(flat), size, size)

    @cached_property
    def _inverse(self) -> Any:
        return np.linalg.inv(np.eye(len(self.v)) + self.arrays.n_samples * (self.v @ self.q2))

    @cached_property
    def gam(self) -> Any:
        """``G2 = Q2 (1 + n V2 Q2)^-1``, shape (B, p2, p2)."""
        return self.q2 @ self._inverse

    @cached_property
    def h_slope(self) -> Any:
        """``h' = E[zeta (b - a2 da2)] + phi' sum G2 dphi``, how the diagonal grows with the norm, shape (K,)."""
        arrays = self.arrays
        known = ((arrays.phi @ np.tensordot(arrays.counts, self.gam, 1)) * arrays.phi_by_log_norm).sum(axis=1)
        return arrays.other_noise_by_log_square @ self.weighted_zeta + known

    @cached_property
    def diagonal_variance(self) -> Any:
        """``nu = 4 v (R h')^2``, the relative variance of the diagonal between samples of one kappa, shape (K,)."""
        return 4 * self.norm_variance * (self.r * self.h_slope) ** 2

    @cached_property
    def _by_h_slope(self) -> Any:
        """The derivative of ``E log(1 + nu)/2`` by h', shape (K,)."""
        return 4 * self.norm_variance * self.weighted_r * self.r * self.h_slope / (1 + self.diagonal_variance)

    @cached_property
    def over_r(self) -> Any:
        """What 1/R gains: ``phi' sum (G2 - Q2) phi`` and the derivative of ``-E log(1 + nu)/2``, shape (K,)."""
        change = np.tensordot(self.arrays.counts, self.gam - self.q2, 1)
        found = self.arrays.phi_pairs @ change.ravel() - self._through_r(self._by_h_slope)
        nu = self.diagonal_variance
        return found - nu / (1 + nu) / self.r

    @cached_property
    def over_zeta(self) -> Any:
        """What 1/zeta gains, over n/N: ``sum products chi' (P2 - V2) chi``, ``P2 = (1 + n V2 Q2)^-1 V2``, and the
        derivative of ``-E log(1 + nu)/2``; shape (A,).
        """
        return self._forms(self._inverse @ self.v - self.v) - self._through_zeta(self._by_h_slope)

    @cached_property
    def by_fluctuating_shift(self) -> tuple[Any, Any]:
        """What the fluctuation of the shift ``e/R_ii^2`` takes from 1/R and, over n/N, from 1/zeta, per e."""
        nu = self.diagonal_variance
        weights = 8 * self.norm_variance * self.weighted_r * self.h_slope / (1 + nu)
        return self._through_r(weights), self._through_zeta(weights)

    def _symmetric(self, weights: Any) -> Any:
        """The derivative of ``sum_k weights_k h'_k`` by ``sum G2``, shape (p2, p2)."""
        half = self.arrays.phi.T @ (weights[:, None] * self.arrays.phi_by_log_norm)
        return (half + half.T) / 2

    def _through_r(self, weights: Any) -> Any:
        """The derivative of ``sum_k weights_k h'_k`` by R over its quadrature weights: ``dG2 = -n G2 dV2 G2``."""
        by_gam = np.tensordot(self.arrays.counts, self.gam @ self._symmetric(weights) @ self.gam, 1)
        return -self.arrays.n_samples * (self.arrays.phi_pairs @ by_gam.ravel())

    def _through_zeta(self, weights: Any) -> Any:
        """The same by zeta: ``dG2 = E' dQ2 E``, shape (A,)."""
        by_q = self._inverse @ self._symmetric(weights) @ np.swapaxes(self._inverse, 1, 2)
        return weights @ self.arrays.other_noise_by_log_square + self._forms(by_q)

    def _forms(self, matrices: Any) -> Any:
        """``sum counts products chi' matrix chi``, shape (A,)."""
        flat = (self.arrays.counts[:, None, None] * matrices).reshape(len(matrices), matrices[0].size)
        return (self.arrays.products * (flat @ self.arrays.chi_pairs.T)).sum(axis=0)
