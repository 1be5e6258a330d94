"""How the bulk and the label respond to the norm of a sample (docs/theory-inputs.md, section 7).

The isotropic theory has the same (finite_size/spikes/norm_response.py); with a covariance the coordinates of a sample
do not grow alike with its norm.
"""

from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.fixed_point import CovarianceState

__all__ = ["NormResponse"]


class NormResponse:
    """The response of the bulk to the norm of a sample, at a state.

    Attributes
    ----------
    log_norm_variance : float
        ``v``; zero at leading order.
    """

    def __init__(self, state: CovarianceState) -> None:
        self.state, self.log_norm_variance = state, state.model.norms.variance

    @cached_property
    def inverse_r_by_log_norm(self) -> Any:
        """``d(1/R)/dlog |x| = 2 h' + 2 phi' (avg[lambda Gam]/m_2 phi + avg[Gam] phi_t)``, shape (K,)."""
        model, state = self.state.model, self.state
        weights, values = model.spectrum.weights, model.spectrum.values
        along, plain = (np.tensordot(w, state.blocks.gam, 1) for w in (weights * values, weights))
        phi = model.bulk.phi
        grown = phi @ along / model.spectrum.moment(2)
        linear = ((grown * phi) + (phi @ plain) * model.phi_by_log_norm).sum(axis=1)
        return 2 * linear + (0.0 if state.pairs is None else 2 * state.pairs.h_slope)

    @cached_property
    def mean_log_norm(self) -> Any:
        """``Delta_R``, the mean of the log of the norm under the weight R (eq-inputs-mean-norm), shape (K,)."""
        return -(self.log_norm_variance * self.state.r * self.inverse_r_by_log_norm)

    @cached_property
    def square_factor(self) -> Any:
        """The mean square of kappa_e under the weight R, shape (K,)."""
        return np.exp(2 * self.state.model.norms.along_e * self.mean_log_norm)

    def at_mean_norm(self, values: Any, by_log_norm: Any) -> Any:
        """``f + Delta_R f_t`` for functions of kappa, (K,) or in columns (K, m)."""
        mean = self.mean_log_norm if np.ndim(values) == 1 else self.mean_log_norm[:, None]
        return values + mean * by_log_norm
