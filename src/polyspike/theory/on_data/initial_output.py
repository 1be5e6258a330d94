"""The initial output on the gradient's rows, of which the full gradient is made: a balanced set of typical ones.

Given the rows, ``f_0`` is a Gaussian vector: ``f_0 = a_0(t) g + (a_1(t)/t) omega.x + rest``, where g is the sum of the
initial readout, ``omega = W_0' a ~ N(0, I/d)``, and the rest has the kernel's degrees of 2 and above for its covariance
(eq-data-output). The errors are averaged over outputs in which every coordinate along an eigenvector of these
covariances is plus or minus its standard deviation, in pairs of opposite signs: what is linear in ``f_0`` cancels, and
what is quadratic is exact on the diagonal.
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import hadamard

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.theory.on_data.gradient_rows import DEGREE, correlations, deviations
from polyspike.theory.on_data.hermite_moments import Moments, hermite_moments
from polyspike.theory.on_data.series import lumped, power_series

__all__ = ["initial_outputs"]

_SIGNS = 2310_07891
"""Fixes the signs of the first output; the answer depends on it by what is left of the fluctuation of a network."""


def initial_outputs(
    activation: Activation, inputs: Array, target: Array, readout: str, width: int, pairs: int = 1
) -> Iterator[tuple[Array, Array]]:
    """Pairs of opposite outputs: ``f_0`` of shape (n0,) and omega of shape (d,), ``2 pairs`` of them.

    The signs are fixed along each eigenvector relative to the target, so that the set turns with the inputs, is
    permuted with the rows, and changes sign with the target.
    """
    t = deviations(inputs)
    a = hermite_moments(activation, np.zeros_like(t), t, DEGREE + 2)
    linear = a.coefficients[1] / t
    axes = _input_axes(inputs, linear * target)
    rest = _rest_axes(a, correlations(inputs, t), target)
    start = _orientation(a.coefficients[0] @ target)
    bases = np.random.default_rng(_SIGNS)
    on_axes, on_rest = (np.sign(bases.standard_normal(m.shape[1])) for m in (axes, rest))
    for signs in hadamard(_power_of_two(pairs))[:pairs]:
        omega = axes @ (on_axes * np.resize(signs, axes.shape[1]))
        varied = linear * (inputs @ omega) + rest @ (on_rest * np.resize(signs, rest.shape[1]))
        for sign in (1.0, -1.0):
            total = np.sqrt(width) if readout == "constant" else sign * start
            yield a.coefficients[0] * total + sign * varied, sign * omega


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()


def _input_axes(inputs: Array, weighted: Array) -> Array:
    """Principal directions of the inputs, of length ``1/sqrt d``, oriented by the target; shape (d, directions)."""
    _, values, axes = np.linalg.svd(inputs, full_matrices=False)
    axes = axes[values > values[0] * 1e-12] if values[0] > 0 else axes[:0]
    return axes.T * (_orientation(axes @ (inputs.T @ weighted)) / np.sqrt(inputs.shape[1]))


def _rest_axes(a: Moments, correlation: Array, target: Array) -> Array:
    """Eigenvectors of the kernel of degree 2 and above times the root of their eigenvalues; shape (n0, n0)."""
    low = a.coefficients[:2]
    high = Moments(np.vstack([np.zeros_like(low), a.coefficients[2:]]), a.energy - np.sum(low**2, axis=0))
    series = lumped(high)
    values, vectors = np.linalg.eigh(power_series(series, series, correlation))
    return vectors * (_orientation(vectors.T @ target) * np.sqrt(np.maximum(values, 0.0)))


def _orientation(along: Array | float) -> Array:
    return np.where(np.asarray(along) < 0, -1.0, 1.0)
