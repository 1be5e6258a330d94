"""Features of a sample of the gradient given (kappa, eps) and the readout u (docs/theory-same-data.md, section 2).

With ``z = w . x`` before the step, ``p = z + u (r kappa + s eps sigma'(z) + [mean eps] e z + sqrt(q) zeta)``
(eq-same-sample) and ``h = sigma' - c_1 - 2 c_2 z`` the averages (eq-same-features) are ``m = E sigma(p)``,
``A = E z sigma(p)``, ``B = E sigma'(p)``, ``C = E h sigma(p)``, ``l = E (sigma(z) - c_1 z) sigma(p)`` and, the
derivative by the log of the sample's norm, ``t = E (z^2 - 1) sigma(p) + 2 u s eps E sigma'(p) sigma'(z)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf, pi, sqrt
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, gauss_legendre, under_normal
from polyspike.problem import Activation
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages

__all__ = ["StepNumbers", "TrainingFeatures", "training_features"]

Smoother = Callable[[Array], Any]

_PIECEWISE_LINEAR = ("identity", "relu", "leaky_relu")
_RANGE = 7.5
_DIGITS = 30.0
_STEP = 0.36
# Samples that are averaged together, so that what is computed of them stays in a cache.
_BLOCK = 256
# Activations that NumPy evaluates faster than a table; the step of a table, and its most points a sample.
_CHEAP = ("tanh", "sin", "cos", "identity")
_TABLE_STEP, _TABLE_SHARE = 0.02, 20


@dataclass(frozen=True)
class StepNumbers:
    """What the features of one sample need of the step.

    Attributes
    ----------
    strength : float
        r.
    self_gain : float
        ``s = eta phi / sqrt(N)``.
    move_variance : float
        q.
    stretch : float
        ``e E eps``, the mean stretch of a weight along itself by the quadratic part of the gradient, over u.
    c1, c2 : float
    """

    strength: float
    self_gain: float
    move_variance: float
    stretch: float
    c1: float
    c2: float


@dataclass(frozen=True, eq=False)
class TrainingFeatures:
    """All of shape (E, B, A); the last, of shape (5, E, B, A), where it was asked for."""

    mean: Array
    linear: Array
    slope: Array
    own: Array
    second_moment: Array
    output: Array
    by_norm: Array
    pairs: Array | None = None


def training_features(
    activation: Activation, step: StepNumbers, kappa: Array, residual: Array, u: Array, pairs: bool = False
) -> TrainingFeatures:
    """``m``, ``E z sigma``, ``B``, ``E h sigma`` (not normalised), ``E sigma^2``, ``l`` and ``t`` at nodes (E, B) and
    u; with ``pairs`` the functions of (eq-pairs), too.
    """
    shape = (*kappa.shape, len(u))
    flat_kappa, flat_eps = kappa.ravel(), np.repeat(residual, kappa.shape[1])
    out = np.empty((12 if pairs else 7, len(flat_kappa), len(u)))
    for a, ua in enumerate(u):
        smoothed = _smoother(activation, step, flat_kappa, flat_eps, float(ua))
        rule = None if activation.kinks else _shared_rule(activation, step, flat_eps, float(ua))
        for i in range(0, len(flat_kappa), _BLOCK):
            part = slice(i, i + _BLOCK)
            x, eps = flat_kappa[part], flat_eps[part]
            nodes = rule or _kinked_rule(step, x, eps, float(ua))
            out[:, part, a] = _averages(activation, step, x, eps, float(ua), nodes, smoothed, pairs)
    found = [f.reshape(shape) for f in out]
    mean, linear, steep, own, second, output, by_norm = found[:7]
    of_pairs = np.stack(found[7:]) if pairs else None
    return TrainingFeatures(mean, linear, steep, own, second, output, by_norm, of_pairs)


def _averages(
    activation: Activation,
    step: StepNumbers,
    kappa: Array,
    eps: Array,
    u: float,
    nodes: tuple[Array, Array],
    smoothed: Smoother,
    pairs: bool,
) -> Array:
    """The averages at nodes (K,) for one u; shape (7, K) or (12, K)."""
    z, weights = nodes
    slope, value = activation.derivative(z), activation(z)
    shift = step.strength * kappa[:, None] + step.self_gain * eps[:, None] * slope + step.stretch * z
    mean, derivative, square, bend = smoothed(z + u * shift)
    h = slope - step.c1 - 2 * step.c2 * z
    energy = float((weights * h**2).sum()) if pairs else 0.0
    one = np.ones_like(z)
    of_mean = [one, z, h, value - step.c1 * z, z**2 - 1, *([z * h, h**2 - energy] if pairs else [])]
    of_slope = [one, slope, *([z, h] if pairs else [])]
    m, b = _moments(mean, weights, of_mean), _moments(derivative, weights, of_slope)
    by_norm = m[4] + 2 * u * step.self_gain * eps * b[1]
    rows = [m[0], m[1], b[0], m[2], _moments(square, weights, [one])[0], m[3], by_norm]
    if pairs:
        bends = _moments(bend, weights, [one])[0]
        rows += [b[2], eps * m[5], bends, eps**2 * m[6], eps * b[3]]
    return np.stack(rows)


def _moments(values: Array, weights: Array, factors: list[Array]) -> Array:
    """Averages over z of values (K, Z) times each factor, under a rule of all nodes (1, Z) or of each (K, Z)."""
    if len(weights) == 1:
        return np.asarray((values @ np.stack([(weights * f)[0] for f in factors], axis=-1)).T)
    weighted = weights * values
    return np.stack([(weighted * f).sum(axis=1) for f in factors])


def _shared_rule(activation: Activation, step: StepNumbers, eps: Array, u: float) -> tuple[Array, Array]:
    """A trapezoid rule over z, of shape (1, Z)."""
    strip = activation.formula.strip
    width = _STEP if strip in (0, inf) else 2 * pi * strip / _DIGITS
    # sigma'(z) inside sigma brings the singularities nearer to the line.
    own = abs(u) * step.self_gain * float(np.sqrt(np.mean(eps**2)))
    width *= 2.0**-activation.smoothness.level / sqrt(1 + own)
    half = ceil(_RANGE / width)
    z = width * np.arange(-half, half + 1.0)
    weights = under_normal(z, width)
    return z[None], (weights / weights.sum())[None]


def _kinked_rule(step: StepNumbers, kappa: Array, eps: Array, u: float) -> tuple[Array, Array]:
    """Panels that end at the kink of ``sigma'`` and, on either side of it, around that of ``sigma``."""
    smooth = sqrt(step.move_variance) * abs(u)
    corners = [np.full(kappa.shape, c) for c in (-_RANGE, -3.0, 0.0, 3.0, _RANGE)]
    gain = 1 + u * step.stretch
    for jump in (0.0, 1.0):
        at = -u * (step.strength * kappa + step.self_gain * eps * jump) / gain
        low, high = (-_RANGE, 0.0) if jump == 0 else (0.0, _RANGE)
        corners += [np.clip(at + c * smooth, low, high) for c in (-4.0, -1.5, 0.0, 1.5, 4.0)]
    nodes, weights = gauss_legendre(np.sort(np.stack(corners, axis=-1), axis=-1), 6)
    return nodes, under_normal(nodes, weights)


