"""Features of a sample of the gradient given (kappa, eps) and the readout u (docs/theory-same-data.md, section 2).

With ``z = w . x`` before the step, ``p = z + u (r kappa + s eps sigma'(z) + [mean eps] e z + sqrt(q) zeta)``
(eq-same-sample) and ``h = sigma' - c_1 - 2 c_2 z`` the averages (eq-same-features) are ``m = E sigma(p)``,
``A = E z sigma(p)``, ``B = E sigma'(p)``, ``C = E h sigma(p)``, ``l = E (sigma(z) - c_1 z) sigma(p)`` and, the
derivative by the log of the sample's norm, ``t = E (z^2 - 1) sigma(p) + 2 u s eps E sigma'(p) sigma'(z)``.
"""

from dataclasses import dataclass
from math import ceil, inf, pi, sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, gauss_legendre, under_normal
from polyspike.problem import Activation
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages

__all__ = ["StepNumbers", "TrainingFeatures", "training_features"]

_PIECEWISE_LINEAR = ("identity", "relu", "leaky_relu")
_RANGE = 7.5
_DIGITS = 30.0
_STEP = 0.36
# Samples that are averaged together.
_BLOCK = 5000


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
    rows = _BLOCK
    for a, ua in enumerate(u):
        for i in range(0, len(flat_kappa), rows):
            part = slice(i, i + rows)
            out[:, part, a] = _averages(activation, step, flat_kappa[part], flat_eps[part], float(ua), pairs)
    found = [f.reshape(shape) for f in out]
    mean, linear, steep, own, second, output, by_norm = found[:7]
    of_pairs = np.stack(found[7:]) if pairs else None
    return TrainingFeatures(mean, linear, steep, own, second, output, by_norm, of_pairs)


def _averages(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float, pairs: bool) -> Array:
    """The averages at nodes (K,) for one u; shape (7, K) or (12, K)."""
    z, weights = _rule(activation, step, kappa, eps, u)
    slope = activation.derivative(z)
    value = activation(z)
    shift = step.strength * kappa[:, None] + step.self_gain * eps[:, None] * slope + step.stretch * z
    mean, derivative, square, bend = _smoothed(activation, z + u * shift, sqrt(step.move_variance) * abs(u))
    weighted = weights * mean
    h = slope - step.c1 - 2 * step.c2 * z
    steep = weights * derivative
    rows = [
        weighted.sum(axis=1),
        (weighted * z).sum(axis=1),
        steep.sum(axis=1),
        (weighted * h).sum(axis=1),
        (weights * square).sum(axis=1),
        (weighted * (value - step.c1 * z)).sum(axis=1),
        (weighted * (z**2 - 1)).sum(axis=1) + 2 * u * step.self_gain * eps * (steep * slope).sum(axis=1),
    ]
    if pairs:
        energy = float((weights * h**2).sum())
        rows += [
            (steep * z).sum(axis=1),
            eps * (weighted * z * h).sum(axis=1),
            (weights * bend).sum(axis=1),
            eps**2 * (weighted * (h**2 - energy)).sum(axis=1),
            eps * (steep * h).sum(axis=1),
        ]
    return np.stack(rows)


def _rule(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float) -> tuple[Array, Array]:
    """Nodes and weights of the average over z, of shape (1, Z) or (K, Z)."""
    if not activation.kinks:
        strip = activation.formula.strip
        width = _STEP if strip in (0, inf) else 2 * pi * strip / _DIGITS
        # sigma'(z) inside sigma brings the singularities nearer to the line.
        own = abs(u) * step.self_gain * float(np.sqrt(np.mean(eps**2)))
        width *= 2.0**-activation.smoothness.level / sqrt(1 + own)
        half = ceil(_RANGE / width)
        z = width * np.arange(-half, half + 1.0)
        weights = under_normal(z, width)
        return z[None], (weights / weights.sum())[None]
    return _kinked_rule(step, kappa, eps, u)


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
