"""The initial output on the gradient's rows, of which the full gradient is made: a balanced set of typical ones.

Given the rows, ``f_0`` is a Gaussian vector: ``f_0 = a_0(t) g + (a_1(t)/t) omega.x + rest``, where g is the sum of the
initial readout, ``omega = W_0' a ~ N(0, I/d)``, and the rest has the kernel's degrees of 2 and above for its covariance
(eq-data-output). The errors are averaged over outputs in which every coordinate along an eigenvector of its covariance
is plus or minus its standard deviation, in pairs of opposite signs: what is linear in ``f_0`` cancels, and what is
quadratic is exact on the diagonal. The coordinate along an eigenvector that has much of the whole, which inputs that
are not centred have, takes the four nodes of a Gauss rule. Given the output, omega is its mean plus its own typical
rest.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import hadamard

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Activation
from polyspike.theory.on_data.gradient_rows import DEGREE, correlations, deviations
from polyspike.theory.on_data.hermite_moments import Moments, hermite_moments
from polyspike.theory.on_data.series import lumped, power_series

__all__ = ["InitialOutput", "initial_outputs"]

_SIGNS = 2310_07891
"""Fixes the signs of the first output; the answer depends on it by what is left of the fluctuation of a network."""

_STRONG = 0.3
"""Share of the output's variance from which on the size of one coordinate counts, and not its square alone."""

_RANK = 1e-12
"""Eigenvalues of this share of the largest are rounding."""


class InitialOutput(NamedTuple):
    """``f_0`` of shape (n0,), omega of shape (d,), and the share of all networks that it stands for."""

    values: Array
    omega: Array
    share: float


class _Law(NamedTuple):
    """``f_0 = mean + along z`` with ``z ~ N(0, I)``, and ``omega = given z + rest z'`` with others."""

    mean: Array
    along: Array
    given: Array
    rest: Array


def initial_outputs(
    activation: Activation, inputs: Array, target: Array, readout: str, width: int, pairs: int = 1
) -> Iterator[InitialOutput]:
    """Pairs of opposite outputs, the most typical first: ``2 pairs`` of them, twice as many where one coordinate is
    strong.

    The signs are fixed along each eigenvector relative to the target, so that the set turns with the inputs, is
    permuted with the rows, and changes sign with the target.
    """
    law = _law(activation, inputs, target, readout, width)
    signs = np.random.default_rng(_SIGNS)
    first, others = (np.sign(signs.standard_normal(part.shape[1])) for part in (law.along, law.rest))
    patterns = hadamard(_power_of_two(pairs))[:pairs]
    for size, share in zip(*_sizes(law.along), strict=True):
        for pattern in patterns:
            z = first * np.resize(pattern, len(first))
            z[:1] *= size
            varied, omega = law.along @ z, law.given @ z + law.rest @ (others * np.resize(pattern, len(others)))
            for sign in (1.0, -1.0):
                yield InitialOutput(law.mean + sign * varied, sign * omega, float(share) / (2 * pairs))


def _law(activation: Activation, inputs: Array, target: Array, readout: str, width: int) -> _Law:
    t, (n, d) = deviations(inputs), inputs.shape
    a = hermite_moments(activation, np.zeros_like(t), t, DEGREE + 2)
    constant, linear = a.coefficients[0], a.coefficients[1] / t
    fixed = readout == "constant"
    covariance = _rest(a, correlations(inputs, t)) + np.outer(linear, linear) * (inputs @ inputs.T / d)
    covariance += 0.0 if fixed else np.outer(constant, constant)
    along = _oriented(*np.linalg.eigh(covariance), target)[:, ::-1]
    axes = _input_axes(inputs)
    given = (axes.T @ (inputs.T * linear) / d) @ (along / np.sum(along**2, axis=0))
    rest = _oriented(
        *np.linalg.eigh(np.eye(axes.shape[1]) / d - given @ given.T), axes.T @ inputs.T @ (linear * target)
    )
    return _Law(constant * np.sqrt(width) if fixed else np.zeros(n), along, axes @ given, axes @ rest)


def _rest(a: Moments, correlation: Array) -> Array:
    """The kernel of degree 2 and above."""
    low = a.coefficients[:2]
    high = Moments(np.vstack([np.zeros_like(low), a.coefficients[2:]]), a.energy - np.sum(low**2, axis=0))
    series = lumped(high)
    return power_series(series, series, correlation)


def _input_axes(inputs: Array) -> Array:
    """An orthonormal basis of the rows, shape (d, directions)."""
    _, values, axes = np.linalg.svd(inputs, full_matrices=False)
    return axes[values > values[0] * _RANK].T if values[0] > 0 else axes[:0].T


def _oriented(values: Array, vectors: Array, target: Array) -> Array:
    """Eigenvectors that do not point away from a target, times the root of their eigenvalues; ascending."""
    kept = values > _RANK * values[-1:].max(initial=0.0)
    vectors = vectors[:, kept]
    return vectors * (np.where(vectors.T @ target < 0, -1.0, 1.0) * np.sqrt(values[kept]))


def _sizes(along: Array) -> tuple[Array, Array]:
    """Sizes of the strongest coordinate, the smallest first, and their weights."""
    energies = np.sum(along**2, axis=0)
    if np.max(energies, initial=0.0) <= _STRONG * np.sum(energies):
        return np.ones(1), np.ones(1)
    nodes, weights = gauss_hermite(4)
    return nodes[2:], 2 * weights[2:]


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
