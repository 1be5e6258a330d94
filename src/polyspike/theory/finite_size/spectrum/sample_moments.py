"""How the averages over one sample of the gradient move from draw to draw (eq-strength-variance, eq-moves).

Three of them move the outliers and the bulk: ``|b|^2``, the mean of ``eps^2``, and that of ``eps``, the shift of M.
"""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.gradient_matrix.residual_law import teacher_sample

__all__ = ["SampleMoments", "sample_moments"]

_NODES = 40


@dataclass(frozen=True)
class SampleMoments:
    """Of one sample of the gradient.

    Attributes
    ----------
    energy : float
        ``E eps^2``.
    covariance : ndarray of shape (3, 3)
        Of what the sample adds to ``|b|^2``, of ``eps^2`` and of ``eps``.
    """

    energy: float
    covariance: Array


def sample_moments(problem: Problem) -> SampleMoments:
    """The covariance of ``eta^2 c_1^2 (2 S eps e.x + phi_0 eps^2) + 2 eta c_1 eps omega.x`` (eq-strength-variance) with
    ``eps^2`` and ``eps``.

    The last term belongs to the full gradient. In ``eps = expected + nu`` the first part is known given the inputs
    along beta* and omega, and nu is normal. So the bracket is ``slope eps + square eps^2`` with slope and square
    known, and all products have closed forms.
    """
    expected, weights, slope, nu_variance = _given_inputs(problem)
    square = (problem.step * activation_numbers(problem.activation).c1) ** 2 * problem.phi_gradient
    e, v = expected, nu_variance
    powers = np.stack([np.ones_like(e), e, e**2 + v, e**3 + 3 * e * v, e**4 + 6 * e**2 * v + 3 * v**2])
    # Coefficients of eps and of eps^2 in the three.
    zero, one = np.zeros_like(e), np.ones_like(e)
    forms = np.stack([[slope, square * one], [zero, one], [one, zero]])
    means = np.einsum("iktw,ktw,tw->i", forms, powers[1:3], weights)
    products = np.stack([powers[2:4], powers[3:5]])
    second = np.einsum("iktw,jltw,kltw,tw->ij", forms, forms, products, weights)
    return SampleMoments(float(means[1]), second - np.outer(means, means))


def _given_inputs(problem: Problem) -> tuple[Array, Array, Array, float]:
    """The residual expected at every node of the inputs along beta* and omega, weights, slopes (all of them (T, W)),
    and the variance of nu.
    """
    c1 = activation_numbers(problem.activation).c1
    full = problem.gradient == "full"
    labels, weights, inputs = teacher_sample(problem.teacher)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    output = c1 if full else 0.0
    omega_x, omega_weights = gauss_hermite(_NODES) if full else (np.zeros(1), np.ones(1))
    expected = labels[:, None] - output * omega_x
    length = (signal**2 + output**2) ** 0.5
    along = (signal * inputs[:, :1] - output * omega_x) / length if length > 0 else 0 * expected
    slope = (problem.step * c1) ** 2 * 2 * length * along + (2 * problem.step * c1 * omega_x if full else 0.0)
    return expected, weights[:, None] * omega_weights, slope, condition(problem).gaussian_variance - output**2
