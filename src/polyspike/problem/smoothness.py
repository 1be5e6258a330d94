"""Where a user's function is smooth, and how finely a quadrature must go to see it.

The line is cut into panels of width one, at the declared kinks and at places that no kink is likely to be at. On a
panel the function is resolved when its Legendre series has died out; a panel that is not is halved, down to a
thousandth. A steep but smooth function is resolved on the way; a jump or a bend never is, whatever the panel.
"""

from collections.abc import Callable
from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import under_normal

__all__ = ["FAR_CORNERS", "Panels", "Smoothness", "known_smoothness", "resolve", "simple_far_out", "smoothness_of"]

_RANGE = 14.0
# The golden ratio's share of a panel: the edges are the numbers that lie furthest from fractions.
_OFFSET = (sqrt(5) - 1) / 2
_NODES = 20
# A series has died out when its last two terms are below this share of the function. At the base width that is a
# function analytic in |Im z| < 0.8, and a rule of 12 nodes or a trapezoid rule of step 0.2 errs by 1e-11.
_RESOLVED = 1e-11
# A derivative loses the square of the degree.
_RESOLVED_SLOPE = 1e-8
_LARGEST_LEVEL = 10
_MAX_PANELS = 4000
# What the ends of neighbouring panels may differ by, relative to the function: more is a jump.
_GAP = 1e-7
_SHOWN = 4
# Beyond the range panels double.
FAR_CORNERS: tuple[float, ...] = tuple(_RANGE * 2.0**k for k in range(17))


class Smoothness(NamedTuple):
    """How a function is to be integrated.

    Attributes
    ----------
    corners : tuple of float
        Where a quadrature splits: the kinks, and the edges of all panels that had to be halved.
    level : int
        How often: the function is analytic to about ``0.8 / 2**level`` off the real line, but at its kinks.
    far : bool
        Whether it is known to be simple beyond 14, too (:func:`simple_far_out`).
    """

    corners: tuple[float, ...]
    level: int
    far: bool = False


class Panels(NamedTuple):
    """Legendre coefficients of a function on panels that resolve it.

    Attributes
    ----------
    left, right : ndarray of shape (P,)
    coefficients : ndarray of shape (P, 20)
    size : ndarray of shape (P,)
        Largest modulus on each panel, plus the root mean square under the normal density.
    """

    left: Array
    right: Array
    coefficients: Array
    size: Array

    @property
    def nodes(self) -> Array:
        """Points of the panels, shape (P, 20)."""
        return _nodes(self.left, self.right)

    @property
    def slopes(self) -> Array:
        """The derivative there."""
        derivative = legendre.legder(self.coefficients, axis=1)
        return derivative @ _BASIS[:, : _NODES - 1].T * (2 / (self.right - self.left))[:, None]

    @property
    def jumps(self) -> Array:
        """The edges at which the function jumps."""
        ends = self.coefficients.sum(axis=1)
        starts = self.coefficients @ (-1.0) ** np.arange(_NODES)
        gap = np.abs(starts[1:] - ends[:-1])
        return self.left[1:][gap > _GAP * np.maximum(self.size[1:], self.size[:-1])]


_X, _W = legendre.leggauss(_NODES)
_BASIS = legendre.legvander(_X, _NODES - 1)
# Values at the nodes times this are Legendre coefficients: exact for the polynomial through the nodes.
_TRANSFORM = _BASIS * _W[:, None] * (np.arange(_NODES) + 0.5)


def _nodes(left: Array, right: Array) -> Array:
    return ((left + right) / 2)[:, None] + ((right - left) / 2)[:, None] * _X


def resolve(
    argument: str,
    function: Callable[..., Any],
    evaluate: Callable[[Array], Array],
    kinks: tuple[float, ...],
    slope: Callable[[Array], Array] | None = None,
) -> tuple[Smoothness, Panels]:
    """Panels on which a function, and its derivative if one is given, are resolved.

    Parameters
    ----------
    argument, function
        Of whom an error speaks.
    evaluate, slope : callable
        Values at points of shape (P,), finite.

    Raises
    ------
    ArgumentError
        It jumps or bends where no kink was declared, or varies too fast for any quadrature.
    """
    left, right = _base(kinks)
    scales = _root_mean_square(evaluate, left, right), 0.0 if slope is None else _root_mean_square(slope, left, right)
    done: list[Panels] = []
    level = total = 0
    while True:
        panels = _panels(evaluate, left, right, scales[0])
        resolved = _died_out(panels, _RESOLVED)
        if slope is not None:
            resolved &= _died_out(_panels(slope, left, right, scales[1]), _RESOLVED_SLOPE)
        done.append(Panels(*(part[resolved] for part in panels)))
        left, right = left[~resolved], right[~resolved]
        total += 2 * len(left)
        if len(left) == 0:
            return _smoothness(kinks, done, level), _joined(done)
        if level == _LARGEST_LEVEL or total > _MAX_PANELS:
            raise ArgumentError(argument, function, _remedy(left, right, total > _MAX_PANELS))
        middle = (left + right) / 2
        left, right, level = np.concatenate([left, middle]), np.concatenate([middle, right]), level + 1


