"""Gaussian averages of an activation at mean ``x = r u kappa`` and deviation ``tau(u)``.

These are the averages of section 1 of docs/theory-finite-size.md (eq-averages), with z ~ N(0, 1):
``m = E sigma(tau z + x)``, ``A1 = E z sigma(tau z + x)``, ``A2^2 = E sigma^2 - m^2 - A1^2``,
``t = E (z^2 - 1) sigma(tau z + x)``, which is the derivative of m by log tau; and the derivatives
``b = dA2^2/d log tau^2`` and ``E (z^3 - 3z) sigma(tau z + x) / tau`` of ``A2^2`` and of ``A1 / tau``.
Closed forms for the piecewise linear family, polynomials, sine and cosine; a trapezoid rule for other smooth
activations, whose step follows tau, or panels that resolve them where they are simple far out and tau is large; a split
rule for any other kinked one.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import ceil, isinf, log2, pi
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gauss_hermite, gauss_legendre, under_normal
from polyspike.problem import Activation
from polyspike.problem.smoothness import FAR_CORNERS
from polyspike.status import Status
from polyspike.theory.long_work import check_clock

__all__ = ["ActivationAverages", "activation_averages", "averages_on_grid", "is_mirrored", "values_needed"]

# The z-integral runs to this many deviations: the weight beyond is under 1e-16.
_RANGE = 8.3
# The trapezoid rule errs by the exponential of minus this; entire functions (erf squared grows as exp(2 y^2) along the
# imaginary axis) and callables that panels of width one resolve, by no more at these steps times the deviation; others
# ask for half of it as often as their panels had to be halved.
_DIGITS = 34.0
_STEP_ENTIRE, _STEP_UNKNOWN = 0.34, 0.2
# A deviation counts as large by powers of the first number; of a power the second share is not yet a level, which takes
# a digit off the sixteen.
_LEVEL, _SLACK = 1.3, 0.2
# Values of the activation that averages may need: about a second.
_MOST_VALUES = 4 * 10**7
# Gauss-Legendre panels over the range of z, at a deviation of 1, and their nodes.
_PANELS, _PANEL_NODES = 8, 16
# The share of a second moment that may lie beyond this many deviations; a twentieth of it lies beyond the range of z.
_TAIL, _TAIL_SHARE = 7.8, 1e-7
# A node of a split rule, of which every point of the grid has its own, costs as much as so many of a trapezoid rule.
_SPLIT_COST = 2
# Columns of the grid are taken together up to this many values.
_BLOCK = 400_000
# Slope below zero, and its jump at zero.
_PIECEWISE_LINEAR = {"identity": (1.0, 0.0), "relu": (0.0, 1.0), "leaky_relu": (0.01, 0.99)}
# ``sin(x + phase)``.
_PHASES = {"sin": 0.0, "cos": pi / 2}


class ActivationAverages(NamedTuple):
    """The averages of (eq-averages) with their derivatives by the log of the deviation, all of shape (K, A).

    ``m``, ``A1 / tau``, ``A2^2``; then ``t = dm/d log tau``, ``d(A1/tau)/d log tau``, ``b = dA2^2/d log tau^2`` and
    ``dt/d log tau``.
    """

    mean: Any
    slope: Any
    noise_variance: Any
    mean_by_log_norm: Any
    slope_by_log_norm: Any
    noise_by_log_square: Any
    mean_by_log_norm_twice: Any


def activation_averages(activation: Activation, x: Any, tau: Any) -> ActivationAverages:
    """The seven averages at means ``x`` and deviations ``tau``, both of shape (K, A).

    Complex ``x`` and ``tau`` are taken as a value and an infinitesimal (complex-step) tangent.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` when the deviation is so large that the quadrature would need too many nodes.
    """
    tangent = np.iscomplexobj(x) or np.iscomplexobj(tau)
    if activation.is_named and activation.name in _PIECEWISE_LINEAR:
        value = _piecewise_linear(activation, np.real(x), np.real(tau))
        return _piecewise_linear_tangent(activation, x, tau, value) if tangent else value
    if tangent:
        return _smooth_tangent(activation, x, tau)
    first, second = _hermite_moments(activation, x, tau, 5, 3)
    return _assembled(first, second, tau)


def _assembled(first: list[Any], second: list[Any], tau: Any) -> ActivationAverages:
    """The averages from ``M_k = E H_k sigma`` (k < 5) and ``S_k = E H_k sigma^2`` (k < 3):
    ``b = S_2/2 - M_0 M_2 - M_1 (M_3 + M_1)``, ``dt/d log tau = M_4 + 2 M_2``.
    """
    mean, slope, mean_by_log_norm, cubic, quartic = first[:5]
    noise_by_log_square = second[2] / 2 - mean * mean_by_log_norm - slope * (cubic + slope)
    noise_variance = second[0] - mean**2 - slope**2
    return ActivationAverages(
        mean=mean,
        slope=slope / tau,
        noise_variance=noise_variance,
        mean_by_log_norm=mean_by_log_norm,
        slope_by_log_norm=cubic / tau,
        noise_by_log_square=noise_by_log_square,
        mean_by_log_norm_twice=quartic + 2 * mean_by_log_norm,
    )


def _smooth_tangent(activation: Activation, x: Any, tau: Any) -> ActivationAverages:
    """First-order expansion by Stein: ``d/dx E[H_k f] = E[H_(k+1) f]/tau``, and
    ``d/dtau E[H_k f] = E[(H_(k+2) + k H_k) f]/tau``.
    """
    x0, tau0 = np.real(x), np.real(tau)
    dx, dtau = (x - x0) / tau0, (tau - tau0) / tau0
    first, second = (
        [m[k] + m[k + 1] * dx + (m[k + 2] + k * m[k]) * dtau for k in range(len(m) - 2)]
        for m in _hermite_moments(activation, x0, tau0, 7, 5)
    )
    return _assembled(first, second, tau)


def _hermite_moments(
    activation: Activation, x: Array, tau: Array, n_first: int, n_second: int
) -> tuple[list[Array], list[Array]]:
    """``E[H_k sigma]`` for k < n_first and ``E[H_k sigma^2]`` for k < n_second, H_k unnormalised."""
    if activation.is_named and activation.name in _PHASES:
        return _sine_moments(activation, x, tau, n_first, n_second)
    found = np.empty((n_first + n_second, *x.shape))
    for columns, z, w in _blocks(activation, x, tau):
        value = activation.apply(x[:, columns, None] + tau[:, columns, None] * z, np)
        if not activation.is_named:
            _check_values(activation, value, z, w)
        polynomials = _hermite(z, w, max(n_first, n_second))
        found[:n_first, :, columns] = _sums(value, polynomials[:n_first])
        found[n_first:, :, columns] = _sums(value * value, polynomials[:n_second])
    return [*found[:n_first]], [*found[n_first:]]


def _sine_moments(
    activation: Activation, x: Array, tau: Array, n_first: int, n_second: int
) -> tuple[list[Array], list[Array]]:
    """The moments of a sine or cosine less its mean c, by
    ``E H_k sin(tau z + x) = tau^k exp(-tau^2/2) sin(x + k pi/2)`` and ``2 sin^2 y = 1 - cos 2y``.

    A quadrature rule would lose them at a large deviation, where positive and negative values cancel.
    """
    phase, c = _PHASES[activation.name], activation.mean
    sines = [_sine_moment(k, x + phase, tau) for k in range(max(n_first, n_second))]
    double = [_sine_moment(k, 2 * (x + phase) + pi / 2, 2 * tau) for k in range(n_second)]
    constant = [1.0 if k == 0 else 0.0 for k in range(len(sines))]
    first = [sines[k] - c * constant[k] for k in range(n_first)]
    return first, [(0.5 + c**2) * constant[k] - double[k] / 2 - 2 * c * sines[k] for k in range(n_second)]


def _sine_moment(k: int, x: Array, tau: Array) -> Array:
    """``E H_k(z) sin(tau z + x)``."""
    found: Array = tau**k * np.exp(-(tau**2) / 2) * np.sin(x + k * pi / 2)
    return found


def _check_values(activation: Activation, value: Array, z: Array, w: Array) -> None:
    """Refuse a callable that overflows, or grows so fast that its averages come from beyond the range of the rule.

    A second moment that is small against that of the activation itself may lie in the tail.
    """
    if not np.isfinite(value).all():
        message = f"{activation.name} is not finite at pre-activations as large as this step makes them"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = w * value**2
        tail = np.where(np.abs(z) > _TAIL, energy, 0.0).sum(axis=-1)
        lost = tail > _TAIL_SHARE * np.maximum(energy.sum(axis=-1), activation.second_moment)
    if lost.any() or not np.isfinite(tail).all():
        message = f"{activation.name} grows too fast for pre-activations as large as this step makes them"
        raise NumericalError(Status.OUT_OF_RANGE, message)


def _hermite(z: Array, w: Array, count: int) -> Array:
    """``w H_k(z)`` for k < count, (count, ...)."""
    rows = np.empty((count, *z.shape))
    rows[0] = w
    rows[1] = w * z
    for k in range(1, count - 1):
        rows[k + 1] = z * rows[k] - k * rows[k - 1]
    return rows


def _sums(value: Array, polynomials: Array) -> Array:
    """The sums over nodes, (count, K, a): one product where all points of the grid share a rule, else a dot product a
    point.
    """
    if polynomials.ndim == 2:
        return np.moveaxis(value @ polynomials.T, -1, 0)
    return np.stack([np.einsum("kaz,kaz->ka", value, polynomial) for polynomial in polynomials])


def _piecewise_linear(activation: Activation, x: Array, tau: Array) -> ActivationAverages:
    """``sigma(y) = left y + jump max(y, 0)``: with t = x/tau, P = Phi(t), Q = 1 - P, p = phi(t),
    ``m = left x + jump tau (t P + p)``, ``A1 = tau (left + jump P)``,
    ``A2^2 = jump^2 tau^2 [(t^2 + 1) P Q + t p (Q - P) - p^2]``, which does not cancel for large t;
    ``dm/d log tau = jump tau p``, that of this ``jump tau p (1 + t^2)``; ``d(A1/tau)/d log tau = -jump t p``;
    ``b = jump^2 tau^2 (P Q - p^2)``.
    """
    left, jump = _PIECEWISE_LINEAR[activation.name]
    t = x / tau
    above, below, density = _normal(t)
    noise_variance = (t**2 + 1) * above * below + t * density * (below - above) - density**2
    mean = left * x + jump * tau * (t * above + density) - activation.mean
    scale = (jump * tau) ** 2
    noise_by_log_square = scale * (above * below - density**2)
    mean_by_log_norm = jump * tau * density
    return ActivationAverages(
        mean=mean,
        slope=left + jump * above,
        noise_variance=scale * noise_variance,
        mean_by_log_norm=mean_by_log_norm,
        slope_by_log_norm=-jump * t * density,
        noise_by_log_square=noise_by_log_square,
        mean_by_log_norm_twice=mean_by_log_norm * (1 + t**2),
    )


def _piecewise_linear_tangent(
    activation: Activation, x: Any, tau: Any, value: ActivationAverages
) -> ActivationAverages:
    """``dm = (left + jump P) dx + jump p dtau``; the bracket of A2^2 has the derivative ``2 t P Q + 2 p (Q - P)``, that
    of b ``p (Q - P) + 2 t p^2``, that of ``p (1 + t^2)`` ``p t (1 - t^2)``.
    """
    left, jump = _PIECEWISE_LINEAR[activation.name]
    x0, tau0 = np.real(x), np.real(tau)
    t, dtau = x0 / tau0, tau - tau0
    dt = (x - x0 - t * dtau) / tau0
    above, below, density = _normal(t)
    bracket = 2 * (t * above * below + density * (below - above)) * dt
    return ActivationAverages(
        mean=value.mean + (left + jump * above) * (x - x0) + jump * density * dtau,
        slope=value.slope + jump * density * dt,
        noise_variance=value.noise_variance * (1 + 2 * dtau / tau0) + (jump * tau0) ** 2 * bracket,
        mean_by_log_norm=value.mean_by_log_norm * (1 + dtau / tau0 - t * dt),
        slope_by_log_norm=value.slope_by_log_norm - jump * density * (1 - t**2) * dt,
        noise_by_log_square=value.noise_by_log_square * (1 + 2 * dtau / tau0)
        + (jump * tau0) ** 2 * (density * (below - above) + 2 * t * density**2) * dt,
        mean_by_log_norm_twice=value.mean_by_log_norm_twice * (1 + dtau / tau0)
        + jump * tau0 * density * t * (1 - t**2) * dt,
    )


def _normal(t: Array) -> tuple[Array, Array, Array]:
    return ndtr(t), ndtr(-t), under_normal(t, 1.0)


def values_needed(activation: Activation, x: Array, tau: Array) -> int:
    """Values of the activation that :func:`activation_averages` takes; 0 where there are closed forms.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` as that does.
    """
    if activation.is_named and (activation.name in _PIECEWISE_LINEAR or activation.name in _PHASES):
        return 0
    return _checked_count(_groups(activation, x, tau), x, tau)


def _checked_count(groups: list["_Group"], x: Array, tau: Array) -> int:
    values = len(x) * sum(group.size * len(group.columns) for group in groups)
    if values > _MOST_VALUES:
        message = f"pre-activations deviate by up to {tau.max():.3g}: their averages would need {values:.1e} values"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    return values


class _Group(NamedTuple):
    """Columns that share a rule of ``size`` nodes; it gives nodes and weights, of shape (n,) or (K, a, n)."""

    columns: NDArray[np.int_]
    size: int
    rule: Callable[[NDArray[np.int_]], tuple[Array, Array]]


def _blocks(activation: Activation, x: Array, tau: Array) -> Iterator[tuple[NDArray[np.int_], Array, Array]]:
    """Columns with the nodes and weights of their z-integral, the groups cut so that none needs much memory."""
    groups = _groups(activation, x, tau)
    _checked_count(groups, x, tau)
    for group in groups:
        together = max(1, _BLOCK // (len(x) * group.size))
        for i in range(0, len(group.columns), together):
            check_clock()
            columns = group.columns[i : i + together]
            yield columns, *group.rule(columns)


def _groups(activation: Activation, x: Array, tau: Array) -> list[_Group]:
    # A callable may bear any name, that of a known formula too.
    if activation.is_named and activation.name[:1] == "h" and activation.name[1:].isdigit():
        z, w = gauss_hermite(int(activation.name[1:]) + 4)
        return [_Group(np.arange(x.shape[1]), len(z), lambda _: (z, w))]
    corners, level, far = activation.smoothness
    step = _step(activation.formula.strip) * 2.0**-level
    # The norm of a sample adds to tau where kappa is large and its weight small: the least is what the step follows.
    levels = np.ceil(np.log(np.maximum(tau.min(axis=0), 1.0)) / np.log(_LEVEL) - _SLACK).astype(int)
    groups = []
    for k in np.unique(levels):
        columns = np.flatnonzero(levels == k)
        smooth = _trapezoid_group(step * _LEVEL ** -float(k), columns)
        # Far corners are no wider apart than 2; at deviations up to 1 they are those of the activation alone.
        panels = 1 if far and k > 0 else _PANELS * 2 ** ceil(k * log2(_LEVEL))
        cost = 1 if level > 0 else _SPLIT_COST
        if not activation.kinks and not (far and panels * _PANEL_NODES * cost < smooth.size):
            groups.append(smooth)
            continue
        furthest = float(np.abs(x[:, columns]).max() + _RANGE * tau[:, columns].max())
        split = _split_group(_split_corners(corners, far and k > 0, furthest), panels, columns, x, tau)
        groups.append(split if activation.kinks or split.size * cost < smooth.size else smooth)
    return groups


def averages_on_grid(activation: Activation, strengths: Any, kappa: Array, tau: Any) -> ActivationAverages:
    """Those at ``kappa strengths`` (A,) and deviations tau (K, A); where all are symmetric half of them, by
    ``m(kappa, -u) = m(-kappa, u)``.
    """
    half = len(strengths) // 2
    if not (is_mirrored(strengths, tau) and np.array_equal(kappa, -kappa[::-1])):
        return activation_averages(activation, kappa[:, None] * strengths, tau)
    right = np.stack(activation_averages(activation, kappa[:, None] * strengths[half:], tau[:, half:]))
    return ActivationAverages(*np.concatenate([right[:, ::-1, ::-1][:, :, :half], right], axis=2))


def is_mirrored(strengths: Array, tau: Array) -> bool:
    """Whether the averages of half of the readouts are those of all."""
    return np.array_equal(strengths, -strengths[::-1]) and np.array_equal(tau, tau[:, ::-1])


def _trapezoid_group(step: float, columns: NDArray[np.int_]) -> _Group:
    return _Group(columns, 2 * ceil(_RANGE / step) + 1, lambda _: _trapezoid(step))


def _step(strip: float) -> float:
    """The step at which an integrand analytic at ``|Im z| < strip`` has the error
    ``exp(-2 pi strip/step + strip^2/2)``.
    """
    if strip == 0:
        return _STEP_UNKNOWN
    return _STEP_ENTIRE if isinf(strip) else 2 * pi * strip / (_DIGITS + strip**2 / 2)


@lru_cache(maxsize=64)
def _trapezoid(step: float) -> tuple[Array, Array]:
    n = ceil(_RANGE / step)
    z: Array = step * np.arange(-n, n + 1.0)
    return z, under_normal(z, step)


def _split_corners(corners: tuple[float, ...], far: bool, furthest: float) -> tuple[float, ...]:
    """The corners at which integrals are split: those of the activation and, where it is simple far out and the
    deviation large, the ends of panels as far as the ``furthest`` pre-activation.
    """
    if not far:
        return corners
    beyond = [corner for corner in FAR_CORNERS if corner < max(furthest, FAR_CORNERS[1])]
    fixed = np.arange(-FAR_CORNERS[0], FAR_CORNERS[0] + 1.0, 2.0)
    return tuple(np.unique(np.concatenate([corners, fixed, beyond, -np.array(beyond)])).tolist())


def _split_group(corners: tuple[float, ...], panels: int, columns: NDArray[np.int_], x: Array, tau: Array) -> _Group:
    """Composite Gauss-Legendre between ``(corner - x)/tau``, node by node of the grid, on panels no wider than 2."""

    def rule(some: NDArray[np.int_]) -> tuple[Array, Array]:
        fixed = np.linspace(-_RANGE, _RANGE, panels + 1)
        at, deviation = x[:, some, None], tau[:, some, None]
        inside = np.clip((np.array(corners) - at) / deviation, -_RANGE, _RANGE)
        edges = np.sort(np.concatenate([np.broadcast_to(fixed, (*at.shape[:2], len(fixed))), inside], axis=-1), axis=-1)
        z, w = gauss_legendre(edges, _PANEL_NODES)
        return z, under_normal(z, w)

    return _Group(columns, (panels + len(corners)) * _PANEL_NODES, rule)
