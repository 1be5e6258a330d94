"""The model of the spectrum: a coarser grid than that of the errors, and laws without the tails that n samples and N
neurons do not have.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, assemble, own_weights
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.conditioning import StepScalars, condition
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid
from polyspike.theory.finite_size.gradient_matrix.lengths import eigenvalues_with_lengths
from polyspike.theory.finite_size.gradient_matrix.measures import OUTLIER_SHARE
from polyspike.theory.finite_size.gradient_matrix.rules import continuous_law, noise_at
from polyspike.theory.finite_size.spectrum.joint_nodes import joint_nodes

__all__ = [
    "COARSENESS",
    "SpectralModel",
    "bulk_of",
    "in_sampled_range",
    "nearest_in_range",
    "spectral_model",
    "without_pole",
]

# For a density to 1e-5 of its largest value (tests/theory/finite_size/spectrum/test_predict_spectrum.py refines all
# three).
COARSENESS = 0.6
# Nodes of M by the largest |e| times its standard deviation.
_MU_NODES = ((0.1, 8), (0.3, 16), (np.inf, 28))
_RANK_TOLERANCE = 1e-4
# Beyond the sampled range 1/R, 1/zeta and det(1 + cVQ) are at least this share of their values at its ends: without
# that they would vanish further out.
_LEAST_RATIO = 0.5
# Tails in which fewer samples or neurons than this are expected are left out of the bulk.
_LEAST_COUNT = 0.5
_ROUNDING = 1e-9


class OnGrid(Protocol):
    """A model of any theory whose bulk has nodes of kappa and of u."""

    @property
    def problem(self) -> Problem:
        """Whose sizes are asked for."""

    @property
    def grid(self) -> Grid:
        """The nodes."""

    @property
    def bulk(self) -> BulkModel:
        """On the whole laws."""


class MatrixNodes(NamedTuple):
    """Nodes of the law of M without the tails that d eigenvalues do not have.

    Attributes
    ----------
    weights : ndarray of shape (m,)
    weight_variance : ndarray of shape (m, A)
        ``s_u(mu)`` on the whole law of u.
    inside : ndarray of int
        The places of the model's own nodes between the ends of these, ascending.
    """

    weights: Array
    weight_variance: Array
    inside: Any


@dataclass(frozen=True)
class SpectralModel:
    """The arrays behind a spectrum.

    Attributes
    ----------
    model : FiniteSizeModel
        On the whole laws of kappa and u, whose moments the learned functions need, as they grow with both.
    bulk : BulkModel
        On the sampled range, the values that occur among n samples and N neurons: up to the kappa_c with
        ``n P(|kappa| > kappa_c) = 1/2``, and the same for u, with weights of variance one. Where the variance of a
        feature grows with u or kappa (relu at steps near order sqrt(n), for example) the bulk of the whole laws has no
        edge, but a tail with less than one eigenvalue in it.
    """

    model: FiniteSizeModel
    bulk: BulkModel
    matrix: MatrixNodes | None = None

    @property
    def directions(self) -> float:
        """The number of directions in which the features are linear but for their noise."""
        return float(self.model.problem.input_dim)

    def on_whole_laws(self, state: BulkState) -> BulkState:
        """R and zeta at every node of the model, from a solution of the bulk."""
        whole = self._whole
        h = self._noise_variance(columns=True) @ (self.bulk.neuron_weights * state.zeta)
        noise = (self.bulk.sample_weights * state.r) @ self._noise_variance(columns=False)
        x, y = whole.over_r(state.shift, h, state.gam), whole.over_zeta(noise, state.psi)
        rows, columns = self._nearest
        r, zeta = 1 / without_pole(x, x[rows]), 1 / without_pole(y, y[columns])
        at_nodes = self._at_nodes(state)
        return _Extended(self.model.bulk, state.shift, r, zeta, at_nodes, self._sound_nodes(at_nodes))

    @cached_property
    def _whole(self) -> BulkModel:
        """The whole laws of kappa and u, and the nodes of M that the bulk has."""
        if self.matrix is None:
            return replace(self.model.bulk, mu_weights=self.bulk.mu_weights)
        return replace(self.model.bulk, mu_weights=self.matrix.weights, weight_variance=self.matrix.weight_variance)

    def _at_nodes(self, state: BulkState) -> BulkState:
        """The solution with the model's nodes of M."""
        if self.matrix is None:
            return state
        _, columns = in_sampled_range(self.model)
        variance = self.model.bulk.weight_variance[:, columns]
        bulk = replace(state.model, mu_weights=self.model.bulk.mu_weights, weight_variance=variance)
        return BulkState(bulk, state.shift, state.r, state.zeta)

    @cached_property
    def _inside(self) -> Any:
        """The places of the model's nodes of M that have mass of the bulk, ascending."""
        if self.matrix is None:
            return np.flatnonzero(self.bulk.mu_weights > 0)
        return self.matrix.inside

    @cached_property
    def _nearest(self) -> tuple[Any, Any]:
        return nearest_in_range(self.model)

    @cached_property
    def outliers_of_matrix(self) -> list[tuple[int, float]]:
        """The ends of M at which an outlier lies: its node, and its weight in b.

        As in :meth:`polyspike.theory.finite_size.gradient_matrix.measures.MeasureNodes.within` the weight in b does not
        decide whether there is one: b is made of the samples that make the tails of M, and has a part in every tail.
        """
        shares = np.diagonal(self.model.direction_measures, axis1=1, axis2=2)
        along_b, shares = shares[:, 0], np.concatenate([shares[:, 1:], self.model.omega_measure[:, None]], axis=1)
        kept, found = self._inside, []
        for end in (slice(0, kept[0]), slice(kept[-1] + 1, None)):
            if (shares[end].sum(axis=0) > OUTLIER_SHARE * shares.sum(axis=0)).any():
                node = int(np.arange(len(shares))[end][shares[end].max(axis=1).argmax()])
                # A weight that vanishes may be rounded to less than zero.
                found.append((node, max(0.0, float(along_b[end].sum()))))
        return found

    @cached_property
    def beside_outliers(self) -> NDArray[np.bool_]:
        """The nodes of those ends."""
        kept, nodes = self._inside, np.arange(len(self.model.bulk.mu_weights))
        out = np.zeros(len(nodes), dtype=bool)
        for node, _ in self.outliers_of_matrix:
            out |= nodes < kept[0] if node < kept[0] else nodes > kept[-1]
        return out

    def _sound_nodes(self, state: BulkState) -> Any:
        """For every node of M its own place or, where it has no mass of the bulk and lies near a pole, the place of the
        next node with mass towards the middle. That is a node in a tail, or one whose mass the rule has below zero:
        whatever a direction has there, it is no eigenvalue.
        """
        kept, nodes = self._inside, np.arange(len(self.model.bulk.mu_weights))
        below = kept[np.maximum(np.searchsorted(kept, nodes, side="right") - 1, 0)]
        above = kept[np.minimum(np.searchsorted(kept, nodes), len(kept) - 1)]
        nearest = np.where(nodes < self.model.bulk.mu_weights @ nodes, above, below)
        size = np.real(np.linalg.det(state.e))
        return np.where(size[nearest] / size > _LEAST_RATIO, nodes, nearest)

    def _noise_variance(self, columns: bool) -> Array:
        rows, kept = in_sampled_range(self.model)
        noise_variance: Array = self.model.bulk.noise_variance
        return noise_variance[:, kept] if columns else noise_variance[rows]


