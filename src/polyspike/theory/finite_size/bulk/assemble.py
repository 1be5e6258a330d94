"""From a problem to the arrays of its fixed point and of its quadratic forms."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.factors import factorise
from polyspike.theory.finite_size.bulk.finite_dimension import NextOrder
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.bulk.known_directions import known_directions, measures_between, moved_output
from polyspike.theory.finite_size.conditioning import Conditioning, StepScalars, condition
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, averages_on_grid
from polyspike.theory.finite_size.given_kappa.deviation import deviation
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.label_parts import LabelParts, label_parts
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms, norms
from polyspike.theory.finite_size.given_kappa.overlaps import KnownOverlaps, known_overlaps
from polyspike.theory.finite_size.given_kappa.weights_along import WeightsAlong, weights_along
from polyspike.theory.finite_size.gradient_matrix.lengths import eigenvalues_with_lengths
from polyspike.theory.finite_size.gradient_matrix.rules import measures as measures_of

__all__ = ["FiniteSizeModel", "assemble", "build_model", "own_weights"]

# The factors of t count for some percent at most: cut off there, they move the errors by 3e-11.
NEXT_RANK_TOLERANCE = 3e-5
# A quadratic part of less than this share of the features' second moment is rounding, and has no factors.
_ROUNDING = 1e-26


@dataclass(frozen=True)
class FiniteSizeModel:
    """All arrays of one problem that depend neither on the ridge nor on the shift D of the samples.

    Attributes
    ----------
    mean : ndarray of shape (K, A)
        ``m(kappa, u)``.
    direction_measures : ndarray of shape (n_mu, P, P)
        Weights of the spectral measures ``nu_ij`` of M between the directions (b, kappa_perp ...), P = p + 1.
    mu : ndarray of shape (n_mu,)
        Nodes of M.
    gains : ndarray of shape (n_mu, A)
        ``1 - delta u^2 + e u mu``, what the gradient makes of a neuron's own weight along an eigendirection of M.
    omega_measure : ndarray of shape (n_mu,)
        Weights of the spectral measure of M at ``omega = W0' a``.
    norms : Norms
        The fluctuations of ``log tau`` over samples and over neurons.
    phi, phi_by_log_norm : ndarray of shape (K, p)
        The factor of ``A1/tau = phi chi'`` at the mean norm of a sample of this kappa, and its derivative by
        ``log |x|``. The phi of the bulk also contains the growth of the input with that norm.
    along : WeightsAlong
        Moments of the weights along the few known directions.
    quadratic : tuple of ndarray, of shape (K, p2), (K, p2) and (A, p2)
        The factors phi, phi_by_log_norm and chi of the quadratic features:
        ``a2 = t/sqrt 2 = phi chi'`` and ``da2/d log tau = phi_by_log_norm chi'``.
    overlaps : KnownOverlaps, optional
        What is known of the weights along b where neurons are told apart by their overlap with the
        gradient.
    linear_gains : bool
        Whether the gains are linear in mu; not those of another matrix than M, the inputs' covariance.
    noise_covariance : ndarray of shape (n_mu,), optional
        The covariance of the gradient's noise at the nodes of M.
    output_along : ndarray of shape (P,), optional
        ``M omega`` along (b, kappa_perp ...), where that is no part of b at all readouts (eq-output-gain).
    output_measures : ndarray of shape (2, n_mu), optional
        Weights of the spectral measures of M between omega and that part of ``M omega``, and at that part.
    means_by_norm : bool
        Whether the learned functions know the mean norm under the weight R (eq-mean-norm).
    """

    problem: Problem
    conditioning: Conditioning
    grid: Grid
    bulk: BulkModel
    labels: LabelParts
    mean: Any
    direction_measures: Any
    mu: Any
    gains: Any
    omega_measure: Any
    norms: Norms
    phi: Any
    phi_by_log_norm: Any
    along: WeightsAlong
    quadratic: tuple[Any, Any, Any]
    overlaps: KnownOverlaps | None = None
    linear_gains: bool = True
    noise_covariance: Any = None
    output_along: Any = None
    output_measures: Any = None
    means_by_norm: bool = True

    @property
    def anisotropy(self) -> float:
        """How much larger the step has made the weights along the known directions: see
        :meth:`WeightsAlong.anisotropy`.
        """
        n, d = self.problem.n_samples, self.problem.input_dim
        return self.along.anisotropy(self.grid.u_weights, 2 * n / (d * (d + 1)))


def build_model(problem: Problem, grid: Grid, step: Any = None, sample: StepScalars | None = None) -> FiniteSizeModel:
    """The arrays of a problem on a grid.

    At its own step or at ``step`` (complex for derivatives); with the averages over the gradient's sample at their
    expectations or, where ``sample`` is given, at the values of that sample.
    """
    return assemble(problem, grid, condition(problem, step, sample))


def assemble(
    problem: Problem,
    grid: Grid,
    scalars: Conditioning,
    mu_nodes: int | None = None,
    rank_tolerance: float | None = None,
    finite_dimension: bool = True,
    ends: float = 0.0,
    labels: LabelParts | None = None,
) -> FiniteSizeModel:
    """The arrays that belong to a conditioning, which may be that of the problem or one that lacks a term.

    ``mu_nodes`` and ``rank_tolerance`` override the number of nodes of M and the cut of the factors of ``A1/tau``.
    Without ``finite_dimension`` the terms of section 11, of order 1/d, are left out. ``ends`` is the share of the
    spectrum of M that is drawn in at each of its ends. ``labels`` are those of another model of the same step and grid.
    """
    measures = measures_of(problem, scalars, mu_nodes)
    measures = measures.within(ends) if ends > 0 and len(measures.bulk) > 1 else measures
    mu = eigenvalues_with_lengths(problem, scalars, measures.nodes)
    u, n = grid.u, problem.n_samples
    gains, weight_variance = own_weights(scalars, grid, mu, measures.noise_covariance)
    tau = deviation(problem, scalars, u, grid.moving_overlap)
    frame = known_directions(problem, scalars, measures, mu)
    directions, moments = measures_between(problem, scalars, measures, mu, frame, gains, u)
    norm = _norm_of_sample(problem, grid.kappa) if finite_dimension else np.ones((len(grid.kappa), 1))
    averages = averages_on_grid(problem.activation, scalars.strengths(grid.u), grid.kappa, tau * norm)
    norm_fluctuations = norms(problem, scalars, u, tau, averages.mean_by_log_norm, grid.moving_overlap)
    if not finite_dimension:
        norm_fluctuations = replace(norm_fluctuations, log_norm_variance=0.0)
    phi, phi_by_log_norm, chi = _linear_factors(averages, norm_fluctuations, grid, rank_tolerance)
    quadratic = _quadratic_factors(averages, norm_fluctuations, grid, tau)
    noise_variance, growth = averages.noise_variance, norm
    if finite_dimension:
        noise_variance, linear_growth = _independent(averages, tau * norm, norm_fluctuations, grid)
        growth = norm * linear_growth
    bulk = BulkModel(
        sample_weights=grid.kappa_weights,
        neuron_weights=grid.u_weights,
        phi=phi * growth,
        chi=chi,
        noise_variance=noise_variance,
        weight_variance=weight_variance,
        mu_weights=measures.bulk,
        samples_per_dim=n / problem.input_dim,
        samples_per_neuron=n / problem.width,
        next_order=_next_order(problem, averages, norm_fluctuations, quadratic) if finite_dimension else None,
    )
    return FiniteSizeModel(
        problem=problem,
        conditioning=scalars,
        grid=grid,
        bulk=bulk,
        labels=labels or label_parts(problem.teacher, grid.kappa, scalars.spike_cosine, problem.noise),
        mean=averages.mean,
        direction_measures=directions,
        mu=mu,
        gains=gains,
        norms=norm_fluctuations,
        phi=phi,
        phi_by_log_norm=phi_by_log_norm,
        along=weights_along(problem, scalars, grid, moments, gains, measures, directions, averages, norm_fluctuations),
        quadratic=quadratic,
        overlaps=known_overlaps(problem, scalars, grid, averages),
        noise_covariance=measures.noise_covariance,
        **moved_output(scalars, measures, mu, frame),
    )


def own_weights(scalars: Conditioning, grid: Grid, mu: Any, noise_covariance: Any) -> tuple[Any, Any]:
    """The gains ``1 - delta u^2 + e u mu`` and the variances ``s_u(mu) = gain^2 + q_perp u^2 C``, shape (n_mu, A)."""
    gains = scalars.own_gain(grid.u, grid.moving_overlap) + scalars.quadratic_step * grid.u * mu[:, None]
    return gains, gains**2 + scalars.gradient_noise_variance * grid.u**2 * noise_covariance[:, None]


def _linear_factors(
    averages: ActivationAverages, norm_fluctuations: Norms, grid: Grid, rank_tolerance: float | None
) -> tuple[Any, Any, Any]:
    """Phi, its derivative by the logarithm of a sample's norm, and chi: factors of ``A1/tau``."""
    functions, weights = [averages.slope, averages.slope_by_log_norm], [1.0, norm_fluctuations.log_norm_variance]
    (phi, phi_by_log_norm), chi = factorise(functions, weights, grid, rank_tolerance)
    return phi, phi_by_log_norm, chi


