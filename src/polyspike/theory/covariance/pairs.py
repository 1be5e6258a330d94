"""Quadratic features on pairs of eigendirections of Sigma (docs/theory-inputs.md, section 7).

The part ``a2 h_2`` of a feature is linear in the products ``g_i g_j`` of the inputs' coordinates, with weights of
variance ``s_u(lambda_i) s_u(lambda_j)``. On few strong directions these products are few, and are learned.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, isqrt
from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import inverse, over_neurons, total, triangle
from polyspike.theory.covariance.eigenvalues import Eigenvalues

__all__ = ["Pairs", "PairsState", "pairs"]

# Entries of the matrices between neurons that are made at a time.
_AT_A_TIME = 1 << 17


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
        return _outer(self.phi, self.phi)

    @cached_property
    def chi_pairs(self) -> Any:
        """``chi_i chi_j`` flat, shape (A, p2^2)."""
        return _outer(self.chi, self.chi)

    @cached_property
    def slope_pairs(self) -> Any:
        """``phi_i`` times ``phi_by_log_norm_j`` flat, shape (K, p2^2)."""
        return _outer(self.phi, self.phi_by_log_norm)

    @cached_property
    def counted(self) -> Any:
        """``counts products``, shape (B, A)."""
        return self.counts[:, None] * self.products


def pairs(
    spectrum: Eigenvalues, dimension: int, n_samples: int, relative: Any, factors: tuple[Any, Any, Any], other: Any
) -> Pairs:
    """The pairs for weights of relative variance ``s_u(lambda)/tau^2`` (L, A).

    The diagonal counts half of a node's eigenvalues once more: ``n (n + 1)/2`` pairs within one of n.
    """
    first, second = triangle(len(spectrum.values))
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
        R and zeta times their quadrature weights; of several tangents (S, K) and (S, A), from which the equations of
        the bulk, 1/R and 1/zeta, are not asked.
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
        return self.arrays.phi.T @ (self.weighted_r[..., None] * self.arrays.phi)

    @cached_property
    def q2(self) -> Any:
        """``Q2`` of every pair, shape (B, p2, p2)."""
        return over_neurons(self.arrays.products, self.weighted_zeta, self.arrays.chi_pairs)

    @cached_property
    def _inverse(self) -> Any:
        return inverse(np.eye(self.v.shape[-1]) + self.arrays.n_samples * (self.v @ self.q2))

    @property
    def known_of_pairs(self) -> Any:
        """``(1 + n Q2 V2)^-1``, what the samples leave of a pair's prior, shape (B, p2, p2)."""
        return self._inverse.swapaxes(-1, -2)

    @cached_property
    def gam(self) -> Any:
        """``G2 = Q2 (1 + n V2 Q2)^-1``, shape (B, p2, p2)."""
        return self.q2 @ self._inverse

    @cached_property
    def h_slope(self) -> Any:
        """``h' = E[zeta (b - a2 da2)] + phi' sum G2 dphi``, how the diagonal grows with the norm, shape (K,)."""
        arrays = self.arrays
        known = ((arrays.phi @ total(arrays.counts, self.gam)) * arrays.phi_by_log_norm).sum(axis=-1)
        return self.weighted_zeta @ arrays.other_noise_by_log_square.T + known

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
        change = total(self.arrays.counts, self.gam - self.q2)
        found = self.arrays.phi_pairs @ change.ravel() - self._through_r(self._of_h_slope)
        nu = self.diagonal_variance
        return found - nu / (1 + nu) / self.r

    @cached_property
    def over_zeta(self) -> Any:
        """What 1/zeta gains, over n/N: ``sum products chi' (P2 - V2) chi``, ``P2 = (1 + n V2 Q2)^-1 V2``, and the
        derivative of ``-E log(1 + nu)/2``; shape (A,).
        """
        return self._forms(self._inverse @ self.v - self.v) - self._through_zeta(self._by_h_slope, self._of_h_slope)

    @cached_property
    def by_fluctuating_shift(self) -> tuple[Any, Any]:
        """What the fluctuation of the shift ``e/R_ii^2`` takes from 1/R and, over n/N, from 1/zeta, per e."""
        nu = self.diagonal_variance
        weights = 8 * self.norm_variance * self.weighted_r * self.h_slope / (1 + nu)
        of_slope = self._symmetric(weights)
        return self._through_r(of_slope), self._through_zeta(weights, of_slope)

    @cached_property
    def _of_h_slope(self) -> Any:
        """:meth:`_symmetric` of :attr:`_by_h_slope`."""
        return self._symmetric(self._by_h_slope)

    def _symmetric(self, weights: Any) -> Any:
        """The derivative of ``sum_k weights_k h'_k`` by ``sum G2``, shape (p2, p2)."""
        half = self.arrays.phi.T @ (weights[:, None] * self.arrays.phi_by_log_norm)
        return (half + half.T) / 2

    def _through_r(self, of_slope: Any) -> Any:
        """The derivative of ``sum_k weights_k h'_k``, of which :meth:`_symmetric` is given, by R over its quadrature
        weights: ``dG2 = -n G2 dV2 G2``.
        """
        by_gam = total(self.arrays.counts, self.gam @ of_slope @ self.gam)
        return -self.arrays.n_samples * (self.arrays.phi_pairs @ by_gam.ravel())

    def _through_zeta(self, weights: Any, of_slope: Any) -> Any:
        """The same by zeta: ``dG2 = E' dQ2 E``, shape (A,)."""
        by_q = self._inverse @ of_slope @ np.swapaxes(self._inverse, 1, 2)
        return weights @ self.arrays.other_noise_by_log_square + self._forms(by_q)

    def _forms(self, matrices: Any) -> Any:
        """``sum counts products chi' matrix chi``, shape (A,)."""
        arrays = self.arrays
        total = arrays.counted.T @ matrices.reshape(len(matrices), matrices[0].size)
        return (total * arrays.chi_pairs).sum(axis=1)

    @cached_property
    def diagonal_derivative(self) -> Any:
        """``R d/dR [-nu/(R (1 + nu))] = -(1/R) nu (1 - nu)/(1 + nu)^2`` where h' stands still, shape (K,)."""
        nu = self.diagonal_variance
        return -nu * (1 - nu) / (1 + nu) ** 2 / self.r

    def second_derivatives(self) -> tuple[Any, Any, Any]:
        """Derivatives of :attr:`over_r` by R and by zeta and of :attr:`over_zeta` by zeta, over the quadrature weights
        of the variable of the derivative (eq-full-jacobian); shapes (K, K), (K, A), (A, A).

        The first lacks the diagonal :attr:`diagonal_derivative`.
        """
        arrays, n, gam, e = self.arrays, self.arrays.n_samples, self.gam, self._inverse
        of_h = self._of_h_slope
        gam_of_h = gam @ of_h
        # d^2 G2 = 2 n^2 G dV G dV G - 2 n (G dV E' dQ E + its transpose) - 2 n E' dQ P2 dQ E.
        two_gam = _squares(arrays.counts, gam, gam)
        samples = arrays.phi_pairs @ (-n * two_gam - 2 * n**2 * _squares(arrays.counts, gam, gam_of_h @ gam))
        # The derivative of h' by R is this times the products of phi; so all between samples is of low rank.
        by_r = -n * (arrays.slope_pairs @ two_gam)
        sides = np.swapaxes(arrays.chi @ e, 0, 1)
        counted = np.swapaxes(sides, 1, 2) * arrays.counted.T[:, None, :]
        once = (counted @ sides).reshape(len(sides), -1)
        again = (counted @ np.swapaxes(arrays.chi @ (e @ np.swapaxes(gam_of_h, 1, 2)), 0, 1)).reshape(len(sides), -1)
        plain = (arrays.phi @ arrays.chi.T) ** 2 * arrays.counted.sum(axis=0)
        by_zeta = arrays.other_noise_by_log_square + arrays.slope_pairs @ once.T
        first_r, first_both, first_zeta = self._through_first_derivatives(by_r, by_zeta)
        half = _folded(samples / 2 + first_r) @ _upper(arrays.phi_pairs).T
        cross = first_both + arrays.phi_pairs @ (once + 2 * n * again).T - plain
        return half + half.T, cross, first_zeta + self._neurons(e, of_h)

    def _neurons(self, e: Any, of_h: Any) -> Any:
        """The part of the derivative of :attr:`over_zeta` by zeta through second derivatives, shape (A, A)."""
        arrays, chi, p2 = self.arrays, self.arrays.chi, e @ self.v
        other = 2 * e @ of_h @ np.swapaxes(e, 1, 2) - p2
        out = np.zeros((len(chi), len(chi)))
        # As many pairs at a time as stay in the cache.
        for b in np.array_split(np.arange(len(p2)), ceil(len(p2) * out.size / _AT_A_TIME)):
            weighted = arrays.counted[b, :, None] * chi @ p2[b] @ chi.T
            out += (weighted * (chi @ other[b] @ (arrays.products[b, :, None] * chi).swapaxes(1, 2))).sum(axis=0)
        return arrays.n_samples * out

    def _through_first_derivatives(self, by_r: Any, by_zeta: Any) -> tuple[Any, Any, Any]:
        """The part of :meth:`second_derivatives` that is made of first derivatives of h'; by R it is (K, p2^2), which
        times the products of phi, and with its transpose, is the whole.
        """
        nu, v, phi = self.diagonal_variance, self.norm_variance, self.arrays.phi_pairs
        # The derivative by h' of nu/(R (1 + nu)), and the second derivative by h' of E log(1 + nu)/2.
        share = (8 * v * self.r * self.h_slope / (1 + nu) ** 2)[:, None]
        twice = (4 * v * self.weighted_r * self.r * (1 - nu) / (1 + nu) ** 2)[:, None]
        weighted = by_r.T @ (twice * np.concatenate([by_r, by_zeta], axis=1))
        samples = -share * by_r - phi @ weighted[:, : by_r.shape[1]] / 2
        return samples, -share * by_zeta - phi @ weighted[:, by_r.shape[1] :], -by_zeta.T @ (twice * by_zeta)


def _outer(left: Any, right: Any) -> Any:
    """``left_i right_j`` flat, row by row."""
    return (left[:, :, None] * right[:, None]).reshape(len(left), -1)


def _upper(pairs: Any) -> Any:
    """The products (K, p^2) with i <= j."""
    size = isqrt(pairs.shape[1])
    rows, columns = triangle(size)
    return pairs[:, rows * size + columns]


def _folded(coefficients: Any) -> Any:
    """The coefficients (K, p^2) of such products, where those of i and j are one."""
    size = isqrt(coefficients.shape[1])
    rows, columns = triangle(size)
    found = coefficients[:, rows * size + columns] + coefficients[:, columns * size + rows]
    return found * np.where(rows == columns, 0.5, 1.0)


def _squares(weights: Any, left: Any, right: Any) -> Any:
    """The sum of ``weights left_im right_jn`` as a matrix from (i, j) to (m, n), shape (p2^2, p2^2)."""
    count, size = left.shape[:2]
    found = (weights[:, None] * left.reshape(count, size**2)).T @ right.reshape(count, size**2)
    return found.reshape((size,) * 4).transpose(0, 2, 1, 3).reshape(size**2, size**2)
