"""Features of a sample of the gradient given (kappa, eps) and the readout u (docs/theory-same-data.md, section 2).

With ``z = w . x`` before the step, ``p = z + u (r kappa + s eps sigma'(z) + [mean eps] e z + sqrt(q) zeta)``
(eq-same-sample) and ``h = sigma' - c_1 - 2 c_2 z`` the averages (eq-same-features) are ``m = E sigma(p)``,
``A = E z sigma(p)``, ``B = E sigma'(p)``, ``C = E h sigma(p)``, ``l = E (sigma(z) - c_1 z) sigma(p)`` and, the
derivative by the log of the sample's norm, ``t = E (z^2 - 1) sigma(p) + 2 u s eps E sigma'(p) sigma'(z)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, gauss_legendre, under_normal
from polyspike.problem import Activation
from polyspike.theory.same_samples.piecewise_linear import HalfLine, half_line, is_piecewise_linear

__all__ = ["StepNumbers", "TrainingFeatures", "has_pairs", "training_features"]

# Steps and range for 1e-8 in the errors, measured.
_RANGE = 7.0
_DIGITS = 28.0
_STEP = 0.38
# Points of a Lagrange interpolation, and its step for functions analytic in a strip of one.
_POINTS = 8
_ROUNDING = 1e-12
_FLAT, _ROUNDING_OF_FLAT = 20.0, 1e-15
# Of what _rows stacks.
_ODD_ROWS = (8, 11)
_GRID = 0.095
_OF_POWERS = np.linalg.inv(np.vander(np.arange(1.0 - _POINTS // 2, _POINTS // 2 + 1), increasing=True))


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
    c1, c2, c3 : float
    """

    strength: float
    self_gain: float
    move_variance: float
    stretch: float
    c1: float
    c2: float
    c3: float = 0.0


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
    """``m``, ``E z sigma``, ``B``, ``E h sigma`` (not normalised), ``E sigma^2``, ``l`` and ``t`` on the product of
    nodes of the residual (E,) and of kappa (B,), and u (A,); with ``pairs`` the functions of (eq-pairs), too, for all
    that :func:`has_pairs`.
    """
    if is_piecewise_linear(activation):
        found = _on_half_lines(activation, step, kappa, residual, u, pairs)
        return _named(found, pairs)
    if activation.kinks:
        rows = [_on_panels(activation, step, kappa, residual, float(ua)) for ua in u]
    else:
        rows = _mirrored(lambda one: _on_grid(activation, step, kappa, residual, one, pairs), step, kappa, residual, u)
    return _named(np.stack(rows, axis=-1), pairs)


def _named(found: Array, pairs: bool) -> TrainingFeatures:
    mean, linear, slope, own, second, output, by_norm = found[:7]
    of_pairs = found[7:] if pairs else None
    return TrainingFeatures(mean, linear, slope, own, second, output, by_norm, of_pairs)


def has_pairs(activation: Activation) -> bool:
    """Whether ``E sigma''`` of a pre-activation is known, which the functions of pairs need."""
    return not activation.kinks or is_piecewise_linear(activation)


class _Moments(NamedTuple):
    """Averages of ``sigma(p)`` times each of :func:`_factors`, of ``sigma'(p)`` times those of the slope, of
    ``sigma(p)^2`` and of ``sigma''(p)``; shapes (G, E, B) and (E, B).
    """

    of_mean: Array
    of_slope: Array
    square: Array
    bend: Array


def _rows(step: StepNumbers, u: Any, eps: Array, found: _Moments) -> Array:
    """The averages in the order of :class:`TrainingFeatures`, shape (7 or 12, E, B), with an axis more for all u."""
    m, b = found.of_mean, found.of_slope
    eps = eps.reshape(-1, *[1] * (m[0].ndim - 1))
    by_norm = m[4] + 2 * u * step.self_gain * eps * b[1]
    rows = [m[0], m[1], b[0], m[2], found.square, m[3], by_norm]
    if len(b) > 2:
        rows += [b[2], eps * m[5], found.bend, eps**2 * m[6], eps * b[3]]
    return np.stack(rows)


class _Factors(NamedTuple):
    """Nodes z (Z,), functions of them (7 or 4, Z) times the weights, ``E v^2`` of the rule, and ``sigma'`` there."""

    z: Array
    functions: Array
    energy: float
    slope: Array


def _factors(activation: Activation, step: StepNumbers, z: Array, weights: Array, pairs: bool) -> _Factors:
    """One, z, v = sigma' - c_1, sigma, z^2 and, for pairs, z v and v^2, at nodes (Z,) of a rule whose weights they
    contain.
    """
    slope = activation.derivative(z)
    v = slope - step.c1
    functions = [np.ones_like(z), z, v, activation(z), z**2]
    if pairs:
        functions += [z * v, v**2]
    return _Factors(z, weights * np.stack(functions), float(weights @ v**2), slope)


