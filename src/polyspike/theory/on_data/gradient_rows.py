"""What the gradient's own rows make of a neuron: drift, matrix and noise of its move (eq-data-move).

A neuron of readout ``a = u / sqrt N`` moves by ``eta a g(w)``, ``g(w) = (1/n0) sum_j eps_j sigma'(w.x_j) x_j``. With
the rows held fixed and ``w.x_j ~ N(0, t_j^2)``, ``t_j = |x_j| / sqrt d``, the Hermite parts of ``sigma'`` give the
drift (degree 0), a matrix on w (degree 1) and a noise with the covariance of all pairs of rows (degree 2 and above).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.theory.on_data.hermite_moments import Moments, hermite_moments, slope_energy
from polyspike.theory.on_data.series import lumped, power_series

__all__ = ["Along", "GradientMoments", "correlations", "deviations", "gradient_moments", "slope_moments"]

DEGREE = 24
"""Of sigma'; the energy beyond it is lumped into the two degrees above."""

TINY = 1e-150
"""Stands for the deviation of a row that is zero, so that nothing is divided by 0."""


class Along(NamedTuple):
    """Coordinates z, shape (m,), of a neuron's weight along unit axes, shape (d, m): ``axes z / sqrt d`` of w.

    What is given of a weight is its ``z``, times the length of the neurons.
    """

    axes: Array
    values: Array

    def split(self, inputs: Array) -> tuple[Array, Array]:
        """What it adds to ``w.x``, shape (rows,), and the rows without the axis."""
        coordinates = inputs @ self.axes
        return coordinates @ self.values / np.sqrt(inputs.shape[1]), inputs - coordinates @ self.axes.T


@dataclass(frozen=True, eq=False)
class GradientMoments:
    """The law of ``g(w)`` given the rows of the gradient, d columns.

    Attributes
    ----------
    drift : ndarray of shape (d,)
        ``E g``.
    matrix : ndarray of shape (d, d)
        M: the part of g linear in w is ``M w``.
    noise_factor : ndarray of shape (d, r)
        L, the covariance of the rest of g is ``L L'``.
    output : ndarray of shape (d,)
        omega, the linear part of the initial output; zero for the target-only gradient.
    own_drift, own_matrix : ndarray of shape (d,) and (d, d)
        What a neuron's own output adds to both, over ``-u / sqrt N``; zero for the target-only gradient.
    length : float
        Of the normal weight of the neurons: ``w ~ N(0, length^2 I/d)``.
    along : Along, optional
        What is given of w; then M is of the rest.
    """

    drift: Array
    matrix: Array
    noise_factor: Array
    output: Array
    own_drift: Array
    own_matrix: Array
    length: float = 1.0
    along: Along | None = None

    @property
    def is_full(self) -> bool:
        """Whether the neurons' own output takes part."""
        return bool(np.any(self.output))


def deviations(inputs: Array) -> Array:
    """``t = |x| / sqrt d``, shape (rows,)."""
    return np.maximum(np.linalg.norm(inputs, axis=1) / np.sqrt(inputs.shape[1]), TINY)


def correlations(inputs: Array, t: Array) -> Array:
    """``x.x' / (d t t')``, shape (rows, rows); the diagonal is 1."""
    unit = inputs / (t[:, None] * np.sqrt(inputs.shape[1]))
    return np.clip(unit @ unit.T, -1.0, 1.0)


def slope_moments(activation: Activation, t: Array, degree: int = DEGREE, mean: Array | None = None) -> Moments:
    """Coefficients of ``sigma'(m + t z)``: ``E[sigma' h_k] = sqrt(k + 1) a_{k+1} / t``, by partial integration."""
    mean = np.zeros_like(t) if mean is None else mean
    a = hermite_moments(activation, mean, t, degree + 1).coefficients
    k = np.arange(1.0, degree + 2)[:, None]
    return Moments(np.sqrt(k) * a[1:] / t, slope_energy(activation, t, mean))


