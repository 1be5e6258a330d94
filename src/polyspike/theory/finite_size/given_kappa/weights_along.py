"""The weights of a neuron along the few directions that label and spikes know (docs/theory-finite-size.md, section 12).

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
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law

__all__ = ["KnownWeights", "WeightsAlong", "known_moments", "product_covariance", "products", "weights_along"]

# Half of a Gauss-Hermite rule for averages of even functions of a Gaussian weight.
_NODES = 8
# Under this relative growth of the norm by one weight nothing bends.
_LITTLE = 0.02
# A square of t that is this share of the feature's is rounding.
_NOTHING = 1e-14


@dataclass(frozen=True)
class WeightsAlong:
    """Second moments, relative to ``tau^2/d``, of a neuron's weights along the P directions (b, kappa_perp ...).

    The D products are those of :func:`products`; the coefficient of product (i, j) of unit norm is
    ``t/(sqrt 2 d)`` times ``s_ii`` or ``sqrt 2 s_ij``, fluctuating.

    Attributes
    ----------
    mean : ndarray of shape (A, P, P)
        What the mean coefficient is more than that of isotropic weights (which turn with the norm of a sample):
        ``s_ij/tau^2 - delta_ij``, less what the activation bends.
    covariance : ndarray of shape (A, 1 + D, 1 + D)
        Of ``sqrt(d(d+1))`` times the fluctuation of ``log |w|`` (first) and of the coefficients, over ``sqrt 2``: 1 for
        isotropic weights in every product.
    """

    mean: Any
    covariance: Any

    def isotropic(self, dimension: int) -> "WeightsAlong":
        """The same without a mean, and with products and norm as independent as those of isotropic weights."""
        covariance = np.zeros_like(self.covariance)
        covariance[:, 0, 0] = self.covariance[:, 0, 0]
        covariance[:, 1:, 1:] = product_covariance(np.eye(self.mean.shape[1])[None], dimension)
        return WeightsAlong(np.zeros_like(self.mean), covariance)

    def anisotropy(self, weights: Array, aspect: float) -> float:
        """``n/D2`` times how much more the products of the known directions hold than those of isotropic weights, at
        most, on average over the readouts with these weights: how much of a prediction is due to this.
        """
        own = np.real(np.einsum("aii->ai", self.covariance[:, 1:, 1:]))
        return aspect * max(0.0, float((weights @ own).max(initial=1.0)) - 1)


def products(count: int) -> list[tuple[int, int]]:
    """Pairs (i, j) of directions: b with itself, b with every e, then the squares and products of the e in the order of
    ``LabelParts.squares``.
    """
    first = [(0, j) for j in range(count)] + [(1, j) for j in range(1, count)]
    others = [(j, j) for j in range(2, count)] + [(i, j) for i in range(2, count) for j in range(i + 1, count)]
    return first + others


class KnownWeights(NamedTuple):
    """What the gradient makes of the weights along the P known directions.

    Attributes
    ----------
    through_matrix : ndarray of shape (A, P, P)
        ``int gain_u(mu)^2 dnu_ij(mu)``, the own weights.
    noise_covariance : ndarray of shape (P, P)
        The covariance C of the noise.
    tau_squared : ndarray of shape (A,)
        ``s_u`` averaged over the spectrum of M.
    moments : ndarray of shape (A, P, P)
        ``s_ij(u)/tau^2 = (through_matrix + q_perp u^2 C)/tau^2``.
    """

    through_matrix: Any
    noise_covariance: Any
    tau_squared: Any
    moments: Any


def known_moments(directions: Any, noise: Any, gains: Any, remainder: Any, weights: Array) -> KnownWeights:
    """From the weights of the measures of M between the directions (n_mu, P, P), C between them (P, P), the gains
    (n_mu, A), ``q_perp u^2`` (A,) and the weights of M itself (n_mu,).
    """
    through_matrix = np.einsum("kij,ka->aij", directions, gains**2)
    tau_squared = weights @ gains**2 + remainder
    # At rho = 1 there is no e^: nothing looks along it, and it may be like all others.
    absent = np.diag(1.0 * (np.einsum("kii->i", directions) == 0))
    moments = (through_matrix + remainder[:, None, None] * noise) / tau_squared[:, None, None] + absent
    return KnownWeights(through_matrix, noise + absent, tau_squared, moments)


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
    """The moments of a model; without finite dimension only the norm of a neuron is left, and no product has a mean.

    So it is, too, where the known directions are all there are: their squares then sum to one, and do not fluctuate
    alone.
    """
    d = problem.input_dim
    norm = norm_fluctuations.neuron_variance * d * (d + 1)
    if norm_fluctuations.log_norm_variance == 0 or known.moments.shape[1] >= d:
        return WeightsAlong(np.zeros(known.moments.shape), norm[:, None, None])
    own, by_noise = _radial(problem, scalars, grid.u, measures)
    tie = np.einsum("kij,ka->aij", directions, gains**2 * (own - measures.bulk @ own))
    mixed = (
        known.through_matrix @ known.noise_covariance + known.noise_covariance @ known.through_matrix
    ) / 2 - known.through_matrix
    tie = (tie + by_noise[:, None, None] * mixed) / known.tau_squared[:, None, None] ** 2
    s = known.moments
    growth = _growth(directions, own - measures.bulk @ own, by_noise, known) / d
    first, second = _bent(growth, _bend(averages, grid.kappa_weights))
    mean = s * np.sqrt(first[:, :, None] * first[:, None, :]) - np.eye(s.shape[1])
    return WeightsAlong(mean, _covariance(s, tie * (d + 1) / d, second, norm, d))


def _growth(directions: Any, radial: Any, by_noise: Any, known: KnownWeights) -> Any:
    """``d`` times the relative growth of ``|w|^2`` with the square of a weight, shape (A, P): along b its own, along
    all e that of the whole block, ``tr G^3/tr G^2``, which an orthogonal change of them leaves as it is.
    """
    one = np.eye(len(known.noise_covariance))
    growth = np.einsum("kij,ka->aij", directions, radial) + by_noise[:, None, None] * (known.noise_covariance - one)
    growth = growth / known.tau_squared[:, None, None]
    block = growth[:, 1:, 1:]
    square = block @ block
    second, third = np.einsum("aii->a", square), np.einsum("aij,aji->a", square, block)
    along = third / np.where(second == 0, 1.0, second)
    return np.stack([growth[:, 0, 0], *[along] * (len(one) - 1)], axis=1)


def _radial(problem: Problem, scalars: Conditioning, u: Array, measures: MeasureNodes) -> tuple[Any, Any]:
    """The matrix B with ``|w|^2 = w_0' B w_0`` up to a constant: its part that is a function of mu, shape (n_mu, A),
    and the factor of C beside, shape (A,).

    ``x M + c^2 (M^2 - phi_0 M_2) + y phi_0 M_2`` of :mod:`norms`, ``phi_0 M_2 = k_2 C``.
    """
    k1, k2, _, _ = matrix_cumulants(gradient_law(problem, scalars))
    numbers, move, c = activation_numbers(problem.activation), scalars.scaled_step * u, scalars.quadratic_step * u
    a = 1 - scalars.self_term * u**2 + c * (k1 + scalars.trace_shift)
    mu = (measures.nodes - k1)[:, None]
    own = 2 * a * numbers.radial_slope * move * mu + c**2 * mu**2
    return own, (numbers.square_slope * move**2 - c**2) * k2


def _bend(averages: ActivationAverages, weights: Array) -> Any:
    """``p(u)`` where ``t/tau^2`` is nearly ``tau^(-2p)``: ``1 - (dlog t/dlog tau)/2``, the slope by least squares.

    Where t vanishes against the feature there is nothing to bend, and no slope.
    """
    energy = weights @ (averages.mean_by_log_norm**2) + _NOTHING * (
        weights @ np.real(averages.noise_variance + averages.mean**2)
    )
    slope = weights @ (averages.mean_by_log_norm * averages.mean_by_log_norm_twice)
    return 1 - slope / (2 * np.where(energy == 0, 1.0, energy))


def _bent(growth: Any, bend: Any) -> tuple[Any, Any]:
    """``E[g^2 T]`` and ``sqrt((E[g^4 T^2] - E[g^2 T]^2)/2)``, ``T = ((1 + eps)/(1 + eps g^2))^p``, shape (A, P).

    With the weight g along a direction the deviation grows, ``tau^2 (1 + eps g^2)/(1 + eps)``, and the activation's
    curvature changes by T. Both are 1 at eps = 0. Where the norm falls with the weight it does so by little, and the
    weight soon has no share in it: eps is let go to zero there, smoothly in u.
    """
    g, w = np.polynomial.hermite_e.hermegauss(2 * _NODES)
    g, w = g[_NODES:], 2 * w[_NODES:] / w.sum()
    eps = (growth * (1 + np.tanh(growth / _LITTLE)) / 2)[..., None]
    bent = g**2 * ((1 + eps) / (1 + eps * g**2)) ** bend[:, None, None]
    first, second = bent @ w, bent**2 @ w
    return first, ((second - first**2) / 2) ** 0.5


def product_covariance(s: Any, dimension: int) -> Any:
    """Between the coefficients of the products of unit norm, over 2: ``(s_ik s_jl + s_il s_jk)/2 - s_ij s_kl/d`` times
    ``(d + 1)/(d + 2)``, and times sqrt 2 for each product of two different ones; shape (A, D, D).

    ``s`` (A, P, P) are the second moments of weights of unit length, whose squares sum to one: 1 for isotropic ones.
    """
    pairs = products(s.shape[1])
    i, j = np.array(pairs).T
    unit = np.where(i == j, 1.0, sqrt(2)) * sqrt((dimension + 1) / (dimension + 2))
    crossed = (s[:, i][:, :, i] * s[:, j][:, :, j] + s[:, i][:, :, j] * s[:, j][:, :, i]) / 2
    mean = s[:, i, j]
    return np.outer(unit, unit) * (crossed - mean[:, :, None] * mean[:, None, :] / dimension)


def _covariance(s: Any, tie: Any, factor: Any, norm: Any, dimension: int) -> Any:
    """Shape (A, 1 + D, 1 + D): the norm and the products, multiplied by what is bent.

    The norm multiplies ``t``, which is sqrt 2 of what the products multiply.
    """
    pairs, bent = np.array(products(s.shape[1])), (factor[:, :, None] * factor[:, None, :]) ** 0.5
    i, j = pairs.T
    unit = np.where(i == j, 1.0, sqrt(2)) * sqrt((dimension + 1) / (dimension + 2) / 2)
    tied = unit * (tie * bent)[:, i, j]
    out = np.empty((len(s), 1 + len(pairs), 1 + len(pairs)), dtype=np.result_type(s, tie, norm))
    out[:, 1:, 1:] = product_covariance(s * bent, dimension)
    out[:, 0, 1:] = out[:, 1:, 0] = tied
    # The norm's variance in all the other directions, and what it owes to these.
    out[:, 0, 0] = norm + np.einsum("ai,ai->a", tied, np.linalg.solve(out[:, 1:, 1:], tied[:, :, None])[:, :, 0])
    return out
