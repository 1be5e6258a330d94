"""The law of how long a sample of the fit is for the neurons, with its tails (eq-sample-length).

The pre-activations of sample x have, over the neurons of a readout u, the variance ``x' Sigma_u x/d``: along b and the
teacher's directions the variance of the weights there times the squared coordinates, and a sum of chi-squares weighted
with s_u at the eigenvalues of M from all other directions. Large ones come from large norms and from inputs along
directions in which the step has made all weights long.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.localised.compound_sum import tail_of_sum

__all__ = ["SampleLengths"]

_RANGE, _NODES = 6.5, 66
# Values of the sum over its mean, and the probability below which they do not occur among n samples.
_LEAST, _MOST, _VALUES, _NO_SAMPLE = 0.2, 30.0, 400, 1e-4


@dataclass(frozen=True)
class SampleLengths:
    """The law of ``T^2 = E_u[x' Sigma_u x/(d tau_u^2)]``, of mean one, the strengths of the features being the weights
    of u; for one u ``log(x' Sigma_u x/(d tau_u^2))`` is its loading times ``log T^2``.
    """

    model: FiniteSizeModel

    @cached_property
    def _relative(self) -> Array:
        """``s_u(mu)/tau_u^2``, shape (n_mu, A)."""
        bulk = self.model.bulk
        found: Array = bulk.weight_variance / (bulk.mu_weights @ bulk.weight_variance)
        return found

    @cached_property
    def _weights(self) -> Array:
        """The weights of M without negative ones, of sum one."""
        positive = np.maximum(self.model.bulk.mu_weights, 0.0)
        found: Array = positive / positive.sum()
        return found

    @cached_property
    def _mean_relative(self) -> Array:
        """``s_u(mu)/tau_u^2`` averaged over the features' strength, shape (n_mu,), of mean one."""
        bulk = self.model.bulk
        squares = (bulk.phi @ bulk.chi.T) ** 2 * (bulk.mu_weights @ bulk.weight_variance)
        strengths = bulk.neuron_weights * (bulk.sample_weights @ (bulk.noise_variance + squares))
        mean = self._relative @ (strengths / strengths.sum())
        found: Array = mean / (self._weights @ mean)
        return found

    @cached_property
    def along(self) -> Array:
        """The same along b and the further known directions, over d, shape (P,)."""
        shares = np.diagonal(self.model.direction_measures, axis1=1, axis2=2)
        found: Array = np.maximum(self._mean_relative @ shares, 0.0) / self.model.problem.input_dim
        return found

    def loading(self, u: Array) -> Array:
        """The part of ``log T^2`` that the neurons of these readouts see."""
        mean = self._weights * self._mean_relative
        loadings = mean @ self._relative / (mean @ self._mean_relative)
        return np.interp(u, self.model.grid.u, loadings)

    @cached_property
    def tail(self) -> tuple[Array, Array]:
        """Ascending values of ``T^2`` without its part along b, and the probabilities to exceed them."""
        d, directions = self.model.problem.input_dim, len(self.along)
        x = np.linspace(-_RANGE, _RANGE, _NODES)
        normal = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
        values = np.multiply.outer(self._mean_relative, x**2) / d
        weights = np.multiply.outer(self._weights, normal)
        at = np.geomspace(_LEAST, _MOST, _VALUES)
        tail = tail_of_sum(values.ravel(), weights.ravel(), max(d - directions, 1), at)
        for along in self.along[1:]:
            tail = np.interp(at[:, None] - along * x**2, at, tail, left=1.0) @ normal
        return at, tail

    def beyond(self, squares: Array, kappa: float) -> Array:
        """``P(T^2 > t)`` given kappa."""
        at, tail = self.tail
        return np.interp(squares - self.along[0] * kappa**2, at, tail, left=1.0, right=0.0)

    def quantiles(self, levels: Array, kappa: Array) -> Array:
        """The values of ``log T`` that these shares of the samples of every kappa do not exceed, shape (K, L)."""
        at, tail = self.tail
        reached = np.maximum.accumulate(1 - tail) + np.arange(len(at)) * np.finfo(float).eps
        squares = np.interp(levels, reached, at)
        found: Array = np.log(squares + self.along[0] * kappa[:, None] ** 2) / 2
        return found

    def longest(self, kappa: float) -> float:
        """``log T`` that no sample of this kappa exceeds."""
        at, tail = self.tail
        square = at[tail * self.model.problem.n_samples > _NO_SAMPLE][-1] + self.along[0] * kappa**2
        return float(np.log(square) / 2)
