"""Hermite coefficients of an activation at a mean and a deviation of each row (eq-data-coefficients).

``a_k = E[sigma(mu + tau z) h_k(z)]`` with the normalised ``h_k`` and ``z ~ N(0, 1)``. Closed forms for the piecewise
linear family; a trapezoid rule for other smooth activations, whose step follows the deviation; panels of their own for
every row where the activation has kinks.
"""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gauss_legendre, hermite_functions, under_normal
from polyspike.problem import Activation
from polyspike.status import Status
from polyspike.theory.on_data.threads import in_threads

__all__ = ["Moments", "hermite_moments", "slope_energy"]

_REACH = 9.0
"""Beyond it the normal weight is under 1e-18."""

_STEP = 0.25
"""Of the trapezoid rule at a deviation of 1: an error under 1e-15 for a function analytic in ``|Im z| < 1.4``."""

_PANELS, _PANEL_NODES = 12, 14
_CHUNK = 1 << 17
"""Values at nodes of the trapezoid rule that are worked on at a time: they stay in the cache."""
_KINKED_CHUNK = 1_000_000
_MOST_NODES = 400_000
"""Of the trapezoid rule: pre-activations some thousand times as large as the activation's own scale."""
_PIECEWISE_LINEAR = {"identity": (1.0, 0.0), "relu": (0.0, 1.0), "leaky_relu": (0.01, 0.99)}
"""Slope below zero, and its jump at zero."""


class Moments(NamedTuple):
    """Coefficients of shape (degree + 1, rows), and the second moment ``E sigma^2`` of shape (rows,)."""

    coefficients: Array
    energy: Array

    @property
    def rest(self) -> Array:
        """The energy of all higher degrees, shape (rows,)."""
        return np.maximum(self.energy - np.sum(self.coefficients**2, axis=0), 0.0)


def hermite_moments(activation: Activation, mean: Array, deviation: Array, degree: int) -> Moments:
    """``a_0 .. a_degree`` and ``E sigma^2`` of ``sigma(mean + deviation z)``, for arrays of shape (rows,).

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where pre-activations are so large that sigma overflows, or that its averages take too long.
    """
    if activation.is_named and activation.name in _PIECEWISE_LINEAR:
        return _piecewise_linear(activation, mean, deviation, degree)
    return _by_rule(activation, lambda x: activation.apply(x, np), mean, deviation, degree)


def slope_energy(activation: Activation, deviation: Array, mean: Array | None = None) -> Array:
    """``E sigma'(mu + tau z)^2``, shape (rows,); a mean of zero when None."""
    mean = np.zeros_like(deviation) if mean is None else mean
    if activation.is_named and activation.name in _PIECEWISE_LINEAR:
        below, jump = _PIECEWISE_LINEAR[activation.name]
        above: Array = ndtr(mean / deviation)
        return below**2 * (1 - above) + (below + jump) ** 2 * above
    slope = _by_rule(activation, lambda x: activation.apply_derivative(x, np), mean, deviation, 0)
    return slope.energy


def _piecewise_linear(activation: Activation, mean: Array, deviation: Array, degree: int) -> Moments:
    """Of ``l y + j max(y, 0) - m``: ``a_k = j tau phi(v) h_{k-2}(-v) / sqrt(k (k - 1))`` for k >= 2, ``v = mu / tau``.

    By partial integration, ``E[sigma H_k] = tau^2 E[sigma'' H_{k-2}]``, and sigma'' is a point mass.
    """
    below, jump = _PIECEWISE_LINEAR[activation.name]
    v = mean / deviation
    mass, density = ndtr(v), np.exp(-(v**2) / 2) / sqrt(2 * np.pi)
    ramp = deviation * (v * mass + density)
    a = np.zeros((max(degree, 1) + 1, len(mean)))
    a[0] = below * mean + jump * ramp - activation.mean
    a[1] = deviation * (below + jump * mass)
    if degree >= 2:
        k = np.arange(2.0, degree + 1)[:, None]
        a[2:] = jump * deviation * density * hermite_functions(-v, degree - 2) / np.sqrt(k * (k - 1))
    square = deviation**2 * ((v**2 + 1) * mass + v * density)
    bare = below**2 * (mean**2 + deviation**2) + jump * (2 * below + jump) * square
    energy = bare - 2 * activation.mean * (a[0] + activation.mean) + activation.mean**2
    return Moments(a[: degree + 1], energy)


