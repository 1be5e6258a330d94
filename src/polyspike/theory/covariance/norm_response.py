"""How the bulk and the label respond to the norm of a sample (docs/theory-inputs.md, section 7).

The isotropic theory has the same (finite_size/spikes/norm_response.py); with a covariance the coordinates of a sample
do not grow alike with its norm.
"""

from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import beside, total
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["CovarianceNormResponse"]


class CovarianceNormResponse:
    """The response of the bulk to the norm of a sample, at a state; several tangents have their axis before the last.

    Attributes
    ----------
    deviation : float
        ``sqrt v``, the standard deviation of the log of a norm; zero at leading order.
    """

    def __init__(self, state: CovarianceState) -> None:
        self.state, self.deviation = state, state.model.norms.variance**0.5

    @cached_property
    def _slopes(self) -> Any:
        """``h' + phi' avg[Gam] phi_t``, by the log of a pre-activation's deviation, shape (K,)."""
        model, state = self.state.model, self.state
        gam = total(model.spectrum.weights, state.blocks.gam)
        slope = ((model.bulk.phi @ gam) * model.phi_by_log_norm).sum(axis=-1)
        return slope + (0.0 if state.pairs is None else state.pairs.h_slope)

    def _inputs(self, weights: Any) -> Any:
        """``phi' sum(weights Gam) phi`` for weights (..., L), shape (..., K)."""
        gam = total(weights, self.state.blocks.gam)
        return gam.reshape(*gam.shape[:-2], -1) @ self.state.model.bulk.phi_pairs.T

    @cached_property
    def mean_deviation(self) -> Any:
        """``Delta_R = -sqrt v R d(1/R)/dlog |x|``, the mean of Delta under the weight R (eq-inputs-mean-norm), shape
        (K,).
        """
        spectrum = self.state.model.spectrum
        inputs = self._inputs(spectrum.weights * spectrum.values) / spectrum.moment(2)
        return -2 * self.deviation * self.state.r * (inputs + self._slopes)

    @cached_property
    def mean_log_e(self) -> Any:
        """``Delta_e``, what the weight R adds to the logs of the deviations of the kappa_e (eq-inputs-mean-norm), shape
        (p, K).
        """
        model = self.state.model
        p = len(model.norms.of_e)
        if self.state.pairs is None:
            return np.zeros((p, *self.state.r.shape))
        own = self._inputs(model.direction_measures[range(1, p + 1), range(1, p + 1)])
        shares = beside(np.diagonal(model.norms.of_e), own)
        return -self.state.r * (own / model.problem.input_dim + shares * self._slopes)

    @cached_property
    def square_factor(self) -> Any:
        """The mean squares of the kappa_e under the weight R, shape (p, K)."""
        return np.exp(2 * self.mean_log_e)

    def at_mean_norm(self, values: Any, by_log_norm: Any) -> Any:
        """``f + Delta_R f_t`` for functions of kappa in columns (K, m)."""
        return values + self.deviation * self.mean_deviation[..., None] * by_log_norm
