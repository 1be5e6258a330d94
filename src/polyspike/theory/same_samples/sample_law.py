"""What a sample is given the step (docs/theory-same-data.md, section 1): nodes of (kappa, eps), and what is linear.

A sample of the gradient has the law of a fresh one in ``(kappa*, omega . x, g, f, nu)``, where g is its coordinate
along the noise of beta and f the nonlinear part of the initial output. Given ``(kappa*, a, b)`` with standard normal a
and b, ``eps = sigma*(kappa*) + sd a`` and kappa is linear in ``(kappa*, a, b)``; all else is Gaussian given them
(eq-same-coordinates).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, hermite_functions
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.residual import output_by_norm
from polyspike.theory.same_samples.spike_frame import SpikeFrame
from polyspike.theory.same_samples.teacher_nodes import is_wild, teacher_nodes

__all__ = [
    "Rules",
    "SampleLaw",
    "gauss_of_atoms",
    "sample_law",
]

# Residuals and kappa are linear in five independent normal variables: nu/s, omega . x, f/sqrt C_g, g, and
# sqrt(d/2) (|x|^2/d - 1).
_VARIABLES = 5
_NU, _OMEGA, _OUTPUT, _ACROSS, _NORM = range(_VARIABLES)
_ROUNDING = 1e-13
_LEAST_WEIGHT = 1e-20
# Residuals have no law that polynomials resolve; the inverse sine of them has, on this scale in deviations. Those of a
# cubic label have none either; a bounded function of them has, ``tanh(power asinh(residual/scale))``.
_SCALE, _WILD_SCALE, _POWER = 0.8, 1.6, 0.3


class Rules(NamedTuple):
    """Numbers of nodes: of the residual and of kappa, whose product is the grid; and of what the law is made of.

    Nodes whose share of all second moments is below ``negligible`` are left out: they cost as much as others.
    """

    residual: int = 12
    kappa: int = 16
    teacher: int = 48
    noise: int = 20
    negligible: float = 1e-9


@dataclass(frozen=True, eq=False)
class SampleLaw:
    """The joint law of a sample of the gradient on the product of E nodes of its residual and B of its kappa.

    Its weights are the projection of the law on polynomials of the two (of ``asinh`` or a bounded function of the
    residual): averages of functions that such polynomials resolve are those of the law. They need not be positive where
    kappa and eps are nearly dependent. The hidden vector is ``(y, f, kappa*, along the noise of beta[, omega . x],
    further inputs of the teacher[, norm])``: the norm as :func:`output_by_norm` has it, where that is not zero.

    Attributes
    ----------
    kappa : ndarray of shape (B,)
        Without the sample's own share of beta: its law is that of a fresh sample, standard normal.
    residual : ndarray of shape (E,)
        eps, what the gradient sees of the label.
    weights : ndarray of shape (E, B)
    first, second : ndarray of shape (E, B, H) and (E, B, H, H)
        Moments of the hidden vector at the node, times its weight.
    odd : bool
        Whether a sample and its mirror image, at ``-kappa`` and ``-eps``, have the same law.
    """

    kappa: Array
    residual: Array
    weights: Array
    first: Array
    second: Array
    odd: bool = False

    @property
    def upper_half(self) -> "SampleLaw":
        """The same averages of functions that are even, of the nodes of positive residuals alone; of an odd law."""
        half = len(self.residual) // 2
        twice = np.full((len(self.residual) - half, 1), 2.0)
        twice[0] -= len(self.residual) % 2
        first, second = self.first[half:] * twice[..., None], self.second[half:] * twice[..., None, None]
        return SampleLaw(self.kappa, self.residual[half:], self.weights[half:] * twice, first, second, True)

    def mean(self, values: Any) -> Any:
        """Average over the samples, of values of shape (E, B, ...)."""
        flat = values.reshape(self.weights.size, -1)
        return (self.weights.ravel() @ flat).reshape(values.shape[2:])

    def mean_over_residuals(self, values: Any) -> Any:
        """Average of values of shape (E, ...), which do not depend on kappa."""
        return (self.weights.sum(axis=1) @ values.reshape(len(values), -1)).reshape(values.shape[1:])


class _Residuals(NamedTuple):
    """The law of a residual and of what it is made of, discretised, and its Gauss rule; nothing of it knows the step.

    Attributes
    ----------
    weights : ndarray of shape (T,)
    sources : ndarray of shape (T, S)
        The label without noise, a, and the teacher's inputs, in which the hidden vector is linear.
    odd : bool
        Whether the law is its own mirror image; then the atoms are half of it.
    of_atoms : ndarray of shape (n, T)
        Orthonormal polynomials of the residual's variable.
    nodes : ndarray of shape (E,)
        Residuals.
    at_nodes : ndarray of shape (n, E)
        The polynomials there, times the nodes' weights.
    """

    weights: Array
    sources: Array
    odd: bool
    of_atoms: Array
    nodes: Array
    at_nodes: Array


class _Atoms(NamedTuple):
    """How kappa and the hidden vector follow from the sources and from a standard normal b.

    Attributes
    ----------
    weights, kappa : ndarray of shape (T,)
        Kappa at b = 0.
    sources : ndarray of shape (T, S)
    to_hidden : ndarray of shape (S, H)
    kappa_slope : float
    hidden_slope : ndarray of shape (H,)
    covariance : ndarray of shape (H, H)
        Of what the hidden vector does besides.
    """

    weights: Array
    kappa: Array
    sources: Array
    to_hidden: Array
    kappa_slope: float
    hidden_slope: Array
    covariance: Array


def sample_law(problem: Problem, frame: SpikeFrame, rules: Rules) -> SampleLaw:
    """The law of a sample of the gradient."""
    axes, deviation, slopes, of_hidden = _normal_variables(problem, frame)
    known = _residuals(problem.teacher, deviation, rules._replace(kappa=0))
    atoms = _atoms(problem, frame, known, (axes, deviation, slopes), of_hidden)
    kappa, of_kappa = _kappa_rule(rules.kappa, rules.negligible)
    functions = _moments_of_atoms(atoms) * atoms.weights
    along = _hermite_means(atoms, rules.kappa)
    moments = np.zeros((len(functions), len(known.of_atoms), len(along)))
    for rows, i, k in _products(atoms.sources.shape[1], known.odd):
        moments[rows, i, k] = (functions[rows, None] * known.of_atoms[i]) @ along[k].T
    projected = known.at_nodes.T @ _with_b(atoms, _of_hidden_vector(atoms, moments)) @ of_kappa
    size = atoms.to_hidden.shape[1]
    first = np.moveaxis(projected[1 : 1 + size], 0, -1)
    second = np.moveaxis(projected[1 + size :], 0, -1).reshape(*projected.shape[1:], size, size)
    return SampleLaw(kappa, known.nodes, projected[0], first, second, known.odd)


@lru_cache(maxsize=8)
def _residuals(teacher: Teacher, deviation: float, rules: Rules) -> _Residuals:
    """Of residuals ``sigma*(kappa*) + deviation a``."""
    labels, label_weights, inputs = teacher_nodes(teacher, rules.teacher)
    a, a_weights = gauss_hermite(rules.noise) if deviation > 0 else (np.zeros(1), np.ones(1))
    t = np.repeat(np.arange(len(labels)), len(a))
    sources = np.concatenate([labels[t, None], np.tile(a, len(labels))[:, None], inputs[t]], axis=1)
    weights = (label_weights[:, None] * a_weights).ravel()
    weights = weights / weights.sum()
    # Without those of the product rule's corners whose weight no average sees.
    weights, sources = weights[weights > _LEAST_WEIGHT], sources[weights > _LEAST_WEIGHT]
    odd = _is_odd(weights, sources)
    if odd:
        half = len(weights) // 2
        weights, sources = 2 * weights[half:], sources[half:]
    residual = sources[:, 0] + deviation * sources[:, 1]
    wild = is_wild(teacher)
    scale = (_WILD_SCALE if wild else _SCALE) * sqrt(float(weights @ residual**2)) or 1.0
    variable = np.arcsinh(residual / scale)
    variable = np.tanh(_POWER * variable) if wild else variable
    of_atoms, nodes, of_nodes, node_weights = gauss_of_atoms(variable, weights, rules.residual, odd)
    nodes = scale * np.sinh(np.arctanh(nodes) / _POWER if wild else nodes)
    seen = node_weights * (1 + (nodes / scale) ** 2) > rules.negligible
    return _Residuals(weights, sources, odd, of_atoms, nodes[seen], (of_nodes * node_weights)[:, seen])


@lru_cache(maxsize=64)
def _kappa_rule(count: int, negligible: float) -> tuple[Array, Array]:
    """Nodes of kappa (B,), and Hermite functions there, times the nodes' weights (count, B)."""
    kappa, weights = gauss_hermite(count)
    near = weights * (1 + kappa**2) > negligible
    return kappa[near], (hermite_functions(kappa, count - 1) * weights)[:, near]


