"""What a sample is given the step (docs/theory-same-data.md, section 1): nodes of (kappa, eps), and what is linear.

A sample of the gradient has the law of a fresh one in ``(kappa*, omega . x, g, f, nu)``, where g is its coordinate
along the noise of beta and f the nonlinear part of the initial output. Given ``(kappa*, a, b)`` with standard normal a
and b, ``eps = sigma*(kappa*) + sd a`` and kappa is linear in ``(kappa*, a, b)``; all else is Gaussian given them
(eq-same-coordinates).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, hermite_functions, split_gauss_legendre, tensor_rule
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.labels.label_law import kinks_along, rotation

__all__ = [
    "Rules",
    "SampleLaw",
    "SpikeFrame",
    "gauss_of_atoms",
    "is_wild",
    "residual_energy",
    "sample_law",
    "spike_frame",
]

# Residuals and kappa are linear in four independent normal variables: nu/s, omega . x, f/sqrt C_g, g.
_NU, _OMEGA, _OUTPUT, _ACROSS = range(4)
_ROUNDING = 1e-13
_LEAST_WEIGHT = 1e-20
_REACH, _PANEL_NODES = 7.0, 5
# Labels up to this degree have residuals that few polynomials resolve; how far the rule of the others' inputs goes.
_TAME, _WIDE = 2, 8.6
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


@dataclass(frozen=True)
class SpikeFrame:
    """The spike in the frame (beta*, omega, noise of beta); omega counts for the full gradient only.

    Attributes
    ----------
    coordinates : ndarray of shape (3,)
        ``b / |b|``.
    strength : float
        ``r = |b| / sqrt(N)``.
    self_share : float
        ``sqrt(phi / E eps^2)``: a sample of the gradient has ``g + eps`` times this along the noise of beta.
    """

    coordinates: Array
    strength: Any
    self_share: float


@dataclass(frozen=True, eq=False)
class SampleLaw:
    """The joint law of a sample of the gradient on the product of E nodes of its residual and B of its kappa.

    Its weights are the projection of the law on polynomials of the two (of ``asinh`` or a bounded function of the
    residual): averages of functions that such polynomials resolve are those of the law. They need not be positive where
    kappa and eps are nearly dependent. The hidden vector is ``(y, f, kappa*, along the noise of beta[, omega . x],
    further inputs of the teacher)``.

    Attributes
    ----------
    kappa : ndarray of shape (B,)
        Without the sample's own share of beta: its law is that of a fresh sample, standard normal.
    residual : ndarray of shape (E,)
        eps, what the gradient sees of the label.
    weights : ndarray of shape (E, B)
    first, second : ndarray of shape (E, B, H) and (E, B, H, H)
        Moments of the hidden vector at the node, times its weight.
    """

    kappa: Array
    residual: Array
    weights: Array
    first: Array
    second: Array

    def mean(self, values: Any) -> Any:
        """Average over the samples, of values of shape (E, B, ...)."""
        flat = values.reshape(self.weights.size, -1)
        return (self.weights.ravel() @ flat).reshape(values.shape[2:])

    def mean_over_residuals(self, values: Any) -> Any:
        """Average of values of shape (E, ...), which do not depend on kappa."""
        return (self.weights.sum(axis=1) @ values.reshape(len(values), -1)).reshape(values.shape[1:])


def residual_energy(problem: Problem) -> float:
    """``E eps^2``."""
    output = activation_numbers(problem.activation).second_moment if problem.gradient == "full" else 0.0
    return problem.label_second_moment + output


def spike_frame(problem: Problem) -> SpikeFrame:
    """``b = [omega] + eta c_1 beta``, ``beta = c*_1 beta* - [c_1 omega] + sqrt(phi E eps^2)`` times a unit vector."""
    eta, c1 = problem.step, activation_numbers(problem.activation).c1
    signal, energy = float(np.linalg.norm(problem.teacher.linear_coefficients)), residual_energy(problem)
    noise = sqrt(problem.phi_gradient * energy)
    if problem.gradient == "full":
        b = np.array([eta * c1 * signal, 1 - eta * c1**2, eta * c1 * noise])
        strength = float(np.linalg.norm(b))
    else:
        b = (-1.0 if c1 < 0 else 1.0) * np.array([signal, 0.0, noise])
        strength = eta * abs(c1) * float(np.linalg.norm(b))
    size = float(np.linalg.norm(b))
    share = sqrt(problem.phi_gradient / energy) if energy > 0 else 0.0
    return SpikeFrame(b / size if size > 0 else np.array([0.0, 0.0, 1.0]), strength / sqrt(problem.width), share)


class _Atoms(NamedTuple):
    """The law of all but one standard normal variable b, discretised: ``kappa = mean + slope b``, hidden the same.

    Attributes
    ----------
    weights, residual, kappa : ndarray of shape (T,)
    sources : ndarray of shape (T, S)
        The label without noise, a, and the teacher's inputs, in which the hidden vector is linear.
    to_hidden : ndarray of shape (S, H)
    kappa_slope : float
    hidden_slope : ndarray of shape (H,)
    covariance : ndarray of shape (H, H)
        Of what the hidden vector does besides.
    """

    weights: Array
    residual: Array
    kappa: Array
    sources: Array
    to_hidden: Array
    kappa_slope: float
    hidden_slope: Array
    covariance: Array


def sample_law(problem: Problem, frame: SpikeFrame, rules: Rules) -> SampleLaw:
    """The law of a sample of the gradient."""
    atoms = _without_rounding(_atoms(problem, frame, rules))
    odd = _is_odd(atoms)
    atoms = _upper_half(atoms) if odd else atoms
    wild = is_wild(problem.teacher)
    scale = (_WILD_SCALE if wild else _SCALE) * sqrt(float(atoms.weights @ atoms.residual**2)) or 1.0
    variable = np.arcsinh(atoms.residual / scale)
    variable = np.tanh(_POWER * variable) if wild else variable
    of_atoms, nodes, of_nodes, node_weights = gauss_of_atoms(variable, atoms.weights, rules.residual, odd)
    residual = scale * np.sinh(np.arctanh(nodes) / _POWER if wild else nodes)
    kappa, kappa_weights = gauss_hermite(rules.kappa)
    of_kappa = hermite_functions(kappa, rules.kappa - 1)
    seen = node_weights * (1 + (residual / scale) ** 2) > rules.negligible
    near = kappa_weights * (1 + kappa**2) > rules.negligible
    left, right = (of_nodes * node_weights)[:, seen], (of_kappa * kappa_weights)[:, near]
    functions = _moments_of_atoms(atoms)
    along = _hermite_means(atoms, rules.kappa)
    moments = ((functions * atoms.weights)[:, None] * of_atoms) @ along.T
    if odd:
        moments *= _even_products(atoms.sources.shape[1], moments.shape)
    projected = left.T @ _with_b(atoms, _of_hidden_vector(atoms, moments)) @ right
    size = atoms.to_hidden.shape[1]
    first = np.moveaxis(projected[1 : 1 + size], 0, -1)
    second = np.moveaxis(projected[1 + size :], 0, -1).reshape(*projected.shape[1:], size, size)
    return SampleLaw(kappa[near], residual[seen], projected[0], first, second)


def _atoms(problem: Problem, frame: SpikeFrame, rules: Rules) -> _Atoms:
    labels, label_weights, inputs = _teacher_nodes(problem.teacher, rules.teacher)
    c1, output = activation_numbers(problem.activation).c1, problem.activation.residual_strength
    full = problem.gradient == "full"
    of_residual = np.array([problem.noise, -c1 * full, -sqrt(output) * full, 0.0])
    of_kappa = np.array([0.0, frame.coordinates[1], 0.0, frame.coordinates[2]])
    axes, deviation, slopes = _two_axes(of_residual, of_kappa)
    a, a_weights = gauss_hermite(rules.noise) if deviation > 0 else (np.zeros(1), np.ones(1))
    t, a_nodes = np.repeat(np.arange(len(labels)), len(a)), np.tile(a, len(labels))
    residual = labels[t] + deviation * a_nodes
    of_hidden = _of_hidden(problem.noise, sqrt(output) * full, full, 4 + full + inputs.shape[1] - 1)
    sources = np.concatenate([labels[t, None], a_nodes[:, None], inputs[t]], axis=1)
    to_hidden = np.zeros((sources.shape[1], len(of_hidden)))
    to_hidden[0, 0] = to_hidden[2, 2] = 1.0
    to_hidden[1] = of_hidden @ axes[0]
    to_hidden[:2, 3] += frame.self_share * np.array([1.0, deviation])
    to_hidden[3:, 4 + full :] = np.eye(inputs.shape[1] - 1)
    weights = (label_weights[:, None] * a_weights).ravel()
    free = np.eye(4) - axes.T @ axes
    return _Atoms(
        weights / weights.sum(),
        residual,
        frame.coordinates[0] * inputs[t, 0] + slopes[0] * a_nodes,
        sources,
        to_hidden,
        slopes[1],
        of_hidden @ axes[1],
        of_hidden @ free @ of_hidden.T,
    )


def _without_rounding(atoms: _Atoms) -> _Atoms:
    """Without those of the product rule's corners whose weight no average sees."""
    kept = atoms.weights > _LEAST_WEIGHT
    return atoms._replace(**{name: getattr(atoms, name)[kept] for name in ("weights", "residual", "kappa", "sources")})


