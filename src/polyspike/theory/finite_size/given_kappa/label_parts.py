"""The teacher seen along the spike direction (docs/theory-finite-size.md, section 2).

``y = g0(kappa) + g1(kappa) . kappa_perp + rest of variance g2(kappa)``, where ``kappa_perp`` are the parts of the
teacher's inputs orthogonal to b, normalised; the first belongs to beta*, the others to further directions.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, log2, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.hermite import (
    RANGE,
    gauss_hermite,
    gauss_legendre,
    panel_corners,
    split_gauss_legendre,
    tensor_rule,
    under_normal,
)
from polyspike.problem import Teacher
from polyspike.theory.finite_size.labels.label_law import kinks_along, rotation
from polyspike.theory.finite_size.labels.separable import is_separable, other_averages

__all__ = ["LabelParts", "label_parts", "values_of_label"]

_PANEL_NODES = 12
_FINEST = 9
# Where the nodes shared by all kappa are so many times those that one kappa sees, each takes its own among them.
_FAR_MORE = 8
# A value of the teacher takes as long as so many values under their weights.
_VALUE_OF_TEACHER = 6
# Nodes for each of the other inputs of a smooth teacher that mixes all of them.
_TENSOR_NODES = {3: 24, 4: 16}


class LabelParts(NamedTuple):
    """The label given kappa (eq-teacher), and the derivatives of its parts by the norm of the other inputs.

    Attributes
    ----------
    g0, g1, g2 : ndarray of shape (K,), (p, K), (K,)
        The third with the label noise.
    squares : ndarray of shape (p (p + 1)/2, K)
        The parts of the rest along the quadratic polynomials of unit norm of the orthogonal inputs, whose energy g2
        contains: ``h_2 = (t^2 - 1)/sqrt 2`` of the first, its products with the others, and those of the others.
    g0_by_log_norm, g1_by_log_norm, g2_by_log_norm : ndarray of shape (K,), (p, K), (K,)
        Derivatives of the three by the log of the norm of the inputs orthogonal to b (eq-label-by-norm): ``E[s y]``,
        ``E[(s - 2) t y]`` and ``E[s y^2]`` less its parts in g0 and g1, where ``s = |t|^2 - p``.
    g0_by_log_first, g1_by_log_first, g2_by_log_first : ndarray of shape (K,), (p, K), (K,)
        The same three by the log of the size of the first orthogonal input alone.
    """

    g0: Any
    g1: Any
    g2: Any
    squares: Any
    g0_by_log_norm: Any
    g1_by_log_norm: Any
    g2_by_log_norm: Any
    g0_by_log_first: Any
    g1_by_log_first: Any
    g2_by_log_first: Any


class _Values(NamedTuple):
    """Averages over the inputs beyond the first, at values y of the first.

    They are ``E sigma*``, ``E t_j sigma*``, ``E sigma*^2``; ``E h_2(t_j) sigma*`` and ``E t_i t_j sigma*``, i < j; and
    those of ``s sigma*``, ``(s - 2) t_j sigma*`` and ``s sigma*^2`` with the s of these inputs (None for one index).
    """

    mean: Array
    slopes: Array
    square: Array
    products: Array
    radial: tuple[Array, Array, Array] | None

    def reshaped(self, shape: tuple[int, ...]) -> "_Values":
        """The averages with their last axis, that of y, in another shape."""
        return self._each(lambda f: f.reshape(*f.shape[:-1], *shape))

    def taken(self, places: NDArray[np.intp]) -> "_Values":
        """The averages at some of the values y, by their places in an array of any shape."""
        return self._each(lambda f: f[..., places])

    def _each(self, change: Callable[[Array], Array]) -> "_Values":
        mean, slopes, square, products = (change(f) for f in self[:4])
        if self.radial is None:
            return _Values(mean, slopes, square, products, None)
        one, two, three = (change(f) for f in self.radial)
        return _Values(mean, slopes, square, products, (one, two, three))


class _Rule(NamedTuple):
    """Nodes ``t`` (K, T) of the first orthogonal input with weights ``kernel`` (K, T) at every kappa.

    Values are given at nodes that are shared by all kappa or, with ``per_kappa``, at nodes of each kappa.
    """

    t: Any
    kernel: Any
    per_kappa: bool

    def average(self, weight: Any, values: Array) -> Any:
        """The average of values of shape (..., T) or (..., K, T), under weights (K, T)."""
        return (weight * values).sum(axis=-1) if self.per_kappa else values @ weight.T


def label_parts(teacher: Teacher, kappa: Array, cosine: Any, noise: float) -> LabelParts:
    """The label's parts at the nodes ``kappa`` for ``rho = cosine``, ``|rho| <= 1`` (complex for derivatives).

    With ``y1 = rho kappa + sqrt(1 - rho^2) t`` the input along beta*, the average over t is a Gauss-Hermite rule where
    the teacher is a polynomial; else an integral over y1 against a Gaussian of deviation sqrt(1 - rho^2), on panels
    that end at the kinks and are no wider than that deviation; where that would take too many panels, an integral over
    t with nodes of its own for every kappa.
    """
    width = (1 - cosine**2) ** 0.5
    if teacher.is_polynomial:
        t, weights = gauss_hermite(teacher.total_degree + 3)
        rule, values = _rule_per_kappa(teacher, kappa, cosine, t * np.ones((len(kappa), 1)), weights)
    elif abs(width) < 2.0**-_FINEST:
        t, weights = _nodes_between(kinks_along(teacher), np.real(cosine) * kappa, np.real(width))
        rule, values = _rule_per_kappa(teacher, kappa, cosine, t, under_normal(t, weights))
    else:
        y, weights, values = _profile(teacher, _level(width))
        near = _near(y, np.real(cosine) * kappa, np.real(width))
        if near is not None:
            inside = near < len(y)
            near = np.minimum(near, len(y) - 1)
            y, weights, values = y[near], weights[near] * inside, values.taken(near)
        t = (y - cosine * kappa[:, None]) / width
        rule = _Rule(t, np.exp(-(t**2) / 2) * (weights / (sqrt(2 * pi) * width)), per_kappa=near is not None)
    return _parts(rule, values, noise)


def _level(width: Any) -> int:
    """The panels of y1 are no wider than two to minus this."""
    return max(0, ceil(-log2(abs(width)) - 1e-9))


def _near(y: Array, centers: Array, deviation: float) -> NDArray[np.intp] | None:
    """The places of the nodes y within RANGE deviations of every center, shape (K, T); None where they are not few.

    T is the largest number of them; of a center with fewer, places at and beyond ``len(y)`` stand for no node.
    """
    first, end = np.searchsorted(y, centers - RANGE * deviation), np.searchsorted(y, centers + RANGE * deviation)
    most = int((end - first).max())
    return first[:, None] + np.arange(most) if _FAR_MORE * most < len(y) else None


def values_of_label(teacher: Teacher, kappas: int, cosine: float) -> float:
    """How many values :func:`label_parts` weighs for so many kappa; one of the teacher counts for several."""
    width = sqrt(max(1 - cosine**2, 0.0))
    if teacher.is_polynomial:
        return float(kappas * (teacher.total_degree + 3))
    others = 1 if teacher.n_indices == 1 or is_separable(teacher) else len(_other_rule(teacher)[0])
    grid = others ** (teacher.n_indices - 1)
    within = 2 * RANGE * _PANEL_NODES
    if width < 2.0**-_FINEST:
        return float(kappas * within * (_VALUE_OF_TEACHER * grid + 1))
    level = _level(width)
    shared = within * 2.0**level
    return _VALUE_OF_TEACHER * shared * grid + kappas * (within if 2**level > _FAR_MORE else shared)


def _rule_per_kappa(teacher: Teacher, kappa: Array, cosine: Any, t: Array, weights: Array) -> tuple[_Rule, _Values]:
    """A rule with separate nodes for every kappa. With a complex step the nodes stay real, and the weights change."""
    rho, width = np.real(cosine), (1 - cosine**2) ** 0.5
    deviation = np.real(width)
    y = rho * kappa[:, None] + deviation * t
    values = _values(teacher, y.ravel()).reshaped(y.shape)
    if deviation == 0 or not np.iscomplexobj(cosine):
        return _Rule(t, weights + np.zeros(t.shape), per_kappa=True), values
    moved = t + (rho - cosine) * kappa[:, None] / width + t * (deviation - width) / width
    return _Rule(moved, weights * np.exp((t**2 - moved**2) / 2) * (deviation / width), per_kappa=True), values


def _parts(rule: _Rule, values: _Values, noise: float) -> LabelParts:
    """The averages of (eq-teacher) and (eq-label-by-norm) by a rule for the first orthogonal input."""
    average, t, kernel = rule.average, rule.t, rule.kernel
    first = kernel * t
    second = first * t - kernel
    third = second * t - 2 * first
    one = np.stack([values.mean, values.square])
    (g0, energy), (h2, energy_by_log_norm) = average(kernel, one), average(second, one)
    g1 = average(first, values.mean)[None]
    squares = (h2[None] / sqrt(2), average(first, values.slopes), average(kernel, values.products))
    g0_by_log_norm, g1_by_log_norm = h2, average(third, values.mean)[None]
    g1_by_log_first, energy_by_log_first = g1_by_log_norm, energy_by_log_norm
    if values.radial is not None:
        mean, slopes, square = values.radial
        g1_by_log_first = np.concatenate([g1_by_log_first, average(second, values.slopes)])
        g1 = np.concatenate([g1, average(kernel, values.slopes)])
        g1_by_log_norm = g1_by_log_norm + average(first, mean)
        g1_by_log_norm = np.concatenate([g1_by_log_norm, average(second, values.slopes) + average(kernel, slopes)])
        g0_by_log_norm, energy_by_log_norm = (
            g0_by_log_norm + average(kernel, mean),
            energy_by_log_norm + average(kernel, square),
        )
    g2 = energy - g0**2 - (g1**2).sum(axis=0) + noise**2
    g2_by_log_norm = energy_by_log_norm - 2 * g0 * g0_by_log_norm - 2 * (g1 * (g1 + g1_by_log_norm)).sum(axis=0)
    g2_by_log_first = energy_by_log_first - 2 * g0 * h2 - 2 * (g1[0] ** 2 + (g1 * g1_by_log_first).sum(axis=0))
    return LabelParts(
        g0=g0,
        g1=g1,
        g2=g2,
        squares=np.concatenate(squares),
        g0_by_log_norm=g0_by_log_norm,
        g1_by_log_norm=g1_by_log_norm,
        g2_by_log_norm=g2_by_log_norm,
        g0_by_log_first=h2,
        g1_by_log_first=g1_by_log_first,
        g2_by_log_first=g2_by_log_first,
    )


def _nodes_between(kinks: tuple[float, ...], center: Array, deviation: float) -> tuple[Array, Array]:
    """Composite Gauss-Legendre in t, whose panels end where ``center + deviation t`` is a kink; shape (K, T)."""
    fixed = [np.full(center.shape, c) for c in panel_corners((), RANGE)]
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = [np.clip(np.nan_to_num((k - center) / deviation), -RANGE, RANGE) for k in kinks]
    return gauss_legendre(np.sort(np.stack([*fixed, *inside], axis=-1), axis=-1), _PANEL_NODES)


@lru_cache(maxsize=64)
def _profile(teacher: Teacher, level: int) -> tuple[Array, Array, _Values]:
    """Nodes and weights in y1, and the averages over the other inputs there."""
    y, weights = gauss_legendre(panel_corners(kinks_along(teacher), RANGE, 2.0**-level), _PANEL_NODES)
    return y, weights, _values(teacher, y)


def _values(teacher: Teacher, y: Array) -> _Values:
    """The averages over the other inputs at y1 = y (Y,)."""
    p, frame = teacher.n_indices, rotation(teacher)
    if p == 1:
        value = np.asarray(teacher(y * frame[0, 0]), dtype=float)
        none = np.zeros((0, len(y)))
        return _Values(value, none, value**2, none, None)
    if is_separable(teacher):
        found = other_averages(teacher, y, frame)
        i, j = np.triu_indices(p - 1, 1)
        squares = np.diagonal(found.products).T / sqrt(2)
        products = np.concatenate([squares, found.products[i, j]])
        return _Values(found.mean, found.slopes, found.square, products, found.radial)
    grid, gw = tensor_rule([_other_rule(teacher)] * (p - 1))
    inputs = y[:, None, None] * frame[0] + grid @ frame[1:]
    value = np.asarray(teacher(inputs), dtype=float)
    square = value**2
    radial = gw * ((grid**2).sum(axis=1) - (p - 1))
    slopes = (np.einsum("yg,gj,g->jy", value, grid, weights) for weights in (gw, radial - 2 * gw))
    of_mean, of_radial = slopes
    products = (value @ (_products(grid) * gw).T).T
    return _Values(value @ gw, of_mean, square @ gw, products, (value @ radial, of_radial, square @ radial))


def _products(inputs: Array) -> Array:
    """``h_2(t_j)`` and ``t_i t_j``, i < j, at inputs of shape (T, q); shape (q (q + 1)/2, T)."""
    i, j = np.triu_indices(inputs.shape[1], 1)
    return np.concatenate([(inputs**2 - 1) / sqrt(2), inputs[:, i] * inputs[:, j]], axis=1).T


def _other_rule(teacher: Teacher) -> tuple[Array, Array]:
    """Nodes for one of the other inputs; kinks are split where the directions are the teacher's own axes."""
    if teacher.n_indices > 2:
        return gauss_hermite(_TENSOR_NODES[teacher.n_indices])
    return split_gauss_legendre(teacher.kinks, _PANEL_NODES, RANGE)