def _normal_variables(problem: Problem, frame: SpikeFrame) -> tuple[Array, float, tuple[float, float], Array]:
    """As :func:`_two_axes`, and the slopes of the hidden vector along the normal variables (H, 5)."""
    c1, output = activation_numbers(problem.activation).c1, problem.activation.residual_strength
    full, by_norm = problem.gradient == "full", output_by_norm(problem)
    of_residual = np.array([problem.noise, -c1 * full, -sqrt(output) * full, 0.0, -by_norm])
    of_kappa = np.array([0.0, frame.coordinates[1], 0.0, frame.coordinates[2], 0.0])
    size = 3 + full + problem.teacher.n_indices
    of_hidden = _of_hidden(problem.noise, sqrt(output) * full, full, size, by_norm != 0)
    return *_two_axes(of_residual, of_kappa), of_hidden


def _atoms(
    problem: Problem,
    frame: SpikeFrame,
    known: _Residuals,
    normal: tuple[Array, float, tuple[float, float]],
    of_hidden: Array,
) -> _Atoms:
    (axes, deviation, slopes), sources = normal, known.sources
    to_hidden = np.zeros((sources.shape[1], len(of_hidden)))
    to_hidden[0, 0] = to_hidden[2, 2] = 1.0
    to_hidden[1] = of_hidden @ axes[0]
    to_hidden[:2, 3] += frame.self_share * np.array([1.0, deviation])
    others, first = problem.teacher.n_indices - 1, 4 + (problem.gradient == "full")
    to_hidden[3:, first : first + others] = np.eye(others)
    free = np.eye(_VARIABLES) - axes.T @ axes
    return _Atoms(
        known.weights,
        frame.coordinates[0] * sources[:, 2] + slopes[0] * sources[:, 1],
        sources,
        to_hidden,
        slopes[1],
        of_hidden @ axes[1],
        of_hidden @ free @ of_hidden.T,
    )


