"""The law of the residual ``eps = sigma*(kappa*) + nu`` and its averages against ``1/(P - eps)``.

``nu`` is Gaussian of variance ``v``; for the full gradient it is correlated with the initial output's direction omega,
``E[omega . x | nu] = -c_1 nu / v``. All Gaussian averages over ``nu`` are closed forms in the Faddeeva function.
"""

from dataclasses import dataclass, field, fields
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

from polyspike.hermite import gauss_hermite, split_gauss_legendre
from polyspike.problem import Problem, Teacher
from polyspike.theory.uniform.conditioning import Conditioning, activation_numbers

__all__ = [
    "Averages",
    "ResidualLaw",
    "kinks_along",
    "mean_inverse",
    "residual_law",
    "rotation",
    "teacher_sample",
]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Gauss-Hermite nodes per index for a smooth teacher of several indices.
_SMOOTH_NODES = (48, 32, 20, 12)
_PANEL_NODES = 12
# Beyond this the normal weight is under 1e-18.
_RANGE = 9.0
# Poles further than this many standard deviations from the residual's law are far, and how many noise nodes they need.
_FAR = (8.0, 100.0)
_NOISE_NODES = (12, 4)
# Nodes with less than this share of E eps^2 are not seen from there.
_UNSEEN = 1e-17


@dataclass(frozen=True)
class ResidualLaw:
    """Everything about ``eps`` that the gradient matrix needs.

    Attributes
    ----------
    labels : ndarray of shape (T,)
        ``sigma*`` at the nodes of the teacher's inputs, whose weights are ``weights``.
    inputs : ndarray of shape (T, p)
        ``kappa*`` at those nodes, in the frame whose first axis is beta*.
    noise_variance : float
        ``v``.
    omega : float
        ``E[omega . x nu] = -c_1`` for the full gradient, 0 for the target-only one.
    phi : float
        ``d / n_0``.
    """

    labels: Array = field(repr=False)
    weights: Array = field(repr=False)
    inputs: Array = field(repr=False)
    noise_variance: float
    omega: float
    phi: float

    @property
    def mean(self) -> float:
        """``E eps``."""
        return float(self.weights @ self.labels)

    @property
    def second_moment(self) -> float:
        """``E eps^2``."""
        return float(self.weights @ self.labels**2) + self.noise_variance

    @property
    def deviation(self) -> float:
        """Standard deviation of the spectrum of the matrix, ``sqrt(phi_0 E weight^2)``."""
        return sqrt(self.phi * self.second_moment)

    @property
    def centre(self) -> float:
        """The mean of the spectrum, where the rule for it has its centre."""
        return self.mean

    @property
    def lowest(self) -> float:
        """Lower end of the spectrum."""
        return -np.inf

    def weight(self, eps: Array) -> Array:
        """What the matrix weighs the samples with: ``eps``, for M."""
        return eps

    def averages(self, pole: Complex) -> "Averages":
        """The averages at poles ``P`` (shape (K,), Im P > 0): closed forms near the law, plain sums far from it.

        Far from the law the closed forms cancel, and there the integrand is so smooth that a few nodes are exact.
        """
        return self._merged(pole, np.abs(pole) / sqrt(self.second_moment))

    def _merged(self, pole: Complex, distance: Array) -> "Averages":
        """Near and far averages; ``distance`` is that of the poles of eps, in standard deviations of the residual."""
        out = self._near(pole[distance <= _FAR[0]])
        for low, high, n_noise in zip(_FAR, (*_FAR[1:], np.inf), _NOISE_NODES, strict=True):
            far = (distance > low) & (distance <= high)
            if far.any():
                out = out.merged(self._far(pole[far], n_noise), far[distance <= high])
        return out

    def _near(self, pole: Complex) -> "Averages":
        distance = pole[:, None] - self.labels
        order0 = mean_inverse(distance, self.noise_variance) * self.weights
        order1 = distance * order0 - self.weights
        scalar = order0.sum(axis=1)
        slope = self.omega / self.noise_variance if self.noise_variance > 0 else 0.0
        omega2 = (1 - slope * self.omega) * scalar + slope**2 * (distance * order1).sum(axis=1)
        p = self.inputs.shape[1]
        vector = np.concatenate([order0 @ self.inputs, slope * order1.sum(axis=1)[:, None]], axis=1)
        matrix = np.empty((len(pole), p + 1, p + 1), dtype=complex)
        pairs = (self.inputs[:, :, None] * self.inputs[:, None, :]).reshape(-1, p * p)
        matrix[:, :p, :p] = (order0 @ pairs).reshape(-1, p, p)
        matrix[:, :p, p] = matrix[:, p, :p] = slope * (order1 @ self.inputs)
        matrix[:, p, p] = omega2
        if self.noise_variance > 0:
            square = order1.sum(axis=1) / self.noise_variance
        else:
            square = (1 / distance**2) @ self.weights
        one, wide = pole[:, None], pole[:, None, None]
        return Averages(
            scalar=pole * (pole * scalar - 1),
            vector=one**2 * vector,
            matrix=wide * (wide * matrix - np.eye(p + 1)),
            own=self.mean + pole - pole**2 * scalar,
            slope=1 - 2 * pole * scalar + pole**2 * square,
        )

    def joint_sample(self, n_noise: int) -> tuple[Array, Array, Array, Array]:
        """Nodes of the joint law: ``eps`` and weights (S,), ``E[k | .]`` (S, p+1), ``E[k k' | .]`` (S, p+1, p+1)."""
        x, w = gauss_hermite(n_noise)
        nu = sqrt(self.noise_variance) * x
        slope = self.omega / self.noise_variance if self.noise_variance > 0 else 0.0
        eps = (self.labels[:, None] + nu).ravel()
        weights = (self.weights[:, None] * w).ravel()
        omega = np.tile(slope * nu, len(self.labels))
        k = np.concatenate([np.repeat(self.inputs, len(nu), axis=0), omega[:, None]], axis=1)
        pairs = k[:, :, None] * k[:, None, :]
        pairs[:, -1, -1] += 1 - slope * self.omega
        return eps, weights, k, pairs

    def _far(self, pole: Complex, n_noise: int) -> "Averages":
        eps, weights, k, pairs = self.joint_sample(n_noise)
        seen = weights * eps**2 > _UNSEEN * self.second_moment
        eps, k, size = eps[seen], k[seen], k.shape[1]
        weight, share = self.weight(eps)[:, None], weights[seen, None]
        by_weight = weight * np.column_stack([np.ones(len(eps)), pairs[seen].reshape(len(eps), -1)])
        by_label = eps[:, None] * np.column_stack([k, eps])
        inverse = 1 / (pole[:, None] - weight[:, 0])
        sums = inverse @ (share * np.column_stack([by_weight, by_label]))
        scaled = pole[:, None] * sums
        return Averages(
            scalar=scaled[:, 0],
            vector=scaled[:, -1 - size : -1],
            matrix=scaled[:, 1 : -1 - size].reshape(-1, size, size),
            own=-sums[:, -1],
            slope=(inverse * inverse) @ (share * weight**2)[:, 0],
        )


