"""From a problem to the arrays of its fixed point (docs/theory-inputs.md, sections 2 to 7)."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.covariance.averages import over_neurons
from polyspike.theory.covariance.curvature import Curvature, bent
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.known_block import KnownBlock
from polyspike.theory.covariance.layer import LayerCoefficients
from polyspike.theory.covariance.matrix_lengths import MatrixLengths, with_matrix
from polyspike.theory.covariance.norm_moments import NormMoments, norm_moments, norm_of_sample
from polyspike.theory.covariance.odd_activations import upper_half
from polyspike.theory.covariance.overlaps import MovesAlongInputs, grid_of_neurons, own_moves
from polyspike.theory.covariance.pairs import Pairs, pairs
from polyspike.theory.covariance.residuals import Residuals, residuals
from polyspike.theory.covariance.seen import seen_teacher
from polyspike.theory.covariance.step import Step, condition, gains, known_moments
from polyspike.theory.covariance.strong_spike import strong_share, with_slopes_of_neurons
from polyspike.theory.finite_size.bulk.assemble import NEXT_RANK_TOLERANCE
from polyspike.theory.finite_size.bulk.factors import factorise
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.conditioning import StepScalars, activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.given_kappa.deviation import check_length
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid
from polyspike.theory.finite_size.given_kappa.label_parts import LabelParts, label_parts
from polyspike.theory.finite_size.given_kappa.weights_along import curvature_exponent

__all__ = ["CovarianceModel", "assemble"]

# A quadratic part of less than this share of the features' second moment is rounding, and has no factors.
_ROUNDING = 1e-26


@dataclass(frozen=True, eq=False)
class CovarianceModel:
    """All arrays of one problem that depend neither on the ridge nor on the shift D of the samples.

    Attributes
    ----------
    labels : LabelParts
        Its derivatives by the norm are those of a coordinate that grows like all others: see :class:`NormMoments`.
    halved : bool
        Whether the grid is the half with ``kappa >= 0``, which is enough for an odd activation; the label's parts are
        at both signs.
    averages : ActivationAverages
        On the grid, (K, A).
    gains : ndarray of shape (L, A)
        What the gradient makes of a neuron's own weight along an eigendirection of Sigma, but for the part through M.
    bulk : BulkModel
        The bulk in which M and C stand at their means and second moments: the theory for many samples of the gradient,
        and the start of the solution otherwise.
    phi, phi_by_log_norm : ndarray of shape (K, p)
        The factor of ``A1/tau = phi chi'`` and its derivative by ``log |x|``. The phi of the bulk also grows with the
        input itself.
    pairs : Pairs, optional
        The quadratic features; None at leading order.
    known : KnownBlock
        The second moments of the weights along b^ and the e^_k.
    relative : ndarray of shape (L, A)
        ``s_u(lambda)/tau^2``.
    curvature : Curvature
        What becomes of the products of weights with the activation's curvature.
    own_moves : MovesAlongInputs, optional
        What is known of the neurons' moves along ``Sigma w``, where they have any.
    """

    problem: Problem
    spectrum: Eigenvalues
    step: Step
    law: Residuals
    grid: Grid
    labels: LabelParts
    halved: bool
    averages: ActivationAverages
    gains: Any
    bulk: BulkModel
    phi: Any
    phi_by_log_norm: Any
    pairs: Pairs | None
    norms: NormMoments
    known: KnownBlock
    relative: Any
    curvature: Curvature
    own_moves: MovesAlongInputs | None

    @property
    def mean(self) -> Any:
        """``m(kappa, u)``, shape (K, A)."""
        return self.averages.mean

    @property
    def tilted(self) -> bool:
        """Whether the gradient's matrix M moves the weights: ``e != 0``."""
        return self.step.scalars.quadratic_step != 0

    @cached_property
    def direction_measures(self) -> Any:
        """Spectral measures of Sigma between b^ and the e^_k, shape (1 + p, 1 + p, L)."""
        return self.step.direction_measures

    @cached_property
    def tilt_of_neurons(self) -> Any:
        """``e u``, shape (A,)."""
        return self.step.scalars.quadratic_step * self.grid.u

    @cached_property
    def noise_of_neurons(self) -> Any:
        """``q u^2``, shape (A,)."""
        return self.step.scalars.gradient_noise_variance * self.grid.u**2

    def neurons(self, gains: Any) -> Any:
        """``sqrt(lambda) (gain chi, e u chi, 0)``, what a neuron of these gains (L, A) adds to the form of the weights
        as a square, in the fields of :class:`Blocks`; shape (L, A, m).
        """
        chi, root = self.bulk.chi, self.spectrum.values[:, None, None] ** 0.5
        own = root * gains[:, :, None] * chi
        if not self.tilted:
            return own
        tilt = root * (self.tilt_of_neurons[:, None] * chi)
        return np.concatenate([own, tilt, np.zeros_like(own)], axis=2)

    @cached_property
    def known_neurons(self) -> Any:
        """:meth:`neurons` of their own gains."""
        return self.neurons(self.gains)

    @cached_property
    def _of_neurons(self) -> Any:
        """``lambda gain^2``, ``sqrt(lambda) gain e u``, ``e^2 u^2`` and ``q u^2``, shape (2 L + 2, A)."""
        values, tilt = self.spectrum.values[:, None], self.tilt_of_neurons
        rows = [values * self.gains**2, values**0.5 * self.gains * tilt, tilt[None] ** 2, self.noise_of_neurons[None]]
        return np.concatenate(rows)

    def coefficients(self, weighted_zeta: Any) -> LayerCoefficients:
        """The averages over the neurons at ``w zeta`` (..., A)."""
        count = len(self.spectrum.values)
        found = over_neurons(self._of_neurons, weighted_zeta, self.bulk.chi_pairs)
        return LayerCoefficients(
            values=self.spectrum.values,
            reach=self.step.reach,
            own=found[:count],
            mixed=found[count : 2 * count],
            tilt=found[-2],
            noise=found[-1],
            tilted=self.tilted,
        )


