"""Eigenvalues that stand outside the bulk (docs/theory-finite-size.md, section 6).

Beside the bulk the features have parts of finite rank: the learned functions ``m(., u)`` with the norms that turn them,
the linear part along b, where ``E[R kappa^2 phi phi']`` is not V, and the linear part along an outermost eigenvector of
M. With all of them put back at once, ``F F'/N - z`` is singular outside the bulk where a symmetric matrix E(z) is whose
entries have no pole there:

    rows x (coefficients of the nodal basis)      C + n E[R P P'],   sqrt(n c) v',  sqrt(n c w) v'
    rows l, t (the linear part along b)           [[-G, 1], [1, D]],  sqrt(w) D between t and s
    rows m, s (an end of M, w its weight in b)    [[-Q, 1], [1, c V + w D]]

with ``v = E[R kappa phi P]``, ``D = c (V_b - V)``, C the cost of the coefficients, G what the linear part has along b,
all at the shift -z. E is a Schur complement of a matrix whose inertia is that of ``F F'/N - z``: as many outliers lie
above z as E(z) has negative eigenvalues more than at infinity. (With l, t, m and s eliminated, ``C + n <P, P'>`` is
left, and from that ``S' H S + U^-1/n``; but both have poles above the bulk, at which their count drops.)

At an outlier, where ``E y = 0``, the squared overlap of its left singular vector with a function p(kappa) of second
moment one is minus the residue of ``(1/n) p' (F F'/N - z)^-1 p``, that is ``(e_p' y)^2 / (n y' E' y)``, e_p the row
that p would have in E.
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
from polyspike.theory.finite_size.spectrum.branches import LARGEST_ARC_STEP, Branch, above, find_edge
from polyspike.theory.finite_size.spectrum.spectral_model import SpectralModel
from polyspike.theory.finite_size.spikes.learned_functions import learned_functions, neuron_cost

__all__ = ["DEGREE", "FiniteRankParts", "Root", "outliers_above", "outliers_between", "roots_above", "upper_edge"]

DEGREE = 6
"""Highest Hermite degree of the overlaps."""

# The solution above starts at this multiple of a bound on the bulk and on the outliers, and where that is not above
# everything, at so many times more, at most so often.
_FAR, _FARTHER, _ATTEMPTS = 2.0, 8.0, 12
_TOLERANCE = 1e-11
_MAX_STEPS = 60
_TANGENT_STEP = 1e-20
# Of the scaled eigenvalues, which are within [-1, 1] but for the costs, only the sign near 0 matters.
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
        """``n E`` of the largest learned function and of the norms: no outlier of theirs lies far above it."""
        model = self.spectral.model
        turn = model.norms.mean_by_log_norm**2 @ (model.grid.u_weights * np.diagonal(model.norms.sample_covariance))
        n: int = model.problem.n_samples
        return float(self.rotation[1].sum() + n * model.grid.kappa_weights @ turn)

    @property
    def at_infinity(self) -> int:
        """The negative eigenvalues of E far above everything."""
        return int(self.spectral.bulk.phi.shape[1]) * (1 + len(self.spectral.outliers_of_matrix))

    def matrix(self, state: BulkState) -> Any:
        """E at a solution of the bulk."""
        whole, model = self.spectral.on_whole_laws(state), self.spectral.model
        n, bulk, functions = model.problem.n_samples, model.bulk, self.functions
        moved, kappa = bulk.sample_weights * whole.r, model.grid.kappa
        cost = neuron_cost(model, whole) + n * (functions.T @ (moved[:, None] * functions))
        lever = (n * bulk.samples_per_dim) ** 0.5 * (functions.T @ ((kappa * moved)[:, None] * bulk.phi))
        tilt = bulk.samples_per_dim * (bulk.phi.T @ (((kappa**2 - 1) * moved)[:, None] * bulk.phi))
        weights = model.direction_measures[:, 0, 0].copy()
        weights[self.spectral.beside_outliers] = 0.0
        along = np.einsum("k,kab->ab", weights, whole.gam)
        one = np.eye(len(tilt))
        parts = [(along, tilt, 1.0)]
        parts += [
            (whole.q_hat[k], bulk.samples_per_dim * whole.v + w * tilt, w**0.5)
            for k, w in self.spectral.outliers_of_matrix
        ]
        size, p = len(cost), len(one)
        out = np.zeros((size + 2 * p * len(parts),) * 2, dtype=np.result_type(cost, along))
        out[:size, :size] = (cost + cost.T) / 2
        for i, (gain, own, weight) in enumerate(parts):
            a, b, c = (size + p * (2 * i + step) for step in range(3))
            out[a:b, a:b], out[b:c, b:c] = -(gain + gain.T) / 2, (own + own.T) / 2
            out[a:b, b:c] = out[b:c, a:b] = one
            out[:size, b:c], out[b:c, :size] = weight * lever, weight * lever.T
            if i > 0:
                first = slice(size + p, size + 2 * p)
                out[first, b:c], out[b:c, first] = weight * tilt, weight * tilt.T
        return out

    def rows(self, state: BulkState, functions: Array) -> Any:
        """The rows of E that functions of kappa (K, m) would have, shape (size, m)."""
        whole, model = self.spectral.on_whole_laws(state), self.spectral.model
        n, bulk = model.problem.n_samples, model.bulk
        moved = (bulk.sample_weights * whole.r)[:, None] * functions
        lever = (n * bulk.samples_per_dim) ** 0.5 * (bulk.phi.T @ (model.grid.kappa[:, None] * moved))
        none = np.zeros_like(lever)
        parts = [
            part for w in (1.0, *(w for _, w in self.spectral.outliers_of_matrix)) for part in (none, w**0.5 * lever)
        ]
        return np.concatenate([n * (self.functions.T @ moved), *parts])

    def scaled(self, branch: Branch) -> tuple[Array, Array]:
        """``Z' E Z`` with a Z (size, size) that leaves of a strength s no more than ``(z - s)/(z + s)``, and Z."""
        turn, strengths = self.rotation
        matrix = self.matrix(branch.state)
        scale = np.eye(len(matrix))
        scale[: len(turn), : len(turn)] = turn / np.sqrt(1 + strengths / branch.z)
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
        """What an outlier is and has learned."""
        hermite = hermite_functions(self.spectral.model.grid.kappa, degree)
        cross = root.vector @ self.rows(root.branch.state, hermite.T)
        return Spike(root.branch.z, cross**2 / (self.spectral.model.problem.n_samples * root.slope))