def gradient_moments(
    activation: Activation,
    inputs: Array,
    residual: Array,
    output: Array | None = None,
    length: float = 1.0,
    along: Along | None = None,
) -> GradientMoments:
    """Drift, matrix and noise of the move (eq-data-move, eq-data-noise), with these residuals.

    Parameters
    ----------
    activation : Activation
    inputs : ndarray of shape (n0, d)
    residual : ndarray of shape (n0,)
        ``y``, or ``y - f_0`` for the full gradient.
    output : ndarray of shape (d,), optional
        omega, for the full gradient.
    length : float
        Of the neurons.
    along : Along, optional
        What is given of their weights.
    """
    n, d = inputs.shape
    mean, inner = (np.zeros(n), inputs) if along is None else along.split(inputs)
    mean, whole, t = length * mean, length * deviations(inputs), length * deviations(inner)
    slope = slope_moments(activation, t, mean=mean)
    drift = (residual * slope.coefficients[0]) @ inputs / n
    matrix = (inputs.T * (residual * slope.coefficients[1] / t)) @ inner / n
    factor = _noise_factor(inputs, residual, slope, correlations(inner, t / length))
    if output is None:
        return GradientMoments(drift, matrix, factor, np.zeros(d), np.zeros(d), np.zeros((d, d)), length, along)
    own_mean, own_slope = _own_output(activation, whole, mean, t, slope)
    own_drift, own_matrix = own_mean @ inputs / n, (inputs.T * own_slope) @ inner / n
    return GradientMoments(drift, matrix, factor, output, own_drift, own_matrix, length, along)


def _noise_factor(inputs: Array, residual: Array, slope: Moments, correlation: Array) -> Array:
    """L of ``L L' = X0' [eps eps' o sum_{k >= 2} h_k h_k' rho^k] X0 / n0^2`` (eq-data-noise)."""
    high = Moments(np.vstack([np.zeros((2, len(residual))), slope.coefficients[2:]]), slope.energy)
    high = Moments(high.coefficients, slope.energy - np.sum(slope.coefficients[:2] ** 2, axis=0))
    series = lumped(high)
    weighted = inputs * (residual / len(inputs))[:, None]
    covariance = weighted.T @ power_series(series, series, correlation) @ weighted
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    return axes * np.sqrt(np.maximum(values, 0.0))


def _own_output(activation: Activation, whole: Array, shift: Array, t: Array, slope: Moments) -> tuple[Array, Array]:
    """Mean and slope of ``(sigma - known) sigma'`` at ``m + t z``, both of shape (rows,) (eq-data-own).

    The constant and the linear part of the initial output are known to all neurons and stand in the residual; of the
    slope that is the share ``a_1 E sigma'`` alone, as for Gaussian inputs (eq-self).
    """
    a = hermite_moments(activation, np.zeros_like(t), whole, 1).coefficients
    constant, linear = a[0] + a[1] * shift / whole, a[1] * t / whole
    mean, first = _product_moments(activation, shift, t)
    own_mean = mean - constant * slope.coefficients[0] - linear * slope.coefficients[1]
    return own_mean, (first - constant * slope.coefficients[1] - linear * slope.coefficients[0]) / t


def _product_moments(activation: Activation, mean: Array, t: Array) -> tuple[Array, Array]:
    """``E[sigma sigma']`` and ``E[z sigma sigma']`` at ``m + t z``: of ``sigma^2 / 2``, whose slope that is."""
    square = _Square(activation)
    a = hermite_moments(square, mean, t, 2).coefficients  # type: ignore[arg-type]
    return a[1] / t, np.sqrt(2) * a[2] / t


class _Square:
    """``sigma^2 / 2`` with the kinks and the smoothness of sigma."""

    is_named = False

    def __init__(self, activation: Activation) -> None:
        self.kinks, self.smoothness = activation.kinks, activation.smoothness
        self.apply = lambda x, xp: activation.apply(x, xp) ** 2 / 2
