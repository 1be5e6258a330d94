"""How a sample answers to its own norm (docs/theory-finite-size.md, section 11).

Given kappa, the norm of a sample's other coordinates fluctuates: ``log |x|/sqrt d`` has the variance ``v = 1/(2d)``.
Everything on the sample turns with it: the diagonal R, the features, the label. A function f with the derivative
``f_t`` by ``log |x|`` has, under the average that R weighs,

``E[R f g] = E_kappa[R (f~ g~ + v f_t g_t)]``, ``f~ = f - v omega f_t``, ``omega = -dlog R/dlog |x|``,

to first order in v. Along the direction in which a function is linear the square of the coordinate itself is part of
``|x|^2``; there the product ``f~ g~`` has the factor ``exp(-2 v omega)``.
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
        """``bar Gam``, shape (p, p)."""
        return np.einsum("k,kab->ab", self.model.bulk.mu_weights, self.state.gam)

    @cached_property
    def _linear_by_log_norm(self) -> Any:
        """``phi + dphi/dlog |x|``: the linear part of a feature grows as its slope and as the input."""
        return self.model.bulk.phi + self.model.phi_by_log_norm

    @cached_property
    def inverse_r_by_log_norm(self) -> Any:
        """``d(1/R)/dlog |x| = 2 h' + 2 phi' Gam (phi + phi_t)``, shape (K,)."""
        linear = ((self.model.bulk.phi @ self.mean_gam) * self._linear_by_log_norm).sum(axis=1)
        terms = self.state.next_order
        return 2 * linear + (0.0 if terms is None else 2 * terms.h_slope)

    @cached_property
    def lean(self) -> Any:
        """``v omega``, shape (K,)."""
        return self.log_norm_variance * self.state.r * self.inverse_r_by_log_norm

    @cached_property
    def square_factor(self) -> Any:
        """``exp(-2 v omega)``, shape (K,)."""
        return np.exp(-2 * self.lean)

    def at_mean_norm(self, values: Any, turned: Any) -> Any:
        """``f~ = f - v omega f_t`` for functions of kappa in the columns of shape (K, m), or one of shape (K,)."""
        lean = self.lean if np.ndim(values) == 1 else self.lean[:, None]
        return values - lean * turned

    def derivatives(self, weights: Any) -> tuple[Any, Any]:
        """By log R (K,) and log zeta (A,) of ``sum_k weights_k (v omega)_k`` at fixed weights (K,)."""
        state, bulk = self.state, self.model.bulk
        pulled = self.log_norm_variance * weights * state.r
        both = bulk.phi.T @ (pulled[:, None] * self._linear_by_log_norm)
        source = both + both.T
        through = bulk.chi @ state.e
        moves = bulk.mu_weights[:, None] * bulk.weight_variance
        by_zeta = (moves * ((through @ source) * through).sum(axis=-1)).sum(axis=0)
        terms = state.next_order
        if terms is not None:
            by_zeta = by_zeta + 2 * pulled @ terms.h_slope_by_zeta
        back = np.einsum("m,mab->ab", bulk.mu_weights, state.gam @ source @ state.gam)
        by_v = ((bulk.phi @ back) * bulk.phi).sum(axis=1)
        moved = bulk.sample_weights * state.r
        by_r = pulled * self.inverse_r_by_log_norm - bulk.samples_per_dim * moved * by_v
        if terms is not None:
            by_r = by_r + moved * (2 * pulled @ terms.h_slope_by_r)
        return by_r, by_zeta * bulk.neuron_weights * state.zeta
