"""Quadratic features on pairs of eigendirections of Sigma (docs/theory-inputs.md, section 5).

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
    phi, chi : ndarray of shape (K, p2), (A, p2)
        ``a2 = t / sqrt 2 = phi chi'``.
    products : ndarray of shape (B, A)
        The variance of a weight: that of both directions multiplied, times 2/(d (d + m_2)).
    counts : ndarray of shape (B,)
        How many pairs of eigendirections belong to a pair of nodes.
    first, second : ndarray of int, shape (B,)
        The nodes of a pair.
    n_samples : int
    """

    phi: Any
    chi: Any
    products: Any
    counts: Any
    first: Any
    second: Any
    n_samples: int

    @cached_property
    def phi_pairs(self) -> Any:
        """``phi_i phi_j`` flat, shape (K, p2^2)."""
        return (self.phi[:, :, None] * self.phi[:, None, :]).reshape(len(self.phi), -1)

    @cached_property
    def chi_pairs(self) -> Any:
        """``chi_i chi_j`` flat, shape (A, p2^2)."""
        return (self.chi[:, :, None] * self.chi[:, None, :]).reshape(len(self.chi), -1)


def pairs(spectrum: Eigenvalues, dimension: int, n_samples: int, relative: Any, phi: Any, chi: Any) -> Pairs:
    """The pairs for weights of relative variance ``s_u(lambda)/tau^2`` (L, A).

    The diagonal counts half of a node's eigenvalues once more: ``n (n + 1)/2`` pairs within one of n.
    """
    first, second = np.triu_indices(len(spectrum.values))
    own = dimension * spectrum.weights
    counts = np.where(first == second, own[first] * (own[first] + 1) / 2, own[first] * own[second])
    scale = 2 / (dimension * (dimension + spectrum.moment(2)))
    return Pairs(phi, chi, scale * relative[first] * relative[second], counts, first, second, n_samples)


class PairsState:
    """What the pairs add at a pair (R, zeta), both times their quadrature weights (eq-pairs)."""

    def __init__(self, arrays: Pairs, weighted_r: Any, weighted_zeta: Any) -> None:
        self.arrays, self.weighted_r, self.weighted_zeta = arrays, weighted_r, weighted_zeta

    @cached_property
    def v(self) -> Any:
        """``V2 = E[R phi phi']``, shape (p2, p2)."""
        return self.arrays.phi.T @ (self.weighted_r[:, None] * self.arrays.phi)

    @cached_property
    def q(self) -> Any:
        """``Q2`` of every pair, shape (B, p2, p2)."""
        size = self.arrays.phi.shape[1]
        return ((self.arrays.products * self.weighted_zeta) @ self.arrays.chi_pairs).reshape(-1, size, size)

    @cached_property
    def _inverse(self) -> Any:
        return np.linalg.inv(np.eye(len(self.v)) + self.arrays.n_samples * (self.v @ self.q))

    @cached_property
    def gam(self) -> Any:
        """``G2 = Q2 (1 + n V2 Q2)^-1``, shape (B, p2, p2)."""
        return self.q @ self._inverse

    @property
    def over_r(self) -> Any:
        """What 1/R gains, ``phi' sum (G2 - Q2) phi``, shape (K,)."""
        change = np.tensordot(self.arrays.counts, self.gam - self.q, 1)
        return self.arrays.phi_pairs @ change.ravel()

    @property
    def over_zeta(self) -> Any:
        """What 1/zeta gains, over n/N: ``sum products chi' (P2 - V2) chi``, ``P2 = (1 + n V2 Q2)^-1 V2``; (A,)."""
        change = self.arrays.counts[:, None, None] * (self._inverse @ self.v - self.v)
        by_pair = change.reshape(len(change), -1) @ self.arrays.chi_pairs.T
        return (self.arrays.products * by_pair).sum(axis=0)
