"""The law of the residual ``eps = sigma*(kappa*) + nu`` and its averages against ``1/(P - eps)``.

``nu`` is Gaussian of variance ``v``; for the full gradient it is correlated with the initial output's direction omega,
``E[omega . x | nu] = -c_1 nu / v``. All Gaussian averages over ``nu`` are closed forms in the Faddeeva function.
"""

from dataclasses import dataclass, field, fields
from math import pi, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

from polyspike.arraytypes import Array, Complex
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.labels.label_law import kinks_along, rotation, teacher_law, teacher_sample

__all__ = [
    "Averages",
    "GradientLaw",
    "ResidualLaw",
    "gradient_law",
    "kinks_along",
    "mean_inverse",
    "mean_ratio",
    "residual_law",
    "rotation",
    "teacher_sample",
]

LawT = TypeVar("LawT", bound="ResidualLaw")

# For a v/p^2 smaller than the first a series of so many terms is exact to rounding.
_SERIES, _TERMS = 1 / 400, 10
# Poles further from zero than so many standard deviations of the residual are far, and need so many nodes of the noise.
_FAR = (8.0, 100.0)
_NOISE_NODES = (12, 4)
# Nodes with less than this share of E eps^2 are left out of averages at far poles.
_NEGLIGIBLE = 1e-17


