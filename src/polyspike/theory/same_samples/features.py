"""Features of a sample of the gradient given (kappa, eps) and the readout u (docs/theory-same-data.md, section 2).

With ``z = w . x`` before the step, ``p = z + u (r kappa + s eps sigma'(z) + [mean eps] e z + sqrt(q) zeta)``
(eq-same-sample) and ``h = sigma' - c_1 - 2 c_2 z`` the averages (eq-same-features) are ``m = E sigma(p)``,
``A = E z sigma(p)``, ``B = E sigma'(p)``, ``C = E h sigma(p)``, ``l = E (sigma(z) - c_1 z) sigma(p)`` and, the
derivative by the log of the sample's norm, ``t = E (z^2 - 1) sigma(p) + 2 u s eps E sigma'(p) sigma'(z)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.problem.activations import is_odd
from polyspike.theory.same_samples.convolved import Convolved, convolved
from polyspike.theory.same_samples.kinked import on_panels
from polyspike.theory.same_samples.piecewise_linear import HalfLine, half_line, is_piecewise_linear
from polyspike.theory.same_samples.step_numbers import StepNumbers

__all__ = ["TrainingFeatures", "is_odd", "training_features"]

_ROUNDING = 1e-12
# Of what _rows stacks: odd in what they have of eps; and even where the activation is odd and the signs of kappa and of
# eps change.
_ODD_ROWS = (8, 11)
_EVEN_ROWS_OF_ODD = (1, 2, 4, 5)


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
    nodes of the residual (E,) and of kappa (B,), and u (A,); with ``pairs`` the functions of (eq-pairs), too.
    """
    if is_piecewise_linear(activation):
        return _named(_on_half_lines(activation, step, kappa, residual, u, pairs), pairs)
    if activation.kinks:
        each = [on_panels(activation, step, kappa, residual, float(ua), pairs) for ua in u]
        moments = _Moments(*(np.stack(one, axis=-1) for one in zip(*each, strict=True)))
        return _named(_rows(step, u, residual, moments), pairs)
    scale = float(np.sqrt(np.mean(residual**2)))

    def on_grid(eps: Array, some: Array) -> Array:
        return _rows(step, some, eps, _combined(step, convolved(activation, step, kappa, eps, scale, some, pairs)))

    mirrored = step.stretch == 0 and _is_symmetric(kappa) and _is_symmetric(residual)
    if mirrored and is_odd(activation):
        return _named(_completed(on_grid(residual[len(residual) // 2 :], u), len(residual)), pairs)
    return _named(_mirrored(on_grid, residual, u) if mirrored else on_grid(residual, u), pairs)


def _named(found: Array, pairs: bool) -> TrainingFeatures:
    mean, linear, slope, own, second, output, by_norm = found[:7]
    of_pairs = found[7:] if pairs else None
    return TrainingFeatures(mean, linear, slope, own, second, output, by_norm, of_pairs)


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


def _combined(step: StepNumbers, found: Convolved) -> _Moments:
    """What :func:`_rows` asks for."""
    mean, slope = found.mean, found.slope
    one, z, v, value, radial = mean[:5]
    of_mean = [one, z, v - 2 * step.c2 * step.norm * z, value - step.c1 * z, radial - one]
    of_slope = [slope[0], slope[2] + step.c1 * slope[0]]
    if len(mean) > 5:
        of_mean += [mean[5] - 2 * step.c2 * one - 6 * step.c3 * z, mean[6] - found.energy * one]
        of_slope += [slope[1], slope[2]]
    return _Moments(np.stack(of_mean), np.stack(of_slope), found.square, found.bend)


def _mirrored(rows: Callable[[Array, Array], Array], eps: Array, u: Array) -> Array:
    """The rows of all u, where the mirror images of kappa and eps are nodes: those of -u are those of u there."""
    sizes, places = np.unique(np.abs(u), return_inverse=True)
    found = rows(eps, sizes)[..., places]
    found[..., u < 0] = _mirror(found[..., u < 0])
    return found


def _is_symmetric(nodes: Array) -> bool:
    return bool(np.abs(nodes + nodes[::-1]).max() <= _ROUNDING * np.abs(nodes).max())


def _mirror(rows: Array) -> Array:
    """Rows at -kappa, -eps and -u, where two of the functions of pairs are odd in what they have of eps."""
    out = rows[:, ::-1, ::-1].copy()
    for odd in _ODD_ROWS:
        if odd < len(out):
            out[odd] *= -1
    return out


def _completed(rows: Array, count: int) -> Array:
    """Rows at all residuals, of those at the upper half of them: of an odd activation, whose pre-activation at
    (-kappa, -eps) is that at (kappa, eps), mirrored.
    """
    sign = np.full((len(rows), 1, 1, 1), -1.0)
    sign[list(_EVEN_ROWS_OF_ODD)] = 1.0
    return np.concatenate([sign * rows[:, ::-1, ::-1][:, : count // 2], rows], axis=1)


def _on_half_lines(activation: Activation, step: StepNumbers, kappa: Array, eps: Array, u: Array, pairs: bool) -> Array:
    """All rows for all u where the activation is linear on either side of zero, in closed form."""
    found: list[_Moments] = []
    for side in (-1.0, 1.0):
        slope = float(activation.derivative(np.array(side)))
        own = step.self_gain * step.norm**2 * slope
        shift = u * (step.strength * kappa[:, None] + own * eps[:, None, None])
        deviation = step.norm * sqrt(step.move_variance) * np.abs(u)
        half = half_line(activation, side, step.norm * (1 + u * step.stretch), shift, deviation)
        found.append(_half_moments(activation, step, slope, half, pairs))
    return _rows(step, u, eps, _Moments(*(left + right for left, right in zip(*found, strict=True))))


def _half_moments(activation: Activation, step: StepNumbers, slope: float, half: HalfLine, pairs: bool) -> _Moments:
    """All averages of one half-line, where ``h = slope - c_1 - 2 c_2 z`` and ``sigma(z) = sigma(0) + slope z``."""
    (m, mz, mzz), (s, sz) = half.mean, half.slope
    at, by = slope - step.c1, -2 * step.c2 * step.norm
    of_mean = [m, mz, at * m + by * mz, float(activation(np.array(0.0))) * m + at * mz, mzz - m]
    of_slope = [s, slope * s]
    if pairs:
        radial = (at - 6 * step.c3) * mz - 2 * step.c2 * m
        of_mean += [radial, (at**2 - activation.derivative_variance) * m]
        of_slope += [sz, at * s]
    return _Moments(np.stack(of_mean), np.stack(of_slope), half.square, half.bend)
