"""Averages over the features of activations with kinks, on panels in z at every node by itself (features.py says of
what).

The move's Gaussian part smooths an activation. What kinks do to it is in closed form: with the jump J of the slope at
k, ``sigma`` less ``J (x - k)_+`` has a continuous slope, which few nodes resolve, and
``E (x + D zeta - k)_+ = D (t Phi(t) + phi(t))``, ``t = (x - k)/D``. So ``E sigma''`` is known as well: it is the jump
times the density of the pre-activation at the kink, and that of the rest.
"""

from functools import lru_cache
from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, gauss_legendre, under_normal
from polyspike.problem import Activation
from polyspike.theory.same_samples.convolved import RANGE
from polyspike.theory.same_samples.step_numbers import StepNumbers

__all__ = ["OnPanels", "Ramp", "on_panels", "ramps_of", "smoothed_with_kinks"]

# So far beside a kink its slopes are taken.
_BESIDE = 1e-7
_NODES = 16
_PANEL_NODES = 6


class Ramp(NamedTuple):
    """A kink of sigma: its place, sigma there, and the slopes on either side."""

    place: float
    value: float
    left: float
    right: float

    @property
    def jump(self) -> float:
        """Of the slope."""
        return self.right - self.left


class OnPanels(NamedTuple):
    """Averages of ``sigma(p)`` times functions of z, of ``sigma'(p)`` times others, of ``sigma(p)^2`` and of
    ``sigma''(p)``; shapes (G, E, B) and (E, B).
    """

    of_mean: Array
    of_slope: Array
    square: Array
    bend: Array


@lru_cache(maxsize=64)
def ramps_of(activation: Activation) -> tuple[Ramp, ...]:
    """The kinks of an activation, which is continuous."""
    places = np.array(activation.kinks)
    beside = _BESIDE * np.maximum(np.abs(places), 1.0)
    slopes = [activation.derivative(at) for at in (places - beside, places + beside)]
    return tuple(Ramp(*(float(x) for x in one)) for one in zip(places, activation(places), *slopes, strict=True))


def on_panels(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float, pairs: bool) -> OnPanels:
    """For one u and an activation with kinks, on the product of nodes of the residual (E,) and kappa (B,)."""
    x, y = np.tile(kappa, len(eps)), np.repeat(eps, len(kappa))
    z, weights = _rule(ramps_of(activation), step, x, y, u)
    at = step.norm * z
    slope, value, one = activation.derivative(at), activation(z), np.ones_like(z)
    v = slope - step.c1
    shift = step.strength * x[:, None] + step.self_gain * step.norm**2 * y[:, None] * slope + step.stretch * at
    deviation = step.norm * sqrt(step.move_variance) * abs(u)
    mean, derivative, square, bend = smoothed_with_kinks(activation, at + u * shift, deviation)
    of_mean = [one, z, v - 2 * step.c2 * at, value - step.c1 * z, z**2 - 1]
    of_slope = [one, slope]
    if pairs:
        of_mean += [z * v - 2 * step.c2 - 6 * step.c3 * z, v**2 - activation.derivative_variance]
        of_slope += [z, v]

    def moments(values: Array, functions: list[Array]) -> Array:
        weighted = weights * values
        return np.stack([(weighted * f).sum(axis=1).reshape(len(eps), -1) for f in functions])

    return OnPanels(
        moments(mean, of_mean), moments(derivative, of_slope), moments(square, [one])[0], moments(bend, [one])[0]
    )


def _rule(ramps: tuple[Ramp, ...], step: StepNumbers, kappa: Array, eps: Array, u: float) -> tuple[Array, Array]:
    """Panels that end at the kinks of ``sigma'`` and, on either side of each, around those of ``sigma``, where they are
    at the slope there.
    """
    smooth = sqrt(step.move_variance) * abs(u)
    places = [ramp.place / step.norm for ramp in ramps]
    ends = sorted({-RANGE, -3.0, 0.0, 3.0, RANGE, *(place for place in places if abs(place) < RANGE)})
    corners = [np.full(kappa.shape, c) for c in ends]
    gain, own = step.norm * (1 + u * step.stretch), step.self_gain * step.norm**2
    for beside, place in zip(ramps, places, strict=True):
        middle = min(max(place, -RANGE), RANGE)
        for slope, low, high in ((beside.left, -RANGE, middle), (beside.right, middle, RANGE)):
            for ramp in ramps:
                at = (ramp.place - u * (step.strength * kappa + own * eps * slope)) / gain
                corners += [np.clip(at + c * smooth, low, high) for c in (-4.0, -1.5, 0.0, 1.5, 4.0)]
    nodes, weights = gauss_legendre(np.sort(np.stack(corners, axis=-1), axis=-1), _PANEL_NODES)
    return nodes, under_normal(nodes, weights)


def smoothed_with_kinks(activation: Activation, x: Array, deviation: float) -> tuple[Any, Any, Any, Any]:
    """``E sigma``, ``E sigma'``, ``E sigma^2`` and ``E sigma''`` of ``x + deviation zeta``; of no deviation the last is
    0.
    """
    if deviation == 0:
        value = activation(x)
        return value, activation.derivative(x), value**2, 0 * x
    nodes, weights = gauss_hermite(_NODES)
    mean, slope, square, bend = (np.zeros(x.shape) for _ in range(4))
    ramps = ramps_of(activation)
    for node, weight in zip(nodes, weights, strict=True):
        at = x + deviation * node
        value = activation(at)
        rest, rest_of_square = value, value**2
        for ramp in ramps:
            beyond = np.maximum(at - ramp.place, 0.0)
            rest = rest - ramp.jump * beyond
            rest_of_square = rest_of_square - 2 * ramp.value * ramp.jump * beyond
        mean += weight * rest
        slope += (weight * node / deviation) * rest
        square += weight * rest_of_square
        bend += (weight * (node**2 - 1) / deviation**2) * rest
    for ramp in ramps:
        t = (x - ramp.place) / deviation
        share, density = ndtr(t), np.exp(-(t**2) / 2) / sqrt(2 * pi)
        beyond = deviation * (t * share + density)
        mean += ramp.jump * beyond
        slope += ramp.jump * share
        square += 2 * ramp.value * ramp.jump * beyond
        bend += ramp.jump / deviation * density
    return mean, slope, square, bend
