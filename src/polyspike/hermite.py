"""Hermite polynomials and Gaussian quadrature, smooth and kinked.

Throughout, ``H_k`` is the probabilists' Hermite polynomial (``H_2 = x**2 - 1``), ``z ~ N(0, 1)``, and the
coefficient of ``f`` is ``c_k = E[f(z) H_k(z)] / k!``, so that ``f = sum_k c_k H_k`` and
``E f(z)**2 = sum_k k! c_k**2``.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import product
from math import factorial, inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import roots_hermitenorm

from polyspike.arraytypes import Array

__all__ = [
    "RANGE",
    "factorials",
    "gauss_hermite",
    "gauss_legendre",
    "gaussian_mean",
    "gaussian_rule",
    "hermite_coefficients",
    "hermite_functions",
    "hermite_series",
    "panel_corners",
    "split_gauss_legendre",
    "tensor_rule",
    "under_normal",
]

RANGE = 9.0
"""Beyond ``|z| = 9`` the normal weight is under 1e-18: enough for averages of functions that do not grow fast."""


# Beyond |z| = 14 the normal density is under 1e-43; with a degree-30 polynomial still under 1e-15.
_RANGE = 14.0
_PANEL = 1.0
_PANEL_NODES = 24
# Up to this degree the quadrature on the real line keeps full relative accuracy.
_LINE_DEGREE = 8
# A sum of a few hundred terms carries an error of a few units in the last place of its largest.
_ROUNDING = 64 * np.finfo(float).eps


@lru_cache(maxsize=64)
def gauss_hermite(n_nodes: int) -> tuple[Array, Array]:
    """Nodes and weights of ``E f(z)``, exact for polynomials of degree up to ``2 * n_nodes - 1``.

    Returns
    -------
    nodes, weights : ndarray of shape (n_nodes,)
        The weights sum to one. The arrays are read-only, because they are cached.
    """
    nodes, weights = roots_hermitenorm(n_nodes)
    return _frozen(nodes), _frozen(weights / weights.sum())


@lru_cache(maxsize=64)
def split_gauss_legendre(
    kinks: tuple[float, ...] = (), n_per_panel: int = _PANEL_NODES, reach: float = _RANGE
) -> tuple[Array, Array]:
    """Nodes and weights of ``E f(z)`` for ``f`` smooth between the ``kinks``.

    Composite Gauss-Legendre on [-reach, reach], by default [-14, 14], against the normal density, with every kink on a
    panel boundary: where Gauss-Hermite converges like 1/m on a ReLU, this is exact to rounding.
    """
    nodes, weights = gauss_legendre(panel_corners(kinks, reach), n_per_panel)
    return _frozen(nodes), _frozen(under_normal(nodes, weights))


def panel_corners(kinks: Iterable[float], reach: float, width: float = _PANEL) -> Array:
    """Ends of panels of this ``width`` on [-reach, reach], and the ``kinks`` inside, ascending; shape (panels + 1,)."""
    inside = [k for k in kinks if -reach < k < reach]
    return np.unique(np.concatenate([np.arange(-reach, reach + width / 2, width), inside]))


def gauss_legendre(corners: Array, n_per_panel: int) -> tuple[Array, Array]:
    """Nodes and weights of composite Gauss-Legendre for ``int f(x) dx`` on panels between ascending corners.

    Parameters
    ----------
    corners : ndarray of shape (..., panels + 1)
        Leading axes are as many rules of their own; a panel of no width has no weight.
    n_per_panel : int
        Exact for polynomials of degree up to ``2 * n_per_panel - 1`` on every panel.

    Returns
    -------
    nodes, weights : ndarray of shape (..., panels * n_per_panel)
    """
    x, w = _legendre(n_per_panel)
    half = np.diff(corners, axis=-1)[..., None] / 2
    nodes, weights = corners[..., :-1, None] + half + half * x, half * w
    shape = (*corners.shape[:-1], -1)
    return nodes.reshape(shape), weights.reshape(shape)


@lru_cache(maxsize=64)
def _legendre(n_nodes: int) -> tuple[Array, Array]:
    """Gauss-Legendre on [-1, 1]; shape (n_nodes,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return _frozen(nodes), _frozen(weights)


def under_normal(nodes: Array, weights: ArrayLike) -> Array:
    """Weights of ``E f(z)`` from those of ``int f(z) dz``: times the normal density."""
    weighted: Array = np.asarray(weights) * np.exp(-(nodes**2) / 2) / sqrt(2 * np.pi)
    return weighted


def tensor_rule(rules: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The product of rules, one an axis: nodes of shape (T, axes), the last axis fastest, and weights (T,)."""
    nodes, weights = zip(*rules, strict=True)
    grid = np.stack([g.ravel() for g in np.meshgrid(*nodes, indexing="ij")], axis=-1)
    return grid, np.prod(np.stack([g.ravel() for g in np.meshgrid(*weights, indexing="ij")]), axis=0)


def gaussian_rule(kinks: Iterable[float] | None = (), reach: float = _RANGE) -> tuple[Array, Array]:
    """The quadrature for a function with these ``kinks``: composite Gauss-Legendre, for smooth ones too."""
    return split_gauss_legendre(tuple(sorted(float(k) for k in (kinks or ()))), reach=reach)


def gaussian_mean(values: Array, weights: Array) -> tuple[float, float]:
    """``E f(z)`` from the values of f at the nodes of a rule, and a bound of its rounding.

    A mean below that bound is exactly zero.
    """
    terms = weights * values
    total, rounding = float(terms.sum()), _ROUNDING * float(np.abs(terms).sum())
    return (total if abs(total) > rounding else 0.0), rounding


def hermite_functions(x: Any, degree: int, normalised: bool = True) -> Any:
    """``H_0 .. H_degree`` at ``x``, stacked on a new first axis.

    With ``normalised=True`` the orthonormal ``h_k = H_k / sqrt(k!)``. Stable three-term recurrence:
    ``sqrt(k + 1) h_{k+1} = x h_k - sqrt(k) h_{k-1}``.
    """
    x = np.asarray(x)
    out = np.empty((degree + 1, *x.shape), dtype=np.result_type(x, float))
    out[0] = 1.0
    if degree >= 1:
        out[1] = x
    for k in range(1, degree):
        if normalised:
            out[k + 1] = (x * out[k] - sqrt(k) * out[k - 1]) / sqrt(k + 1)
        else:
            out[k + 1] = x * out[k] - k * out[k - 1]
    return out


def hermite_coefficients(
    function: Callable[[Any], Any], degree: int, kinks: Iterable[float] = (), strip: float = 0.0
) -> Array:
    """``c_0 .. c_degree`` of ``function``: ``c_k = E[f(z) H_k(z)] / k!``.

    A high coefficient of an analytic function is exponentially small, and a quadrature on the real line loses
    its relative accuracy to cancellation. With ``strip > 0`` the coefficients above degree 8 are taken as the
    Taylor coefficients of ``g(w) = E f(z + w)`` on circles of several radii instead, and for every degree the
    radius of least cancellation counts: 1e-12 relative to degree 30. A coefficient below the rounding of its
    own sum is exactly zero.

    Parameters
    ----------
    function : callable
        Vectorised over arrays, smooth between the ``kinks``; of complex argument too when ``strip > 0``.
    degree : int
        Highest degree, >= 0.
    kinks : iterable of float
        Points where the function or a derivative jumps.
    strip : float
        ``f`` is real on the real line and analytic for ``|Im z| < strip`` (inf: entire; 0: stay on the line).

    Returns
    -------
    ndarray of shape (degree + 1,)
    """
    nodes, weights = gaussian_rule(kinks)
    terms = weights * function(nodes) * hermite_functions(nodes, degree)
    scale = np.sqrt(factorials(degree))
    coefficients, size = terms.sum(axis=1) / scale, np.abs(terms).sum(axis=1) / scale
    if strip > 0 and degree > _LINE_DEGREE:
        radii = np.geomspace(1.0, 2.0 * degree, 2 + degree // 3)
        for radius, share in product(radii, (1 / 3, 1.0) if strip == inf else (1.0,)):
            value, rounding = _taylor_coefficients(function, degree, radius, share, strip - _PANEL / 2)
            better = rounding < size
            better[: _LINE_DEGREE + 1] = False
            coefficients, size = np.where(better, value, coefficients), np.where(better, rounding, size)
    return np.where(np.abs(coefficients) > _ROUNDING * size, coefficients, 0.0)


def _taylor_coefficients(
    function: Callable[[Any], Any], degree: int, radius: float, share: float, highest: float
) -> tuple[Array, Array]:
    """Taylor coefficients of ``g(w) = E f(z + w) = sum_k c_k w^k`` by the trapezoid rule on ``|w| = radius``.

    Returns them with the sum of the moduli of what was summed, infinite where that overflows. For
    ``w = u + iv`` the line of integration lies at height ``min(share * v, highest)``; the lower half circle
    is the conjugate of the upper.
    """
    n_half = 2 * degree + 40
    nodes, weights = split_gauss_legendre()
    w = radius * np.exp(1j * np.pi * np.arange(n_half + 1) / n_half)[:, None]
    height = np.minimum(share * w.imag, highest)
    lift = w.imag - height
    with np.errstate(over="ignore", invalid="ignore"):
        terms = weights * np.exp(lift**2 / 2 + 1j * nodes * lift) * function(nodes + w.real + 1j * height)
        portion = np.where(np.arange(n_half + 1) % n_half == 0, 0.5, 1.0) / n_half
        turn = (portion[:, None] * w ** -np.arange(degree + 1.0)).T
        value = (turn @ terms.sum(axis=1)).real
        size = np.abs(turn) @ np.abs(terms).sum(axis=1)
    usable = np.isfinite(value) & np.isfinite(size)
    return np.where(usable, value, 0.0), np.where(usable, size, np.inf)


def hermite_series(coefficients: Iterable[float], x: Array) -> Array:
    """``sum_k c_k H_k(x)``."""
    return np.polynomial.hermite_e.hermeval(x, np.asarray(list(coefficients), dtype=float))


def factorials(degree: int) -> Array:
    """``k!`` for k = 0 .. degree, as floats."""
    return np.array([float(factorial(k)) for k in range(degree + 1)])


def _frozen(a: Array) -> Array:
    a = np.ascontiguousarray(a, dtype=float)
    a.setflags(write=False)
    return a
