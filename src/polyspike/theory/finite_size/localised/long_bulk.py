"""The bulk of neurons and of samples of all their lengths (docs/theory-corrections.md, localised outliers).

The spectrum takes all neurons of one readout, and all samples of one kappa, at one length. At a level near the bulk the
long ones count together: they are part of the bulk there, but for those that have left it, which are counted one by
one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.localised.sample_lengths import SampleLengths
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import bulk_of, in_sampled_range

__all__ = ["LongBulk"]

# Quantiles of a length between which a node stands, as far as N neurons (n samples) reach, and values at which the tail
# of a neuron's is known; fewer with a Gaussian readout, which has many nodes.
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.96, 0.99, 0.996, 0.999)
_FEW_QUANTILES = (0.0, 0.5, 0.9, 0.99, 0.999)
_SAMPLE_QUANTILES = (0.0, 0.4, 0.8, 0.95, 0.99, 0.997)
_SHORTEST, _VALUES = 0.3, 300
_LEAST_COUNT, _NO_NEURON, _NO_SAMPLE = 0.5, 1e-3, 1e-2
_RANK_TOLERANCE, _ROUNDING = 1e-4, 1e-12


@dataclass(frozen=True)
class LongBulk:
    """Nodes of readouts and lengths, and of kappa and lengths, with the averages of the activation there.

    Attributes
    ----------
    model : FiniteSizeModel
    law : WeightLengths
    energy : float
        The mean square of the gradient's residuals, over its expectation.
    """

    model: FiniteSizeModel
    law: WeightLengths
    energy: float = 1.0

    @cached_property
    def sample_lengths(self) -> SampleLengths:
        """The law of the lengths of samples."""
        return SampleLengths(self.model)

    @cached_property
    def _nodes(self) -> tuple[Array, Array, Array, Any]:
        """Readouts, lengths, weights and the places of the readouts among those of the model, each of shape (M,)."""
        _, columns = in_sampled_range(self.model)
        places = np.flatnonzero(columns)
        weights = bulk_of(self.model, _LEAST_COUNT).neuron_weights
        quantiles = _FEW_QUANTILES if self.model.problem.readout == "gaussian" else _QUANTILES
        levels, share = _between(quantiles, self.model.problem.width)
        squares = [self._squares(float(u), levels) for u in self.model.grid.u[places]]
        weight = (weights[:, None] * share).ravel()
        occurs = weight * self.model.problem.width > _NO_NEURON
        place = np.repeat(places, len(share))[occurs]
        lengths = np.sqrt(np.concatenate(squares))[occurs]
        return self.model.grid.u[place], lengths, weight[occurs] / weight[occurs].sum(), place

    @cached_property
    def samples(self) -> tuple[Array, Array, Array]:
        """Kappa, ``log T`` and weights of the samples, each of shape (S,)."""
        rows, _ = in_sampled_range(self.model)
        weights = bulk_of(self.model, _LEAST_COUNT).sample_weights
        levels, share = _between(_SAMPLE_QUANTILES, self.model.problem.n_samples)
        weight = (weights[:, None] * share).ravel()
        occurs = weight * self.model.problem.n_samples > _NO_SAMPLE
        kappa = self.model.grid.kappa[rows]
        log_lengths = self.sample_lengths.quantiles(levels, kappa).ravel()[occurs]
        return np.repeat(kappa, len(share))[occurs], log_lengths, weight[occurs] / weight[occurs].sum()

    def _squares(self, u: float, levels: Array) -> Array:
        """Quantiles of ``|w|^2`` at the median of the largest residual."""
        median = self.law.residual.largest((0.0, 1.0))[0].value
        squares = np.geomspace(_SHORTEST, 1.1 * max(1.0, self.energy) * self.law.longest(u) ** 2, _VALUES)
        reached = np.maximum.accumulate(1 - self.law.beyond(u, squares, median, np.array([self.energy]))[0])
        # A rising line as small as rounding, so that quantiles exist where no neuron is.
        return np.interp(levels, reached + np.arange(_VALUES) * np.finfo(float).eps, squares)

    def averages_of(
        self, kappa: Array, log_lengths: Array, u: Array, lengths: Array
    ) -> tuple[ActivationAverages, Array]:
        """The averages for samples and neurons of these lengths, shape (S, M), and the linear part of a feature over
        that of a neuron's weight at a sample of length one.
        """
        factor = np.exp(np.multiply.outer(log_lengths, self.sample_lengths.loading(u)))
        means = self.model.conditioning.strengths(u) * kappa[:, None]
        averages = activation_averages(self.model.problem.activation, means, factor * lengths)
        return averages, averages.slope * factor

    @cached_property
    def averages(self) -> tuple[ActivationAverages, Array]:
        """At every node, shape (S, M)."""
        kappa, log_lengths, _ = self.samples
        u, lengths, _, _ = self._nodes
        return self.averages_of(kappa, log_lengths, u, lengths)

    @cached_property
    def _factors(self) -> tuple[Array, Array]:
        """Phi (S, p) and chi (M, p), ``A1/tau = phi chi'``; none where that is rounding beside the features."""
        of_samples, of_nodes = (np.sqrt(w) for w in (self.samples[2], self._nodes[2]))
        left, values, right = np.linalg.svd(of_samples[:, None] * self.averages[1] * of_nodes, full_matrices=False)
        size = float(self.samples[2] @ self._strengths @ self._nodes[2]) ** 0.5
        kept = int(np.sum(values > max(_RANK_TOLERANCE * values[0], _ROUNDING * size)))
        return left[:, :kept] / of_samples[:, None] * values[:kept], right[:kept].T / of_nodes[:, None]

    @cached_property
    def _strengths(self) -> Array:
        """The second moment of a feature without its mean, shape (S, M)."""
        averages, linear = self.averages
        found: Array = averages.noise_variance + (self._nodes[1] * linear) ** 2
        return found

    def without(self, least: float) -> tuple[BulkModel, NDArray[np.bool_], NDArray[np.bool_]]:
        """The bulk without about so many of the strongest neurons and of the strongest samples, and without the ends of
        M in which fewer eigenvalues than this are expected; the samples and the neurons that are left.
        """
        bulk = bulk_of(self.model, least)
        _, lengths, weights, place = self._nodes
        sample_weights, strengths, problem = self.samples[2], self._strengths, self.model.problem
        kept = _but_strongest(sample_weights @ strengths, weights, least, problem.width)
        rows = _but_strongest(strengths @ weights, sample_weights, least, problem.n_samples)
        phi, chi = self._factors
        variance = self.model.bulk.weight_variance
        squares = bulk.mu_weights @ variance
        return (
            BulkModel(
                sample_weights=sample_weights[rows],
                neuron_weights=weights[kept],
                phi=phi[rows],
                chi=chi[kept],
                noise_variance=self.averages[0].noise_variance[np.ix_(rows, kept)],
                weight_variance=variance[:, place[kept]] * lengths[kept] ** 2 / squares[place[kept]],
                mu_weights=bulk.mu_weights,
                samples_per_dim=bulk.samples_per_dim,
                samples_per_neuron=bulk.samples_per_neuron,
            ),
            rows,
            kept,
        )

    def rows_of(self, kappa: Array, log_lengths: Array) -> tuple[Array, Array]:
        """The noise (S, M) and phi (S, p) of other samples."""
        u, lengths, weights, _ = self._nodes
        averages, linear = self.averages_of(kappa, log_lengths, u, lengths)
        return averages.noise_variance, linear @ (weights[:, None] * self._factors[1])

    def neurons_of(self, kept: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Readouts and lengths of these neurons."""
        u, lengths, _, _ = self._nodes
        return u[kept], lengths[kept]

    def strongest(self, bulk: BulkModel) -> float:
        """A point above the bulk: Marchenko-Pastur edges of the strongest noise and the strongest linear part."""
        noise, linear = float(bulk.noise_variance.max()), float(np.max((bulk.phi @ bulk.chi.T) ** 2))
        moves = float((bulk.mu_weights @ bulk.weight_variance).max())
        scale = noise + linear * moves * (1 + bulk.samples_per_dim**0.5) ** 2
        return (1 + bulk.samples_per_neuron**0.5) ** 2 * scale


def _between(quantiles: tuple[float, ...], count: int) -> tuple[Array, Array]:
    """The middles between quantiles, as far as half of one in ``count`` lies beyond, and the shares between them."""
    reach = 1 - _LEAST_COUNT / count
    bounds = np.append([q for q in quantiles if q < reach], reach)
    return (bounds[1:] + bounds[:-1]) / 2, np.diff(bounds) / reach


def _but_strongest(strengths: Array, weights: Array, least: float, count: int) -> NDArray[np.bool_]:
    """The nodes but for the strongest, in which about ``least`` of a number are."""
    order = np.argsort(-strengths)
    before = np.empty(len(order))
    before[order] = np.cumsum(weights[order]) - weights[order]
    left: NDArray[np.bool_] = before * count >= least - _LEAST_COUNT
    return left