@dataclass(frozen=True)
class Averages:
    """Averages over the residual at K poles P, with the weight w of a sample (eps for M), ``k = (kappa*, omega . x)``.

    Attributes
    ----------
    scalar, vector, matrix : ndarray of shape (K,), (K, p+1), (K, p+1, p+1)
        ``E A``, ``E eps k P/(P - w)``, ``E A k k'`` with ``A = w P/(P - w)``.
    own, slope : ndarray of shape (K,)
        ``-E eps^2/(P - w)`` and ``E w^2/(P - w)^2``.
    """

    scalar: Complex
    vector: Complex
    matrix: Complex
    own: Complex
    slope: Complex

    def merged(self, other: "Averages", place: NDArray[np.bool_]) -> "Averages":
        """Self at the poles outside ``place``, the other at those inside."""
        return Averages(*(_merge(getattr(self, f.name), getattr(other, f.name), place) for f in fields(self)))


def _merge(outside: Complex, inside: Complex, place: NDArray[np.bool_]) -> Complex:
    out = np.empty((len(place), *outside.shape[1:]), dtype=complex)
    out[~place], out[place] = outside, inside
    return out


def mean_inverse(distance: Complex, variance: float) -> Complex:
    """``E 1/(p - nu)``, nu ~ N(0, variance), for Im p > 0: ``-i sqrt(pi / (2 v)) w(p / sqrt(2 v))``."""
    if variance == 0:
        return 1 / distance
    return -1j * sqrt(pi / (2 * variance)) * wofz(distance / sqrt(2 * variance))


@lru_cache(maxsize=64)
def teacher_sample(teacher: Teacher) -> tuple[Array, Array, Array]:
    """``sigma*``, weights and inputs (first axis beta*) at tensor nodes of the teacher's Gaussian inputs."""
    p = teacher.n_indices
    x, w = _rule(teacher)
    grids = np.meshgrid(*([x] * p), indexing="ij")
    inputs = np.stack([g.ravel() for g in grids], axis=-1)
    weights = np.prod(np.stack([g.ravel() for g in np.meshgrid(*([w] * p), indexing="ij")]), axis=0)
    labels = np.asarray(teacher(inputs[:, 0] if p == 1 else inputs), dtype=float)
    return labels, weights, inputs @ rotation(teacher).T


def rotation(teacher: Teacher) -> Array:
    """Orthogonal matrix whose first row is the teacher's first Hermite direction: of one index, its sign."""
    p = teacher.n_indices
    basis, _ = np.linalg.qr(np.column_stack([teacher.direction, np.eye(p)]))
    basis[:, 0] = teacher.direction
    return basis[:, :p].T


def kinks_along(teacher: Teacher) -> tuple[float, ...]:
    """Where quadrature splits sigma* as a function of the input along beta*: for one index at its kinks and around its
    steep places, mirrored where it falls.

    Several indices have kinks at zero only, which the mirror leaves where they are.
    """
    if teacher.n_indices > 1:
        return teacher.kinks
    return tuple(sorted(float(teacher.direction[0]) * k for k in teacher.smoothness.corners))


def _rule(teacher: Teacher) -> tuple[Array, Array]:
    if teacher.n_indices > 1 and not teacher.kinks:
        return gauss_hermite(_SMOOTH_NODES[min(teacher.n_indices, len(_SMOOTH_NODES)) - 1])
    x, w = split_gauss_legendre(
        teacher.smoothness.corners, _PANEL_NODES if teacher.n_indices == 1 else _PANEL_NODES // 2
    )
    inside = np.abs(x) < _RANGE
    return x[inside], w[inside]


def residual_law(problem: Problem, conditioning: Conditioning) -> ResidualLaw:
    """The law of the residual that the gradient of this problem sees."""
    labels, weights, inputs = teacher_sample(problem.teacher)
    c1 = activation_numbers(problem.activation).c1
    omega = -c1 if problem.gradient == "full" else 0.0
    return ResidualLaw(labels, weights, inputs, conditioning.noise_variance, omega, problem.phi_gradient)
