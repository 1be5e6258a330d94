"""How the bulk and the label respond to the norm of a sample (docs/theory-corrections.md, section 11).

Given kappa, the norm of the other coordinates of a sample fluctuates: ``Delta``, the deviation of ``log |x|/sqrt d``
from its mean, has the variance ``v = 1/(2d)``. The diagonal R, the features and the label depend on it. Samples of
large norm have a small R, so that under the weight R the mean of Delta is not zero but
``Delta_R = -v R d(1/R)/dlog |x|``.
A function f with the derivative ``f_t`` by ``log |x|`` has, to first order in v (eq-mean-norm),

``E[R f g] = E_kappa[R (f~ g~ + v f_t g_t)]``, ``f~ = f + Delta_R f_t``.

Along the direction in which a function is linear the square of the coordinate itself is part of ``|x|^2``; there the
product ``f~ g~`` has the factor ``exp(2 Delta_R)``.
"""

from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState

__all__ = ["NormResponse"]


class NormResponse:
    """The response of the bulk to the norm of a sample, at a solved state.

    Parameters
    ----------
    model : FiniteSizeModel
    state : BulkState

    Attributes
    ----------
    log_norm_variance : float
        ``v``; zero without finite dimension.
    """

    def __init__(self, model: FiniteSizeModel, state: BulkState) -> None:
        self.model, self.state, self.log_norm_variance = model, state, model.norms.log_norm_variance

    @cached_property
    def mean_gam(self) -> Any:
        """The average of ``Gam(mu)`` over the spectrum of M, shape (p, p)."""
        return np.einsum("k,kab->ab", self.model.bulk.mu_weights, self.state.gam)

    @cached_property
    def _linear_by_log_norm(self) -> Any:
        """``phi + dphi/dlog |x|``: the linear part of a feature grows with the input and with its own slope."""
        return self.model.bulk.phi + self.model.phi_by_log_norm

    @cached_property
    def inverse_r_by_log_norm(self) -> Any:
        """``X_t = d(1/R)/dlog |x| = 2 h' + 2 phi' Gam (phi + phi_t)``, shape (K,)."""
        linear = ((self.model.bulk.phi @ self.mean_gam) * self._linear_by_log_norm).sum(axis=1)
        terms = self.state.next_order
        return 2 * linear + (0.0 if terms is None else 2 * terms.h_slope)

    @cached_property
    def mean_log_norm(self) -> Any:
        """``Delta_R = -v R X_t``, the mean of Delta under the weight R, shape (K,)."""
        return -(self.log_norm_variance * self.state.r * self.inverse_r_by_log_norm)

    @cached_property
    def square_factor(self) -> Any:
        """``exp(2 Delta_R)``, shape (K,)."""
        return np.exp(2 * self.mean_log_norm)

    def at_mean_norm(self, values: Any, by_log_norm: Any) -> Any:
        """``f~ = f + Delta_R f_t`` (eq-mean-norm) for functions of kappa in columns (K, m), or for one (K,)."""
        mean = self.mean_log_norm if np.ndim(values) == 1 else self.mean_log_norm[:, None]
        return values + mean * by_log_norm

    def at_mean_norm_of_rows(self, values: Any, by_log_norm: Any) -> Any:
        """:meth:`at_mean_norm` for functions of kappa in rows (m, K)."""
        return values + self.mean_log_norm * by_log_norm

    def derivatives(self, weights: Any) -> tuple[Any, Any]:
        """Derivatives by log R (K,) and log zeta (A,) of ``sum_k weights_k Delta_R(kappa_k)`` at fixed weights (K,)."""
        state, bulk = self.state, self.model.bulk
        # The sum is that of by_inverse_r times X_t, and X_t depends on zeta and R through h' and Gam.
        by_inverse_r = -(self.log_norm_variance * weights * state.r)
        half = bulk.phi.T @ (by_inverse_r[:, None] * self._linear_by_log_norm)
        by_gam = half + half.T
        # dGam = E' dQ E - c Gam dV Gam.
        chi_e = bulk.chi @ state.e
        weighted = bulk.mu_weights[:, None] * bulk.weight_variance
        by_zeta = (weighted * ((chi_e @ by_gam) * chi_e).sum(axis=-1)).sum(axis=0)
        by_v = np.einsum("m,mab->ab", bulk.mu_weights, state.gam @ by_gam @ state.gam)
        through_v = ((bulk.phi @ by_v) * bulk.phi).sum(axis=1)
        weighted_r = bulk.sample_weights * state.r
        by_r = by_inverse_r * self.inverse_r_by_log_norm - bulk.samples_per_dim * weighted_r * through_v
        terms = state.next_order
        if terms is not None:
            by_zeta = by_zeta + 2 * by_inverse_r @ terms.h_slope_by_zeta
            by_r = by_r + weighted_r * (2 * by_inverse_r @ terms.h_slope_by_r)
        return by_r, by_zeta * bulk.neuron_weights * state.zeta