def _combined(step: StepNumbers, energy: float, mean: Array, slope: Array, square: Array, bend: Array) -> _Moments:
    """What :func:`_rows` asks for, of averages of ``sigma(p)`` times all of :func:`_factors`, of ``sigma'(p)`` times
    the first three, and of ``sigma(p)^2`` and ``sigma''(p)``.
    """
    one, z, v, value, radial = mean[:5]
    of_mean = [one, z, v - 2 * step.c2 * z, value - step.c1 * z, radial - one]
    of_slope = [slope[0], slope[2] + step.c1 * slope[0]]
    if len(mean) > 5:
        of_mean += [mean[5] - 2 * step.c2 * one - 6 * step.c3 * z, mean[6] - energy * one]
        of_slope += [slope[1], slope[2]]
    return _Moments(np.stack(of_mean), np.stack(of_slope), square, bend)


def _mirrored(row: Callable[[float], Array], step: StepNumbers, kappa: Array, eps: Array, u: Array) -> list[Array]:
    """The rows of all u; those of -u are those of u at the mirror images of kappa and eps, where these are nodes."""
    if step.stretch != 0 or not (_is_symmetric(kappa) and _is_symmetric(eps)):
        return [row(float(one)) for one in u]
    known = {size: row(size) for size in np.unique(np.abs(u)).tolist()}
    return [known[abs(one)] if one >= 0 else _mirror(known[abs(one)]) for one in u.tolist()]


def _is_symmetric(nodes: Array) -> bool:
    return bool(np.abs(nodes + nodes[::-1]).max() <= _ROUNDING * np.abs(nodes).max())


def _mirror(rows: Array) -> Array:
    """Rows at -kappa, -eps and -u, where two of the functions of pairs are odd in what they have of eps."""
    out = rows[:, ::-1, ::-1].copy()
    for odd in _ODD_ROWS:
        if odd < len(out):
            out[odd] *= -1
    return out


