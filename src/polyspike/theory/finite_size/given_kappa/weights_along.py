"""The weights of a neuron along the few directions on which label and spikes depend.

See docs/theory-corrections.md, section 12.

After the step a neuron of readout u has a weight ``w = gain_u(M) w_0 + noise`` beside its spike. Along a direction i
its coordinate is Gaussian with the covariance ``s_ij(u)/d``, ``s_ij(u) = int gain_u^2 dnu_ij + q_perp u^2 C_ij``: the
spectral measures of M at the teacher's direction and at b are not that of the bulk, and where M has an outlier mu
along the teacher, s grows there like ``(1 + e u mu)^2``. So the quadratic part of a feature,
``(t/(2 tau^2)) (w . x)^2``, has along the products ``x_i x_j``

- a mean, ``t s_ij/(2 d tau^2)``, which belongs to the learned functions;
- a fluctuation from neuron to neuron, of covariance ``(s_ik s_jl + s_il s_jk)/d^2``, which is correlated with that of
  the neuron's norm.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms
from polyspike.theory.finite_size.gradient_matrix.lengths import cumulants_with_lengths, eigenvalues_with_lengths
from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes

__all__ = [
    "KnownWeights",
    "WeightsAlong",
    "curvature_exponent",
    "curvature_factors",
    "known_moments",
    "product_covariance",
    "products",
    "weights_along",
]

# Half of a Gauss-Hermite rule for averages of even functions of a Gaussian weight.
_NODES = 8
# Relative growth of the norm with one weight below which the change of the activation's curvature is left out.
_SMALL_GROWTH = 0.02
# A square of t that is this share of the feature's is rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class WeightsAlong:
    """Second moments, relative to ``tau^2/d``, of a neuron's weights along the P directions (b, kappa_perp ...).

    The D products are those of :func:`products`. The coefficient of product (i, j), of unit norm, has the mean
    ``t/(sqrt 2 d)`` times ``s_ii`` or ``sqrt 2 s_ij``, and fluctuates from neuron to neuron.

    Attributes
    ----------
    mean : ndarray of shape (A, P, P)
        The mean coefficient beyond that of isotropic weights, which is counted with the norm of a sample:
        ``s_ij/tau^2 - delta_ij``, times the factors of :func:`curvature_factors`.
    covariance : ndarray of shape (A, 1 + D, 1 + D)
        Of ``sqrt(d(d+1))`` times the fluctuation of ``log |w|`` (first) and of the coefficients, over ``sqrt 2``. For
        isotropic weights it is 1 in every product.
    """

    mean: Any
    covariance: Any

    def isotropic(self, dimension: int) -> "WeightsAlong":
        """These weights without a mean, and with the independent products and norm of isotropic weights."""
        covariance = np.zeros_like(self.covariance)
        covariance[:, 0, 0] = self.covariance[:, 0, 0]
        covariance[:, 1:, 1:] = product_covariance(np.eye(self.mean.shape[1])[None], dimension)
        return WeightsAlong(np.zeros_like(self.mean), covariance)

    def anisotropy(self, weights: Array, samples_per_quadratic_dim: float) -> float:
        """``n/D2`` times the largest excess, over 1, of the variance of a product's coefficient.

        The variance is averaged over the readouts with these weights; it is 1 for isotropic weights. The result says
        how much of a prediction is due to anisotropic weights.
        """
        variances = np.real(np.einsum("aii->ai", self.covariance[:, 1:, 1:]))
        return samples_per_quadratic_dim * max(0.0, float((weights @ variances).max(initial=1.0)) - 1)


def products(count: int) -> list[tuple[int, int]]:
    """Pairs (i, j) of directions: b with itself, b with every e, then the squares and products of the e in the order of
    ``LabelParts.squares``.
    """
    first = [(0, j) for j in range(count)] + [(1, j) for j in range(1, count)]
    others = [(j, j) for j in range(2, count)] + [(i, j) for i in range(2, count) for j in range(i + 1, count)]
    return first + others


class KnownWeights(NamedTuple):
    """Second moments of the weights along the P known directions after the step (eq-along).

    Attributes
    ----------
    through_matrix : ndarray of shape (A, P, P)
        ``int gain_u(mu)^2 dnu_ij(mu)``: the part of the initial weights.
    noise_covariance : ndarray of shape (P, P)
        The covariance C of the gradient noise.
    tau_squared : ndarray of shape (A,)
        ``s_u`` averaged over the spectrum of M.
    moments : ndarray of shape (A, P, P)
        ``s_ij(u)/tau^2 = (through_matrix + q_perp u^2 C)/tau^2``.
    """

    through_matrix: Any
    noise_covariance: Any
    tau_squared: Any
    moments: Any


def known_moments(
    directions: Any, noise_covariance: Any, gains: Any, gradient_noise: Any, weights: Array
) -> KnownWeights:
    """The moments ``s_ij(u)`` (eq-along).

    From the weights of the measures of M between the directions (n_mu, P, P), C between them (P, P), the gains
    (n_mu, A), ``q_perp u^2`` (A,) and the weights of M itself (n_mu,).
    """
    through_matrix = np.einsum("kij,ka->aij", directions, gains**2)
    tau_squared = weights @ gains**2 + gradient_noise
    # At rho = 1 there is no e^; the label has no part along it, and it may have the moments of any other direction.
    absent = np.diag(1.0 * (np.einsum("kii->i", directions) == 0))
    with_noise = through_matrix + gradient_noise[:, None, None] * noise_covariance
    moments = with_noise / tau_squared[:, None, None] + absent
    return KnownWeights(through_matrix, noise_covariance + absent, tau_squared, moments)


def weights_along(
    problem: Problem,
    scalars: Conditioning,
    grid: Grid,
    known: KnownWeights,
    gains: Any,
    measures: MeasureNodes,
    directions: Any,
    averages: ActivationAverages,
    norm_fluctuations: Norms,
) -> WeightsAlong:
    """The moments of a model, with the covariance of norm and products (eq-tied).

    Without finite dimension only the norm of a neuron fluctuates, and no product has a mean. The same holds where there
    are no directions beside the known ones: their squares then sum to one.
    """
    d = problem.input_dim
    norm = norm_fluctuations.neuron_variance * d * (d + 1)
    if norm_fluctuations.log_norm_variance == 0 or known.moments.shape[1] >= d:
        return WeightsAlong(np.zeros(known.moments.shape), norm[:, None, None])
    by_matrix, by_noise = _norm_forms(problem, scalars, grid, measures)
    centred = by_matrix - measures.bulk @ by_matrix
    # cov(Delta_i, d w_i w_j) = int gain^2 (B - mean B) dnu_ij / (d tau^2), where B has a part along C beside M.
    c = known.noise_covariance
    anticommutator = (known.through_matrix @ c + c @ known.through_matrix) / 2 - known.through_matrix
    with_norm = np.einsum("kij,ka->aij", directions, gains**2 * centred) + by_noise[:, None, None] * anticommutator
    with_norm = with_norm / known.tau_squared[:, None, None] ** 2
    s = known.moments
    growth = _growth(directions, centred, by_noise, known) / d
    of_mean, of_fluctuation = curvature_factors(growth, curvature_exponent(averages, grid.kappa_weights))
    mean = s * np.sqrt(of_mean[:, :, None] * of_mean[:, None, :]) - np.eye(s.shape[1])
    return WeightsAlong(mean, _covariance(s, with_norm * (d + 1) / d, of_fluctuation, norm, d))


def _growth(directions: Any, radial: Any, by_noise: Any, known: KnownWeights) -> Any:
    """``d`` times the relative growth of ``|w|^2`` with the square of a weight, shape (A, P).

    Along b it is the diagonal element of the matrix G of growths. All e have the same value ``tr G^3/tr G^2`` of their
    block, which an orthogonal change of the e leaves as it is.
    """
    one = np.eye(len(known.noise_covariance))
    growth = np.einsum("kij,ka->aij", directions, radial) + by_noise[:, None, None] * (known.noise_covariance - one)
    growth = growth / known.tau_squared[:, None, None]
    block = growth[:, 1:, 1:]
    square = block @ block
    second, third = np.einsum("aii->a", square), np.einsum("aij,aji->a", square, block)
    along = third / np.where(second == 0, 1.0, second)
    return np.stack([growth[:, 0, 0], *[along] * (len(one) - 1)], axis=1)


def _norm_forms(problem: Problem, scalars: Conditioning, grid: Grid, measures: MeasureNodes) -> tuple[Any, Any]:
    """The matrix B with ``|w|^2 = w_0' B w_0`` up to a constant: its part that is a function of mu, shape (n_mu, A),
    and its coefficient of C, shape (A,).

    B is ``X M + c^2 (M^2 - phi_0 M_2) + Y phi_0 M_2`` of norm_fluctuations.py, with ``phi_0 M_2 = k_2 C``.
    """
    k1, k2, _, _ = cumulants_with_lengths(problem, scalars)
    numbers, u = activation_numbers(problem.activation), grid.u
    eta_u, c = scalars.scaled_step * u, scalars.quadratic_step * u
    a = scalars.own_gain(u, grid.moving_overlap) + c * k1
    mu = (eigenvalues_with_lengths(problem, scalars, measures.nodes) - k1)[:, None]
    by_matrix = 2 * a * numbers.radial_slope * eta_u * mu + c**2 * mu**2
    return by_matrix, (numbers.square_slope * eta_u**2 - c**2) * k2


def curvature_exponent(averages: ActivationAverages, weights: Array) -> Any:
    """The exponent p(u) for which ``t/tau^2`` is nearly ``tau^(-2p)``: ``1 - (dlog t/dlog tau)/2`` by least squares.

    Where t is rounding beside the feature the slope is taken as zero.
    """
    energy = weights @ (averages.mean_by_log_norm**2) + _ROUNDING * (
        weights @ np.real(averages.noise_variance + averages.mean**2)
    )
    slope = weights @ (averages.mean_by_log_norm * averages.mean_by_log_norm_twice)
    return 1 - slope / (2 * np.where(energy == 0, 1.0, energy))


def curvature_factors(growth: Any, exponent: Any) -> tuple[Any, Any]:
    """The factors of mean and fluctuation of a squared weight by which the activation's curvature changes with it.

    They are ``E[g^2 T]`` and ``sqrt((E[g^4 T^2] - E[g^2 T]^2)/2)``, ``T = ((1 + eps)/(1 + eps g^2))^p``, shape (A, P):
    with the weight g along a direction the variance of a pre-activation is ``tau^2 (1 + eps g^2)/(1 + eps)``, and the
    activation's curvature changes by T. Both are 1 at eps = 0. Where the norm falls with the weight it does so by
    little, and eps goes to zero smoothly in u.
    """
    g, w = _half_rule()
    eps = (growth * (1 + np.tanh(growth / _SMALL_GROWTH)) / 2)[..., None]
    square = g**2 * ((1 + eps) / (1 + eps * g**2)) ** exponent[:, None, None]
    first, second = square @ w, square**2 @ w
    return first, ((second - first**2) / 2) ** 0.5


@lru_cache(maxsize=1)
def _half_rule() -> tuple[Array, Array]:
    """Nodes and weights of the average of an even function of a Gaussian weight."""
    g, w = np.polynomial.hermite_e.hermegauss(2 * _NODES)
    return g[_NODES:], 2 * w[_NODES:] / w.sum()


def product_covariance(s: Any, dimension: int) -> Any:
    """The covariance of the coefficients of the products of unit norm, over 2; shape (A, D, D).

    It is ``(s_ik s_jl + s_il s_jk)/2 - s_ij s_kl/d`` times ``(d + 1)/(d + 2)``, and times sqrt 2 for each product of
    two different directions. ``s`` (A, P, P) are the second moments of weights of unit length, 1 for isotropic ones.
    """
    pairs = products(s.shape[1])
    i, j = np.array(pairs).T
    unit = np.where(i == j, 1.0, sqrt(2)) * sqrt((dimension + 1) / (dimension + 2))
    crossed = (s[:, i][:, :, i] * s[:, j][:, :, j] + s[:, i][:, :, j] * s[:, j][:, :, i]) / 2
    mean = s[:, i, j]
    return np.outer(unit, unit) * (crossed - mean[:, :, None] * mean[:, None, :] / dimension)


def _covariance(s: Any, with_norm: Any, factor: Any, norm: Any, dimension: int) -> Any:
    """The covariance of the norm and the products, with the factors of the curvature; shape (A, 1 + D, 1 + D).

    The norm multiplies ``t``, which is sqrt 2 times the ``a2`` that the products multiply.
    """
    pairs, factors = np.array(products(s.shape[1])), (factor[:, :, None] * factor[:, None, :]) ** 0.5
    i, j = pairs.T
    unit = np.where(i == j, 1.0, sqrt(2)) * sqrt((dimension + 1) / (dimension + 2) / 2)
    cross = unit * (with_norm * factors)[:, i, j]
    out = np.empty((len(s), 1 + len(pairs), 1 + len(pairs)), dtype=np.result_type(s, with_norm, norm))
    out[:, 1:, 1:] = product_covariance(s * factors, dimension)
    out[:, 0, 1:] = out[:, 1:, 0] = cross
    # The norm's variance is that in all other directions, plus the part that the products explain.
    explained = np.einsum("ai,ai->a", cross, np.linalg.solve(out[:, 1:, 1:], cross[:, :, None])[:, :, 0])
    out[:, 0, 0] = norm + explained
    return out