class _Extended(BulkState):
    """R and zeta on the whole laws, with the matrices of the bulk's own solution."""

    def __init__(self, model: BulkModel, shift: Any, r: Any, zeta: Any, inner: BulkState, nodes: Any) -> None:
        super().__init__(model, shift, r, zeta)
        self.__dict__ |= {"q_hat": inner.q_hat, "v": inner.v, "gam": inner.gam[nodes], "psi": inner.psi[nodes]}


def spectral_model(
    problem: Problem,
    refine: float = 1.0,
    stronger: float = 1.0,
    sample: StepScalars | None = None,
    shift: float = 0.0,
) -> SpectralModel:
    """The model of a problem's spectrum; ``refine`` divides every quadrature step, ``stronger`` multiplies r.

    With ``sample`` the averages over the gradient's sample are at its values; by ``shift`` the mean of its M is larger.
    """
    scalars = condition(problem, sample=sample)
    scalars = replace(
        scalars,
        spike_strength=scalars.spike_strength * stronger,
        trace_shift=scalars.trace_shift + shift / (1.0 if sample is None else sample.energy**0.5),
    )
    e_deviation = abs(scalars.quadratic_step) * (problem.phi_gradient * scalars.matrix_moment) ** 0.5
    ends = min(0.25, _LEAST_COUNT / problem.input_dim)
    grid = choose_grid(problem, scalars, COARSENESS * refine, (_end(problem.n_samples), _end(problem.width)))
    model = assemble(
        problem,
        grid,
        scalars,
        mu_nodes=round(next(count for limit, count in _MU_NODES if e_deviation <= limit) * refine),
        rank_tolerance=_RANK_TOLERANCE / refine**6,
        finite_dimension=False,
        ends=ends,
    )
    bulk, matrix = bulk_of(model, _LEAST_COUNT), _matrix_nodes(model, ends, refine)
    if matrix is None:
        return SpectralModel(model, bulk)
    _, columns = in_sampled_range(model)
    return SpectralModel(
        model,
        replace(bulk, mu_weights=matrix.weights, weight_variance=matrix.weight_variance[:, columns]),
        matrix,
    )