@dataclass(frozen=True)
class Root:
    """A solution of the bulk at which E is singular, with the null vector y and ``y' E' y``."""

    branch: Branch
    vector: Array
    slope: float


def upper_edge(learned: FiniteRankParts, largest: float = LARGEST_ARC_STEP) -> tuple[Branch, list[Branch]]:
    """The edge at the top of the bulk, and the solutions on the way there from above all outliers.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when no point above everything, or no edge, is found.
    """
    bulk = learned.spectral.bulk
    z = _far_above(bulk, learned)
    for _ in range(_ATTEMPTS):
        try:
            start = above(bulk, z)
        except NumericalError:
            z *= _FARTHER
            continue
        if _count(learned, start) == 0:
            return find_edge(start, -1, largest)
        z *= _FARTHER
    raise NumericalError(Status.NOT_CONVERGED, f"nothing was found that lies above all eigenvalues, up to {z:.3g}")


def _count(learned: FiniteRankParts, branch: Branch) -> int:
    """How many outliers lie above a point above the bulk."""
    return int(np.sum(_heights_above(learned, branch) > 0))


def _far_above(bulk: BulkModel, learned: FiniteRankParts) -> float:
    """A point above everything: Marchenko-Pastur edges of the strongest noise and the strongest linear part."""
    noise, linear = float(bulk.noise_variance.max()), float(np.max((bulk.phi @ bulk.chi.T) ** 2))
    moves = float((bulk.mu_weights @ bulk.weight_variance).max())
    scale = noise + linear * moves * (1 + bulk.samples_per_dim**0.5) ** 2
    return _FAR * ((1 + bulk.samples_per_neuron**0.5) ** 2 * scale + learned.strongest)


