"""The bulk of quadratic features (docs/theory-inputs.md, section 8).

Where ``c_1 = 0`` the features are linear in the products ``g_i g_j`` of the inputs' coordinates instead of in the
coordinates themselves: the bulk is that of the isotropic theory with pairs of eigendirections in the place of
eigendirections (eq-quadratic-bulk). The strongest pairs are single ones, and outliers.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from polyspike.arraytypes import Array
from polyspike.problem import Activation, Problem
from polyspike.theory.covariance.averages import over_neurons
from polyspike.theory.covariance.eigenvalues import SINGLE, Eigenvalues, group_starts
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.pairs import Pairs
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.weights_along import curvature_exponent, curvature_factors
from polyspike.theory.finite_size.spectrum.spectral_model import (
    COARSENESS,
    SpectralModel,
    bulk_of,
    in_sampled_range,
)

__all__ = [
    "PairModel",
    "QuadraticFeatures",
    "is_outside",
    "most_separated",
    "norm_rule",
    "pair_model",
    "quadratic_features",
]

_RANK_TOLERANCE = 1e-4
# Nodes of the sample's norm.
_NORM_NODES = 3
# So many of the strongest pairs have a node each.
_SEPARATE = 96
# Pairs that are taken out of the bulk at most: each adds to the matrix of the outliers.
_MOST_SEPARATED = 48
_NONE = 1e-9
# A smaller share of the features' square is rounding.
_NO_NOISE = 1e-12


@dataclass(frozen=True, eq=False)
class QuadraticFeatures:
    """The arrays of the quadratic features at nodes of kappa and of the sample's norm, K of both.

    Attributes
    ----------
    model : CovarianceModel
        At finite dimension, on the nodes of kappa alone.
    grid : Grid
        The nodes of both, and those of u.
    by_norm : ndarray of shape (K, p)
        What a coefficient of one along the norm of the sample makes of a feature: the mean over the neurons as a
        function of ``y = (|x|^2/d - 1)/2``, in standard deviations, ``phi y + (dphi/dlog|x| - 2 phi) y^2/2``.
    mean : ndarray of shape (K, A)
        ``m(kappa, u)``, at the mean norm.
    noise : ndarray of shape (K, A)
        The variance of a feature beside its mean and its quadratic part.
    pairs : Pairs
        With phi on these nodes, and products that know the activation's curvature (eq-inputs-bend).
    squares : ndarray of shape (L, A)
        The mean of the squared weight along an eigendirection, over ``tau^2``.
    """

    model: CovarianceModel
    grid: Grid
    by_norm: Any
    mean: Any
    noise: Any
    pairs: Pairs
    squares: Any

    @property
    def count(self) -> float:
        """``d (d + 1)/2``."""
        d = self.model.problem.input_dim
        return d * (d + 1) / 2


@dataclass(frozen=True, eq=False, kw_only=True)
class PairModel(SpectralModel):
    """The bulk without the strongest pairs, which are single and outside of it.

    Attributes
    ----------
    features : QuadraticFeatures
    single : ndarray of int
        The places of those pairs, the strongest first.
    """

    features: QuadraticFeatures
    single: Any

    @property
    def directions(self) -> float:
        """How many directions the features without noise have: those of the products."""
        return self.features.count


def pair_model(features: QuadraticFeatures, like: FiniteSizeModel, strongest: int = 0) -> PairModel:
    """The bulk without so many of the strongest pairs (eq-quadratic-bulk); ``like`` is the model of the linear
    features, whose grid and bulk are replaced.
    """
    order, found, total = _ascending(features), features.pairs, features.count
    kept, single = order[: len(order) - strongest], order[len(order) - strongest :][::-1]
    counts, products = _grouped(features, kept)
    bulk = replace(
        features.model.bulk,
        sample_weights=features.grid.kappa_weights,
        phi=found.phi,
        chi=found.chi,
        noise_variance=features.noise,
        weight_variance=total * products,
        mu_weights=counts / total,
        samples_per_dim=features.model.problem.n_samples / total,
    )
    whole = replace(like, grid=features.grid, bulk=bulk, mu=np.arange(len(counts)))
    return PairModel(whole, bulk_of(whole, 0.0), features=features, single=single)


def is_outside(model: PairModel, state: BulkState) -> bool:
    """Whether the weakest of the single pairs makes an outlier above the bulk: ``1 + n V Q`` is singular above the
    edge, where this is the solution.
    """
    _, columns = in_sampled_range(model.model)
    products = model.features.pairs.products[model.single[-1:]][:, columns]
    q = over_neurons(products, state.model.neuron_weights * state.zeta, state.model.chi_pairs)[0]
    return bool(np.real(np.linalg.eigvals(np.eye(len(q)) + model.model.problem.n_samples * state.v @ q)).min() < 0)


def most_separated(features: QuadraticFeatures) -> int:
    """The most pairs that can be single ones: the longest row of them from the strongest on."""
    counts = features.pairs.counts[_ascending(features)][::-1][:_MOST_SEPARATED]
    return int(np.argmin(np.append(counts < SINGLE, False)))


def _ascending(features: QuadraticFeatures) -> NDArray[np.intp]:
    """The places of the pairs, by their mean strength."""
    strengths = features.pairs.products @ features.model.grid.u_weights
    order = np.argsort(strengths, kind="stable")
    return order[features.pairs.counts[order] > _NONE]


def _grouped(features: QuadraticFeatures, kept: NDArray[np.intp]) -> tuple[Array, Array]:
    """Nodes for a density: the strongest pairs as they are, the others in groups with their mean; their counts and
    products.
    """
    counts, products = features.pairs.counts[kept], features.pairs.products[kept]
    starts = group_starts(-np.log(products[::-1] @ features.model.grid.u_weights), counts[::-1], _SEPARATE)
    places = (len(kept) - starts)[::-1][:-1]
    mass = np.add.reduceat(counts, places)
    return mass, np.add.reduceat(counts[:, None] * products, places, axis=0) / mass[:, None]


def quadratic_features(problem: Problem, spectrum: Eigenvalues, refine: float = 1.0) -> QuadraticFeatures:
    """The arrays of a problem; ``refine`` divides every quadrature step."""
    tolerance = _RANK_TOLERANCE / refine**6
    model = assemble(problem, spectrum, refine=COARSENESS * refine, rank_tolerance=tolerance)
    assert model.pairs is not None
    nodes, weights = norm_rule(spectrum, problem.input_dim)
    count = len(model.grid.kappa)
    moved = np.tile(nodes, count)[:, None] * model.norms.variance**0.5
    grid = replace(
        model.grid,
        kappa=_repeated(model.grid.kappa),
        kappa_weights=_repeated(model.grid.kappa_weights) * np.tile(weights, count),
    )
    found, squares = _bent(model)
    total = found.counts @ found.products
    noise = _repeated(model.bulk.noise_variance - total * (found.phi @ found.chi.T) ** 2)
    noise = np.maximum(noise + 2 * moved * _repeated(found.other_noise_by_log_square), 0.0)
    noise = noise if _has_noise(problem.activation) else 0 * noise
    phi, by_log_norm = _repeated(found.phi), _repeated(found.phi_by_log_norm)
    by_norm = (phi + moved * (by_log_norm / 2 - phi)) * np.tile(nodes, count)[:, None]
    return QuadraticFeatures(
        model=model,
        grid=grid,
        by_norm=by_norm,
        mean=_repeated(model.mean),
        noise=noise,
        pairs=replace(found, phi=phi + moved * by_log_norm),
        squares=squares,
    )


def _has_noise(activation: Activation) -> bool:
    """Whether there is anything of degree three and more; what is left of a quadratic one is of order 1/d^2."""
    c0, c1, c2 = (float(c) for c in activation.coefficients(2))
    whole = activation.second_moment
    return whole - c0**2 - c1**2 - 2 * c2**2 > _NO_NOISE * whole


def norm_rule(spectrum: Eigenvalues, dimension: int) -> tuple[Array, Array]:
    """Gauss nodes and weights for the deviation of a sample's squared norm, of variance one: a gamma law with the
    skewness ``sqrt(8/d) m_3/m_2^(3/2)`` of ``sum lambda g^2``, whose polynomials have the recurrence
    ``a_n = s n``, ``b_n = n (1 + s^2 (n - 1)/4)``.
    """
    skewness = (8 / dimension) ** 0.5 * spectrum.moment(3) / spectrum.moment(2) ** 1.5
    n = np.arange(_NORM_NODES)
    nodes, vectors = eigh_tridiagonal(skewness * n, np.sqrt(n[1:] * (1 + skewness**2 * (n[1:] - 1) / 4)))
    return nodes, vectors[0] ** 2


def _repeated(values: Any) -> Any:
    return np.repeat(values, _NORM_NODES, axis=0)


def _bent(model: CovarianceModel) -> tuple[Pairs, Any]:
    """The pairs and the mean squares of the weights, with the activation's curvature along every eigendirection
    (eq-inputs-bend).
    """
    found, d = model.pairs, model.problem.input_dim
    assert found is not None
    longer = (model.relative - model.spectrum.weights @ model.relative).T / d
    exponent = curvature_exponent(model.averages, model.grid.kappa_weights)
    mean, fluctuation = (factors.T for factors in curvature_factors(longer, exponent))
    products = found.products * fluctuation[found.first] * fluctuation[found.second]
    return replace(found, products=products), mean * model.relative / d
