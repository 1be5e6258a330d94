"""Eigenvalues that the learned functions pull out of the bulk (docs/theory-uniform.md, sections 4 and 6).

With the learned part of the features written ``P T'`` (P functions of kappa, T functions of u and of a neuron's norm,
k columns each), ``F F'/N - z`` is singular outside the bulk where the k x k matrix

    B(z) = (T' U T)^-1 + n <P, P'>

is, U and the form <., .> taken at ``D = -z``. B is a Schur complement of ``F F'/N - z`` and grows with z, so outliers
are counted by its inertia: as many lie above z as B(z) has negative eigenvalues. At an outlier, where ``B v = 0``, the
squared overlap of its left singular vector with a function p(kappa) of second moment one is minus the residue of
``(1/n) p' (F F'/N - z)^-1 p``, that is ``n (v' <P, p>)^2 / (v' B' v)``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import NumericalError
from polyspike.hermite import hermite_functions
from polyspike.results import Spike
from polyspike.status import Status
from polyspike.theory.uniform.branches import LARGEST_ARC_STEP, Branch, above, find_edge
from polyspike.theory.uniform.bulk import BulkModel, BulkState
from polyspike.theory.uniform.learned import learned_functions, neuron_cost
from polyspike.theory.uniform.spectral_model import SpectralModel

__all__ = [
    "DEGREE",
    "Learned",
    "Root",
    "has_learned",
    "outliers_above",
    "outliers_between",
    "roots_above",
    "upper_edge",
]

Array = NDArray[np.float64]

DEGREE = 6
"""Highest Hermite degree of the overlaps."""

# The solution above starts at this multiple of a bound on the bulk and on the outliers.
_FAR = 2.0
# An outlier that holds less than this of all functions of kappa has learned nothing: a node that the cut laws leave at
# the edge of the bulk, which the continuous law would smear.
_LEAST_SHARE = 1e-2
# Learned functions whose spike would be weaker than this share of the bulk cannot leave it.
_LEAST_STRENGTH = 1e-9
_TOLERANCE = 1e-11
_MAX_STEPS = 60
_TANGENT_STEP = 1e-20
# Above the bulk the eigenvalues of B are below 1; only their sign near 0 matters.
_LARGEST_EIGENVALUE = 0.9


@dataclass(frozen=True)
class Learned:
    """The learned functions of a model, cut to those that matter."""

    spectral: SpectralModel

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """P (K, k) and T (2 A, k), the latter orthonormal in the scaled nodal basis."""
        scaled = learned_functions(self.spectral.model)
        root = np.sqrt(self.spectral.model.grid.kappa_weights)
        _, values, right = np.linalg.svd(root[:, None] * scaled, full_matrices=False)
        bulk = self.spectral.bulk
        least = _LEAST_STRENGTH * float(bulk.sample_weights @ bulk.residual @ bulk.neuron_weights + 1)
        keep = self.spectral.model.problem.n_samples * values**2 > least
        return scaled @ right[keep].T, right[keep].T

    @cached_property
    def strongest(self) -> float:
        """``n E`` of the largest learned function: no outlier lies far above it."""
        weights = self.spectral.model.grid.kappa_weights
        return self.spectral.model.problem.n_samples * float((weights @ self.factors[0] ** 2).sum())

    def matrices(self, state: BulkState) -> tuple[Any, Any]:
        """``T' U T`` and ``n <P, P'>`` at a solution of the bulk."""
        functions, neurons = self.factors
        whole = self.spectral.on_whole_laws(state)
        form = neurons.T @ np.linalg.solve(neuron_cost(self.spectral.model, whole), neurons)
        samples = self.sample_form(whole, functions, functions)
        return (form + form.T) / 2, self.spectral.model.problem.n_samples * (samples + samples.T) / 2

    def matrix(self, state: BulkState) -> Any:
        """B at a solution of the bulk."""
        form, samples = self.matrices(state)
        return np.linalg.inv(form) + samples

    def sample_form(self, whole: BulkState, left: Array, right: Array) -> Any:
        """``<p, p'> = E[p p' R] - (n/d) v_p' T_bb v_p'`` with ``v_p = E[p phi kappa R]``."""
        model = self.spectral.model
        kappa, bulk = model.grid.kappa, model.bulk
        moved = bulk.sample_weights * whole.r
        lever = (kappa * moved)[:, None] * bulk.phi
        shift = bulk.aspect * (bulk.phi.T @ (((kappa**2 - 1) * moved)[:, None] * bulk.phi))
        g = np.einsum("k,kab->ab", model.directions[:, 0, 0], whole.gam)
        t = np.linalg.solve(np.eye(len(g)) + g @ shift, g)
        return left.T @ (moved[:, None] * right) - bulk.aspect * ((left.T @ lever) @ t @ (lever.T @ right))

    def root(self, branch: Branch) -> "Root":
        """An outlier, from a solution at which B is singular."""
        values, vectors = np.linalg.eigh(self.matrix(branch.state))
        vector = vectors[:, np.argmin(np.abs(values))]
        change = branch.by_log_z / branch.z
        moved = branch.state.moved(1j * _TANGENT_STEP * change)
        ahead = BulkState(moved.model, -(branch.z + 1j * _TANGENT_STEP), moved.r, moved.zeta)
        return Root(branch, vector, float((vector @ self.matrix(ahead) @ vector).imag / _TANGENT_STEP))

    def spike(self, root: "Root", degree: int) -> Spike:
        """What an outlier is and has learned."""
        whole = self.spectral.on_whole_laws(root.branch.state)
        hermite = hermite_functions(self.spectral.model.grid.kappa, degree)
        cross = root.vector @ self.sample_form(whole, self.factors[0], hermite.T)
        return Spike(root.branch.z, self.spectral.model.problem.n_samples * cross**2 / root.slope)


@dataclass(frozen=True)
class Root:
    """A solution of the bulk at which B is singular, with the null vector v (k,) and ``v' B' v``."""

    branch: Branch
    vector: Array
    slope: float


def upper_edge(learned: Learned, largest: float = LARGEST_ARC_STEP) -> tuple[Branch, list[Branch]]:
    """The edge at the top of the bulk, and the solutions on the way there from above all outliers."""
    bulk = learned.spectral.bulk
    return find_edge(above(bulk, _far_above(bulk, learned)), -1, largest)


def has_learned(spike: Spike) -> bool:
    """Whether an outlier holds something of a function of kappa."""
    return bool(spike.overlaps.sum() > _LEAST_SHARE)


def _far_above(bulk: BulkModel, learned: Learned) -> float:
    """A point above everything: Marchenko-Pastur edges of the strongest noise and the strongest linear part."""
    noise, linear = float(bulk.residual.max()), float(np.max((bulk.phi @ bulk.q.T) ** 2))
    moves = float((bulk.mu_weights @ bulk.moves).max())
    scale = noise + linear * moves * (1 + bulk.aspect**0.5) ** 2
    strongest = learned.strongest if learned.factors[0].shape[1] else 0.0
    return _FAR * ((1 + bulk.overload**0.5) ** 2 * scale + strongest)


def outliers_above(learned: Learned, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier above the bulk, largest first; see :func:`roots_above`."""
    return [learned.spike(root, degree) for root in roots_above(learned, path)]