def _matrix_nodes(model: FiniteSizeModel, share: float, refine: float) -> MatrixNodes | None:
    """The law of M without its ends, at nodes whose bands join; None where it is a point."""
    problem, scalars, grid = model.problem, model.conditioning, model.grid
    law = continuous_law(problem, scalars)
    if law is None:
        return None
    of_matrix = scalars.quadratic_step != 0

    def weights_at(values: Array) -> Any:
        mu = eigenvalues_with_lengths(problem, scalars, values) if of_matrix else np.zeros(len(values))
        return own_weights(scalars, grid, mu, noise_at(problem, scalars, values) if of_matrix else values)[1]

    has_linear = model.bulk.phi.shape[1] > 0
    width = problem.input_dim * (1 / problem.n_samples + 1 / problem.width) if has_linear else np.inf
    nodes, weights = joint_nodes(law, share, lambda mu: weights_at(mu) @ grid.u_weights, width, refine)
    of_nodes = model.mu if of_matrix else model.noise_covariance
    first, last = eigenvalues_with_lengths(problem, scalars, nodes[[0, -1]]) if of_matrix else nodes[[0, -1]]
    inside = (of_nodes >= first) & (of_nodes <= last)
    if not inside.any():
        return None
    return MatrixNodes(weights, weights_at(nodes), np.flatnonzero(inside))


def bulk_of(model: OnGrid, least: float) -> BulkModel:
    """The bulk of a model on the sampled range, without the ends of the spectrum of M in which fewer than so many
    eigenvalues are expected.
    """
    whole, grid, problem = model.bulk, model.grid, model.problem
    rows, columns = in_sampled_range(model)
    return BulkModel(
        sample_weights=_of_variance_one(grid.kappa, grid.kappa_weights, rows, problem.n_samples),
        neuron_weights=_of_variance_one(grid.u, grid.u_weights, columns, problem.width),
        phi=whole.phi[rows],
        chi=whole.chi[columns],
        noise_variance=whole.noise_variance[np.ix_(rows, columns)],
        weight_variance=whole.weight_variance[:, columns],
        mu_weights=_without_tails(whole.mu_weights, least / problem.input_dim),
        samples_per_dim=whole.samples_per_dim,
        samples_per_neuron=whole.samples_per_neuron,
    )


def in_sampled_range(model: OnGrid) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The nodes of kappa and of u in the sampled range."""
    problem = model.problem
    rows = _expected(model.grid.kappa, problem.n_samples)
    if problem.readout != "gaussian":
        return rows, np.ones(len(model.grid.u), dtype=bool)
    return rows, _expected(model.grid.u, problem.width)


def nearest_in_range(model: OnGrid) -> tuple[Any, Any]:
    """The places, for every node of kappa and of u, of the nearest one in the sampled range.

    No sample and no neuron lies outside, where R and zeta would have poles of their own outside the bulk.
    """
    kept = [np.flatnonzero(keep) for keep in in_sampled_range(model)]
    nodes = (model.grid.kappa, model.grid.u)
    rows, columns = (k[np.abs(x[:, None] - x[k]).argmin(axis=1)] for x, k in zip(nodes, kept, strict=True))
    return rows, columns


def without_pole(values: Any, nearest: Any) -> Any:
    """1/R or 1/zeta, outside the sampled range no nearer to zero than half its value at the nearest node inside."""
    return np.where(np.real(values / nearest) > _LEAST_RATIO, values, _LEAST_RATIO * nearest)


def _without_tails(weights: Array, share: float) -> Array:
    """Weights of the ascending spectrum of M without the nodes at its ends, in which half an eigenvalue is expected."""
    mass = np.maximum(weights, 0.0)
    beyond = np.minimum(np.cumsum(mass), np.cumsum(mass[::-1])[::-1])
    kept = np.where(beyond > share, mass, 0.0)
    total: float = kept.sum()
    return kept / total if total > 0 else weights


def _end(count: int) -> float:
    """The value beyond which less than half of so many normal ones is expected on both sides together."""
    return float(-ndtri(min(0.25, _LEAST_COUNT / (2 * count))))


def _expected(nodes: Array, count: int) -> NDArray[np.bool_]:
    keep = np.abs(nodes) < (1 + _ROUNDING) * _end(count)
    return keep if keep.sum() >= 3 else np.ones(len(nodes), dtype=bool)


def _of_variance_one(nodes: Array, weights: Array, keep: NDArray[np.bool_], count: int) -> Array:
    """The kept weights times ``a + b x^2``, such that mass and variance are one; half of them at the ends of the
    sampled range, as in a trapezoid rule.
    """
    if keep.all():
        return weights
    x = nodes[keep]
    kept = weights[keep] * np.where(np.abs(x) > (1 - _ROUNDING) * _end(count), 0.5, 1.0)
    kept = kept / kept.sum()
    variance, fourth = kept @ x**2, kept @ x**4
    changed: Array = kept * (1 + (1 - variance) / (fourth - variance**2) * (x**2 - variance))
    return changed