def _is_odd(atoms: _Atoms) -> bool:
    """Whether the law is its own mirror image, with the atoms in the order of theirs."""
    odd = (atoms.residual, atoms.kappa, *atoms.sources.T)
    size = [_ROUNDING * max(float(np.abs(one).max()), 1.0) for one in odd]
    mirrored = all(np.abs(one + one[::-1]).max() <= most for one, most in zip(odd, size, strict=True))
    even = np.abs(atoms.weights - atoms.weights[::-1]).max() <= _ROUNDING * atoms.weights.max()
    return bool(mirrored and even and len(atoms.weights) % 2 == 0)


def _upper_half(atoms: _Atoms) -> _Atoms:
    """Those of a law that is its own mirror image, for what is even."""
    names, half = ("weights", "residual", "kappa", "sources"), len(atoms.weights) // 2
    kept = atoms._replace(**{name: getattr(atoms, name)[half:] for name in names})
    return kept._replace(weights=2 * kept.weights)


def _even_products(sources: int, shape: tuple[int, ...]) -> Array:
    """One for the even products of a function of :func:`_moments_of_atoms`, a polynomial of the residual and one of
    kappa, and zero for the odd ones, which vanish on the whole.
    """
    odd = np.zeros(shape[0], dtype=int)
    odd[1 : 1 + sources] = 1
    degrees = odd[:, None, None] + np.arange(shape[1])[:, None] + np.arange(shape[2])
    return np.asarray(1.0 - degrees % 2)


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
    """The Gauss rule of a discrete law: orthonormal polynomials at its atoms (n, T), nodes (n,), the same polynomials
    there (n, n), and weights (n,). Fewer than ``count`` where the law has no more.

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
    return np.stack(values), nodes, vectors / vectors[0], vectors[0] ** 2


def _two_axes(of_residual: Array, of_kappa: Array) -> tuple[Array, float, tuple[float, float]]:
    """Orthonormal directions of eps and of kappa given eps (zero where there is none), the deviation of eps, and the
    slopes of kappa along both.
    """
    deviation = float(np.linalg.norm(of_residual))
    first = of_residual / deviation if deviation > 0 else np.zeros(4)
    slope = float(of_kappa @ first)
    rest = of_kappa - slope * first
    size = float(np.linalg.norm(rest))
    second = rest / size if size > _ROUNDING else np.zeros(4)
    return np.stack([first, second]), deviation, (slope, size if size > _ROUNDING else 0.0)


def _of_hidden(noise: float, output: float, full: bool, size: int) -> Array:
    """The hidden vector's slopes along the four normal variables, (H, 4)."""
    out = np.zeros((size, 4))
    out[0, _NU], out[1, _OUTPUT], out[3, _ACROSS] = noise, output, 1.0
    if full:
        out[4, _OMEGA] = 1.0
    return out


