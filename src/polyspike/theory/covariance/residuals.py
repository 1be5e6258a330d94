"""Few nodes for the law of a gradient's residual (docs/theory-inputs.md, section 3).

The residual of a sample is ``eps = sigma*(kappa*) + nu`` with ``nu`` Gaussian: the label noise and, with the full
gradient, minus the initial output. It depends on the coordinates ``k = (kappa*, [omega . x])`` of the sample.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Teacher
from polyspike.theory.covariance.discrete_rule import compress
from polyspike.theory.finite_size.labels.label_law import teacher_sample

__all__ = ["Residuals", "residuals"]

_NODES = 36
_NOISE_NODES = 40
# Of a node's share in the mean of the residual's size: all such nodes together are rounding.
_UNNOTICED = 1e-18


@dataclass(frozen=True, eq=False)
class Residuals:
    """Nodes of the residual, with the moments of the coordinates on which it depends.

    Attributes
    ----------
    eps, weights : ndarray of shape (J,)
    first : ndarray of shape (q, J)
        Weights times ``E[k | eps]``.
    second : ndarray of shape (q, q, J)
        Weights times ``E[k k' - 1 | eps]``.
    """

    eps: Array
    weights: Array
    first: Array
    second: Array

    @cached_property
    def relative(self) -> Array:
        """``c = eps^2/E eps^2``, shape (J,)."""
        return np.asarray(self.eps**2 / (self.energy or 1.0))

    @property
    def mean(self) -> float:
        """``E eps``."""
        return float(self.weights @ self.eps)

    @property
    def energy(self) -> float:
        """``E eps^2``."""
        return float(self.weights @ self.eps**2)


@lru_cache(maxsize=64)
def residuals(teacher: Teacher, gaussian_variance: float, c1: float, full: bool, count: int = _NODES) -> Residuals:
    """The law for ``nu`` of the given variance; with the full gradient ``E[omega . x nu] = -c1``.

    A Gauss rule in ``asinh(eps)``, measured in twice the deviation of eps: the averages are rational functions of eps
    with poles at that distance, and heavy tails are taken by their logarithm.
    """
    labels, label_weights, inputs = teacher_sample(teacher)
    kappa = inputs[:, :1]
    t, t_weights = gauss_hermite(_NOISE_NODES) if gaussian_variance > 0 else (np.zeros(1), np.ones(1))
    nu = gaussian_variance**0.5 * t + 0 * kappa
    eps, weights = (labels[:, None] + nu).ravel(), (label_weights[:, None] * t_weights).ravel()
    first = [(kappa + 0 * nu).ravel()]
    second = [[first[0] ** 2 - 1]]
    if full:
        along = (-c1 / gaussian_variance * nu).ravel()
        second[0].append(first[0] * along)
        second.append([second[0][1], along**2 - c1**2 / gaussian_variance])
        first.append(along)
    scale = 2 * float(weights @ eps**2) ** 0.5
    keep = weights * (1 + np.abs(eps)) > _UNNOTICED * (1 + scale)
    if scale == 0:
        none = np.zeros((len(first), 1))
        return Residuals(np.zeros(1), np.ones(1), none, none[:, None] * none[None])
    rule = compress(np.arcsinh(eps[keep] / scale), weights[keep], count)
    one, two = np.array(first)[:, keep] * weights[keep], np.array(second)[:, :, keep] * weights[keep]
    return Residuals(scale * np.sinh(rule.nodes), rule.weights, one @ rule.transfer.T, two @ rule.transfer.T)