def assemble(
    problem: Problem,
    spectrum: Eigenvalues,
    *,
    finite_dimension: bool = True,
    refine: float = 1.0,
    rank_tolerance: float | None = None,
    sample: StepScalars | None = None,
    halved: bool = False,
    stronger: float = 1.0,
) -> CovarianceModel:
    """The arrays of a problem with this spectrum; without ``finite_dimension`` those of the leading order.

    ``sample`` has the averages over one sample of the gradient, which then replace their expectations. ``halved``, for
    an odd activation, takes half of the grid. ``stronger`` times the strength r is the spike's.
    """
    step = condition(problem, spectrum, sample).stronger(stronger)
    whole = grid_of_neurons(choose_grid(problem, step.scalars, refine), problem, spectrum, step, refine)
    grid = upper_half(whole) if halved else whole
    law = _residuals(problem, step)
    gain = gains(step, spectrum, grid)
    variance = _weight_variance(spectrum, step, law, gain, grid.u)
    dimension = problem.input_dim if finite_dimension else None
    tau, known = _lengths(spectrum, step, law, gain, variance, grid.u, dimension)
    relative = variance / tau**2
    own = own_moves(problem, spectrum, step, gain, grid, tau)
    norms = norm_moments(spectrum, step, relative, known, dimension)
    if finite_dimension:
        norms = with_matrix(norms, MatrixLengths(problem, spectrum, step, law, gain, grid.u), relative, tau)
    norms = norms if own is None else replace(norms, neurons=norms.neurons + own.length)
    share = (
        norms.along[:, 0, 0]
        if finite_dimension
        else strong_share(known, spectrum.weights @ relative, problem.input_dim)
    )
    averages, spread = _averages(problem, step, grid, tau, share, own, finite_dimension)
    slopes = [averages.slope, averages.slope_by_log_norm]
    (phi, phi_by_log_norm), chi = factorise(slopes, [1.0, norms.variance], grid, rank_tolerance)
    bulk = _bulk(problem, spectrum, averages, spread, norms, grid, (phi, chi), variance, finite_dimension)
    return CovarianceModel(
        problem=problem,
        spectrum=spectrum,
        step=step,
        law=law,
        grid=grid,
        known=known,
        relative=relative,
        labels=label_parts(seen_teacher(problem), whole.kappa, step.scalars.spike_cosine, problem.noise),
        halved=halved,
        averages=averages,
        gains=gain,
        bulk=bulk,
        phi=phi,
        phi_by_log_norm=phi_by_log_norm,
        pairs=_pairs(problem, spectrum, averages, tau, relative, norms, grid) if finite_dimension else None,
        norms=norms,
        curvature=bent(spectrum, step, relative, known, averages, grid, dimension),
        own_moves=own,
    )