def _quadratic_factors(
    averages: ActivationAverages, norm_fluctuations: Norms, grid: Grid, tau: Any
) -> tuple[Any, Any, Any]:
    """The factors of ``a2 = t / sqrt 2``, as of ``A1/tau``; none where that is rounding beside ``E sigma^2``."""
    square = np.real(averages.noise_variance + averages.mean**2 + (tau * averages.slope) ** 2)
    least = _ROUNDING * float(grid.kappa_weights @ square @ grid.u_weights)
    functions = [averages.mean_by_log_norm / 2**0.5, averages.mean_by_log_norm_twice / 2**0.5]
    weights = [1.0, norm_fluctuations.log_norm_variance]
    (phi2, phi2_by_log_norm), chi2 = factorise(functions, weights, grid, NEXT_RANK_TOLERANCE, least)
    return phi2, phi2_by_log_norm, chi2


def _next_order(
    problem: Problem, averages: ActivationAverages, norm_fluctuations: Norms, factors: tuple[Any, Any, Any]
) -> NextOrder:
    """The terms of section 11 for what :func:`_independent` leaves of the quadratic features, a share ``1/(1 + 2v)``
    of ``a2^2``.
    """
    phi, phi_by_log_norm, chi = factors
    share = 1 / (1 + 2 * np.diagonal(norm_fluctuations.sample_covariance))
    removed = (1 - share) * averages.mean_by_log_norm * averages.mean_by_log_norm_twice / 2
    noise_by_log_square = averages.noise_by_log_square - removed
    chi_of_share = share[:, None] ** 0.5 * chi
    return NextOrder(
        phi=phi,
        phi_by_log_norm=phi_by_log_norm,
        chi=chi_of_share,
        noise_by_log_square=noise_by_log_square,
        input_dim=problem.input_dim,
        n_samples=problem.n_samples,
    )


