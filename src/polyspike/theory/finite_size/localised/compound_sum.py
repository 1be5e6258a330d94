"""The tail of a sum of many independent terms of which single ones may be as large as all the others together.

Products of labels and of slopes have tails like those of a Gaussian to a power, and a large sum is then, mostly, one
large term. So the largest term is taken out, with its exact law, and the rest, which is bounded by it, is a shifted
gamma variable with the three first cumulants that it has given the largest.
"""

import numpy as np
from scipy.special import gammaincc

from polyspike.arraytypes import Array

__all__ = ["tail_of_sum"]

# Values are taken together by their probability to be exceeded, times the number of terms, in so many steps.
_LARGEST, _SMALLEST, _GROUPS = 30.0, 1e-9, 90
# The least skewness of the rest, a gamma variable, which has some.
_LEAST_SKEWNESS = 1e-6
# A variance that is rounding beside the squares, as of equal terms, and the least of which powers can be taken.
_ROUNDING, _LEAST_VARIANCE = 1e-24, 1e-200


def tail_of_sum(values: Array, weights: Array, count: int, at: Array) -> Array:
    """``P(y_1 + ... + y_count > t)`` of independent terms of one law.

    Parameters
    ----------
    values, weights : ndarray of shape (V,)
        The law of a term.
    count : int
    at : ndarray of shape (T,)
        t.

    Returns
    -------
    ndarray of shape (T,)
    """
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    if values[0] == values[-1]:
        return (at < count * values[0]) * 1.0
    if count == 1:
        alone: Array = (values > at[:, None]) @ weights
        return alone
    largest, mass, by_power = _grouped(values, weights, count)
    reached = np.exp(count * np.log(np.minimum(np.cumsum(mass), 1.0)))
    shape, scale, shift = _rest(mass, by_power, count - 1)
    z = (at[:, None] - largest - shift) / scale
    tail: Array = np.where(z <= 0, 1.0, gammaincc(shape, np.maximum(z, 0.0))) @ np.diff(reached, prepend=0.0)
    return tail


def _grouped(values: Array, weights: Array, count: int) -> tuple[Array, Array, Array]:
    """Ascending groups of values: their means, their masses, and ``E[y^k; group]`` for k = 1, 2, 3, shape (3, G)."""
    exceeded = np.append(np.cumsum(weights[::-1])[::-1][1:], 0.0)
    bounds = np.geomspace(_LARGEST / count, _SMALLEST / count, _GROUPS)
    group = np.searchsorted(-bounds, -exceeded)
    sums: Array = np.stack([np.bincount(group, weights * values**k) for k in range(4)]).astype(float)
    sums = sums[:, sums[0] > 0]
    return sums[1] / sums[0], sums[0], sums[1:]


def _rest(mass: Array, by_power: Array, count: int) -> tuple[Array, Array, Array]:
    """Shape, scale and shift of a gamma variable for the sum of the others, none above the largest, in every group."""
    up_to = np.cumsum(mass) - mass / 2
    first, second, third = (np.cumsum(by_power, axis=1) - by_power / 2) / up_to
    variance = count * (second - first**2)
    variance = np.maximum(variance, _ROUNDING * count * second + _LEAST_VARIANCE)
    skewed = count * (third - 3 * first * second + 2 * first**3)
    scale = np.maximum(skewed, _LEAST_SKEWNESS * variance**1.5) / (2 * variance)
    shape = variance / scale**2
    return shape, scale, count * first - shape * scale