def _on_grid(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float, pairs: bool) -> Array:
    """All rows for one u and a smooth activation.

    With ``p = x + v``, ``x = u r kappa`` and ``v = z + u s eps sigma'(z) + ...``, the averages are convolutions: of the
    smoothed activation on a uniform grid with the law of v, each of whose atoms is shared among the points around it
    as Lagrange interpolation does.
    """
    factors = _factors(activation, step, *_rule(activation, step, eps, abs(u)), pairs)
    deviation = sqrt(step.move_variance) * abs(u)
    width = _width(activation, deviation)
    v = factors.z * (1 + u * step.stretch) + u * step.self_gain * eps[:, None] * factors.slope
    x = u * step.strength * kappa
    # Where the activation is flat it is all one how far.
    most = _flat_beyond(activation) + float(np.abs(x).max()) + _RANGE * deviation
    law, first = _shared(np.clip(v, -most, most), factors.functions, width)
    # x, as the law of v, between the points of the grid.
    below = np.floor(x / width).astype(int)
    count, first_x = law.shape[-1], int(below.min()) - _POINTS // 2 + 1
    points = width * (first + first_x + np.arange(count + int(below.max()) + _POINTS // 2 - first_x))
    smoothed = np.stack(_smoothed(activation, points, deviation))
    windows = np.lib.stride_tricks.sliding_window_view(smoothed, count, axis=-1)
    shares = _lagrange(x / width - below)
    places = below - first_x - _POINTS // 2 + 1
    # The smoothed functions at x plus a point of the law of v.
    mean, slope, square, bend = sum(shares[:, k, None] * windows[:, places + k] for k in range(_POINTS))
    averages = (law @ mean.T, law[:3] @ slope.T, law[0] @ square.T, law[0] @ bend.T)
    return _rows(step, u, eps, _combined(step, factors.energy, *averages))


@lru_cache(maxsize=64)
def _flat_beyond(activation: Activation) -> float:
    """Where a named activation has become a constant on either side, to rounding; infinite where it does not."""
    far = _FLAT * np.array([1.0, 1.5, 2.5, 6.0, 40.0])
    if not activation.is_named:
        return inf
    slope, value = (np.stack([f(far), f(-far)]) for f in (activation.derivative, activation))
    flat = np.abs(slope).max() < _ROUNDING_OF_FLAT and np.ptp(value, axis=1).max() < _ROUNDING_OF_FLAT
    return _FLAT if flat else inf


def _shared(x: Array, weights: Array, width: float) -> tuple[Array, int]:
    """Laws with atoms x (R, Z) and weights (G, Z), as weights (G, R, V) at ``width (first + 0 .. V - 1)``; and first.

    Lagrange interpolation of eight points.
    """
    scaled = x / width
    below = np.floor(scaled).astype(np.int32)
    first = int(below.min()) - _POINTS // 2 + 1
    count = int(below.max()) + _POINTS // 2 + 1 - first
    rows = count * np.arange(len(x), dtype=np.int32)
    place = (below - first - _POINTS // 2 + 1 + rows[:, None])[..., None] + np.arange(_POINTS, dtype=np.int32)
    ends = np.arange(0, place.size + 1, _POINTS, dtype=np.int32)
    shares = csc_array((_lagrange(scaled - below).ravel(), place.ravel(), ends), shape=(len(x) * count, x.size))
    shared = (shares @ np.tile(weights.T, (len(x), 1))).T
    return np.ascontiguousarray(shared).reshape(len(weights), len(x), count), first


def _lagrange(t: Array) -> Array:
    """Weights of the points ``-3 .. 4`` in the interpolation at t in [0, 1); a last axis."""
    powers = np.empty((_POINTS, t.size))
    powers[0] = 1.0
    for k in range(1, _POINTS):
        np.multiply(powers[k - 1], t.ravel(), out=powers[k])
    return np.asarray((powers.T @ _OF_POWERS).reshape(*t.shape, _POINTS))


def _rule(activation: Activation, step: StepNumbers, eps: Array, u: float) -> tuple[Array, Array]:
    """A trapezoid rule over z."""
    strip = activation.formula.strip
    width = _STEP if strip in (0, inf) else 2 * pi * strip / _DIGITS
    # sigma'(z) inside sigma brings the singularities nearer to the line.
    own = abs(u) * step.self_gain * float(np.sqrt(np.mean(eps**2)))
    width *= 2.0**-activation.smoothness.level / (1 + own) ** 0.4
    half = ceil(_RANGE / width)
    z = width * np.arange(-half, half + 1.0)
    weights = under_normal(z, width)
    return z, weights / weights.sum()


def _width(activation: Activation, deviation: float) -> float:
    """Of the grid on which an activation that is smoothed by a Gaussian of this deviation is interpolated."""
    own = min(1.0, activation.formula.strip or 1.0) * 2.0**-activation.smoothness.level
    return float(_GRID * (own + deviation))


def _on_panels(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: float) -> Array:
    """All rows for one u and an activation with a kink at zero, at every node by itself."""
    x, y = np.tile(kappa, len(eps)), np.repeat(eps, len(kappa))
    z, weights = _kinked_rule(step, x, y, u)
    slope, value = activation.derivative(z), activation(z)
    shift = step.strength * x[:, None] + step.self_gain * y[:, None] * slope + step.stretch * z
    mean, derivative, square, bend = _smoothed(activation, z + u * shift, sqrt(step.move_variance) * abs(u))
    one = np.ones_like(z)
    of_mean = [one, z, slope - step.c1 - 2 * step.c2 * z, value - step.c1 * z, z**2 - 1]
    of_slope = [one, slope]

    def moments(values: Array, functions: list[Array]) -> Array:
        weighted = weights * values
        return np.stack([(weighted * f).sum(axis=1).reshape(len(eps), -1) for f in functions])

    found = _Moments(
        moments(mean, of_mean), moments(derivative, of_slope), moments(square, [one])[0], moments(bend, [one])[0]
    )
    return _rows(step, u, eps, found)


def _on_half_lines(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: Array, pairs: bool) -> Array:
    """All rows for all u where the activation is linear on either side of zero, in closed form."""
    found: list[_Moments] = []
    for side in (-1.0, 1.0):
        slope = float(activation.derivative(np.array(side)))
        shift = u * (step.strength * kappa[:, None] + step.self_gain * slope * eps[:, None, None])
        half = half_line(activation, side, 1 + u * step.stretch, shift, sqrt(step.move_variance) * np.abs(u))
        found.append(_half_moments(activation, step, slope, half, pairs))
    return _rows(step, u, eps, _Moments(*(left + right for left, right in zip(*found, strict=True))))


def _half_moments(activation: Activation, step: StepNumbers, slope: float, half: HalfLine, pairs: bool) -> _Moments:
    """All averages of one half-line, where ``h = slope - c_1 - 2 c_2 z`` and ``sigma(z) = sigma(0) + slope z``."""
    (m, mz, mzz), (s, sz) = half.mean, half.slope
    at, by = slope - step.c1, -2 * step.c2
    of_mean = [m, mz, at * m + by * mz, float(activation(np.array(0.0))) * m + at * mz, mzz - m]
    of_slope = [s, slope * s]
    if pairs:
        radial = (at - 6 * step.c3) * mz - 2 * step.c2 * m
        of_mean += [radial, (at**2 - activation.derivative_variance) * m]
        of_slope += [sz, at * s]
    return _Moments(np.stack(of_mean), np.stack(of_slope), half.square, half.bend)


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
    nodes, weights = gauss_hermite(5 if deviation < 0.15 else 8 if deviation < 0.5 else 16)
    mean, slope, square, bend = (np.zeros(x.shape) for _ in range(4))
    for node, weight in zip(nodes, weights, strict=True):
        value = activation(x + deviation * node)
        mean += weight * value
        slope += (weight * node / deviation) * value
        square += weight * value**2
        bend += (weight * (node**2 - 1) / deviation**2) * value
    return mean, slope, square, bend
