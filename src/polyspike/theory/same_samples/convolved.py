"""Averages over the features of smooth activations, by convolution (features.py says of what).

With ``p = x + v``, ``x = u r kappa`` and ``v = z + u s eps sigma'(z) + ...``, the averages are convolutions: of the
smoothed activation on a uniform grid with the law of v, each of whose atoms is shared among the points around it as
Lagrange interpolation does. All readouts at once, every one on a grid of its own.
"""

from functools import lru_cache
from math import inf, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gauss_hermite, under_normal
from polyspike.problem import Activation
from polyspike.status import Status
from polyspike.theory.long_work import check_clock, tell
from polyspike.theory.same_samples.step_numbers import StepNumbers

__all__ = ["RANGE", "Convolved", "convolved"]

RANGE = 7.0
"""Of z."""
# Steps for 1e-8 in the errors, measured.
_DIGITS, _STEP = 28.0, 0.38
# Points of a Lagrange interpolation, and its step for functions analytic in a strip of one.
_POINTS, _GRID = 8, 0.095
_OF_POWERS = np.linalg.inv(np.vander(np.arange(1.0 - _POINTS // 2, _POINTS // 2 + 1), increasing=True))
_FLAT, _ROUNDING_OF_FLAT = 20.0, 1e-15
# Of the laws that are made at once.
_ATOMS = 10000
# Values at the points of a grid for every residual or kappa, points of all grids, and atoms of all laws, that fit in
# some gigabytes; and the nodes of z at which the extent of a grid is seen.
_MOST_VALUES, _MOST_POINTS, _MOST_ATOMS, _COARSE = 2.0**27, 2.0**23, 2.0**25, 200
# Seconds of all averages at one point of a law for one residual and kappa, of what is made at such a point for either,
# and of a point of a grid that smooths another.
_AVERAGE_SECONDS, _VALUE_SECONDS, _SMOOTHING_SECONDS = 6e-9, 3e-8, 6e-10
# Of the grid, in strips of analyticity; strips wider than the second number count as that.
_WIDEST, _WIDEST_STRIP = 0.22, 2.0
# Nodes of zeta, up to which deviation in units of the scale on which the activation varies. Beyond, the points of the
# grid are the rule, as far as the last number.
_SMOOTHING, _REACH_OF_SMOOTHING = ((0.0, 0), (0.2, 12)), 7.0


class Convolved(NamedTuple):
    """Averages of ``sigma(p)`` times one, z, ``v = sigma' - c_1``, ``sigma(z)``, z^2 and, for pairs, z v and v^2, of
    ``sigma'(p)`` times the first three, and of ``sigma(p)^2`` and ``sigma''(p)``; and ``E v^2`` of each readout's rule.

    Shapes (7 or 5, E, B, A), (3, E, B, A), (E, B, A) twice, and (A,).
    """

    mean: Array
    slope: Array
    square: Array
    bend: Array
    energy: Array


class _Rules(NamedTuple):
    """Trapezoid rules over z of all readouts, one after the other: nodes and weights (Z,), the number of the readout
    (Z,), and where each begins (A,).
    """

    z: Array
    weights: Array
    readout: Any
    starts: Any


class _Laws(NamedTuple):
    """Of all readouts, one after the other: weights (L, G), of which those of readout a, at ``offsets[a]``, are
    (E, ``counts[a]``) at the points ``first[a]`` and following.
    """

    weights: Array
    offsets: Any
    first: Any
    counts: Any

    def of(self, readout: int) -> Array:
        """Shape (E, G, counts[readout])."""
        part = self.weights[:, self.offsets[readout] : self.offsets[readout + 1]]
        return part.reshape(len(part), -1, self.counts[readout])


def convolved(
    activation: Activation, step: StepNumbers, kappa: Array, eps: Array, scale: float, u: Array, pairs: bool
) -> Convolved:
    """On the product of nodes of the residual (E,), whose size is the ``scale``, and of kappa (B,), and u (A,)."""
    widths = _widths(activation, np.abs(u) * step.self_gain * scale)
    atoms = np.cumsum(2 * RANGE / widths) * len(eps)
    _check_and_announce(activation, step, kappa, eps, u, float(atoms[-1]))
    # As many readouts at a time as the processor's cache holds.
    groups = np.split(np.arange(len(u)), np.flatnonzero(np.diff(atoms // _ATOMS)) + 1)
    found = [_at_once(activation, step, kappa, eps, u[some], widths[some], pairs) for some in groups]
    return Convolved(*(np.concatenate(one, axis=-1) for one in zip(*found, strict=True)))


def _check_and_announce(
    activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: Array, atoms: float
) -> None:
    """Refuse moves that are so much longer than the scale on which the activation varies that their grids fit in no
    memory, and say how long it takes, where that is long.
    """
    deviation = sqrt(step.move_variance) * np.abs(u)
    width, along_kappa = _width(activation, deviation), np.abs(u) * step.strength * np.abs(kappa).max()
    z = np.linspace(-RANGE, RANGE, _COARSE)
    own = u[:, None, None] * step.self_gain * np.array([[eps.min()], [eps.max()]]) * activation.derivative(z)
    moved = z * (1 + u[:, None, None] * step.stretch) + own
    most = _flat_beyond(activation) + along_kappa + RANGE * deviation
    extent = np.minimum(np.ptp(moved, axis=(1, 2)), 2 * most) / width
    reach = _REACH_OF_SMOOTHING * deviation / width
    points = extent + 2 * along_kappa / width + 2 * reach + 2 * _POINTS
    values = (extent + _POINTS) * max(len(kappa), len(eps))
    if not (values.max() <= _MOST_VALUES and points.sum() <= _MOST_POINTS and atoms <= _MOST_ATOMS):
        message = f"a sample moves its own pre-activation over {extent.max():.3g} grid points; give a smaller step"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    per_point = _AVERAGE_SECONDS * len(kappa) * len(eps) + _VALUE_SECONDS * (len(kappa) + len(eps))
    averages = per_point * float((extent + _POINTS).sum())
    smoothing = _SMOOTHING_SECONDS * float((points * 2 * reach)[_by_points(activation, deviation)].sum())
    tell(averages + smoothing, "about %s for the features of the gradient's samples")


def _at_once(
    activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: Array, widths: Array, pairs: bool
) -> Convolved:
    """With rules over z of these widths (A,)."""
    deviation = step.norm * sqrt(step.move_variance) * np.abs(u)
    width = _width(activation, deviation)
    rules = _rules(widths)
    slope = activation.derivative(step.norm * rules.z)
    x = u[:, None] * step.strength * kappa
    # Where the activation is flat it is all one how far.
    most = (_flat_beyond(activation) + np.abs(x).max(axis=1) + RANGE * deviation)[rules.readout]
    at = u[rules.readout]
    own = at * step.self_gain * step.norm**2 * eps[:, None]
    v = step.norm * rules.z * (1 + at * step.stretch) + own * slope
    functions, energy = _functions(activation, rules, slope - step.c1, pairs)
    laws = _shared(np.clip(v, -most, most) / width[rules.readout], functions, rules)
    return _averages(activation, laws, x / width[:, None], width, deviation)._replace(energy=energy)


def _widths(activation: Activation, own: Array) -> Array:
    """Of the rules over z, by a sample's ``own`` share of the move: sigma' inside sigma brings the singularities nearer
    to the line.
    """
    strip = activation.formula.strip
    width = _STEP if strip in (0, inf) else 2 * pi * strip / _DIGITS
    return width * 2.0**-activation.smoothness.level / (1 + own) ** 0.4


def _rules(widths: Array) -> _Rules:
    halves = np.ceil(RANGE / widths).astype(int)
    starts = np.cumsum(2 * halves + 1) - (2 * halves + 1)
    readout = np.repeat(np.arange(len(widths)), 2 * halves + 1)
    z = widths[readout] * (np.arange(len(readout)) - (starts + halves)[readout])
    weights = under_normal(z, widths[readout])
    return _Rules(z, weights / np.add.reduceat(weights, starts)[readout], readout, starts)


def _functions(activation: Activation, rules: _Rules, v: Array, pairs: bool) -> tuple[Array, Array]:
    """One, z, v, sigma, z^2 and, for pairs, z v and v^2, times the weights (5 or 7, Z), and ``E v^2`` (A,)."""
    functions = [np.ones_like(v), rules.z, v, activation(rules.z), rules.z**2]
    if pairs:
        functions += [rules.z * v, v**2]
    return rules.weights * np.stack(functions), np.add.reduceat(rules.weights * v**2, rules.starts)


def _width(activation: Activation, deviation: Array) -> Array:
    """Of the grid on which an activation that is smoothed by a Gaussian of this deviation is interpolated, and whose
    points smooth it.
    """
    widest = _WIDEST * min(activation.formula.strip or 1.0, _WIDEST_STRIP) * 2.0**-activation.smoothness.level
    return np.minimum(_GRID * (_scale(activation) + deviation), widest)


def _scale(activation: Activation) -> float:
    """On which it varies."""
    return min(1.0, activation.formula.strip or 1.0) * 2.0**-activation.smoothness.level


@lru_cache(maxsize=64)
def _flat_beyond(activation: Activation) -> float:
    """Where a named activation has become a constant on either side, to rounding; infinite where it does not."""
    far = _FLAT * np.array([1.0, 1.5, 2.5, 6.0, 40.0])
    if not activation.is_named:
        return inf
    slope, value = (np.stack([f(far), f(-far)]) for f in (activation.derivative, activation))
    flat = np.abs(slope).max() < _ROUNDING_OF_FLAT and np.ptp(value, axis=1).max() < _ROUNDING_OF_FLAT
    return _FLAT if flat else inf


def _shared(x: Array, functions: Array, rules: _Rules) -> _Laws:
    """Laws with atoms x (E, Z), in steps of the readouts' grids, and weights (G, Z), on these grids.

    Lagrange interpolation of eight points.
    """
    below = np.floor(x).astype(np.int32)
    least, most = np.minimum.reduceat(below.min(axis=0), rules.starts), np.maximum.reduceat(below, rules.starts, axis=1)
    counts = most.max(axis=0) - least + _POINTS
    offsets = np.concatenate([[0], np.cumsum(len(x) * counts)]).astype(np.int32)
    rows = (offsets[:-1] - least)[rules.readout] + np.arange(len(x), dtype=np.int32)[:, None] * counts[rules.readout]
    place = (below + rows)[..., None] + np.arange(_POINTS, dtype=np.int32)
    ends = np.arange(0, place.size + 1, _POINTS, dtype=np.int32)
    shares = csc_array((_lagrange(x - below).ravel(), place.ravel(), ends), shape=(int(offsets[-1]), x.size))
    weights = np.ascontiguousarray((shares @ np.tile(functions.T, (len(x), 1))).T)
    return _Laws(weights, offsets, least - _POINTS // 2 + 1, counts)


def _lagrange(t: Array) -> Array:
    """Weights of the points ``-3 .. 4`` in the interpolation at t in [0, 1); a last axis."""
    powers = np.empty((_POINTS, t.size))
    powers[0] = 1.0
    for k in range(1, _POINTS):
        np.multiply(powers[k - 1], t.ravel(), out=powers[k])
    return np.asarray((powers.T @ _OF_POWERS).reshape(*t.shape, _POINTS))


def _averages(activation: Activation, laws: _Laws, x: Array, width: Array, deviation: Array) -> Convolved:
    """At x (A, B), in steps of the grids, between their points as well; without the energy."""
    below = np.floor(x).astype(int)
    least = below.min(axis=1)
    counts = laws.counts + np.ptp(below, axis=1) + _POINTS - 1
    starts = np.cumsum(counts) - counts
    values = _smoothed_each(activation, laws.first + least - _POINTS // 2 + 1, counts, width, deviation)
    windows = values[:, np.arange(_POINTS)[:, None] + np.arange(values.shape[1] - _POINTS + 1)]
    shares, places = _lagrange(x - below), below - least[:, None]
    size = laws.weights.shape[0], (laws.offsets[1] - laws.offsets[0]) // laws.counts[0], x.shape[1], len(x)
    mean, slope, square, bend = np.empty(size), np.empty((3, *size[1:])), np.empty(size[1:]), np.empty(size[1:])
    for a in range(len(x)):
        check_clock()
        law = laws.of(a)
        steps = counts[a] - _POINTS + 1
        everywhere = (shares[a] @ windows[:, :, starts[a] : starts[a] + steps]).reshape(len(values), -1)
        at = (places[a] + steps * np.arange(x.shape[1]))[:, None] + np.arange(laws.counts[a])
        of_mean, of_slope, of_square, of_bend = everywhere.take(at, axis=1).transpose(0, 2, 1)
        mean[..., a], slope[..., a] = law @ of_mean, law[:3] @ of_slope
        square[..., a], bend[..., a] = law[0] @ of_square, law[0] @ of_bend
    return Convolved(mean, slope, square, bend, deviation)


def _smoothed_each(activation: Activation, first: Any, counts: Any, width: Array, deviation: Array) -> Array:
    """``E sigma``, ``E sigma'``, ``E sigma^2`` and ``E sigma''`` of ``x + deviation zeta`` at so many points of the
    readouts' grids, from their ``first`` on, one readout after the other, shape (4, P).
    """
    by_points = _by_points(activation, deviation)
    reach = np.ceil(_REACH_OF_SMOOTHING * deviation / width).astype(int) * by_points
    sizes = counts + 2 * reach
    readout = np.repeat(np.arange(len(counts)), sizes)
    starts = np.cumsum(sizes) - sizes
    x, each = width[readout] * (np.arange(len(readout)) + (first - reach - starts)[readout]), deviation[readout]
    found, least = np.empty((4, len(x))), -1.0
    for most, count in _SMOOTHING:
        some = (each > least) & (each <= most * _scale(activation))
        if some.any():
            found[:, some] = _smoothed(activation, x[some], each[some], count)
        least = most * _scale(activation)
    if by_points.any():
        found[0, each > least] = activation(x[each > least])
    parts = [found[:, start : start + size] for start, size in zip(starts, sizes, strict=True)]
    for a in np.flatnonzero(by_points):
        zeta = width[a] / deviation[a] * np.arange(-reach[a], reach[a] + 1.0)
        parts[a] = _smoothed_on_grid(parts[a][0], zeta, deviation[a])
    return np.concatenate(parts, axis=1)


def _by_points(activation: Activation, deviation: Array) -> Any:
    """Whether the points of the grid are the rule that smooths."""
    return deviation > _SMOOTHING[-1][0] * _scale(activation)


def _smoothed_on_grid(values: Array, zeta: Array, deviation: float) -> Array:
    """By the trapezoid rule of the grid's own points, at those that have all of them, from the activation there."""
    weights = under_normal(zeta, 1.0)
    weights = weights / weights.sum()
    kernels = weights * np.stack([np.ones_like(zeta), zeta / deviation, (zeta**2 - 1) / deviation**2])
    mean, slope, bend = (np.correlate(values, kernel) for kernel in kernels)
    return np.stack([mean, slope, np.correlate(values**2, weights), bend])


def _smoothed(activation: Activation, x: Array, deviation: Array, count: int) -> tuple[Any, Any, Any, Any]:
    """By so many nodes of zeta, none where nothing is smoothed."""
    if count == 0:
        value = activation(x)
        return value, activation.derivative(x), value**2, 0 * x
    nodes, weights = gauss_hermite(count)
    values = activation(x + deviation * nodes[:, None])
    mean, slope, bend = weights * np.stack([np.ones(count), nodes, nodes**2 - 1]) @ values
    return mean, slope / deviation, weights @ values**2, bend / deviation**2
