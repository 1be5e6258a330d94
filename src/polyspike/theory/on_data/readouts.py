"""Nodes of the law of a neuron: of u, its readout at scale one, and of the length of its weight (eq-data-nodes)."""

import numpy as np
from scipy import linalg
from scipy.special import gammaln

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.problem.activations import is_odd
from polyspike.theory.on_data.features import MovedRows
from polyspike.theory.on_data.gradient_rows import deviations
from polyspike.theory.on_data.hermite_moments import hermite_moments

__all__ = [
    "FEW_COLUMNS",
    "MOST_COLUMNS",
    "has_features",
    "has_lengths",
    "learns_mean",
    "length_effect",
    "length_nodes",
    "readout_nodes",
    "turning_readout",
]

_REACH = 7.0
"""The weight of a normal readout beyond is under 1e-11."""

_LEAST, _MOST = 0.02, 1.0


FEW_COLUMNS = 100
"""With more, the law of a weight on the sphere is taken for a normal one: a relative error of the order of ``2/d``."""

_CHANGE = 0.1
"""Of the squared length, for a second difference."""

_VERY_FEW_COLUMNS = 40
_FOUR = (1 + 0.25 * np.array([-1.5, -0.5, 0.5, 1.5]), np.array([0, 1, 2, 4]))
_THREE = (1 + 0.25 * np.array([-1.0, 0.0, 1.0]), np.array([0, 1, 2]))
_SIX = (np.array([0.4, 0.6, 0.75, 0.9, 1.0, 1.15]), np.array([0, 1, 2, 4, 6, 8]))
"""Lengths, and the moments that they have."""

MOST_COLUMNS = 400
"""Beyond them lengths do not count, whatever is learned."""

_SMALL_MEAN, _DEVIATIONS = 0.01, 1.5
"""Square of the mean of labels over their variance up to which it is none, and standard errors of a mean by chance."""


def learns_mean(activation: Activation, target: Array) -> bool:
    """Whether the labels of the fit, shape (n,), have a mean, and the features a part of a constant."""
    least = max(_SMALL_MEAN, _DEVIATIONS**2 / len(target))
    return not is_odd(activation) and bool(np.mean(target) ** 2 > least * np.var(target))


def has_lengths(activation: Activation, input_dim: int, target: Array) -> bool:
    """Whether the lengths of weights are accounted for, at labels of the fit of shape (n,)."""
    return len(length_nodes(input_dim, learns_mean(activation, target))[0]) > 1


def length_nodes(input_dim: int, with_mean: bool = False) -> tuple[Array, Array]:
    """Lengths and signed weights with which normal weights make one on the sphere (eq-data-length).

    A normal weight is one on the sphere times a random length R, ``R^2 ~ chi2_d / d``. A length s with
    ``E s^k = 1 / E R^k`` undoes it: the variance of ``s^2`` is negative, hence the signs. Four nodes have the moments
    k = 0, 1, 2 and 4, so that ReLU, whose kernel is quadratic in s, is exact without a step; beyond 40 columns three
    nodes have the first three, and beyond 100 there is one, of length 1. Both of shape (nodes,).

    The smallest eigenvalue that counts is that of a constant, which labels with a mean ask for: quadratic features of
    normal weights have some of it and those of weights on the sphere hardly any. There six nodes, with the moments 6
    and 8 besides, are taken up to 400 columns.
    """
    if input_dim > (MOST_COLUMNS if with_mean else FEW_COLUMNS):
        return np.ones(1), np.ones(1)
    lengths, powers = _FOUR if input_dim <= _VERY_FEW_COLUMNS else _THREE
    lengths, powers = _SIX if with_mean else (lengths, powers)
    half = input_dim / 2
    logarithm = powers / 2 * np.log(2 / input_dim) + gammaln(half + powers / 2) - gammaln(half)
    return lengths, linalg.solve(lengths ** powers[:, None], np.exp(-logarithm))


def length_effect(activation: Activation, inputs: Array) -> float:
    """What a normal weight changes, in units of ``1/d``: ``f''(1)/f(1)``, ``f(v) = E sigma(sqrt(v) t z)^2``.

    A mean over the squared length v, whose variance is ``2/d``, exceeds the value at 1 by ``f''/d``. Without a step, on
    the diagonal of the rows, shape (rows, d): 0.2 for ReLU, 1.2 for ``x + 0.1 x^3`` and 9 for ``h3`` on rows of length
    ``sqrt d``.
    """
    t = deviations(inputs)
    less, here, more = (
        float(np.mean(hermite_moments(activation, np.zeros_like(t), np.sqrt(v) * t, 0).energy))
        for v in (1 - _CHANGE, 1.0, 1 + _CHANGE)
    )
    return abs(less - 2 * here + more) / _CHANGE**2 / here


def readout_nodes(law: str, count: int, scale: float) -> tuple[Array, Array]:
    """Nodes and weights of an average over u, shape (A,) each; exact but for a normal u.

    Of a normal u the trapezoid rule in v, ``u = c sinh v`` (eq-data-nodes): the kernels are analytic in u but near
    ``u = +- i c``, c the readout at which a step moves a pre-activation by its own size, and in v that is the distance
    ``pi / 2`` whatever the step. There are ``count`` nodes at c = 1, and as dense ones at smaller c.
    """
    if law == "gaussian":
        reach = np.arcsinh(_REACH / scale)
        half = int(np.ceil((count - 1) / 2 * reach / np.arcsinh(_REACH)))
        v = np.linspace(-reach, reach, 2 * half + 1)
        nodes, weights = scale * np.sinh(v), np.cosh(v) * np.exp(-((scale * np.sinh(v)) ** 2) / 2)
        return nodes, weights / weights.sum()
    nodes = np.array([-1.0, 1.0]) if law == "rademacher" else np.array([1.0])
    return nodes, np.full(len(nodes), 1 / len(nodes))


def turning_readout(rows: MovedRows, scaled_step: float) -> float:
    """The readout c at which the move of a row's pre-activation is as large as what it was, within [0.02, 1].

    The largest move over its deviation, ``sqrt(|x.drift|^2 + |M x|^2/d + |L'x|^2) / t``, of the rows, shape (rows,),
    but for the most extreme hundredth. Rounded down to a power of the root of 2, so that steps alike share their nodes.
    """
    d = rows.inputs.shape[1]
    size = rows.drift**2 + np.sum(rows.matrix**2, axis=1) / d + np.sum(rows.noise**2, axis=1)
    start = np.maximum(np.sum(rows.inputs**2, axis=1) / d, 1e-300)
    ratio = scaled_step * float(np.quantile(np.sqrt(size / start), 0.99))
    there = np.clip(1 / max(ratio, 1e-300), _LEAST, _MOST)
    return float(2 ** (np.floor(2 * np.log2(there)) / 2))


def has_features(activation: Activation, inputs: Array) -> bool:
    """Whether any of the rows, shape (rows, d), has features other than zero before a step."""
    t = deviations(inputs)
    return bool(np.any(hermite_moments(activation, np.zeros_like(t), t, 0).energy > 0))