def _norm_of_sample(problem: Problem, kappa: Array) -> Any:
    """``|x|/sqrt d`` in the mean at a given kappa, relative to that at all of them, shape (K, 1).

    It is ``sqrt(1 + (kappa^2 - 1)/d)`` to first order in 1/d, and positive at every d as it stands.
    """
    d = problem.input_dim
    return np.sqrt((d + kappa[:, None] ** 2) / (d + 1))


def _independent(averages: ActivationAverages, tau: Any, norm_fluctuations: Norms, grid: Grid) -> tuple[Any, Any]:
    """The part of ``A2^2`` that is independent from sample to sample and neuron to neuron, shape (K, A), and the factor
    by which the linear part grows.

    With Delta the relative deviation of a sample's norm, of variance v, the quadratic part of the activation contains
    ``t Delta``, a function of kappa for each neuron, and the cubic part ``Delta w.x d(A1/tau)/d log tau``, in the
    directions of the linear features. The noise loses the shares ``v/(1/2 + v)`` and ``v/(1/6 + v)`` of the two parts,
    which are exact to first order in v and at most one. Where the linear features vanish, the cubic part stays noise.
    """
    v = np.diagonal(norm_fluctuations.sample_covariance)
    quadratic = averages.mean_by_log_norm**2 * v / (1 + 2 * v)
    cubic = (tau * averages.slope_by_log_norm) ** 2 * v / (1 + 6 * v)
    gained = grid.kappa_weights @ cubic @ grid.u_weights
    if gained == 0:
        return averages.noise_variance - quadratic, 1.0
    linear = grid.kappa_weights @ (tau * averages.slope) ** 2 @ grid.u_weights
    joined = linear / (linear + gained)
    return averages.noise_variance - quadratic - joined * cubic, (2 - joined) ** 0.5