def _smoother(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float) -> Smoother:
    """``E sigma``, ``E sigma'``, ``E sigma^2`` and ``E sigma''`` of ``x + sqrt(q) u zeta`` as functions of x.

    From a table for activations that cost more than its interpolation.
    """
    deviation = sqrt(step.move_variance) * abs(u)
    if deviation == 0 or activation.kinks or (activation.is_named and activation.name in _CHEAP):
        return lambda x: _smoothed(activation, x, deviation)
    slope = float(np.abs(activation.derivative(np.linspace(-_RANGE, _RANGE, 301))).max())
    shift = step.strength * np.abs(kappa).max() + step.self_gain * np.abs(eps).max() * slope
    reach = _RANGE * (1 + abs(u * step.stretch)) + abs(u) * shift + 1
    count = ceil(2 * reach / (_TABLE_STEP * 2.0**-activation.smoothness.level))
    if count > len(kappa) * _TABLE_SHARE:
        return lambda x: _smoothed(activation, x, deviation)
    grid = np.linspace(-reach, reach, count + 1)
    table = CubicSpline(grid, np.stack(_smoothed(activation, grid, deviation), axis=-1))
    return lambda x: np.moveaxis(table(x), -1, 0)


def _smoothed(activation: Activation, x: Array, deviation: float) -> tuple[Any, Any, Any, Any]:
    """``E sigma``, ``E sigma'``, ``E sigma^2`` and ``E sigma''`` of ``x + deviation zeta``; the last is 0 for kinks."""
    if deviation == 0:
        value = activation(x)
        return value, activation.derivative(x), value**2, 0 * x
    if activation.is_named and activation.name in _PIECEWISE_LINEAR:
        found = activation_averages(activation, x, np.full(x.shape, deviation))
        linear = found.slope * deviation
        return found.mean, found.slope, found.noise_variance + found.mean**2 + linear**2, 0 * x
    nodes, weights = gauss_hermite(5 if deviation < 0.15 else 8 if deviation < 0.5 else 16)
    mean, slope, square, bend = (np.zeros(x.shape) for _ in range(4))
    for node, weight in zip(nodes, weights, strict=True):
        value = activation(x + deviation * node)
        mean += weight * value
        slope += (weight * node / deviation) * value
        square += weight * value**2
        bend += (weight * (node**2 - 1) / deviation**2) * value
    return mean, slope, square, bend
