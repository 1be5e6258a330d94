"""How the bulk and the label respond to the norm of a sample (docs/theory-inputs.md, section 7).

The isotropic theory has the same (finite_size/spikes/norm_response.py); with a covariance the coordinates of a sample
do not grow alike with its norm.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import beside, total, without_tangents
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["NormShifts", "norm_shifts"]


class NormShifts(NamedTuple):
    """What the weight R makes of the norm of a sample and of the kappa_e (eq-inputs-mean-norm).

    Attributes
    ----------
    mean_deviation : ndarray of shape (..., K)
        ``Delta_R``, the mean of Delta, in its deviation.
    mean_log_e : ndarray of shape (p, ..., K)
        ``Delta_e``, what it adds to the logs of the deviations of the kappa_e.
    square_factor : ndarray of shape (p, ..., K)
        The mean squares of the kappa_e.
    """

    mean_deviation: Any
    mean_log_e: Any
    square_factor: Any

    @property
    def known(self) -> "NormShifts":
        """Those of the state itself."""
        tangents = self.mean_deviation.ndim - 1
        return NormShifts(*(without_tangents(x, tangents, 1) for x in self))


def norm_shifts(state: CovarianceState) -> NormShifts:
    """Those of a state, or of its tangents, whose axis is the last but one."""
    response = _NormResponse(state)
    log_e = response.mean_log_e
    return NormShifts(response.mean_deviation, log_e, np.exp(2 * log_e))


class _NormResponse:
    """The response of the bulk to the norm of a sample, at a state."""

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