@dataclass(frozen=True)
class ResidualLaw:
    """The law of ``eps``, with the inputs on which it depends, at nodes.

    Attributes
    ----------
    labels : ndarray of shape (T,)
        ``sigma*`` at the nodes of the teacher's inputs, whose weights are ``weights``.
    inputs : ndarray of shape (T, p)
        ``kappa*`` at those nodes, in the frame whose first axis is beta*.
    gaussian_variance : float
        ``v``.
    output_covariance : float
        ``E[omega . x nu] = -c_1`` for the full gradient, 0 for the target-only one.
    phi_gradient : float
        ``d / n_0``.
    pairs : ndarray of shape (T, p, p)
        ``E kappa* kappa*'`` at a node, where a node represents many inputs; the square of ``inputs`` when left out.
    """

    labels: Array = field(repr=False)
    weights: Array = field(repr=False)
    inputs: Array = field(repr=False)
    gaussian_variance: float
    output_covariance: float
    phi_gradient: float
    pairs: Array = field(repr=False, default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.pairs.size == 0:
            object.__setattr__(self, "pairs", self.inputs[:, :, None] * self.inputs[:, None, :])

    @property
    def mean(self) -> float:
        """``E eps``."""
        return float(self.weights @ self.labels)

    @property
    def second_moment(self) -> float:
        """``E eps^2``."""
        return float(self.weights @ self.labels**2) + self.gaussian_variance

    @property
    def deviation(self) -> float:
        """Standard deviation of the spectrum of the matrix, ``sqrt(phi_0 E weight^2)``."""
        return sqrt(self.phi_gradient * self.second_moment)

    @property
    def centre(self) -> float:
        """The mean of the spectrum, at which the rule is centred."""
        return self.mean

    @property
    def lowest(self) -> float:
        """Lower end of the spectrum."""
        return -np.inf

    def weight(self, eps: Array) -> Array:
        """The weight of a sample in the matrix: ``eps`` for M."""
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
        inverse = mean_inverse(distance, self.gaussian_variance)
        order0 = inverse * self.weights
        ratio = mean_ratio(distance, self.gaussian_variance, inverse) * self.weights
        order1 = ratio * self.gaussian_variance
        scalar = order0.sum(axis=1)
        slope = self.output_covariance / self.gaussian_variance if self.gaussian_variance > 0 else 0.0
        omega2 = (1 - slope * self.output_covariance) * scalar + slope**2 * (distance * order1).sum(axis=1)
        p = self.inputs.shape[1]
        vector = np.concatenate([order0 @ self.inputs, slope * order1.sum(axis=1)[:, None]], axis=1)
        matrix = np.empty((len(pole), p + 1, p + 1), dtype=complex)
        matrix[:, :p, :p] = (order0 @ self.pairs.reshape(-1, p * p)).reshape(-1, p, p)
        matrix[:, :p, p] = matrix[:, p, :p] = slope * (order1 @ self.inputs)
        matrix[:, p, p] = omega2
        square = ratio.sum(axis=1)
        one, wide = pole[:, None], pole[:, None, None]
        return Averages(
            scalar=pole * (pole * scalar - 1),
            vector=one**2 * vector,
            matrix=wide * (wide * matrix - np.eye(p + 1)),
            beta_beta=self.mean + pole - pole**2 * scalar,
            slope=1 - 2 * pole * scalar + pole**2 * square,
        )

    def joint_sample(self, n_noise: int) -> tuple[Array, Array, Array, Array]:
        """Nodes of the joint law: ``eps`` and weights (S,), ``E[k | .]`` (S, p+1), ``E[k k' | .]`` (S, p+1, p+1)."""
        x, w = gauss_hermite(n_noise)
        nu = sqrt(self.gaussian_variance) * x
        slope = self.output_covariance / self.gaussian_variance if self.gaussian_variance > 0 else 0.0
        eps = (self.labels[:, None] + nu).ravel()
        weights = (self.weights[:, None] * w).ravel()
        omega = np.tile(slope * nu, len(self.labels))
        k = np.concatenate([np.repeat(self.inputs, len(nu), axis=0), omega[:, None]], axis=1)
        pairs = k[:, :, None] * k[:, None, :]
        pairs[:, :-1, :-1] = np.repeat(self.pairs, len(nu), axis=0)
        pairs[:, -1, -1] += 1 - slope * self.output_covariance
        return eps, weights, k, pairs

    def _far(self, pole: Complex, n_noise: int) -> "Averages":
        eps, weights, k, pairs = self.joint_sample(n_noise)
        kept = weights * eps**2 > _NEGLIGIBLE * self.second_moment
        eps, k, size = eps[kept], k[kept], k.shape[1]
        weight, share = self.weight(eps)[:, None], weights[kept, None]
        by_weight = weight * np.column_stack([np.ones(len(eps)), pairs[kept].reshape(len(eps), -1)])
        by_label = eps[:, None] * np.column_stack([k, eps])
        inverse = 1 / (pole[:, None] - weight[:, 0])
        sums = inverse @ (share * np.column_stack([by_weight, by_label]))
        scaled = pole[:, None] * sums
        return Averages(
            scalar=scaled[:, 0],
            vector=scaled[:, -1 - size : -1],
            matrix=scaled[:, 1 : -1 - size].reshape(-1, size, size),
            beta_beta=-sums[:, -1],
            slope=(inverse * inverse) @ (share * weight**2)[:, 0],
        )


@dataclass(frozen=True)
class Averages:
    """Averages over the residual at K poles P, with the weight w of a sample (eps for M), ``k = (kappa*, omega . x)``.

    They are those of (eq-matrix, eq-frame), with ``P = w/phi_0`` in the subordinate w of (eq-subordinate).

    Attributes
    ----------
    scalar, vector, matrix : ndarray of shape (K,), (K, p+1), (K, p+1, p+1)
        ``E A``, ``E eps k P/(P - w)``, ``E A k k'`` with ``A = w P/(P - w)``.
    beta_beta, slope : ndarray of shape (K,)
        ``-E eps^2/(P - w)`` and ``E w^2/(P - w)^2``.
    """

    scalar: Complex
    vector: Complex
    matrix: Complex
    beta_beta: Complex
    slope: Complex

    def merged(self, other: "Averages", place: NDArray[np.bool_]) -> "Averages":
        """The averages of self at the poles outside ``place``, those of the other at the poles inside."""
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


def mean_ratio(distance: Complex, variance: float, inverse: Complex) -> Complex:
    """``E[nu/(p - nu)]/v = E 1/(p - nu)^2`` by ``(p E 1/(p - nu) - 1)/v``, of the ``inverse`` given by
    :func:`mean_inverse`; where that would cancel, by its series in ``v/p^2``, ``1/p^2 sum_k (2k + 1)!! (v/p^2)^k``.
    """
    with np.errstate(under="ignore"):
        small = variance / distance**2
    far = np.abs(small) < _SERIES
    out = np.empty_like(distance)
    out[far] = _ratio_series(small[far]) / distance[far] ** 2
    if not far.all():
        near = ~far
        out[near] = (distance[near] * inverse[near] - 1) / variance
    return out


def _ratio_series(small: Complex) -> Complex:
    """``sum_k (2k + 1)!! small^k``."""
    total = np.zeros_like(small)
    for k in range(_TERMS, -1, -1):
        total = 1 + (2 * k + 3) * small * total
    return total


@dataclass(frozen=True)
class GradientLaw:
    """The law of ``eps`` as a value that can be hashed, by which the measures of M are cached.

    Attributes
    ----------
    teacher : Teacher
    gaussian_variance : float
        ``v``, of the noise ``nu``.
    output_covariance : float
        ``E[omega . x nu]``.
    phi_gradient : float
        ``d / n_0``.
    """

    teacher: Teacher
    gaussian_variance: float
    output_covariance: float
    phi_gradient: float

    def residual(self, kind: type[LawT]) -> LawT:
        """The law with its nodes, for M (:class:`ResidualLaw`) or another weight of the samples."""
        labels, weights, inputs, pairs = teacher_law(self.teacher)
        return kind(labels, weights, inputs, self.gaussian_variance, self.output_covariance, self.phi_gradient, pairs)


def gradient_law(problem: Problem, conditioning: Conditioning) -> GradientLaw:
    """The law of the residual that the gradient of this problem sees."""
    omega = -activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
    return GradientLaw(problem.teacher, conditioning.gaussian_variance, omega, problem.phi_gradient)


def residual_law(problem: Problem, conditioning: Conditioning) -> ResidualLaw:
    """The law of :func:`gradient_law` with its nodes, for the matrix M."""
    return gradient_law(problem, conditioning).residual(ResidualLaw)
