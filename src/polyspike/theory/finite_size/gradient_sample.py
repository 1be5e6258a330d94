"""The law of what one sample of the gradient leaves in the step, and a rule for averages over it.

The conditioning of section 1 takes the sample's averages at their expectations. With few samples they fluctuate, and
no error is linear in them (docs/theory-corrections.md, few samples of the gradient). Given the inputs along beta* and
omega and the noises of the sample, the rest of beta is Gaussian. So three averages and one chi-square say it all::

    V = avg eps^2,   S = avg eps kappa* = beta . beta*,   T = avg eps omega.x = beta . omega,
    |beta|^2 - S^2 - T^2 = V chi^2 / n_0                                                        (eq-step-scalars).

V is a sum of positive independent terms, for labels of degree k with tails as heavy as those of chi^(2k). Its moments
are then those of samples that hardly occur, but all averages over ``y = exp(-V / 4 E V)`` factorise over the samples:
``E y^j = (E exp(-j eps^2 / (4 n_0 E V)))^n_0``, and ``E[S y^j]`` in the same way. The rule is Gauss's for the law of y,
with the means of S and T given y to its degree.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.conditioning import StepScalars, activation_numbers, condition
from polyspike.theory.finite_size.labels.label_law import teacher_sample

__all__ = [
    "EnergyLaw",
    "Overlaps",
    "WeightedSample",
    "blended",
    "concentration",
    "energy_law",
    "few_moves",
    "mean_overlaps",
    "participation",
    "sample_nodes",
    "weighted_samples",
]

WINDOW = (200, 400)
"""Samples of the gradient up to which the average alone is taken, and from which the expectations alone."""

# Three nodes at this rate of y are within 0.3 % of averages over 250 simulated samples of 5 to 30, cubic labels
# included; a rate of 1 is off by 2 % at 5 samples, where y no longer tells large V apart.
_ENERGY_NODES = 3
_RATE = 0.25
# A law of y narrower than this, or with fewer values than nodes, gets fewer nodes: labels of one size, without noise.
_LEAST_DEVIATION = 3e-3
_LEAST_PIVOT = 1e-7
_NOISE_NODES = 40
_NO_MOMENT = 1e-9
# Of s E eps^2: beyond, the integrand has no weight, or what is left of it is that of samples without a residual.
_UNNOTICED = 1e-4
_PARTICIPATION_RANGE, _PARTICIPATION_NODES = (1e-7, 1e8), 150
# Signs of (S, T, across) at the four points of a half fraction: means, variances and covariances are exact.
_CORNERS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


class WeightedSample(NamedTuple):
    """A node of the average; None stands for the expectations."""

    weight: float
    scalars: StepScalars | None


class Overlaps(NamedTuple):
    """The cosines of the gradient and of the spike with beta*, the spike's strength r, and the anisotropy of the
    weights after the step (``FiniteSizeModel.anisotropy``).
    """

    of_gradient: float
    of_spike: float
    spike_size: float
    anisotropy: float


def weighted_samples(problem: Problem) -> tuple[WeightedSample, ...]:
    """Nodes and weights, all positive, of an average over the gradient's sample.

    With many samples the expectations alone, at which a prediction is cheaper by an order; what is left out there is
    mostly ``0.2/n_0`` of an error, and up to ``1.5/n_0`` for cubic labels. In between the two are blended, so that
    nothing jumps.
    """
    return blended(problem.gradient_samples, lambda: _nodes(problem))


def blended(count: int, nodes: Callable[[], Sequence[WeightedSample]]) -> tuple[WeightedSample, ...]:
    """The nodes of ``count`` samples, the expectations alone, or between the two both."""
    share = _share(count)
    if share == 0:
        return (WeightedSample(1.0, None),)
    found = tuple(node._replace(weight=share * node.weight) for node in nodes())
    return found if share == 1 else (WeightedSample(1 - share, None), *found)


def mean_overlaps(found: Sequence[tuple[float, FiniteSizeModel]]) -> Overlaps:
    """The averages of the overlaps over models with weights."""
    rows = [
        (weight * c.gradient_cosine, weight * c.spike_cosine, weight * c.spike_strength, weight * model.anisotropy)
        for weight, model, c in ((weight, model, model.conditioning) for weight, model in found)
    ]
    return Overlaps(*(float(sum(column)) for column in zip(*rows, strict=True)))


def concentration(problem: Problem) -> float:
    """How much of the features lies in few directions of the step's noise: ``(q/(1+q))^2 p (n/(n + n_0(n_0+1)/2))^2``.

    The gradient noise lies in the directions of the gradient's samples, in proportion to eps^2. The theory takes these
    directions to be many: features are then Gaussian given kappa, and their nonlinear part is noise. The squared share
    ``q/(1+q)`` of a neuron of u = 1 over the effective number ``1/p`` of directions is the relative variance of a
    pre-activation's variance, and the ``n_0(n_0+1)/2`` quadratic functions of those directions are learned from n
    samples where the theory has noise. It is used for the error estimate, and is no part of a prediction.
    """
    count = problem.gradient_samples
    learned = problem.n_samples / (problem.n_samples + count * (count + 1) / 2)
    most = _moved(problem) * learned**2
    return most * participation(problem) if most > _UNNOTICED else most


def few_moves(problem: Problem) -> float:
    """``(q/(1+q))^2 p``: the excess kurtosis of a pre-activation over neurons, up to that of labels, inputs and slopes.

    As :func:`concentration`, whatever of it n samples can learn, and for the error estimate only.
    """
    most = _moved(problem)
    return most * participation(problem) if most > _UNNOTICED else most


def _moved(problem: Problem) -> float:
    q = abs(condition(problem).move_variance)
    return float((q / (1 + q)) ** 2)


def participation(problem: Problem) -> float:
    """``p = E[sum eps^4 / (sum eps^2)^2]`` over the gradient's sample: one over the effective number of its samples.

    Never over one, however heavy the labels are; one where no sample has a residual.
    """
    return _participation(problem.teacher, condition(problem).gaussian_variance, problem.gradient_samples)


@lru_cache(maxsize=256)
def _participation(teacher: Teacher, v: float, count: int) -> float:
    """``1/S^2`` is the integral of ``s exp(-s S)`` over s > 0, and over the noise ``eps^4 exp(-s eps^2)`` has a closed
    form.
    """
    labels, weights, _ = teacher_sample(teacher)
    moment = float(weights @ labels**2) + v
    if moment == 0:
        return 1.0
    first, last = np.log(_PARTICIPATION_RANGE)
    log_s = np.linspace(first, last, _PARTICIPATION_NODES)
    s = (np.exp(log_s) / moment)[:, None]
    narrowed = 1 + 2 * s * v
    density = np.exp(-s * labels**2 / narrowed) / np.sqrt(narrowed)
    mean, variance = labels / narrowed, v / narrowed
    fourth = (density * (mean**4 + 6 * mean**2 * variance + 3 * variance**2)) @ weights
    integrand = count * fourth * (density @ weights) ** (count - 1) * s[:, 0] ** 2
    return float(np.trapezoid(integrand, log_s))


def _share(count: int) -> float:
    """The weight of the nodes of the sample's law: from 1 to 0 across the window, with continuous slope in the
    logarithm.
    """
    few, many = WINDOW
    x = min(max(float(np.log(many / count) / np.log(many / few)), 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _nodes(problem: Problem) -> tuple[WeightedSample, ...]:
    """The nodes of a problem whose inputs are isotropic."""
    scalars = condition(problem, 0.0)
    c1 = activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
    freedom = max(problem.input_dim - 1 - (problem.gradient == "full"), 1)
    return sample_nodes(problem, scalars.gaussian_variance, c1, freedom, freedom / problem.input_dim)


def sample_nodes(
    problem: Problem, gaussian_variance: float, c1: float, freedom: float, across: float
) -> tuple[WeightedSample, ...]:
    """The rule in V times a half fraction in S and T given V and in the chi-square, of ``freedom`` degrees and of mean
    ``across``.
    """
    if problem.label_second_moment + gaussian_variance - problem.noise**2 == 0:
        return (WeightedSample(1.0, None),)
    # For the mirrored activation T changes its sign, and the nodes are the same.
    side = -1.0 if c1 < 0 else 1.0
    law = energy_law(problem.teacher, gaussian_variance, abs(c1), problem.gradient_samples)
    nodes = []
    for weight, energy, overlaps in zip(law.weights, law.energies, law.overlaps, strict=True):
        for corner in _CORNERS:
            signal, output = overlaps + np.sqrt(energy) * (law.root @ corner[:2])
            size = across * _chi_square(freedom, corner[2])
            scalars_here = StepScalars(float(energy), law.side * float(signal), side * float(output), size)
            nodes.append(WeightedSample(float(weight) / len(_CORNERS), scalars_here))
    return tuple(nodes)


class EnergyLaw(NamedTuple):
    """A rule for V, and S and T given V.

    Attributes
    ----------
    weights, energies : ndarray of shape (3,)
        V over its expectation.
    overlaps : ndarray of shape (3, 2)
        Means of S and T given V.
    root : ndarray of shape (2, 2)
        Lower triangular; times its transpose and V over its expectation it is the covariance of S and T given V.
    side : float
        The sign by which S here is that along the teacher's direction, which labels without a linear part do not turn.
    """

    weights: Array
    energies: Array
    overlaps: Array
    root: Array
    side: float


@lru_cache(maxsize=256)
def energy_law(teacher: Teacher, gaussian_variance: float, c1: float, count: int) -> EnergyLaw:
    """Gauss's rule for ``y = exp(-V / 4 E V)`` of ``count`` residuals ``eps = sigma* + nu``, nu Gaussian of
    ``gaussian_variance`` with ``E[nu omega.x] = -c1`` (0 for the target-only gradient).

    With orthonormal polynomials p_l of y, the mean of S given y is ``sum_l E[S p_l] p_l(y)``, up to degree 2. The rest
    of S and T has a covariance in proportion to V, for which ``E[y rest rest']`` is exact.
    """
    degree = 2 * _ENERGY_NODES - 1
    energy, overlaps, products = _transforms(teacher, gaussian_variance, c1, count, degree)
    centre, scale = energy[1], np.sqrt(max(energy[2] - energy[1] ** 2, 0.0))
    scale = scale if scale > _LEAST_DEVIATION else 1.0
    change = _centring(centre, scale, degree)
    moments, cross_moments = change @ energy, overlaps @ change[: _ENERGY_NODES + 1, : _ENERGY_NODES + 1].T
    m, lower = _orthonormal(moments)
    nodes, vectors = np.linalg.eigh(lower @ moments[_hankel(m) + 1] @ lower.T)
    weights, y = vectors[0] ** 2, centre + scale * nodes
    coefficients = cross_moments[:, :m] @ lower.T
    means = (coefficients @ (vectors / vectors[0])).T
    powers = coefficients @ lower
    by_y = np.pad(powers, ((0, 0), (0, 1))) * centre + np.pad(powers, ((0, 0), (1, 0))) * scale
    cross = by_y @ cross_moments[:, : m + 1].T
    covariance = products - cross - cross.T + means.T @ ((weights * y)[:, None] * means)
    # A node at an atom y = 1, for samples whose labels all vanish, may round beyond 1; such samples have no overlaps.
    energies = -np.log(np.minimum(y, 1.0)) / _RATE
    return EnergyLaw(
        weights,
        energies,
        means * (energies > 0)[:, None],
        _root(covariance / (weights @ (y * energies))),
        1.0 if np.any(teacher.linear_coefficients) else _side(*teacher_sample(teacher)),
    )


def _orthonormal(moments: Array) -> tuple[int, Array]:
    """The number of nodes, fewer than three where the law has fewer values, and the coefficients of the orthonormal
    polynomials, lower triangular.
    """
    for m in range(_ENERGY_NODES, 1, -1):
        gram = moments[_hankel(m)]
        if np.linalg.eigvalsh(gram)[0] > _LEAST_PIVOT:
            return m, np.linalg.inv(np.linalg.cholesky(gram))
    return 1, np.eye(1)


def _hankel(m: int) -> NDArray[np.intp]:
    return np.add.outer(np.arange(m), np.arange(m))


def _transforms(teacher: Teacher, v: float, c1: float, n0: int, degree: int) -> tuple[Array, Array, Array]:
    """The averages of (eq-sample-law): ``E y^j`` (degree + 1,), ``E[(S, T) y^j]`` (2, nodes + 1) and
    ``E[(S, T)(S, T)' y]`` (2, 2).
    """
    labels, label_weights, inputs = teacher_sample(teacher)
    kappa = inputs[:, :1] * _side(labels, label_weights, inputs)
    t, t_weights = gauss_hermite(_NOISE_NODES) if v > 0 else (np.zeros(1), np.ones(1))
    noise = np.sqrt(v) * t
    weights = label_weights[:, None] * t_weights
    eps = labels[:, None] + noise
    square = eps**2 / (weights * eps**2).sum()
    rate = _RATE / n0
    omega_x = -c1 / v * noise if c1 != 0 else 0 * noise
    contributions = np.stack([kappa * eps, omega_x * eps])
    y = weights * np.exp(-rate * square * np.arange(degree + 1)[:, None, None])
    mass = y.sum(axis=(1, 2))
    single = np.einsum("jab,sab->sj", y[: _ENERGY_NODES + 1], contributions)
    other_samples = mass[: _ENERGY_NODES + 1] ** (n0 - 1)
    same_sample = np.einsum("ab,sab,tab->st", y[1], contributions, contributions)
    if c1 != 0:
        same_sample[1, 1] += (1 - c1**2 / v) * (y[1] * eps**2).sum()
    two_samples = np.outer(single[:, 1], single[:, 1]) * mass[1] ** (n0 - 2)
    products = same_sample * mass[1] ** (n0 - 1) / n0 + (1 - 1 / n0) * two_samples
    return mass**n0, single * other_samples, products


def _side(labels: Array, weights: Array, inputs: Array) -> float:
    """The sign of kappa for which the rule of a mirrored teacher, or of labels of the other sign, has the same nodes.

    That of the first moment ``E[label kappa^j]`` that is no rounding, the odd ones first.
    """
    size, kappa = np.sqrt(weights @ labels**2), inputs[:, 0]
    for power in (1, 3, 5, 2, 0, 4):
        moment = weights @ (labels * kappa**power)
        if abs(moment) > _NO_MOMENT * size * np.sqrt(weights @ kappa ** (2 * power)):
            return -1.0 if moment < 0 else 1.0
    return 1.0


def _centring(centre: float, scale: float, degree: int) -> Array:
    """The matrix that makes ``E[f ((y - centre)/scale)^j]`` of ``E[f y^j]``, j up to ``degree``."""
    rows = [np.pad(np.polynomial.polynomial.polypow([-centre, 1.0], j), (0, degree - j)) for j in range(degree + 1)]
    return np.array(rows) / scale ** np.arange(degree + 1)[:, None]


def _root(covariance: Array) -> Array:
    """A lower triangular root of a positive semidefinite matrix of two rows."""
    first = np.sqrt(max(covariance[0, 0], 0.0))
    cross = covariance[0, 1] / first if first > 0 else 0.0
    return np.array([[first, 0.0], [cross, np.sqrt(max(covariance[1, 1] - cross**2, 0.0))]])


def _chi_square(freedom: float, sign: int) -> float:
    """A chi-square over its mean at the lower (-1) or upper (1) of two equally likely values.

    Their variance is that of the law, ``2/freedom``, to first order in 1/freedom, and both are positive.
    """
    return float(1 + sign * np.sqrt(2 / (freedom + 2)))
