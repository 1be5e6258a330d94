"""From a problem to the arrays of its fixed point (docs/theory-inputs.md, sections 3 to 5)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.status import Status
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.layer import LayerCoefficients
from polyspike.theory.covariance.pairs import Pairs, pairs
from polyspike.theory.covariance.residuals import Residuals, residuals
from polyspike.theory.covariance.step import Step, condition, gains
from polyspike.theory.finite_size.bulk.assemble import NEXT_RANK_TOLERANCE
from polyspike.theory.finite_size.bulk.factors import factorise
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid
from polyspike.theory.finite_size.given_kappa.label_parts import LabelParts, label_parts

__all__ = ["CovarianceModel", "assemble"]

# A quadratic part of less than this share of the features' second moment is rounding, and has no factors.
_ROUNDING = 1e-26


@dataclass(frozen=True, eq=False)
class CovarianceModel:
    """All arrays of one problem that depend neither on the ridge nor on the shift D of the samples.

    Attributes
    ----------
    averages : ActivationAverages
        On the grid, (K, A).
    gains : ndarray of shape (L, A)
        What the gradient makes of a neuron's own weight along an eigendirection of Sigma, but for the part through M.
    bulk : BulkModel
        The bulk in which M and C stand at their means and second moments: the theory for many samples of the gradient,
        and the start of the solution otherwise.
    pairs : Pairs, optional
        The quadratic features; None at leading order.
    norm_covariance : ndarray of shape (A, A)
        Covariance over samples of log tau at u and u'; zero at leading order.
    """

    problem: Problem
    spectrum: Eigenvalues
    step: Step
    law: Residuals
    grid: Grid
    labels: LabelParts
    averages: ActivationAverages
    gains: Any
    bulk: BulkModel
    pairs: Pairs | None
    norm_covariance: Any

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
        """Spectral measures of Sigma between b^ and e^, shape (2, 2, L)."""
        return np.einsum("ai,ijl,bj->abl", self.step.known, self.step.frame_measures, self.step.known)

    def coefficients(self, weighted_zeta: Any) -> LayerCoefficients:
        """The averages over the neurons at ``w zeta`` (A,)."""
        bulk, scalars, u = self.bulk, self.step.scalars, self.grid.u
        size, values = bulk.chi.shape[1], self.spectrum.values[:, None, None]
        e_u = scalars.quadratic_step * u

        def average(weights: Any) -> Any:
            return ((weights * weighted_zeta) @ bulk.chi_pairs).reshape(*weights.shape[:-1], size, size)

        return LayerCoefficients(
            values=self.spectrum.values,
            own=values * average(self.gains**2),
            mixed=values**0.5 * average(self.gains * e_u),
            tilt=average(e_u**2),
            noise=average(scalars.gradient_noise_variance * u**2),
            tilted=self.tilted,
        )


def assemble(
    problem: Problem, spectrum: Eigenvalues, *, quadratic: bool = True, refine: float = 1.0
) -> CovarianceModel:
    """The arrays of a problem with this spectrum; without ``quadratic`` those of the leading order."""
    step = condition(problem, spectrum)
    scalars = step.scalars
    grid = choose_grid(problem, scalars, refine)
    full = problem.gradient == "full"
    c1 = activation_numbers(problem.activation).c1
    law = residuals(problem.teacher, scalars.gaussian_variance, c1 if full else 0.0, full)
    gain = gains(step, spectrum, grid.u)
    variance = _weight_variance(problem, spectrum, step, law, gain, grid.u)
    square = spectrum.weights @ variance
    tau = _deviation(problem, square, scalars.excluded * grid.u**2)
    spread = tau + np.zeros((len(grid.kappa), 1))
    averages = activation_averages(problem.activation, scalars.spike_strength * grid.kappa[:, None] * grid.u, spread)
    (phi,), chi = factorise([averages.slope], [1.0], grid)
    n, d = problem.n_samples, problem.input_dim
    bulk = BulkModel(
        sample_weights=grid.kappa_weights,
        neuron_weights=grid.u_weights,
        phi=phi,
        chi=chi,
        noise_variance=averages.noise_variance,
        weight_variance=variance,
        mu_weights=spectrum.weights,
        samples_per_dim=n / d,
        samples_per_neuron=n / problem.width,
    )
    relative = variance / tau**2
    norms = (spectrum.weights[:, None] * relative).T @ relative / (2 * d) if quadratic else np.zeros((len(tau),) * 2)
    return CovarianceModel(
        problem=problem,
        spectrum=spectrum,
        step=step,
        law=law,
        grid=grid,
        labels=label_parts(problem.teacher, grid.kappa, scalars.spike_cosine, problem.noise),
        averages=averages,
        gains=gain,
        bulk=bulk,
        pairs=_pairs(problem, spectrum, averages, tau, relative, grid) if quadratic else None,
        norm_covariance=norms,
    )


def _weight_variance(problem: Problem, spectrum: Eigenvalues, step: Step, law: Residuals, gain: Any, u: Array) -> Any:
    """``s_u(lambda)``, the variance of ``Sigma^(1/2) w`` along an eigendirection with M and C at their first two
    moments (eq-weight-variance), shape (L, A).
    """
    values, scalars = spectrum.values[:, None], step.scalars
    e_u = scalars.quadratic_step * u
    of_matrix = problem.phi_gradient * scalars.residual_moment * values**2 + law.mean**2 * values**3
    through_mean = 2 * e_u * law.mean * values**2 * gain
    return values * gain**2 + through_mean + e_u**2 * of_matrix + scalars.gradient_noise_variance * u**2 * values**2


def _deviation(problem: Problem, square: Array, along_readout: Array) -> Array:
    """``tau(u)`` (eq-weight-variance): the full gradient lacks the readout's direction.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where no variance is left.
    """
    square = square - along_readout / (1 + along_readout)
    if square.min() <= 0:
        message = f"width {problem.width}: a pre-activation is left without variance beside the neuron's own output"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    return np.asarray(square**0.5)


def _pairs(
    problem: Problem, spectrum: Eigenvalues, averages: ActivationAverages, tau: Array, relative: Any, grid: Grid
) -> Pairs | None:
    """The quadratic features; None where they are rounding beside ``E sigma^2``."""
    square = averages.noise_variance + averages.mean**2 + (tau * averages.slope) ** 2
    least = _ROUNDING * float(grid.kappa_weights @ square @ grid.u_weights)
    (phi,), chi = factorise([averages.mean_by_log_norm / 2**0.5], [1.0], grid, NEXT_RANK_TOLERANCE, least)
    if phi.shape[1] == 0:
        return None
    return pairs(spectrum, problem.input_dim, problem.n_samples, relative, phi, chi)