def _residuals(problem: Problem, step: Step) -> Residuals:
    full = problem.gradient == "full"
    c1 = activation_numbers(problem.activation).c1 if full else 0.0
    law = residuals(seen_teacher(problem), step.scalars.gaussian_variance, c1, full, step.phi_gradient)
    return replace(law, explained=step.explained) if step.explained else law


def _weight_variance(spectrum: Eigenvalues, step: Step, law: Residuals, gain: Any, u: Array) -> Any:
    """``s_u(lambda)``, the variance of ``Sigma^(1/2) w`` along an eigendirection with M and C at their first two
    moments (eq-weight-variance), shape (L, A).
    """
    values, scalars, along = spectrum.values[:, None], step.scalars, step.reach[:, None]
    e_u = scalars.quadratic_step * u
    of_matrix = step.matrix_noise * along**2 + law.mean**2 * values * along**2
    through_mean = 2 * e_u * law.mean * values * along * gain
    return values * gain**2 + through_mean + e_u**2 * of_matrix + scalars.gradient_noise_variance * u**2 * along**2


def _lengths(
    spectrum: Eigenvalues, step: Step, law: Residuals, gain: Any, variance: Any, u: Array, dimension: int | None
) -> tuple[Array, KnownBlock]:
    """``tau(u)`` and the moments of the weights along the known directions over its square. What these have beyond
    their eigenvalues is a part of it at a finite ``dimension`` (eq-known-lengths).
    """
    moments = known_moments(step, spectrum, law, gain, u)
    by_eigenvalue = (step.direction_measures @ variance).transpose(2, 0, 1)
    tau = _deviation(spectrum, step, law, gain, variance, u)
    if dimension is not None:
        whole = tau**2 + KnownBlock(moments, by_eigenvalue).share_beyond / dimension
        check_length(whole)
        tau = np.sqrt(whole)
    square = (tau**2)[:, None, None]
    return tau, KnownBlock(moments / square, by_eigenvalue / square)


def _deviation(spectrum: Eigenvalues, step: Step, law: Residuals, gain: Any, variance: Any, u: Array) -> Array:
    """``tau(u)`` (eq-weight-variance): the full gradient lacks the readout's direction, with what the ``gain`` and the
    mean of M make of it.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where no variance is left.
    """
    of_mean = gain + step.scalars.quadratic_step * u * law.mean * step.reach[:, None]
    along_readout = step.scalars.excluded * u**2
    of_mean_square = (spectrum.weights * spectrum.values) @ of_mean**2
    square = spectrum.weights @ variance - along_readout / (1 + along_readout) * of_mean_square
    check_length(square)
    return np.asarray(square**0.5)


def _bulk(
    problem: Problem,
    spectrum: Eigenvalues,
    averages: ActivationAverages,
    spread: Any,
    norms: NormMoments,
    grid: Grid,
    factors: tuple[Any, Any],
    variance: Any,
    finite_dimension: bool,
) -> BulkModel:
    """With M and C at their means, from the factors phi and chi and the variance of the weights."""
    (phi, chi), (noise, linear_growth) = factors, _independent(averages, spread, norms, grid)
    growth = norm_of_sample(np.array([float(finite_dimension) / problem.input_dim]), grid.kappa)
    return BulkModel(
        sample_weights=grid.kappa_weights,
        neuron_weights=grid.u_weights,
        phi=phi * growth * linear_growth,
        chi=chi,
        noise_variance=noise,
        weight_variance=variance,
        mu_weights=spectrum.weights,
        samples_per_dim=problem.n_samples / problem.input_dim,
        samples_per_neuron=problem.n_samples / problem.width,
    )


