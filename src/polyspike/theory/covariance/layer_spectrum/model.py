"""The model of the spectrum: the bulk of what n samples, N neurons and n_0 residuals reach, and the whole laws."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.bulk_support.quantiles import normal_places
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.lengths_along import with_lengths
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.residuals import Residuals
from polyspike.theory.covariance.state import CovarianceState
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms
from polyspike.theory.finite_size.spectrum.spectral_model import (
    COARSENESS,
    bulk_of,
    in_sampled_range,
    nearest_in_range,
    without_pole,
)

__all__ = ["LayerModel", "layer_model", "norms_of"]

# Against 1e-4 edges move by up to 4e-6; with Gaussian readouts it takes half of the time.
_RANK_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class LayerModel:
    """The arrays behind a spectrum.

    Attributes
    ----------
    whole : CovarianceModel
        On the whole laws of kappa and u, whose moments the learned functions need.
    bulk : CovarianceModel
        On what occurs among n samples, N neurons and n_0 residuals, without the single eigenvalues of Sigma.
    norms : Norms
        How the deviations of pre-activations fluctuate over samples and over neurons.
    single : ndarray of int
        The nodes of Sigma that are single eigenvalues outside the bulk, of which each may make an outlier.
    shares : ndarray, optional
        The squares of what b^ has of their directions, of one draw; by default in the mean over draws.
    """

    whole: CovarianceModel
    bulk: CovarianceModel
    norms: Norms
    single: Any
    shares: Array | None = None

    @property
    def problem(self) -> Problem:
        """What is solved."""
        return self.whole.problem

    def without(self, single: Any) -> "LayerModel":
        """The same with these nodes of Sigma, which are single eigenvalues, out of the bulk."""
        weights = self.whole.spectrum.weights.copy()
        weights[single] = 0.0
        left = replace(self.whole.spectrum, weights=weights)
        whole, bulk = replace(self.whole, spectrum=left), replace(self.bulk, spectrum=left)
        return replace(self, whole=whole, bulk=bulk, single=single)

    @property
    def mean_shares(self) -> Array:
        """The squares of what b^ has of the single eigendirections, in the mean over draws."""
        return np.asarray(np.maximum(self.whole.direction_measures[0, 0, self.single], 0.0))

    @property
    def roots_of_single(self) -> Array:
        """What b^ has of the direction of every single eigenvalue."""
        return np.asarray(np.sqrt(self.mean_shares if self.shares is None else self.shares))

    @property
    def left_of_b(self) -> float:
        """The square of what b^ has of the bulk's directions, over its mean."""
        if self.shares is None:
            return 1.0
        return float((1 - self.shares.sum()) / (1 - self.mean_shares.sum()))

    @cached_property
    def functions(self) -> Array:
        """``m(., u) sqrt(w)``, the learned functions in the nodal basis, and what neurons' norms add, (K, 2 A)."""
        root = np.sqrt(self.whole.grid.u_weights)
        return np.concatenate([self.whole.mean * root, self.by_log_norm * np.sqrt(self.norms.neuron_variance)], axis=1)

    @property
    def by_log_norm(self) -> Array:
        """Their derivatives by the log of a sample's norm, shape (K, A)."""
        return np.asarray(self.norms.mean_by_log_norm * np.sqrt(self.whole.grid.u_weights))

    def on_whole_laws(self, state: CovarianceState) -> CovarianceState:
        """R and zeta at every node, from a solution of the bulk, with the matrices of that."""
        whole, (rows, columns) = self.whole, in_sampled_range(self.whole)
        noise = whole.bulk.noise_variance
        gam = np.tensordot(state.model.spectrum.weights, state.blocks.gam, axes=1)
        over_r = state.shift + noise[:, columns] @ state.weighted_zeta + whole.bulk.phi_pairs @ gam.ravel()
        linear = self._extended(state, None, None).linear_in_over_zeta / whole.bulk.samples_per_dim
        over_zeta = 1 + whole.bulk.samples_per_neuron * (state.weighted_r @ noise[rows] + linear)
        nearest = self._nearest
        r = 1 / without_pole(over_r, over_r[nearest[0]])
        zeta = 1 / without_pole(over_zeta, over_zeta[nearest[1]])
        return self._extended(state, r, zeta)

    def _extended(self, state: CovarianceState, r: Any, zeta: Any) -> CovarianceState:
        """R and zeta on the whole laws, with the matrices of the bulk's own solution."""
        found = CovarianceState(self.whole, state.shift, r, zeta, state.t)
        found.__dict__.update(blocks=state.blocks, samples=state.samples, v=state.v)
        return found

    @cached_property
    def _nearest(self) -> tuple[Any, Any]:
        return nearest_in_range(self.whole)


def layer_model(problem: Problem, spectrum: Eigenvalues, beyond: float = 0.5, stronger: float = 1.0) -> LayerModel:
    """The model of a problem's spectrum; ``beyond`` as many residuals are expected past either end of those of the
    bulk, and ``stronger`` times the strength r is the spike's.
    """
    leading = assemble(
        problem,
        spectrum,
        finite_dimension=False,
        refine=COARSENESS,
        rank_tolerance=_RANK_TOLERANCE,
        stronger=stronger,
    )
    whole = with_lengths(leading)
    _, columns = in_sampled_range(whole)
    grid = replace(whole.grid, u=whole.grid.u[columns], u_weights=whole.grid.u_weights[columns])
    bulk = replace(
        whole,
        bulk=bulk_of(whole, 0.0),
        grid=grid,
        gains=whole.gains[:, columns],
        law=_reached(whole.law, problem.gradient_samples, beyond),
    )
    return LayerModel(whole, bulk, norms_of(whole), np.empty(0, dtype=int))


def norms_of(model: CovarianceModel) -> Norms:
    """The fluctuations of ``log tau`` at the mean second moments of the weights."""
    d, relative, weights = model.problem.input_dim, model.relative, model.spectrum.weights
    neurons = np.maximum(weights @ relative**2 - (weights @ relative) ** 2, 0.0) / (2 * d)
    return Norms(model.averages.mean_by_log_norm, (weights[:, None] * relative).T @ relative / (2 * d), neurons, 0.0)


def _reached(law: Residuals, count: int, beyond: float) -> Residuals:
    """The residuals with those at the ends that are further out than so many of ``count`` samples reach, at the ends of
    what they reach; of the energy of the law itself.
    """
    order = np.argsort(law.eps)
    places = normal_places(law.weights[order])
    most = -float(ndtri(min(beyond / count, 0.25)))
    eps = np.empty_like(law.eps)
    eps[order] = np.interp(np.clip(places, -most, most), places, law.eps[order])
    energy = float(law.weights @ eps**2)
    return replace(law, eps=eps * (law.energy / energy) ** 0.5 if energy > 0 else eps)
