"""Eigenvalues outside the bulk (docs/theory-finite-size.md, section 6).

Beside the bulk the features have parts of finite rank: the learned functions ``m(., u)`` and ``t(., u)``, the linear
part along b, where ``E[R kappa^2 phi phi']`` is not V, and the linear part along an outermost eigenvector of M. With
all of them ``F F'/N - z`` is singular outside the bulk where a symmetric matrix E(z) is singular whose entries have no
pole there (eq-count):

    rows x (coefficients of the nodal basis)      C + n E[R P P'],   sqrt(n c) v',  sqrt(n c w) v'
    rows l, t (the linear part along b)           [[-G, 1], [1, D]],  sqrt(w) D between t and s
    rows m, s (an end of M, w its weight in b)    [[-Q, 1], [1, c V + w D]]

with ``v = E[R kappa phi P]``, ``D = c (V_b - V)``, C the cost of the coefficients, G the integral of Gam over the
measure of M at b, all at the shift -z. E is a Schur complement of a matrix whose inertia is that of ``F F'/N - z``: as
many outliers lie above z as E(z) has negative eigenvalues more than at infinity. (When l, t, m and s are eliminated,
``C + n <P, P'>`` is left, and from that the matrix ``S' H S + U^-1/n`` of (eq-outliers); but both have poles above the
bulk, at which the number of their negative eigenvalues drops.)

At an outlier, where ``E y = 0``, the squared overlap of its left singular vector with a function p(kappa) of second
moment one is minus the residue of ``(1/n) p' (F F'/N - z)^-1 p``, that is ``(e_p' y)^2 / (n y' E' y)``, e_p the row
that p would have in E (eq-overlap).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import hermite_functions
from polyspike.results import Spike
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.spectrum.branches import LARGEST_ARC_STEP, Branch, above, find_edge, is_resolvent
from polyspike.theory.finite_size.spectrum.spectral_model import SpectralModel
from polyspike.theory.finite_size.spikes.learned_functions import learned_functions, neuron_cost

__all__ = [
    "DEGREE",
    "FiniteRankParts",
    "Root",
    "far_above",
    "outliers_above",
    "outliers_between",
    "roots_above",
    "upper_edge",
]

DEGREE = 6
"""Highest Hermite degree of the overlaps."""

# The solution above starts at this multiple of a bound on the bulk and on the outliers. Where that is not above
# everything, it starts the given number of times further up, up to the given number of attempts.
_FAR, _FARTHER, _ATTEMPTS = 2.0, 8.0, 12
_TOLERANCE = 1e-11
_MAX_STEPS = 60
_TANGENT_STEP = 1e-20
# The scaled eigenvalues are within [-1, 1] except for the costs, and only their sign near 0 matters.
_LARGEST_EIGENVALUE = 0.99


@dataclass(frozen=True)
class FiniteRankParts:
    """The parts of finite rank of a model."""

    spectral: SpectralModel

    @cached_property
    def functions(self) -> Array:
        """P (K, 2 A): the learned functions in the nodal basis."""
        found: Array = learned_functions(self.spectral.model)
        return found

    @cached_property
    def rotation(self) -> tuple[Array, Array]:
        """An orthogonal change of the nodal basis (2 A, 2 A) by which ``E[P P']`` is diagonal, and n times that."""
        root = np.sqrt(self.spectral.model.grid.kappa_weights)
        _, values, right = np.linalg.svd(root[:, None] * self.functions)
        strengths = np.zeros(len(right))
        strengths[: len(values)] = self.spectral.model.problem.n_samples * values**2
        return right.T, strengths

    @cached_property
    def strongest(self) -> float:
        """``n E_kappa`` of the squared learned functions and of what the norms of samples add to them; no outlier of
        either lies far above it.
        """
        norms, grid = self.spectral.model.norms, self.spectral.model.grid
        of_norms = norms.mean_by_log_norm**2 @ (grid.u_weights * np.diagonal(norms.sample_covariance))
        n: int = self.spectral.model.problem.n_samples
        return float(self.rotation[1].sum() + n * grid.kappa_weights @ of_norms)

    @property
    def at_infinity(self) -> int:
        """The negative eigenvalues of E far above everything."""
        return int(self.spectral.bulk.phi.shape[1]) * (1 + len(self.spectral.outliers_of_matrix))

    def matrix(self, state: BulkState) -> Any:
        """E at a solution of the bulk (eq-count)."""
        whole, model = self.spectral.on_whole_laws(state), self.spectral.model
        n, c, phi, functions = model.problem.n_samples, model.bulk.samples_per_dim, model.bulk.phi, self.functions
        kappa = model.grid.kappa[:, None]
        of_functions = neuron_cost(model, whole) + n * whole.gram(functions, functions)
        v = (n * c) ** 0.5 * whole.gram(functions, kappa * phi)
        d = c * whole.gram(phi, (kappa**2 - 1) * phi)
        weights = model.direction_measures[:, 0, 0].copy()
        weights[self.spectral.beside_outliers] = 0.0
        g = np.einsum("k,kab->ab", weights, whole.gam)
        one = np.eye(len(d))
        # Of the linear part along b and of every outlier of M: the blocks [[-prior, 1], [1, samples]], and sqrt(w).
        parts = [(g, d, 1.0)]
        parts += [(whole.q_hat[k], c * whole.v + w * d, w**0.5) for k, w in self.spectral.outliers_of_matrix]
        size, p = len(of_functions), len(one)
        out = np.zeros((size + 2 * p * len(parts),) * 2, dtype=np.result_type(of_functions, g))
        out[:size, :size] = (of_functions + of_functions.T) / 2
        for i, (prior, samples, root_w) in enumerate(parts):
            first, second = (slice(size + p * (2 * i + step), size + p * (2 * i + step + 1)) for step in range(2))
            out[first, first], out[second, second] = -(prior + prior.T) / 2, (samples + samples.T) / 2
            out[first, second] = out[second, first] = one
            out[:size, second], out[second, :size] = root_w * v, root_w * v.T
            for j, (_, _, other_root_w) in enumerate(parts[:i]):
                other = slice(size + p * (2 * j + 1), size + p * (2 * j + 2))
                out[other, second], out[second, other] = other_root_w * root_w * d, other_root_w * root_w * d.T
        return out

    def rows(self, state: BulkState, functions: Array) -> Any:
        """The rows of E that functions of kappa (K, m) would have, shape (size, m) (eq-overlap)."""
        whole, model = self.spectral.on_whole_laws(state), self.spectral.model
        n, bulk = model.problem.n_samples, model.bulk
        v = (n * bulk.samples_per_dim) ** 0.5 * whole.gram(bulk.phi, model.grid.kappa[:, None] * functions)
        none = np.zeros_like(v)
        of_matrix = (w for _, w in self.spectral.outliers_of_matrix)
        parts = [part for w in (1.0, *of_matrix) for part in (none, w**0.5 * v)]
        return np.concatenate([n * whole.gram(self.functions, functions), *parts])

    def scaled(self, branch: Branch) -> tuple[Array, Array]:
        """``Z' E Z`` and Z (size, size), by which a function of strength s has the eigenvalue ``(z - s)/(z + s)``."""
        rotation, strengths = self.rotation
        matrix = self.matrix(branch.state)
        scale = np.eye(len(matrix))
        scale[: len(rotation), : len(rotation)] = rotation / np.sqrt(1 + strengths / branch.z)
        return scale.T @ matrix @ scale, scale

    def root(self, branch: Branch) -> "Root":
        """An outlier, from a solution at which E is singular."""
        scaled, scale = self.scaled(branch)
        values, vectors = np.linalg.eigh(scaled)
        vector = scale @ vectors[:, np.argmin(np.abs(values))]
        change = branch.by_log_z / branch.z
        moved = branch.state.moved(1j * _TANGENT_STEP * change)
        ahead = BulkState(moved.model, -(branch.z + 1j * _TANGENT_STEP), moved.r, moved.zeta)
        return Root(branch, vector, float((vector @ self.matrix(ahead) @ vector).imag / _TANGENT_STEP))

    def spike(self, root: "Root", degree: int) -> Spike:
        """The location of an outlier and its squared overlaps with the Hermite functions (eq-overlap)."""
        hermite = hermite_functions(self.spectral.model.grid.kappa, degree)
        cross = root.vector @ self.rows(root.branch.state, hermite.T)
        return Spike(root.branch.z, cross**2 / (self.spectral.model.problem.n_samples * root.slope))


@dataclass(frozen=True)
class Root:
    """A solution of the bulk at which E is singular, with the null vector y and ``y' E' y``."""

    branch: Branch
    vector: Array
    slope: float


def upper_edge(parts: FiniteRankParts, largest: float = LARGEST_ARC_STEP) -> tuple[Branch, list[Branch]]:
    """The edge at the top of the bulk, and the solutions on the way there from above all outliers.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when no point above everything, or no edge, is found.
    """
    return find_edge(far_above(parts), -1, largest, outside=is_resolvent)


def far_above(parts: FiniteRankParts, least: float = 0.0) -> Branch:
    """The solution at a point above everything, and above the given one.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when none is found.
    """
    bulk = parts.spectral.bulk
    z = max(_far_above(bulk, parts), least)
    for _ in range(_ATTEMPTS):
        try:
            start = above(bulk, z)
        except NumericalError:
            z *= _FARTHER
            continue
        if _count(parts, start) == 0:
            return start
        z *= _FARTHER
    raise NumericalError(Status.NOT_CONVERGED, f"nothing was found that lies above all eigenvalues, up to {z:.3g}")


def _count(parts: FiniteRankParts, branch: Branch) -> int:
    """The number of outliers above a point above the bulk (eq-outliers, eq-count)."""
    return int(np.sum(_heights_above(parts, branch) > 0))


def _far_above(bulk: BulkModel, parts: FiniteRankParts) -> float:
    """A point above everything: Marchenko-Pastur edges of the strongest noise and the strongest linear part."""
    noise, linear = float(bulk.noise_variance.max()), float(np.max((bulk.phi @ bulk.chi.T) ** 2))
    moves = float((bulk.mu_weights @ bulk.weight_variance).max())
    scale = noise + linear * moves * (1 + bulk.samples_per_dim**0.5) ** 2
    return _FAR * ((1 + bulk.samples_per_neuron**0.5) ** 2 * scale + parts.strongest)


def outliers_above(parts: FiniteRankParts, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier above the bulk, largest first; see :func:`roots_above`."""
    return [parts.spike(root, degree) for root in roots_above(parts, path)]


def roots_above(parts: FiniteRankParts, path: list[Branch]) -> list[Root]:
    """Every outlier above the bulk, largest first; ``path`` leads from above all of them down to the edge.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when an outlier is not located.
    """
    path_heights = [(branch, _heights_above(parts, branch)) for branch in path]
    count = int(np.sum(path_heights[-1][1] > 0))
    return [parts.root(_locate(parts, path_heights, j, _heights_above)) for j in range(count)]


def outliers_between(parts: FiniteRankParts, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier below the bulk or in a gap of it, smallest first; ``path`` ascends from one end to the other."""
    path_heights = [(branch, _heights(parts, branch)) for branch in path]
    first, last = (int(np.sum(heights < 0)) for _, heights in (path_heights[0], path_heights[-1]))
    located = (_locate(parts, path_heights, j, _heights) for j in range(first - 1, last - 1, -1))
    return [parts.spike(parts.root(branch), degree) for branch in located]


def _heights(parts: FiniteRankParts, branch: Branch) -> Array:
    """``log((1 + mu)/(1 - mu))`` of the ascending eigenvalues mu of the scaled E.

    For a function of strength s it is nearly ``log z - log s``.
    """
    values = np.linalg.eigvalsh(parts.scaled(branch)[0])
    near = np.clip(values, -_LARGEST_EIGENVALUE, _LARGEST_EIGENVALUE)
    heights: Array = 2 * np.arctanh(near) + (values - near)
    return heights


def _heights_above(parts: FiniteRankParts, branch: Branch) -> Array:
    """Minus the heights of the outliers: the j-th is positive where the j-th outlier lies above the branch's z."""
    return -_heights(parts, branch)[parts.at_infinity :]


def _locate(parts: FiniteRankParts, path_heights: list[tuple[Branch, Array]], j: int, heights: Any) -> Branch:
    """The root of the j-th height along the branch, from the last point before it.

    By secants, and by bisection where two secants have not halved the bracket: where two heights nearly cross, they
    change their slopes within a short distance.
    """
    after = next(i for i, (_, height) in enumerate(path_heights) if height[j] > 0)
    (start, low), (stop, high) = path_heights[after - 1], path_heights[after]
    functional = start.functional
    end = float(functional @ _change(start, stop))
    points, bracket, widths = [(0.0, low[j]), (end, high[j])], [0.0, end], [np.inf, np.inf]
    for _ in range(_MAX_STEPS):
        (a, fa), (b, fb) = points[-2:]
        aim, width = b - fb * (b - a) / (fb - fa) if fb != fa else np.inf, abs(bracket[1] - bracket[0])
        if not min(bracket) < aim < max(bracket) or width > widths[-2] / 2:
            aim = (bracket[0] + bracket[1]) / 2
        widths.append(width)
        moved = start.step(functional, aim)
        if moved is None:
            break
        value = float(heights(parts, moved)[j])
        if abs(value) < _TOLERANCE or abs(bracket[1] - bracket[0]) < _TOLERANCE:
            return moved
        bracket[value > 0] = aim
        points.append((aim, value))
    raise NumericalError(Status.NOT_CONVERGED, f"the outlier between {start.z:.4g} and {stop.z:.4g} was not located")


def _change(start: Branch, end: Branch) -> Array:
    """The change of (log R, log zeta)."""
    logs: Array = np.log(np.concatenate([end.state.r / start.state.r, end.state.zeta / start.state.zeta]))
    return logs