def _by_rule(
    activation: Activation, function: Callable[[Array], Array], mean: Array, deviation: Array, degree: int
) -> Moments:
    coefficients, energy = np.empty((degree + 1, len(mean))), np.empty(len(mean))

    def work(part: tuple[Any, Array, Array]) -> None:
        rows, z, w = part
        where = deviation[rows, None] * z
        where += mean[rows, None]
        value = function(where)
        weighted = hermite_functions(z, degree) * w
        coefficients[:, rows] = weighted @ value.T if z.ndim == 1 else np.einsum("rz,krz->kr", value, weighted)
        energy[rows] = np.square(value) @ w if z.ndim == 1 else np.einsum("rz,rz->r", np.square(value), w)

    with np.errstate(over="ignore", invalid="ignore"):
        in_threads(work, list(_rules(activation, mean, deviation)))
    if not np.all(np.isfinite(energy)):
        message = (
            f"{activation.label} or its slope overflows at pre-activations of the size {_largest(mean, deviation):.2g}"
        )
        raise NumericalError(Status.OUT_OF_RANGE, f"{message}: {_REMEDY}")
    return Moments(coefficients, energy)


_REMEDY = "give smaller inputs (polyspike.data.rescale), a smaller target or a smaller step"


def _largest(mean: Array, deviation: Array) -> float:
    return float(np.max(np.hypot(mean, deviation)))


def _rules(activation: Activation, mean: Array, deviation: Array) -> Iterator[tuple[Any, Array, Array]]:
    """Chunks of rows with nodes and weights of ``E f(z)``, of shape (nodes,) or one rule a row.

    The step of the trapezoid rule is that of the row's own deviation, rounded up to a power of the root of 2, so that
    few long rows do not ask for fine rules of the others.
    """
    corners = np.asarray(activation.kinks, dtype=float)
    if not corners.size:
        sizes = np.ceil(2 * np.log2(np.maximum(deviation, 1.0)))
        for size in np.unique(sizes):
            step = _STEP / 2 ** (activation.smoothness.level + size / 2)
            if not 2 * _REACH / step < _MOST_NODES:
                message = (
                    f"averages over pre-activations of the size {_largest(mean, deviation):.2g} take too many nodes"
                )
                raise NumericalError(Status.OUT_OF_RANGE, f"{message}: {_REMEDY}")
            z = np.arange(-np.ceil(_REACH / step), np.ceil(_REACH / step) + 1) * step
            w, count, alike = under_normal(z, step), max(1, _CHUNK // len(z)), np.flatnonzero(sizes == size)
            yield from ((alike[i : i + count], z, w) for i in range(0, len(alike), count))
        return
    rows = max(1, _KINKED_CHUNK // ((_PANELS + len(corners)) * _PANEL_NODES * 20))
    for i in range(0, len(mean), rows):
        part = slice(i, i + rows)
        yield part, *_split_rule((corners - mean[part, None]) / deviation[part, None])


def _split_rule(kinks: Array) -> tuple[Array, Array]:
    """Panels on [-9, 9] that end at the kinks of every row, given in units of z; shape (rows, nodes)."""
    inside = np.clip(kinks, -_REACH, _REACH)
    grid = np.broadcast_to(np.linspace(-_REACH, _REACH, _PANELS + 1), (len(kinks), _PANELS + 1))
    nodes, weights = gauss_legendre(np.sort(np.hstack([grid, inside]), axis=1), _PANEL_NODES)
    return nodes, under_normal(nodes, weights)
