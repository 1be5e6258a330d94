"""The features that come from the norms of samples and of neurons (docs/theory-corrections.md, section 10; eq-norms).

``m(kappa, u)`` takes every pre-activation at its average deviation tau(u). The deviation of sample mu is off by
``x' Sigma_u x / d - tr Sigma_u / d``, that of neuron i by ``|w_i|^2 - E |w_i|^2``, both of relative order 1/sqrt(d).
Each multiplies ``t = dm/d log tau``: features of finite rank, whose strength is of order n/d and so not small.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.gradient_matrix.lengths import cumulants_with_lengths

__all__ = ["Norms", "norms"]


@dataclass(frozen=True)
class Norms:
    """The fluctuations of log tau on the grid.

    Attributes
    ----------
    mean_by_log_norm : ndarray of shape (K, A)
        ``t(kappa, u) = dm/d log tau``.
    sample_covariance : ndarray of shape (A, A)
        Covariance over samples of log tau at u and u', ``avg[s_u s_u'] / (2 d tau_u^2 tau_u'^2)``.
    neuron_variance : ndarray of shape (A,)
        Variance of log tau over neurons.
    log_norm_variance : float
        Of ``log |x|/sqrt d`` over samples, ``1/(2d)``; zero where finite dimension is left out.
    """

    mean_by_log_norm: Any
    sample_covariance: Any
    neuron_variance: Any
    log_norm_variance: float


def norms(
    problem: Problem, scalars: Conditioning, u: Any, tau: Any, mean_by_log_norm: Any, overlap: Any = 0.0
) -> Norms:
    """The variances of ``log tau`` over samples (eq-variances) and over neurons (eq-neuron-variance).

    With ``gain = a + c mu``, mu counted from the mean of M, ``cov(gain_u^2, gain_u'^2)`` is
    ``4 a a' c c' k_2 + 2 c c' (a c' + a' c) k_3 + c^2 c'^2 (k_4 + k_2^2)``, k the free cumulants of M.
    """
    k1, k2, k3, k4 = cumulants_with_lengths(problem, scalars)
    c = scalars.quadratic_step * u
    a = scalars.own_gain(u, overlap) + c * k1
    gradient_noise = scalars.gradient_noise_variance * u**2
    mean_s = a**2 + c**2 * k2 + gradient_noise
    # The average of s_u s_u' as a form in a c, c^2, the gradient noise and the mean of s_u. The covariance C of the
    # gradient noise has the joint cumulants k_3/k_2 with M, k_4/k_2 with M twice and k_4/k_2^2 with itself.
    per = 1 / k2 if k2 > 0 else 0.0
    parts = np.stack([a * c, c**2, gradient_noise, mean_s], axis=1)
    form = np.zeros((4, 4))
    form[:2, :2] = [[4 * k2, 2 * k3], [2 * k3, k4 + k2**2]]
    form[2, :3] = form[:3, 2] = per * np.array([2 * k3, k4, k4 * per])
    form[3, 3] = 1.0
    d = problem.input_dim
    neuron_variance = _over_neurons(problem, scalars, u, a, (k2, k3, k4)) / tau**4 / (2 * d)
    scaled = parts / tau[:, None] ** 2
    return Norms(mean_by_log_norm, scaled @ (form / (2 * d)) @ scaled.T, neuron_variance, 1 / (2 * d))


def _over_neurons(problem: Problem, scalars: Conditioning, u: Any, a: Any, cumulants: tuple[float, ...]) -> Any:
    """``d/2`` times the variance of ``|w|^2`` over neurons that start on the unit sphere (eq-neuron-variance).

    ``|w|^2`` across b is ``w_0' (X M + Y phi_0 M_2) w_0``, what is beyond degree 2 in ``w_0 . x_j`` of the same sums
    over samples j, and the sum over pairs of samples, of variance ``2 q^2 u^4/d`` altogether. X contains the radial
    slope instead of ``2 c_2``, Y the square slope, and ``M_2 = X' diag(eps^2) X / n_0``. Joint free cumulants:
    ``k(M, M_2) = phi_0 E eps^3``, ``k(M, M, M_2) = phi_0^2 E eps^4``, ``k(M_2, M_2) = phi_0 E eps^4``.
    """
    k2, k3, k4 = cumulants
    numbers, eta_u = activation_numbers(problem.activation), scalars.scaled_step * u
    x, y = 2 * a * eta_u, eta_u**2
    slopes = k2 * (numbers.radial_slope * x) ** 2 + 2 * k3 * numbers.radial_slope * numbers.square_slope * x * y
    slopes += k4 * (numbers.square_slope * y) ** 2
    beyond = k2 * x**2 * numbers.radial_variance + 2 * k3 * x * y * numbers.radial_square
    return slopes + (beyond + k4 * y**2 * numbers.square_variance) / 2 + (scalars.move_variance * u**2) ** 2
