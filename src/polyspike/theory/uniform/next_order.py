"""What finite dimension adds to the bulk (docs/theory-uniform.md, section 11): fourth cumulants of the features.

The leading theory takes the part ``A2`` of a feature that is not linear in the orthogonal input as independent noise.
At finite d it is not, and two of its dependences are larger than 1/d lets expect:

1. Its quadratic part ``a2 h_2``, ``a2 = t / sqrt 2``, lives in a space of only ``D2 = d(d+1)/2`` dimensions: like the
   linear part, with ``n/D2`` in the place of ``n/d``. It is no longer negligible at n of order d^2, where quadratic
   features begin to be learned.
2. All features of a sample grow with its norm: ``A2^2`` is off by ``b (|x|^2/d - 1)``, ``b = dA2^2/d log tau^2``, and
   the variance 2/d of the bracket is multiplied by the square of the degree. So the diagonal of ``(K + D)^-1`` varies
   from sample to sample by ``nu = (2/d) R^2 h'^2``, ``h' = E_u[zeta b]``.

Both change the free energy of the bulk, whose stationary point is the fixed point of bulk.py, per sample by
``(D2/n) [log det(1 + (n/D2) Z V2) - tr (n/D2) Z V2] - (1/2) E_kappa log(1 + nu)`` with ``V2 = E_kappa[a2 a2' R]`` and
Z = diag(zeta) in the neuron measure; its derivatives by R and zeta are what the methods below return. The logarithm in
the second is a choice of the higher orders that keeps every term positive.

The first is left out where n exceeds a quarter of D2: there quadratic features are learned to an extent for which the
label's quadratic part would have to be fitted jointly with its linear part and the spikes (the prediction is then not
trusted, see trust.py). The second alone is sound down to d of a few.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["LARGEST_ASPECT", "NextOrder", "NextOrderState", "next_order"]

LARGEST_ASPECT = 0.25
"""Largest n/D2 at which the quadratic features are taken into account."""


@dataclass(frozen=True)
class NextOrder:
    """The arrays of the two terms.

    Attributes
    ----------
    phi, chi : ndarray of shape (K, p2), (A, p2)
        ``a2 = phi chi'``.
    spread : ndarray of shape (K, A)
        ``b``.
    dimension : int
        d.
    n_samples : int
    """

    phi: Any
    chi: Any
    spread: Any
    dimension: int
    n_samples: int

    @property
    def aspect(self) -> float:
        """``n / D2``."""
        return 2 * self.n_samples / (self.dimension * (self.dimension + 1))


def next_order(phi: Any, chi: Any, spread: Any, dimension: int, n_samples: int) -> NextOrder:
    """From the factors of ``a2 = phi chi'`` and ``b`` on the grid."""
    terms = NextOrder(phi, chi, spread, dimension, n_samples)
    return terms if terms.aspect <= LARGEST_ASPECT else replace(terms, phi=phi[:, :0], chi=chi[:, :0])


