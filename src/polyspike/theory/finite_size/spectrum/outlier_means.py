"""Where an outlier is on average at a finite size (docs/theory-corrections.md, on section 6).

The location of an outlier is a limit. Over draws it fluctuates by relative ``1/sqrt n``, and its mean differs from the
limit by 1/n. Two effects amount to percents:

1. Repulsion. The sample averages in ``B(z)`` fluctuate and mix two outliers j and k. In the eigenproblem linearised at
   the two roots the mixing element is Gaussian with the variance V of (eq-mixing). Two levels a gap g apart then lie
   ``E sqrt(g^2 + 4 V x^2)`` apart, x ~ N(0, 1).
2. Curvature. Later spikes grow faster than in proportion to ``r^2``, which fluctuates with ``b.b``. With V_b the
   relative variance of that (eq-strength-variance), the mean of a location z gains
   ``(V_b/2)(d^2 z/dl^2 - dz/dl)``, ``l = log r^2``.

What is left out: fluctuations of E eps^2 beyond their part in ``b.b`` and of the spectrum of M, and mixing with the
bulk.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.spectra import Spike
from polyspike.theory.finite_size.conditioning import StepScalars, activation_numbers, condition
from polyspike.theory.finite_size.spectrum.branches import in_smaller_steps
from polyspike.theory.finite_size.spectrum.outliers import FiniteRankParts, Root, roots_above, upper_edge
from polyspike.theory.finite_size.spectrum.sample_moments import sample_moments
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model
from polyspike.theory.finite_size.spikes.learned_functions import neuron_cost

__all__ = ["Outliers", "by_strength", "outlier_means", "outliers_at", "repulsion", "strength_variance"]

# The least range of log r^2 for the curvature: a second difference is right to 1e-5 there.
_LEAST_RANGE = 0.1
_NODES = 40


def outlier_means(problem: Problem, spikes: tuple[Spike, ...], refine: float = 1.0) -> tuple[float, ...]:
    """The expectation of the eigenvalue of every spike above the bulk, to order 1/n; for other spikes their location.

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
    outliers, variance = outliers_at(problem, refine), strength_variance(problem)
    here = np.array(outliers.locations)

    def locations(stronger: float) -> list[float]:
        return outliers_at(problem, refine, stronger).locations

    first, second = by_strength(locations, here, variance)
    means = here + repulsion(here, _mixing_variances(outliers)) + variance / 2 * (second - first)
    return (*map(float, means), *(spike.location for spike in spikes[len(means) :]))


def by_strength(locations: Callable[[float], Any], here: Array, variance: float) -> Array:
    """First and second derivative by ``l = log r^2`` of the ``locations`` of outliers at so many times the strength r,
    shape (2, J), zero for those that are not at both ends; ``here`` are the J at r itself.

    They are differences over ``l +- sqrt(3 V)``, the range of a Gaussian rule with three nodes for l of this variance.
    """
    span = max(_LEAST_RANGE, (3 * variance) ** 0.5)
    weaker, stronger = (np.asarray(locations(float(np.exp(sign * span / 2)))) for sign in (-1, 1))
    found, count = np.zeros((2, len(here))), min(len(weaker), len(stronger), len(here))
    below, middle, above = weaker[:count], here[:count], stronger[:count]
    found[:, :count] = (above - below) / (2 * span), (above - 2 * middle + below) / span**2
    return found


class Outliers(NamedTuple):
    """The outliers above the bulk, largest first, with the parts of finite rank that make them."""

    parts: FiniteRankParts
    roots: list[Root]

    @property
    def locations(self) -> list[float]:
        """Their limits."""
        return [root.branch.z for root in self.roots]


def outliers_at(
    problem: Problem, refine: float, stronger: float = 1.0, sample: StepScalars | None = None, shift: float = 0.0
) -> Outliers:
    """The outliers above the bulk, with ``stronger`` times the strength r and at a sample of the gradient."""
    parts = FiniteRankParts(spectral_model(problem, refine, stronger, sample, shift))
    return Outliers(parts, in_smaller_steps(partial(_roots, parts)))


def _roots(parts: FiniteRankParts, largest: float) -> list[Root]:
    top, path = upper_edge(parts, largest)
    return roots_above(parts, [*path, top])


def repulsion(places: Array, variances: Array) -> Array:
    """The shift of the mean of every outlier at these places (J,) by its mixing with all others, two at a time; the
    mixing element has these variances (J, J) (eq-mixing).
    """
    shifts = np.zeros(len(places))
    for j in range(len(places)):
        for k in range(j + 1, len(places)):
            shift = _mean_shift(max(float(places[j] - places[k]), 0.0), float(variances[j, k]))
            shifts[j] += shift
            shifts[k] -= shift
    return shifts


def _mixing_variances(found: Outliers) -> Array:
    modes = [_mode(found.parts, root) for root in found.roots]
    variances = np.zeros((len(modes),) * 2)
    for j, upper in enumerate(modes):
        for k in range(j + 1, len(modes)):
            variances[j, k] = _mixing_variance(found.parts, upper, modes[k])
    return variances


def _mean_shift(gap: float, variance: float) -> float:
    """Half of ``E sqrt(g^2 + 4 V x^2) - g``, x ~ N(0, 1)."""
    x, weights = gauss_hermite(_NODES)
    return float(weights @ np.sqrt(gap**2 + 4 * variance * x**2) - gap) / 2