def is_wild(teacher: Teacher) -> bool:
    """Whether its residuals have no law that few polynomials resolve, as those of labels of degree three and more."""
    return teacher.is_polynomial and teacher.total_degree > _TAME


def _trapezoid(count: int) -> tuple[Array, Array]:
    """The trapezoid rule against the normal density: where residuals vanish, functions of them have poles that are the
    nearer to the real line the faster the label changes there.
    """
    x = np.linspace(-_WIDE, _WIDE, count)
    weights = np.exp(-(x**2) / 2)
    return x, weights / weights.sum()


def _teacher_nodes(teacher: Teacher, count: int) -> tuple[Array, Array, Array]:
    """``sigma*``, weights and inputs, the first along beta*."""
    p = teacher.n_indices
    if is_wild(teacher):
        rules = [_trapezoid(count)] * p
    elif teacher.is_polynomial:
        rules = [gauss_hermite(count)] * p
    else:
        rules = [split_gauss_legendre(kinks_along(teacher) if p == 1 else teacher.kinks, _PANEL_NODES, _REACH)] * p
    inputs, weights = tensor_rule(rules)
    frame = rotation(teacher)
    if p == 1:
        # Nodes along beta*, which is the index or its mirror image.
        along = inputs[:, 0]
        return np.asarray(teacher(along * frame[0, 0]), dtype=float), weights, inputs
    return np.asarray(teacher(inputs), dtype=float), weights, inputs @ frame.T