def outliers_above(learned: FiniteRankParts, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier above the bulk, largest first; see :func:`roots_above`."""
    return [learned.spike(root, degree) for root in roots_above(learned, path)]


def roots_above(learned: FiniteRankParts, path: list[Branch]) -> list[Root]:
    """Every outlier above the bulk, largest first; ``path`` leads from above all of them down to the edge.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when an outlier is not located.
    """
    known = [(branch, _heights_above(learned, branch)) for branch in path]
    count = int(np.sum(known[-1][1] > 0))
    return [learned.root(_locate(learned, known, j, _heights_above)) for j in range(count)]


def outliers_between(learned: FiniteRankParts, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier below the bulk or in a gap of it, smallest first; ``path`` ascends from one end to the other."""
    known = [(branch, _heights(learned, branch)) for branch in path]
    first, last = (int(np.sum(heights < 0)) for _, heights in (known[0], known[-1]))
    located = (_locate(learned, known, j, _heights) for j in range(first - 1, last - 1, -1))
    return [learned.spike(learned.root(branch), degree) for branch in located]


def _heights(learned: FiniteRankParts, branch: Branch) -> Array:
    """``log((1 + mu)/(1 - mu))``, mu the ascending eigenvalues of the scaled E: that of a strength s is nearly
    ``log z - log s``.
    """
    values = np.linalg.eigvalsh(learned.scaled(branch)[0])
    near = np.clip(values, -_LARGEST_EIGENVALUE, _LARGEST_EIGENVALUE)
    heights: Array = 2 * np.arctanh(near) + (values - near)
    return heights


def _heights_above(learned: FiniteRankParts, branch: Branch) -> Array:
    """Positive once the j-th outlier lies above."""
    return -_heights(learned, branch)[learned.at_infinity :]


def _locate(learned: FiniteRankParts, known: list[tuple[Branch, Array]], j: int, heights: Any) -> Branch:
    """The root of the j-th height along the branch, from the last point before it: by secants, and by bisection where
    two of them have not halved the bracket (two heights that all but cross bend sharply).
    """
    after = next(i for i, (_, height) in enumerate(known) if height[j] > 0)
    (here, low), (there, high) = known[after - 1], known[after]
    functional = here.functional
    end = float(functional @ _change(here, there))
    points, bracket, widths = [(0.0, low[j]), (end, high[j])], [0.0, end], [np.inf, np.inf]
    for _ in range(_MAX_STEPS):
        (a, fa), (b, fb) = points[-2:]
        aim, width = b - fb * (b - a) / (fb - fa) if fb != fa else np.inf, abs(bracket[1] - bracket[0])
        if not min(bracket) < aim < max(bracket) or width > widths[-2] / 2:
            aim = (bracket[0] + bracket[1]) / 2
        widths.append(width)
        moved = here.step(functional, aim)
        if moved is None:
            break
        value = float(heights(learned, moved)[j])
        if abs(value) < _TOLERANCE or abs(bracket[1] - bracket[0]) < _TOLERANCE:
            return moved
        bracket[value > 0] = aim
        points.append((aim, value))
    raise NumericalError(Status.NOT_CONVERGED, f"the outlier between {here.z:.4g} and {there.z:.4g} was not located")


def _change(start: Branch, end: Branch) -> Array:
    """Of (log R, log zeta)."""
    logs: Array = np.log(np.concatenate([end.state.r / start.state.r, end.state.zeta / start.state.zeta]))
    return logs