def _averages(
    problem: Problem,
    step: Step,
    grid: Grid,
    tau: Array,
    share: Array,
    own: MovesAlongInputs | None,
    finite_dimension: bool,
) -> tuple[ActivationAverages, Any]:
    """The averages of the activation and the deviations at which they are taken, for the share of the weight along b^
    in ``tau^2``; at leading order with the slopes of single neurons, of which finite dimension knows otherwise.
    """
    known_part, spread = _pre_activations(step, grid, tau, share, own)
    found = activation_averages(problem.activation, known_part, spread)
    if not finite_dimension:
        strength = step.scalars.strengths(grid.u)
        found = with_slopes_of_neurons(found, problem, grid.kappa, grid.u, strength, tau, share)
    return found, spread


def _pre_activations(step: Step, grid: Grid, tau: Array, share: Array, own: MovesAlongInputs | None) -> tuple[Any, Any]:
    """What of a pre-activation is known given kappa and the neuron, and the deviation of the rest, shape (K, A).

    The weight along b^ has the share ``share`` of ``tau^2``, less what of it is known (eq-inputs-own-move).
    """
    strength, spread = step.scalars.strengths(grid.u), tau * norm_of_sample(share, grid.kappa)
    if own is None:
        return strength * grid.kappa[:, None], spread
    left = np.where(share > 0, share - own.in_square / tau**2, 0.0)
    spread = tau * np.sqrt((1 + left * grid.kappa[:, None] ** 2) / (1 + share))
    return (strength + own.in_spike) * grid.kappa[:, None], spread


def _independent(averages: ActivationAverages, tau: Any, norms: NormMoments, grid: Grid) -> tuple[Any, Any]:
    """The part of ``A2^2`` that is independent from sample to sample, and the growth of the linear part.

    As in the isotropic theory (section 11 of docs/theory-corrections.md): the noise loses what the sample's norm makes
    of the quadratic and the cubic part of the activation.
    """
    v = np.diagonal(norms.covariance)
    quadratic = averages.mean_by_log_norm**2 * v / (1 + 2 * v)
    cubic = (tau * averages.slope_by_log_norm) ** 2 * v / (1 + 6 * v)
    gained = grid.kappa_weights @ cubic @ grid.u_weights
    if gained == 0:
        return averages.noise_variance - quadratic, 1.0
    linear = grid.kappa_weights @ (tau * averages.slope) ** 2 @ grid.u_weights
    joined = linear / (linear + gained)
    return averages.noise_variance - quadratic - joined * cubic, (2 - joined) ** 0.5


def _pairs(
    problem: Problem,
    spectrum: Eigenvalues,
    averages: ActivationAverages,
    tau: Array,
    relative: Any,
    norms: NormMoments,
    grid: Grid,
) -> Pairs:
    """The quadratic features, without their share in the sample's norm.

    What a strong b^ adds to the variance of a pre-activation at a large kappa is in the learned functions; for these
    features the deviation is that without it.
    """
    square = averages.noise_variance + averages.mean**2 + (tau * averages.slope) ** 2
    least = _ROUNDING * float(grid.kappa_weights @ square @ grid.u_weights)
    strong = np.maximum(norms.along[:, 0, 0] - 1 / problem.input_dim, 0.0)
    flat = norm_of_sample(strong, grid.kappa) ** (2 * curvature_exponent(averages, grid.kappa_weights) - 2)
    functions = [flat * averages.mean_by_log_norm / 2**0.5, flat * averages.mean_by_log_norm_twice / 2**0.5]
    (phi, phi_by_log_norm), chi = factorise(functions, [1.0, norms.variance], grid, NEXT_RANK_TOLERANCE, least)
    share = 1 / (1 + 2 * np.diagonal(norms.covariance))
    removed = (1 - share) * averages.mean_by_log_norm * averages.mean_by_log_norm_twice / 2
    chi = share[:, None] ** 0.5 * chi
    other = averages.noise_by_log_square - removed - (phi @ chi.T) * (phi_by_log_norm @ chi.T)
    return pairs(spectrum, problem.input_dim, problem.n_samples, relative, (phi, phi_by_log_norm, chi), other)