def _is_odd(weights: Array, sources: Array) -> bool:
    """Whether the law is its own mirror image, with the atoms in the order of theirs."""
    size = [_ROUNDING * max(float(np.abs(one).max()), 1.0) for one in sources.T]
    mirrored = all(np.abs(one + one[::-1]).max() <= most for one, most in zip(sources.T, size, strict=True))
    even = np.abs(weights - weights[::-1]).max() <= _ROUNDING * weights.max()
    return bool(mirrored and even and len(weights) % 2 == 0)


def _products(sources: int, odd: bool) -> list[tuple[slice, slice, slice]]:
    """Which functions of :func:`_moments_of_atoms`, polynomials of the residual and of kappa have products that do not
    vanish: all or, of an odd law, those whose product is even.
    """
    if not odd:
        return [(slice(None), slice(None), slice(None))]
    even, odds = slice(0, None, 2), slice(1, None, 2)
    same, other = [(even, even), (odds, odds)], [(even, odds), (odds, even)]
    rows = [(slice(0, 1), same), (slice(1, 1 + sources), other), (slice(1 + sources, None), same)]
    return [(functions, i, k) for functions, pairs in rows for i, k in pairs]


def _moments_of_atoms(atoms: _Atoms) -> Array:
    """One, the sources and their products i <= j, as rows over the atoms."""
    sources = atoms.sources.T
    i, j = np.triu_indices(len(sources))
    return np.concatenate([np.ones((1, sources.shape[1])), sources, sources[i] * sources[j]])


def _of_hidden_vector(atoms: _Atoms, moments: Array) -> Array:
    """One, the hidden vector given b = 0 and its products i <= j, of the same of the sources."""
    to, (count, size) = atoms.to_hidden, atoms.to_hidden.shape
    shape, flat = moments.shape[1:], moments.reshape(len(moments), -1)
    square = np.empty((count, count, flat.shape[1]))
    i, j = np.triu_indices(count)
    square[i, j] = square[j, i] = flat[1 + count :]
    half = (to.T @ square.reshape(count, -1)).reshape(size, count, -1)
    i, j = np.triu_indices(size)
    products = (to.T @ half)[i, j]
    return np.concatenate([flat[:1], to.T @ flat[1 : 1 + count], products]).reshape(-1, *shape)


