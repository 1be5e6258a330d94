"""Few nodes for the law of a gradient's residual (docs/theory-inputs.md, section 3).

The residual of a sample is ``eps = sigma*(kappa*) + nu`` with ``nu`` Gaussian: the label noise and, with the full
gradient, minus the initial output. It depends on the coordinates ``k = (kappa*_1, ..., kappa*_p, [omega . x])`` of the
sample.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Teacher
from polyspike.theory.covariance.discrete_rule import MeasuredRules, Recurrence
from polyspike.theory.finite_size.labels.label_law import teacher_law, teacher_sample

__all__ = ["Residuals", "residuals"]

# A rule has the fewest nodes at which averages of :func:`_averaged` err by less than this share.
_FEWEST_NODES, _MOST_NODES, _ACCURACY = 8, 36, 1e-7
# The distance of the poles from zero, in deviations of the residual: at most the first, and the second over the root of
# ``phi_0``, where the noise is all of a weight.
_FARTHEST_POLE, _NEAREST_POLE = 2.0, 1.0
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
    explained : float
        What M does not know of the mean of eps (:class:`~polyspike.theory.covariance.step.Step`).
    """

    eps: Array
    weights: Array
    first: Array
    second: Array
    explained: float = 0.0

    @cached_property
    def relative(self) -> Array:
        """``c = eps^2/E eps^2``, shape (J,)."""
        return np.asarray(self.eps**2 / (self.energy or 1.0))

    @cached_property
    def of_matrix(self) -> Array:
        """The residual in M, ``eps - explained``, shape (J,)."""
        return self.eps - self.explained

    @property
    def mean(self) -> float:
        """``E eps`` in M."""
        return float(self.weights @ self.of_matrix)

    def given_gradient(self, factor: Array) -> Array:
        """``E[f(eps) (g g' - 1)]`` of the gradient's samples, for a function f at the nodes (J,), between the
        coordinates k and ``xi = (1/n_0) sum eps g``, which is known; shape (q + 1, q + 1) (eq-given-gradient).

        Along xi the sample is regressed on it: ``E[f eps k]/E[eps^2]`` and ``E[f eps^2]/E[eps^2]^2``.
        """
        q, energy = len(self.first), self.energy or 1.0
        out = np.empty((q + 1, q + 1))
        out[:q, :q] = self.second @ factor
        out[q, :q] = out[:q, q] = self.first @ (factor * self.eps) / energy
        out[q, q] = float(self.weights @ (factor * self.eps**2)) / energy**2
        return out

    @cached_property
    def matrix_spread(self) -> Array:
        """``E[m^2 (g g' - 1)] - E[m eps g] E[m eps g]'/E[eps^2]`` for the residual m in M, shape (q + 1, q + 1): what M
        adds to the square of a known direction. The samples' other coordinates g satisfy ``sum eps g = 0``, so that
        what ``m g`` has along eps adds nothing (eq-matrix-spread).
        """
        square, energy = self.of_matrix**2, self.energy or 1.0
        seen = np.append(
            self.first @ (self.of_matrix * self.eps),
            float(self.weights @ (self.of_matrix * self.eps**2)) / energy,
        )
        return self.given_gradient(square) - np.outer(seen, seen) / energy

    @property
    def energy(self) -> float:
        """``E eps^2``."""
        return float(self.weights @ self.eps**2)


@lru_cache(maxsize=64)
def residuals(
    teacher: Teacher, gaussian_variance: float, c1: float, full: bool, phi_gradient: float, count: int | None = None
) -> Residuals:
    """The law for ``nu`` of the given variance; with the full gradient ``E[omega . x nu] = -c1``.

    A Gauss rule in ``asinh(eps)``, measured in twice the deviation of eps: the averages are rational functions of eps
    with poles at that distance, nearer where ``phi_0 = d/n_0`` is large, and heavy tails are taken by their logarithm.
    It has ``count`` nodes, or as few as the averages of such functions allow.
    """
    scale, q, rules = _rules(teacher, gaussian_variance, c1, full, max(_MOST_NODES, count or 0))
    if rules is None:
        none = np.zeros((q, 1))
        return Residuals(np.zeros(1), np.ones(1), none, none[:, None] * none[None])
    if count is None:
        pole = min(_FARTHEST_POLE, _NEAREST_POLE / phi_gradient**0.5)
        sizes = range(_FEWEST_NODES, _MOST_NODES + 1)
        count = rules.fewest(lambda x: _averaged(2 * np.sinh(x), pole), sizes, _ACCURACY)
    nodes, weights, of_others = rules.rule(count)
    first, second = of_others.T[1 : 1 + q], of_others.T[1 + q :]
    return Residuals(scale * np.sinh(nodes), weights, first, second.reshape(q, q, -1))


@lru_cache(maxsize=16)
def _rules(
    teacher: Teacher, gaussian_variance: float, c1: float, full: bool, most: int
) -> tuple[float, int, MeasuredRules | None]:
    """Twice the deviation of eps, the number of coordinates, and the rules in ``asinh(eps)`` over that, of at most so
    many nodes, for the law itself, the means of the coordinates and of their products; None for no residual.
    """
    labels, label_weights, kappa, pairs = _teacher_law(teacher)
    t, t_weights = gauss_hermite(_NOISE_NODES) if gaussian_variance > 0 else (np.zeros(1), np.ones(1))
    nu = gaussian_variance**0.5 * t + np.zeros((len(labels), 1))
    eps, weights = (labels[:, None] + nu).ravel(), (label_weights[:, None] * t_weights).ravel()
    p = kappa.shape[1]
    first = np.zeros((p + full, len(eps)))
    second = np.zeros((p + full, p + full, len(eps)))
    first[:p] = np.repeat(kappa.T, len(t), axis=1)
    second[:p, :p] = np.repeat(pairs.transpose(1, 2, 0) - np.eye(p)[:, :, None], len(t), axis=2)
    if full:
        first[p] = along = (-c1 / gaussian_variance * nu).ravel()
        second[:p, p] = second[p, :p] = first[:p] * along
        second[p, p] = along**2 - c1**2 / gaussian_variance
    scale = 2 * float(weights @ eps**2) ** 0.5
    if scale == 0:
        return scale, p + full, None
    keep = weights * (1 + np.abs(eps)) > _UNNOTICED * (1 + scale)
    points, weights = np.arcsinh(eps[keep] / scale), weights[keep]
    others = np.concatenate([np.ones((1, len(points))), first[:, keep], second.reshape(-1, len(eps))[:, keep]])
    return scale, p + full, MeasuredRules(points, Recurrence(points, weights, most), (others * weights).T)


def _averaged(eps: Array, pole: float) -> Array:
    """``eps/(s^2 + eps^2)`` and ``eps^2/(s^2 + eps^2)`` with the poles ``+- i s``, for eps in its deviation; shape
    (2, n).
    """
    return np.array([eps, eps**2]) / (pole**2 + eps**2)


def _teacher_law(teacher: Teacher) -> tuple[Array, Array, Array, Array]:
    """The teacher's values and weights (n,), and the means of its inputs and of their products there, (n, p) and
    (n, p, p); of several indices at few enough nodes.
    """
    if teacher.n_indices > 1:
        law = teacher_law(teacher)
        return law.values, law.weights, law.inputs, law.pairs
    labels, weights, inputs = teacher_sample(teacher)
    return labels, weights, inputs, inputs[:, :, None] * inputs[:, None, :]