class NextOrderState:
    """The terms at a pair (R, zeta); leading axes are a batch.

    Parameters
    ----------
    arrays : NextOrder
    wr, wz : ndarray of shape (..., K), (..., A)
        R and zeta times their quadrature weights.
    r : ndarray of shape (..., K)
    overload : float
        ``n / N``.
    """

    def __init__(self, arrays: NextOrder, wr: Any, wz: Any, r: Any, overload: float) -> None:
        self.arrays, self.wr, self.wz, self.r, self.overload = arrays, wr, wz, r, overload

    @cached_property
    def v(self) -> Any:
        """``phi' R phi``, shape (..., p2, p2); ``V2 = chi v chi'``."""
        phi = self.arrays.phi
        return phi.T @ (self.wr[..., None] * phi)

    @cached_property
    def q(self) -> Any:
        """``chi' Z chi``, shape (..., p2, p2)."""
        chi = self.arrays.chi
        return chi.T @ (self.wz[..., None] * chi)

    @cached_property
    def e(self) -> Any:
        """``(1 + (n/D2) v q)^-1``, shape (..., p2, p2)."""
        return np.linalg.inv(np.eye(self.v.shape[-1]) + self.arrays.aspect * (self.v @ self.q))

    @cached_property
    def gam(self) -> Any:
        """``q e``: ``a2' Z (1 + (n/D2) V2 Z)^-1 a2 = phi gam phi'``."""
        return self.q @ self.e

    @cached_property
    def psi(self) -> Any:
        """``e v``: ``(1 + (n/D2) V2 Z)^-1 V2 = chi psi chi'``."""
        return self.e @ self.v

    @cached_property
    def slope(self) -> Any:
        """``h' = E_u[zeta b]``, shape (..., K)."""
        return self.wz @ self.arrays.spread.T

    @cached_property
    def variance(self) -> Any:
        """``nu``, the relative variance of the diagonal of ``(K + D)^-1`` between samples, shape (..., K)."""
        return 2 / self.arrays.dimension * (self.r * self.slope) ** 2

    @cached_property
    def share(self) -> Any:
        """``nu / (1 + nu)``."""
        return self.variance / (1 + self.variance)

    @cached_property
    def by_r(self) -> Any:
        """What 1/R gains: ``a2' [Z (1 + (n/D2) V2 Z)^-1 - Z] a2 - nu / (R (1 + nu))``, shape (..., K)."""
        phi = self.arrays.phi
        changed = ((phi @ (self.gam - self.q)) * phi).sum(axis=-1)
        return changed - self.share / self.r

    @cached_property
    def by_zeta(self) -> Any:
        """What 1/zeta gains, over n/N: the diagonal of ``(1 + (n/D2) V2 Z)^-1 V2 - V2``, less
        ``(2/d) E_kappa[R^2 h' b / (1 + nu)]``, shape (..., A).
        """
        chi = self.arrays.chi
        changed = ((chi @ (self.psi - self.v)) * chi).sum(axis=-1)
        return changed - self._lever @ self.arrays.spread

    @cached_property
    def _lever(self) -> Any:
        """``(2/d) w R^2 h' / (1 + nu)``, shape (..., K)."""
        return 2 / self.arrays.dimension * self.wr * self.r * self.slope / (1 + self.variance)

    @cached_property
    def by_fluctuating_shift(self) -> Any:
        """What 1/zeta loses, per e, when the shift fluctuates as ``e/R_ii^2`` does, whose relative deviation is that of
        ``2 R h'``: ``(4/d)(n/N) E_kappa[R h' b / (1 + nu)]``, shape (A,).
        """
        weights = 4 / self.arrays.dimension * self.wr * self.slope / (1 + self.variance)
        return self.overload * weights @ self.arrays.spread

    def second_derivatives(self) -> tuple[Any, Any, Any]:
        """Derivatives of :attr:`by_r` by R and by zeta, and of :attr:`by_zeta` by zeta, over the quadrature weights of
        what they are derived by: shapes (..., K, K), (..., K, A), (..., A, A). The first lacks the diagonal
        :meth:`own_derivative`.
        """
        phi, chi, b = self.arrays.phi, self.arrays.chi, self.arrays.spread
        through, whole = phi @ np.swapaxes(self.e, -1, -2) @ chi.T, phi @ chi.T
        steep = 2 / self.arrays.dimension * self.r * self.slope / (1 + self.variance) ** 2
        flat = self.wr * self.r * (1 - self.variance) / (1 + self.variance) ** 2
        neurons = (b.T * (2 / self.arrays.dimension * flat)[..., None, :]) @ b
        cross = through**2 - whole**2 - 2 * steep[..., None] * b
        samples = -self.arrays.aspect * (phi @ self.gam @ phi.T) ** 2
        return samples, cross, -self.arrays.aspect * (chi @ self.psi @ chi.T) ** 2 - neurons

    @cached_property
    def own_derivative(self) -> Any:
        """``R d/dR [-nu / (R (1 + nu))] = -(1/R) nu (1 - nu) / (1 + nu)^2``, shape (..., K)."""
        return -self.share * (1 - self.variance) / (1 + self.variance) / self.r