class _OutlierMode(NamedTuple):
    """An outlier as a function on the samples and on the neurons, divided by the root of its slope s (eq-mixing).

    Attributes
    ----------
    z : float
        Its location.
    samples : ndarray of shape (K,)
        ``sqrt(|R|) f``.
    by_log_norm : ndarray of shape (K, A)
        The coefficient in ``sqrt(|R|) f`` of the deviation of a sample's norm, at every u.
    neurons, neuron_norms : ndarray of shape (A,)
        ``sqrt(|zeta|) a``: the mean over the neurons of a readout, and the coefficient of the deviation of a neuron's
        norm, in standard deviations.
    """

    z: float
    samples: Array
    by_log_norm: Array
    neurons: Array
    neuron_norms: Array


def _mode(parts: FiniteRankParts, root: Root) -> _OutlierMode:
    """The mode of an outlier: ``f = P x`` on the samples, ``a = -C x``, with C the cost of x, on the neurons."""
    state, model = parts.spectral.on_whole_laws(root.branch.state), parts.spectral.model
    scale, x = root.slope**-0.5, root.vector[: parts.functions.shape[1]]
    root_weights = np.sqrt(model.grid.u_weights)
    a, a_of_norms = np.split(-neuron_cost(model, state) @ x, 2) / root_weights * np.sqrt(np.abs(state.zeta)) * scale
    root_r = np.sqrt(np.abs(state.r)) * scale
    f_by_log_norm = model.norms.mean_by_log_norm * np.sqrt(model.grid.u_weights) * x[: len(a)]
    return _OutlierMode(root.branch.z, root_r * (parts.functions @ x), root_r[:, None] * f_by_log_norm, a, a_of_norms)


def _mixing_variance(parts: FiniteRankParts, first: _OutlierMode, second: _OutlierMode) -> float:
    """``V_jk = n Var_kappa(R f_j f_k) + Var_u(zeta a_j a_k)/N`` of two modes over their slopes (eq-mixing)."""
    problem = parts.spectral.model.problem
    of_samples = _variance_over_samples(parts, first, second)
    of_neurons = _variance_over_neurons(parts, first, second)
    return float(problem.n_samples * of_samples + of_neurons / problem.width)


def _variance_over_samples(parts: FiniteRankParts, first: _OutlierMode, second: _OutlierMode) -> Any:
    """``Var(f g)`` over samples, ``f = p + x``, ``g = q + y``, where (x, y), from the norms, is normal given kappa.

    ``E (f g)^2 = p^2 q^2 + p^2 E y^2 + q^2 E x^2 + 4 p q E x y + E x^2 E y^2 + 2 (E x y)^2``.
    """
    model = parts.spectral.model
    kappa_weights = model.grid.kappa_weights
    xx, yy, xy = (
        ((one.by_log_norm @ model.norms.sample_covariance) * other.by_log_norm).sum(axis=1)
        for one, other in ((first, first), (second, second), (first, second))
    )
    p, q = first.samples, second.samples
    pq = p * q
    square = pq**2 + p**2 * yy + q**2 * xx + 4 * pq * xy + xx * yy + 2 * xy**2
    return kappa_weights @ square - (kappa_weights @ (pq + xy)) ** 2


def _variance_over_neurons(parts: FiniteRankParts, first: _OutlierMode, second: _OutlierMode) -> Any:
    """``Var(a b)`` over neurons, where ``a = p + g x``, ``b = q + g y`` with the normal deviation g of a neuron's norm.

    ``E (p q + g (p y + q x) + g^2 x y)^2 = (p q)^2 + (p y + q x)^2 + 2 p q x y + 3 (x y)^2``.
    """
    u_weights = parts.spectral.model.grid.u_weights
    pq, xy = first.neurons * second.neurons, first.neuron_norms * second.neuron_norms
    crossed = first.neurons * second.neuron_norms + first.neuron_norms * second.neurons
    square = pq**2 + crossed**2 + 2 * pq * xy + 3 * xy**2
    return u_weights @ square - (u_weights @ (pq + xy)) ** 2


def strength_variance(problem: Problem) -> float:
    """Relative variance of ``|b|^2`` over draws, to order ``1/n_0``, 1/d and 1/N (eq-strength-variance).

    With e the direction of ``E[eps x]`` and S its length, ``|beta|^2`` moves by the sample average of
    ``2 S eps e.x + phi_0 eps^2``, ``omega.beta`` by that of ``eps omega.x``; across, ``|beta|^2`` is
    ``phi_0 E eps^2`` times a chi-square of d degrees over d. With the full gradient ``|omega|^2 - |a|^2``, ``|a|^2``
    and ``omega.beta*`` have the variances 2/d, 2/N and 1/d (eq-strength-means): the mean of b is
    ``(1 - eta c_1^2) omega + eta c_1 c*_1 beta*``, and E eps^2 contains
    ``c_1^2 |omega|^2 + (E sigma^2 - c_1^2) |a|^2 - 2 c_1 c*_1 omega.beta*``.
    """
    sigma = activation_numbers(problem.activation)
    eta_c1, phi = problem.step * sigma.c1, problem.phi_gradient
    of_sample = sample_moments(problem)
    # Across its mean, |beta|^2 is phi_0 E eps^2 chi^2_d/d.
    across = eta_c1**4 * 2 * phi * of_sample.energy**2 / problem.gradient_samples
    total = float(of_sample.covariance[0, 0]) / problem.gradient_samples + across
    if problem.gradient == "full":
        by_omega = (1 - problem.step * sigma.c1**2) ** 2 + eta_c1**2 * phi * sigma.c1**2
        by_readout = by_omega + eta_c1**2 * phi * (sigma.second_moment - sigma.c1**2)
        signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
        by_overlap = 2 * eta_c1 * signal * (1 - eta_c1 * sigma.c1 * (1 + phi))
        total += (2 * by_omega**2 + by_overlap**2) / problem.input_dim + by_readout**2 * 2 / problem.width
    length_squared = condition(problem).spike_strength ** 2 * problem.width
    return float(total / length_squared**2) if length_squared > 0 else 0.0