def roots_above(learned: Learned, path: list[Branch]) -> list[Root]:
    """Every outlier above the bulk, largest first; ``path`` leads from above all of them down to the edge.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the path starts below an outlier, or one of them is not located.
    """
    if learned.factors[0].shape[1] == 0:
        return []
    known = [(branch, _log_heights(learned, branch)) for branch in path]
    if np.any(known[0][1] > 0):
        raise NumericalError(Status.NOT_CONVERGED, f"an outlier lies above z = {path[0].z:.4g}")
    count = int(np.sum(known[-1][1] > 0))
    return [learned.root(_locate(learned, known, j, _log_heights)) for j in range(count)]


def outliers_between(learned: Learned, path: list[Branch], degree: int) -> list[Spike]:
    """Every outlier below the bulk or in a gap of it, smallest first; ``path`` ascends from one end to the other.

    U may be indefinite there and B have a pole: the count comes from the symmetric matrix
    ``[[-T' U T, 1], [1, n <P, P'>]]``, of which B is a Schur complement and which grows with z without poles.
    """
    if learned.factors[0].shape[1] == 0:
        return []
    known = [(branch, _bordered_heights(learned, branch)) for branch in path]
    first, last = (int(np.sum(heights < 0)) for _, heights in (known[0], known[-1]))
    located = (_locate(learned, known, j, _bordered_heights) for j in range(first - 1, last - 1, -1))
    return [learned.spike(learned.root(branch), degree) for branch in located]


def _log_heights(learned: Learned, branch: Branch) -> Array:
    """``log(1 - mu_j)``, mu the ascending eigenvalues of B: nearly linear along the branch, positive once the j-th
    outlier lies above.
    """
    values = np.linalg.eigvalsh(learned.matrix(branch.state))
    heights: Array = np.log1p(-np.minimum(values, _LARGEST_EIGENVALUE))
    return heights


def _bordered_heights(learned: Learned, branch: Branch) -> Array:
    form, samples = learned.matrices(branch.state)
    one = np.eye(len(form))
    heights: Array = np.linalg.eigvalsh(np.block([[-form, one], [one, samples]]))
    return heights


def _locate(learned: Learned, known: list[tuple[Branch, Array]], j: int, heights: Any) -> Branch:
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
