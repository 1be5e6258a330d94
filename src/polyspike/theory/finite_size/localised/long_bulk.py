"""The bulk of neurons of all their lengths (docs/theory-corrections.md, localised outliers).

The spectrum takes all neurons of one readout at one length. At a level near the bulk the long ones count together: they
are part of the bulk there, but for those that have left it, which are counted one by one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import bulk_of, in_sampled_range

__all__ = ["LongBulk"]

# Quantiles of a length between which a node stands, as far as N neurons reach, and values at which its tail is known.
_QUANTILES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_SHORTEST, _VALUES = 0.3, 300
_LEAST_COUNT, _NO_NEURON = 0.5, 1e-3
_RANK_TOLERANCE = 1e-4
# Outside the sampled range 1/R is at least this share of its value at the nearest node inside.
_LEAST_RATIO = 0.5


@dataclass(frozen=True)
class LongBulk:
    """Nodes of readouts and lengths, with the averages of the activation over samples there."""

    model: FiniteSizeModel
    law: WeightLengths

    @cached_property
    def _nodes(self) -> tuple[Array, Array, Array, Any]:
        """Readouts, lengths, weights and the places of the readouts among those of the model, each of shape (M,)."""
        _, columns = in_sampled_range(self.model)
        places = np.flatnonzero(columns)
        weights = bulk_of(self.model, _LEAST_COUNT).neuron_weights
        reach = 1 - _LEAST_COUNT / self.model.problem.width
        bounds = np.append([q for q in _QUANTILES if q < reach], reach)
        squares = [self._squares(float(u), (bounds[1:] + bounds[:-1]) / 2) for u in self.model.grid.u[places]]
        share = np.diff(bounds) / reach
        weight = (weights[:, None] * share).ravel()
        occurs = weight * self.model.problem.width > _NO_NEURON
        place = np.repeat(places, len(share))[occurs]
        lengths = np.sqrt(np.concatenate(squares))[occurs]
        return self.model.grid.u[place], lengths, weight[occurs] / weight[occurs].sum(), place

    def _squares(self, u: float, levels: Array) -> Array:
        """Quantiles of ``|w|^2`` at the median of the largest residual."""
        median = self.law.residual.largest((0.0, 1.0))[0].value
        squares = np.geomspace(_SHORTEST, 1.1 * self.law.longest(u) ** 2, _VALUES)
        reached = np.maximum.accumulate(1 - self.law.beyond(u, squares, median, np.ones(1))[0])
        # A rising line as small as rounding, so that quantiles exist where no neuron is.
        return np.interp(levels, reached + np.arange(_VALUES) * np.finfo(float).eps, squares)

    @cached_property
    def averages(self) -> ActivationAverages:
        """At every kappa and node, shape (K, M)."""
        u, lengths, _, _ = self._nodes
        means = self.model.conditioning.spike_strength * self.model.grid.kappa[:, None] * u
        return activation_averages(self.model.problem.activation, means, lengths[None, :])

    @cached_property
    def _factors(self) -> tuple[Array, Array]:
        """Phi (K, p) and chi (M, p), ``A1/tau = phi chi'``."""
        of_kappa, of_nodes = (np.sqrt(w) for w in (self.model.grid.kappa_weights, self._nodes[2]))
        left, values, right = np.linalg.svd(of_kappa[:, None] * self.averages.slope * of_nodes, full_matrices=False)
        kept = max(1, int(np.sum(values > _RANK_TOLERANCE * values[0])))
        return left[:, :kept] / of_kappa[:, None] * values[:kept], right[:kept].T / of_nodes[:, None]

    @property
    def phi(self) -> Array:
        """Phi at every kappa."""
        return self._factors[0]

    @cached_property
    def _strengths(self) -> Array:
        """The second moment of a neuron without its mean, at every node."""
        squares = self.averages.noise_variance + self._nodes[1] ** 2 * self.averages.slope**2
        found: Array = self.model.grid.kappa_weights @ squares
        return found

    def without(self, least: float) -> tuple[BulkModel, NDArray[np.bool_]]:
        """The bulk without about so many of the strongest neurons, and without the ends of M in which fewer eigenvalues
        than this are expected; and the nodes that are left.
        """
        bulk, (rows, _) = bulk_of(self.model, least), in_sampled_range(self.model)
        _, lengths, weights, place = self._nodes
        order = np.argsort(-self._strengths)
        before = np.empty(len(order))
        before[order] = np.cumsum(weights[order]) - weights[order]
        kept = before * self.model.problem.width >= least - _LEAST_COUNT
        phi, chi = self._factors
        variance = self.model.bulk.weight_variance
        squares = bulk.mu_weights @ variance
        return BulkModel(
            sample_weights=bulk.sample_weights,
            neuron_weights=weights[kept],
            phi=phi[rows],
            chi=chi[kept],
            noise_variance=self.averages.noise_variance[np.ix_(rows, kept)],
            weight_variance=variance[:, place[kept]] * lengths[kept] ** 2 / squares[place[kept]],
            mu_weights=bulk.mu_weights,
            samples_per_dim=bulk.samples_per_dim,
            samples_per_neuron=bulk.samples_per_neuron,
        ), kept

    def on_all_kappa(self, state: BulkState, kept: NDArray[np.bool_]) -> Array:
        """R at every kappa, outside the sampled range without a pole."""
        rows, _ = in_sampled_range(self.model)
        whole = BulkModel(
            self.model.grid.kappa_weights,
            state.model.neuron_weights,
            self.phi,
            state.model.chi,
            self.averages.noise_variance[:, kept],
            state.model.weight_variance,
            state.model.mu_weights,
            state.model.samples_per_dim,
            state.model.samples_per_neuron,
        )
        noise = whole.noise_variance @ (whole.neuron_weights * state.zeta)
        inverse = whole.over_r(state.shift, noise, state.gam)
        inside, kappa = np.flatnonzero(rows), self.model.grid.kappa
        nearest = inverse[inside[np.abs(kappa[:, None] - kappa[inside]).argmin(axis=1)]]
        return np.asarray(1 / np.where(inverse / nearest > _LEAST_RATIO, inverse, _LEAST_RATIO * nearest))

    def strongest(self, bulk: BulkModel) -> float:
        """A point above the bulk: Marchenko-Pastur edges of the strongest noise and the strongest linear part."""
        noise, linear = float(bulk.noise_variance.max()), float(np.max((bulk.phi @ bulk.chi.T) ** 2))
        moves = float((bulk.mu_weights @ bulk.weight_variance).max())
        scale = noise + linear * moves * (1 + bulk.samples_per_dim**0.5) ** 2
        return (1 + bulk.samples_per_neuron**0.5) ** 2 * scale
