"""The teacher seen along the spike direction (docs/theory-uniform.md, section 2).

``y = g0(kappa) + g1(kappa) . kappa_perp + rest of variance g2(kappa)``, where ``kappa_perp`` are the parts of the
teacher's inputs orthogonal to b, normalised; the first belongs to beta*, the others to further directions.
"""

from functools import lru_cache
from math import ceil, log2, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.hermite import gauss_hermite, split_gauss_legendre
from polyspike.problem import Teacher
from polyspike.theory.uniform.residual_law import rotation

__all__ = ["LabelParts", "label_parts"]

Array = NDArray[np.float64]

_RANGE = 9.0
_PANEL_NODES = 12
_FINEST = 9
_TENSOR_NODES = 24


class LabelParts(NamedTuple):
    """``g0`` (K,), ``g1`` (p, K) and ``g2`` (K,), the last with the label noise; ``square`` (K,) is the part of the
    rest along ``h_2 = (t^2 - 1)/sqrt 2`` of the first orthogonal direction, whose energy g2 contains.
    """

    g0: Any
    g1: Any
    g2: Any
    square: Any


def label_parts(teacher: Teacher, kappa: Array, cosine: Any, noise: float) -> LabelParts:
    """The three parts at the nodes ``kappa`` for ``rho = cosine``, ``|rho| <= 1`` (complex for derivatives).

    With ``y1 = rho kappa + sqrt(1 - rho^2) t`` the input along beta*, the average over t is an integral over y1 against
    a Gaussian of deviation sqrt(1 - rho^2), on panels that end at the kinks and are no wider than that deviation; where
    that would take too many panels, an integral over t with nodes of its own for every kappa.
    """
    width = (1 - cosine**2) ** 0.5
    if abs(width) < 2.0**-_FINEST:
        return _narrow_parts(teacher, kappa, cosine, noise)
    level = max(0, ceil(-log2(abs(width)) - 1e-9))
    y, weights, mean, slopes, square = _profile(teacher, level)
    t = (y - cosine * kappa[:, None]) / width
    kernel = np.exp(-(t**2) / 2) * (weights / sqrt(2 * pi)) / width
    g0 = kernel @ mean
    first = (kernel * t) @ mean
    g1 = np.concatenate([first[None], slopes @ kernel.T])
    g2 = kernel @ square - g0**2 - (g1**2).sum(axis=0) + noise**2
    return LabelParts(g0, g1, g2, (kernel * (t**2 - 1)) @ mean / sqrt(2))


def _narrow_parts(teacher: Teacher, kappa: Array, cosine: Any, noise: float) -> LabelParts:
    """The same for ``|rho|`` so close to 1 that the label is all but a function of kappa; at 1 it is one."""
    rho, width = np.real(cosine), (1 - cosine**2) ** 0.5
    deviation = np.real(width)
    t, weights = _nodes_between(teacher.kinks, rho * kappa, deviation)
    y = rho * kappa[:, None] + deviation * t
    mean, slopes, square = (f.reshape(*f.shape[:-1], *y.shape) for f in _values(teacher, y.ravel()))
    # A complex step moves the Gaussian under the nodes, which stay real.
    moved = t if deviation == 0 else (deviation * t + (rho - cosine) * kappa[:, None]) / width
    kernel = weights / sqrt(2 * pi) * np.exp(-(moved**2) / 2) * (1 if deviation == 0 else deviation / width)
    g0 = (kernel * mean).sum(axis=1)
    g1 = np.concatenate([(kernel * moved * mean).sum(axis=1)[None], (kernel * slopes).sum(axis=-1)])
    g2 = (kernel * square).sum(axis=1) - g0**2 - (g1**2).sum(axis=0) + noise**2
    return LabelParts(g0, g1, g2, (kernel * (moved**2 - 1) * mean).sum(axis=1) / sqrt(2))


def _nodes_between(kinks: tuple[float, ...], center: Array, deviation: float) -> tuple[Array, Array]:
    """Composite Gauss-Legendre in t, whose panels end where ``center + deviation t`` is a kink; shape (K, T)."""
    fixed = [np.full(center.shape, c) for c in np.arange(-_RANGE, _RANGE + 0.5)]
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = [np.clip(np.nan_to_num((k - center) / deviation), -_RANGE, _RANGE) for k in kinks]
    corners = np.sort(np.stack([*fixed, *inside], axis=-1), axis=-1)
    node, weight = np.polynomial.legendre.leggauss(_PANEL_NODES)
    half = np.diff(corners, axis=-1)[..., None] / 2
    t = corners[..., :-1, None] + half + half * node
    return t.reshape(len(center), -1), (half * weight).reshape(len(center), -1)


@lru_cache(maxsize=64)
def _profile(teacher: Teacher, level: int) -> tuple[Array, Array, Array, Array, Array]:
    """Nodes and weights in y1, and ``E sigma*``, ``E t_j sigma*``, ``E sigma*^2`` over the other inputs there."""
    y, weights = _panels(teacher.kinks, 2.0**-level)
    return y, weights, *_values(teacher, y)


def _values(teacher: Teacher, y: Array) -> tuple[Array, Array, Array]:
    """``E sigma*`` (Y,), ``E t_j sigma*`` (p - 1, Y) and ``E sigma*^2`` (Y,) over the other inputs, at y1 = y."""
    p = teacher.n_indices
    if p == 1:
        value = np.asarray(teacher(y), dtype=float)
        return value, np.zeros((0, len(y))), value**2
    x, w = _other_rule(teacher)
    grid = np.stack([g.ravel() for g in np.meshgrid(*([x] * (p - 1)), indexing="ij")], axis=-1)
    gw = np.prod(np.stack([g.ravel() for g in np.meshgrid(*([w] * (p - 1)), indexing="ij")]), axis=0)
    frame = rotation(teacher)
    inputs = y[:, None, None] * frame[0] + grid @ frame[1:]
    value = np.asarray(teacher(inputs), dtype=float)
    slopes = np.einsum("yg,gj,g->jy", value, grid, gw)
    return value @ gw, slopes, value**2 @ gw


def _other_rule(teacher: Teacher) -> tuple[Array, Array]:
    """Nodes for one of the other inputs; kinks are split where the directions are the teacher's own axes."""
    if teacher.n_indices > 2:
        return gauss_hermite(_TENSOR_NODES)
    x, w = split_gauss_legendre(teacher.kinks, _PANEL_NODES)
    return x[np.abs(x) < _RANGE], w[np.abs(x) < _RANGE]


def _panels(kinks: tuple[float, ...], width: float) -> tuple[Array, Array]:
    inside = [k for k in kinks if -_RANGE < k < _RANGE]
    corners = np.unique(np.concatenate([np.arange(-_RANGE, _RANGE + width / 2, width), inside]))
    node, weight = np.polynomial.legendre.leggauss(_PANEL_NODES)
    half = np.diff(corners)[:, None] / 2
    return ((corners[:-1, None] + half) + half * node).ravel(), (half * weight).ravel()
