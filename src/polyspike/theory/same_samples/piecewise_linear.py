"""Features of a sample of the gradient for activations with one kink at zero, in closed form (features.py has others).

On either side of ``z = 0`` the slope is a number, so that ``p = g z + c + D zeta`` is jointly Gaussian with z, and
``sigma(p) = e + a p + b p_+``. All averages over a half-line are those of a bivariate normal law in a quadrant: by
Stein's identity they reduce to its probability, which is Owen's function, and to densities on its two edges.
"""

from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr, owens_t

from polyspike.arraytypes import Array
from polyspike.problem import Activation

__all__ = ["HalfLine", "half_line", "is_piecewise_linear"]

_PEAK = 1 / sqrt(2 * pi)
# Of z^k over z > 0.
_HALF = (0.5, _PEAK, 0.5)
# In the place of a vanishing deviation, whose ratios have the limits 0 and +-infinity.
_TINY = 1e-150


class HalfLine(NamedTuple):
    """Averages over ``z > 0`` (or ``z < 0``), all of the shape of c.

    Attributes
    ----------
    mean : tuple of ndarray
        ``E z^k sigma(p)`` for k = 0, 1, 2.
    slope : tuple of ndarray
        ``E z^k sigma'(p)`` for k = 0, 1.
    square : ndarray
        ``E sigma(p)^2``.
    bend : ndarray
        ``E sigma''(p)``.
    """

    mean: tuple[Any, Any, Any]
    slope: tuple[Any, Any]
    square: Any
    bend: Any


def is_piecewise_linear(activation: Activation) -> bool:
    """Whether it is linear on either side of its only kink, at zero."""
    return activation.is_named and activation.name in ("relu", "leaky_relu")


def half_line(activation: Activation, side: float, gain: Any, shift: Any, deviation: Any) -> HalfLine:
    """Averages over the z of one sign (``side`` = 1 or -1) and over zeta, with ``p = gain z + shift + deviation zeta``.

    Arguments broadcast to the shape of ``shift``.
    """
    left, right = (float(activation.derivative(np.array(x))) for x in (-1.0, 1.0))
    g, c, d = side * gain, shift, np.maximum(deviation, _TINY)
    bent, square, steps, bend = _quadrant(g, c, d)
    a, b, e = left, right - left, float(activation(np.array(0.0)))
    whole = (c / 2 + g * _PEAK, c * _PEAK + g / 2, c / 2 + 2 * g * _PEAK)
    squared = (c**2 + g**2 + d**2) / 2 + 2 * c * g * _PEAK
    first, second, third = (e * of_one + a * w + b * m for of_one, w, m in zip(_HALF, whole, bent, strict=True))
    return HalfLine(
        mean=(first, side * second, third),
        slope=(a / 2 + b * steps[0], side * (a * _PEAK + b * steps[1])),
        square=a**2 * squared + (2 * a + b) * b * square + 2 * e * first - e**2 / 2,
        bend=b * bend,
    )


def _quadrant(g: Any, c: Any, d: Any) -> tuple[tuple[Any, Any, Any], Any, tuple[Any, Any], Any]:
    """Over ``z > 0`` of ``z^k p_+`` (k = 0, 1, 2), ``p_+^2``, ``z^k [p > 0]`` (k = 0, 1) and the density of p at 0."""
    total = np.sqrt(g**2 + d**2)
    k = c / total
    inside = ndtr(k) / 2 + owens_t(k, g / d)
    # On p = 0 and on z = 0.
    on_p = _density(k) / total * ndtr(-g * c / (total * d))
    share = ndtr(c / d)
    on_z, along_z = _PEAK * share, _PEAK * (c * share + d * _density(c / d))
    first = on_z + g * on_p
    mean = c * inside + g * on_z + total**2 * on_p
    by_z = along_z + g * inside
    return (mean, by_z, mean + g * first), c * mean + g * by_z + d**2 * inside, (inside, first), on_p


def _density(x: Any) -> Array:
    return np.asarray(_PEAK * np.exp(-np.minimum(x**2, 1400.0) / 2))
