"""Where an outlier is on average at a finite size (docs/theory-finite-size.md, section 6).

The location of an outlier is a limit. Over draws it fluctuates by relative ``1/sqrt n``, and its mean is off by 1/n, by
two effects that reach percents:

1. Repulsion. The sample averages behind ``B(z)`` fluctuate and mix two outliers j and k. In the eigenproblem
   linearised at the two roots the mixing element is Gaussian with variance
   ``V = [n Var_kappa(R f_j f_k) + Var_u(zeta a_j a_k)/N] / (s_j s_k)``, ``f = P v``, ``a = T' n <P, P'> v``,
   ``s = v' B' v``; two levels a gap g apart then lie ``E sqrt(g^2 + 4 V x^2)`` apart, x ~ N(0, 1).
2. Curvature. Later spikes grow faster than in proportion to ``r^2``, which fluctuates with ``b.b``. With V_b the
   relative variance of that, a location z gains ``(V_b/2)(d^2 z/q_perp^2 - dz/q_perp)``, ``l = log r^2``.

What is left out: fluctuations of E eps^2 beyond their part in ``b.b`` and of the spectrum of M, and mixing with the
bulk.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.spectra import Spike
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.gradient_matrix.residual_law import teacher_sample
from polyspike.theory.finite_size.spectrum.branches import in_smaller_steps
from polyspike.theory.finite_size.spectrum.outliers import FiniteRankParts, Root, roots_above, upper_edge
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model
from polyspike.theory.finite_size.spikes.learned_functions import neuron_cost

__all__ = ["outlier_means", "outlier_spreads", "strength_variance"]

# Half the range of log r^2 for the curvature, at least: a second difference has lost nothing of 1e-5 there.
_LEAST_RANGE = 0.1
_NODES = 40


def outlier_means(problem: Problem, spikes: tuple[Spike, ...], refine: float = 1.0) -> tuple[float, ...]:
    """Expectation of the eigenvalue of every spike above the bulk, to order 1/n; of the others their location.

    Parameters
    ----------
    problem : Problem
    spikes : tuple
        Of its spectrum, largest first.
    refine : float
        That of the spectrum's nodes.

    Returns
    -------
    tuple of float
        In the order of the spikes. An outlier that a change of the strength r^2 by a tenth takes into the bulk has no
        curvature here.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` as for the spectrum itself.
    """
    here = _outliers(problem, refine)
    found = [root.branch.z + shift for root, shift in zip(here.roots, _repulsion(here), strict=True)]
    variance = strength_variance(problem)
    for k, (first, second) in enumerate(_by_strength(problem, here, refine)):
        found[k] += variance / 2 * (second - first)
    return tuple(found + [spike.location for spike in spikes[len(found) :]])


def outlier_spreads(problem: Problem, spikes: tuple[Spike, ...], refine: float = 1.0) -> tuple[float, ...]:
    """Standard deviation over draws of the eigenvalue of every spike above the bulk, to order 1/n; of the others nan.

    The variance is V_b times the squared ``dz/q_perp``, and the variance V of the diagonal element of an outlier with
    itself. What is left out is what the means leave out; it counts where the sample of the gradient is small.
    """
    here = _outliers(problem, refine)
    by_strength = [first for first, _ in _by_strength(problem, here, refine)]
    by_strength += [root.branch.z for root in here.roots[len(by_strength) :]]
    variance = strength_variance(problem)
    modes = [_mode(here.learned, root) for root in here.roots]
    own = [_mixing(here.learned, mode, mode) for mode in modes]
    matrix = [_by_matrix(here.learned, root) ** 2 * _end_variance(problem) for root in here.roots]
    total = (variance * by**2 + more + end for by, more, end in zip(by_strength, own, matrix, strict=True))
    found = [float(square**0.5) for square in total]
    return tuple(found + [float("nan")] * (len(spikes) - len(found)))


def _by_matrix(learned: FiniteRankParts, root: Root) -> float:
    """The derivative of a location by the outlier of M (of the noise's covariance, for c_2 = 0) that it rests on.

    Of E only Q depends on it: ``dz/dmu = y_m' dQ/dmu y_m / (y' E' y)``.
    """
    model = learned.spectral.model
    scalars, bulk, u = model.conditioning, model.bulk, model.grid.u
    zeta = learned.spectral.on_whole_laws(root.branch.state).zeta
    p, total = bulk.phi.shape[1], 0.0
    for i, (node, _) in enumerate(learned.spectral.outliers_of_matrix):
        first = learned.functions.shape[1] + 2 * p * (1 + i)
        part = root.vector[first : first + p]
        by = (
            scalars.gradient_noise_variance * u**2
            if scalars.quadratic_step == 0
            else 2 * model.gains[node] * scalars.quadratic_step * u
        )
        total += float((bulk.neuron_weights * zeta * by) @ (bulk.chi @ part) ** 2) / root.slope
    return total


def _end_variance(problem: Problem) -> float:
    """Variance of an outlier of M, or of the noise's covariance over its mean, along the teacher's first direction:
    that of the sample average of ``eps k^2`` (``eps^2 k^2``), to leading order in d/n_0.
    """
    scalars = condition(problem)
    labels, weights, inputs = teacher_sample(problem.teacher)
    v, k2 = scalars.gaussian_variance, inputs[:, 0] ** 2
    if scalars.quadratic_step != 0:
        mean, square = weights @ (labels * k2), weights @ ((labels**2 + v) * k2**2)
        return float(square - mean**2) / problem.gradient_samples
    fourth = labels**4 + 6 * labels**2 * v + 3 * v**2
    mean, square = weights @ ((labels**2 + v) * k2), weights @ (fourth * k2**2)
    return float(square - mean**2) / problem.gradient_samples / scalars.residual_moment**2


def _by_strength(problem: Problem, here: "_Outliers", refine: float) -> list[tuple[float, float]]:
    """First and second derivative of the locations by ``l = log r^2``, of those that are still there at both ends.

    Over the range of a Gaussian rule, which averages what bends within it, too.
    """
    span = max(_LEAST_RANGE, (3 * strength_variance(problem)) ** 0.5)
    weaker, stronger = (_outliers(problem, refine, np.exp(sign * span / 2)).locations for sign in (-1, 1))
    return [
        ((after - before) / (2 * span), (after - 2 * z + before) / span**2)
        for before, z, after in zip(weaker, here.locations, stronger, strict=False)
    ]


class _Outliers(NamedTuple):
    learned: FiniteRankParts
    roots: list[Root]

    @property
    def locations(self) -> list[float]:
        return [root.branch.z for root in self.roots]


def _outliers(problem: Problem, refine: float, stronger: float = 1.0) -> _Outliers:
    """Those above the bulk, with ``stronger`` times the strength r."""
    learned = FiniteRankParts(spectral_model(problem, refine, stronger))
    return _Outliers(learned, in_smaller_steps(partial(_roots, learned)))


def _roots(learned: FiniteRankParts, largest: float) -> list[Root]:
    top, path = upper_edge(learned, largest)
    return roots_above(learned, [*path, top])


def _repulsion(found: _Outliers) -> list[float]:
    """By how much every outlier is pushed away by all the others."""
    x, weights = gauss_hermite(_NODES)
    modes = [_mode(found.learned, root) for root in found.roots]
    shifts = [0.0] * len(modes)
    for j, upper in enumerate(modes):
        for k in range(j + 1, len(modes)):
            gap = upper.z - modes[k].z
            push = float(weights @ np.sqrt(gap**2 + 4 * _mixing(found.learned, upper, modes[k]) * x**2) - gap) / 2
            shifts[j] += push
            shifts[k] -= push
    return shifts


class _OutlierMode(NamedTuple):
    """An outlier on the samples and on the neurons, each function over the root of the slope.

    Attributes
    ----------
    samples : ndarray of shape (K,)
        ``sqrt(|R|) f``.
    by_log_norm : ndarray of shape (K, A)
        The same of what a sample's own norm adds to f, by its deviation at every u.
    neurons, neuron_norms : ndarray of shape (A,)
        ``sqrt(|zeta|) a``: what every neuron of a readout has, and what is multiplied by the deviation of its own norm,
        in standard deviations.
    """

    z: float
    samples: Array
    by_log_norm: Array
    neurons: Array
    neuron_norms: Array


def _mode(learned: FiniteRankParts, root: Root) -> _OutlierMode:
    state = learned.spectral.on_whole_laws(root.branch.state)
    functions, model = learned.functions, learned.spectral.model
    scale, x = root.slope**-0.5, root.vector[: functions.shape[1]]
    along = -neuron_cost(model, state) @ x
    neurons, norms = np.split(along, 2) / np.sqrt(model.grid.u_weights) * np.sqrt(np.abs(state.zeta)) * scale
    root_r = np.sqrt(np.abs(state.r)) * scale
    turned = model.norms.mean_by_log_norm * np.sqrt(model.grid.u_weights) * x[: len(neurons)]
    return _OutlierMode(root.branch.z, root_r * (functions @ x), root_r[:, None] * turned, neurons, norms)


def _mixing(learned: FiniteRankParts, first: _OutlierMode, second: _OutlierMode) -> float:
    """Variance of the mixing element."""
    model = learned.spectral.model
    kappa, u = model.grid.kappa_weights, model.grid.u_weights
    # Of the product of two functions of a sample, f = p + normal: the variance and covariance of the normal parts.
    a, b, both = (
        ((one.by_log_norm @ model.norms.sample_covariance) * other.by_log_norm).sum(axis=1)
        for one, other in ((first, first), (second, second), (first, second))
    )
    product = first.samples * second.samples
    square = product**2 + first.samples**2 * b + second.samples**2 * a + 4 * product * both + a * b + 2 * both**2
    samples = kappa @ square - (kappa @ (product + both)) ** 2
    plain, both = first.neurons * second.neurons, first.neuron_norms * second.neuron_norms
    crossed = first.neurons * second.neuron_norms + first.neuron_norms * second.neurons
    # Over the normal deviation g of a neuron's norm: (plain + g crossed + g^2 both)^2.
    square = plain**2 + crossed**2 + 2 * plain * both + 3 * both**2
    neurons = u @ square - (u @ (plain + both)) ** 2
    return float(model.problem.n_samples * samples + neurons / model.problem.width)


def strength_variance(problem: Problem) -> float:
    """Relative variance of ``|b|^2`` over draws, to order ``1/n_0``, 1/d and 1/N.

    With e the direction of ``E[eps x]`` and S its length, ``|beta|^2`` moves by the sample average of
    ``2 S eps e.x + phi_0 eps^2``, ``omega.beta`` by that of ``eps omega.x``; across, ``|beta|^2`` is
    ``phi_0 E eps^2`` times a chi-square of d degrees over d. With the full gradient ``|omega|^2 - |a|^2`` and ``|a|^2``
    have the variances 2/d and 2/N: the mean of b contains ``(1 - eta c_1^2) omega``, and E eps^2 the initial output,
    ``c_1^2 |omega|^2 + (E sigma^2 - c_1^2) |a|^2``.
    """
    numbers = activation_numbers(problem.activation)
    full = problem.gradient == "full"
    n0, phi, eta, c1 = problem.gradient_samples, problem.phi_gradient, problem.step, numbers.c1
    labels, weights, inputs = teacher_sample(problem.teacher)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    output = c1 if full else 0.0
    noise = problem.noise**2 + (numbers.second_moment - c1**2 if full else 0.0)
    s, s_weights = gauss_hermite(_NODES) if full else (np.zeros(1), np.ones(1))
    own = labels[:, None] - output * s
    length = (signal**2 + output**2) ** 0.5
    along = (signal * inputs[:, :1] - output * s) / length if length > 0 else 0 * own
    joint = weights[:, None] * s_weights
    # Of eps = own + nu with nu normal of variance noise: c eps + phi eps^2 has the variance below at fixed inputs.
    slope = (eta * c1) ** 2 * 2 * length * along + (2 * eta * c1 * s if full else 0.0)
    square = (eta * c1) ** 2 * phi
    given = slope * own + square * (own**2 + noise)
    spread = (slope + 2 * square * own) ** 2 * noise + 2 * (square * noise) ** 2
    sampled = (joint * given**2).sum() - (joint * given).sum() ** 2 + (joint * spread).sum()
    moment = (joint * (own**2 + noise)).sum()
    variance = sampled / n0 + (eta * c1) ** 4 * 2 * phi * moment**2 / n0
    if full:
        by_omega = (1 - eta * c1**2) ** 2 + square * c1**2
        by_readout = by_omega + square * (numbers.second_moment - c1**2)
        variance += by_omega**2 * 2 / problem.input_dim + by_readout**2 * 2 / problem.width
    length_squared = condition(problem).spike_strength ** 2 * problem.width
    return float(variance / length_squared**2) if length_squared > 0 else 0.0