def simple_far_out(evaluate: Callable[[Array], Array], scale: float = 0.0) -> bool:
    """Whether panels that double, from 14 to a million, resolve a function: true of ``clip``, false of ``sin``.

    To 1e-11 of its values on every panel, or of those plus a ``scale``. Values may overflow or be NaN there: then it is
    false.
    """
    edges = np.array(FAR_CORNERS)
    left, right = np.concatenate([-edges[:0:-1], edges[:-1]]), np.concatenate([-edges[-2::-1], edges[1:]])
    with np.errstate(all="ignore"):
        panels = _panels(evaluate, left, right, scale)
        return bool(np.isfinite(panels.size).all() and _died_out(panels, _RESOLVED).all())


def known_smoothness(evaluate: Callable[[Array], Array], kinks: tuple[float, ...]) -> Smoothness:
    """The smoothness of a function of which it is known where it is analytic: no panels for steep places.

    Whether it is simple far out is asked at 1e-11 of its root mean square.
    """
    return Smoothness(kinks, 0, simple_far_out(evaluate, _root_mean_square(evaluate, *_base(kinks))))


def _base(kinks: tuple[float, ...]) -> tuple[Array, Array]:
    inside = [k for k in kinks if -_RANGE < k < _RANGE]
    edges = np.unique(np.concatenate([[-_RANGE, _RANGE], np.arange(1 - _RANGE, _RANGE) - _OFFSET, inside]))
    return edges[:-1], edges[1:]


def _panels(evaluate: Callable[[Array], Array], left: Array, right: Array, scale: float) -> Panels:
    nodes = _nodes(left, right)
    values = evaluate(nodes.ravel()).reshape(nodes.shape)
    return Panels(left, right, values @ _TRANSFORM, np.abs(values).max(axis=1, initial=0.0) + scale)


def _died_out(panels: Panels, tolerance: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(panels.coefficients[:, -2:]).max(axis=1, initial=0.0) <= tolerance * panels.size)


def _root_mean_square(evaluate: Callable[[Array], Array], left: Array, right: Array) -> float:
    nodes = _nodes(left, right)
    weights = under_normal(nodes, _W * ((right - left) / 2)[:, None])
    values = evaluate(nodes.ravel()).reshape(nodes.shape)
    largest = float(np.abs(values).max())
    return largest * sqrt(float((weights * (values / largest) ** 2).sum())) if largest > 0 else 0.0


def _joined(parts: list[Panels]) -> Panels:
    """The panels in the order of the line."""
    whole = Panels(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.argsort(whole.left)
    return Panels(*(part[order] for part in whole))


def _smoothness(kinks: tuple[float, ...], done: list[Panels], level: int) -> Smoothness:
    halved = {float(edge) for panels in done[1:] for edge in (*panels.left, *panels.right)}
    return Smoothness(tuple(sorted(halved | set(kinks))), level)


def _remedy(left: Array, right: Array, many: bool) -> str:
    if many:
        return "it varies too fast: no quadrature of some thousand nodes sees it; scale its argument down"
    return f"it jumps or bends sharply near {_places(left, right)}; give kinks=: the points where it does"


def _places(left: Array, right: Array) -> str:
    """The places inside panels, neighbours as one, the nearest to zero first."""
    order = np.argsort(left)
    left, right = left[order], right[order]
    first = np.flatnonzero(np.concatenate([[True], left[1:] > right[:-1] + 1e-9]))
    last = np.concatenate([first[1:] - 1, [len(left) - 1]])
    middles = sorted((left[first] + right[last]) / 2, key=abs)
    digits = 2 if len(middles) > 1 else 3
    text = ", ".join(f"{round(m, digits) + 0.0:g}" for m in middles[:_SHOWN])
    return text + (", ..." if len(middles) > _SHOWN else "")


@lru_cache(maxsize=256)
def smoothness_of(function: Callable[[Any], Any], kinks: tuple[float, ...]) -> Smoothness:
    """The smoothness of a function known to be vectorised and finite, for a teacher's quadratures."""
    return resolve("teacher", function, lambda x: np.asarray(function(x), dtype=float), kinks)[0]