def _with_b(atoms: _Atoms, moments: Array) -> Array:
    """Averages over b of the same functions times Hermite functions of kappa, given those at b = 0.

    ``E[b p_k] = s sqrt(k) E p_(k-1)`` and ``E[(b^2 - 1) p_k] = s^2 sqrt(k (k - 1)) E p_(k-2)``.
    """
    size, v = len(atoms.hidden_slope), atoms.hidden_slope
    root = np.sqrt(np.arange(moments.shape[-1]))

    def raised(values: Array) -> Array:
        return atoms.kappa_slope * root * np.pad(values, [(0, 0)] * (values.ndim - 1) + [(1, 0)])[..., :-1]

    one, hidden = moments[:1], moments[1 : 1 + size]
    once, twice = raised(one), raised(raised(one))
    first = hidden + v[:, None, None] * once
    cross = v[:, None, None, None] * raised(hidden)
    both = (atoms.covariance + np.outer(v, v))[..., None, None] * one + np.outer(v, v)[..., None, None] * twice
    second = np.empty((size, size, *moments.shape[1:]))
    i, j = np.triu_indices(size)
    second[i, j] = second[j, i] = moments[1 + size :]
    second += cross + np.swapaxes(cross, 0, 1) + both
    return np.concatenate([one, first, second.reshape(-1, *moments.shape[1:])])


def _hermite_means(atoms: _Atoms, count: int) -> Array:
    """``E_b p_k(kappa)`` of the normalised Hermite functions at the atoms, shape (count, T)."""
    out = np.ones((count, len(atoms.kappa)))
    variance = 1 - atoms.kappa_slope**2
    for k in range(count - 1):
        before = sqrt(k) * variance * out[k - 1] if k else 0.0
        out[k + 1] = (atoms.kappa * out[k] - before) / sqrt(k + 1)
    return out


def gauss_of_atoms(x: Array, weights: Array, count: int, odd: bool = False) -> tuple[Array, Array, Array, Array]:
    """The Gauss rule of a discrete law: orthonormal polynomials at its atoms (n, T), nodes (m,), the same polynomials
    there (n, m), and weights (m,). Fewer than ``count`` where the law has no more, and without nodes whose weight is
    less than any number.

    An ``odd`` law is that of these atoms with either sign.
    """
    values = [np.ones_like(x)]
    diagonal: list[float] = [0.0 if odd else float(weights @ x)]
    beside: list[float] = []
    while len(values) < count:
        new = (x - diagonal[-1]) * values[-1] - (beside[-1] * values[-2] if beside else 0.0)
        norm = sqrt(float(weights @ new**2))
        if norm <= _ROUNDING * max(1.0, float(np.abs(x).max())):
            break
        beside.append(norm)
        values.append(new / norm)
        diagonal.append(0.0 if odd else float(weights @ (x * values[-1] ** 2)))
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    counts = vectors[0] != 0
    counts &= counts[::-1] if odd else counts
    nodes, vectors = nodes[counts], vectors[:, counts]
    return np.stack(values), nodes, vectors / vectors[0], vectors[0] ** 2


def _two_axes(of_residual: Array, of_kappa: Array) -> tuple[Array, float, tuple[float, float]]:
    """Orthonormal directions of eps and of kappa given eps (zero where there is none), the deviation of eps, and the
    slopes of kappa along both.
    """
    deviation = float(np.linalg.norm(of_residual))
    first = of_residual / deviation if deviation > 0 else np.zeros(_VARIABLES)
    slope = float(of_kappa @ first)
    rest = of_kappa - slope * first
    size = float(np.linalg.norm(rest))
    second = rest / size if size > _ROUNDING else np.zeros(_VARIABLES)
    return np.stack([first, second]), deviation, (slope, size if size > _ROUNDING else 0.0)


def _of_hidden(noise: float, output: float, full: bool, size: int, by_norm: bool) -> Array:
    """The hidden vector's slopes along the normal variables, (H, 5): of ``size`` others and, if it has it, the norm."""
    out = np.zeros((size + by_norm, _VARIABLES))
    out[0, _NU], out[1, _OUTPUT], out[3, _ACROSS] = noise, output, 1.0
    if full:
        out[4, _OMEGA] = 1.0
    if by_norm:
        out[size, _NORM] = 1.0
    return out
