"""The spectrum of the features for inputs of a covariance (docs/theory-inputs.md, section 8)."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.covariance.eigenvalues import MOST_SEPARATED, SINGLE, Eigenvalues
from polyspike.theory.covariance.layer_spectrum.model import norms_of
from polyspike.theory.covariance.layer_spectrum.outlier_means import outlier_means
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import predict_layer_spectrum
from polyspike.theory.covariance.lengths_along import with_lengths
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.pair_spectrum.model import quadratic_features
from polyspike.theory.covariance.pair_spectrum.predict_spectrum import predict_pair_spectrum
from polyspike.theory.covariance.spectrum_trust import trust_covariance_spectrum
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.given_kappa.weights_along import WeightsAlong
from polyspike.theory.finite_size.spectrum.density import PiecewiseDensity, SolvedInterval
from polyspike.theory.finite_size.spectrum.outliers import FiniteRankParts, upper_edge
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum
from polyspike.theory.finite_size.spectrum.spectral_model import COARSENESS, SpectralModel, bulk_of
from polyspike.theory.finite_size.spectrum.trust import is_quadratic

__all__ = ["predict_covariance_spectrum"]

_RANK_TOLERANCE = 1e-4
_REFINEMENTS = (1.0, 1.3, 1.7)
# The matrix of the gradient is taken at its mean where the gradient has so many samples a dimension.
_MANY = 20
# A density of less mass than it should have, by so much and by an eigenvalue and a half, lacks a band.
_LEAST_MISSED = 5e-5
# Features whose noise has a smaller variance have none.
_NO_NOISE = 1e-12


def predict_covariance_spectrum(problem: Problem, spectrum: Eigenvalues) -> Spectrum:
    """Density, edges, atom and outliers, at leading order.

    The gradient's samples are a layer of their own, with M and the covariance of its noise; where they are more than
    20 d, or without a step, these are taken at their means, and all commutes with Sigma; where that finds no bulk, a
    narrow gap left of single eigenvalues for one, the layer is solved all the same. Features without a linear part are
    those of pairs of eigendirections.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` as for isotropic inputs; ``OUT_OF_RANGE`` for linear activations, whose features have no noise
        of their own.
    """
    if problem.activation.residual_strength < _NO_NOISE:
        message = "the spectrum is not solved for a linear activation with a covariance; inputs='isotropic' has one"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    with within_double_precision():
        worth, found = trust_covariance_spectrum(problem, spectrum), _spectrum(problem, spectrum)
        quadratic = is_quadratic(problem.activation)
        return replace(
            found,
            means_source=None if quadratic else partial(outlier_means, problem, spectrum, found.spikes),
            error_estimate=worth.error_estimate,
            trusted=worth.trusted,
            trust_reason=worth.reason,
        )


def _spectrum(problem: Problem, spectrum: Eigenvalues) -> Spectrum:
    if is_quadratic(problem.activation):
        return _refined(problem, spectrum, _solved_pairs)
    if problem.step > 0 and problem.gradient_samples < _MANY * problem.input_dim:
        return predict_layer_spectrum(problem, spectrum)
    try:
        return _refined(problem, spectrum, _solved)
    except NumericalError as error:
        if error.status is not Status.NOT_CONVERGED:
            raise
    return predict_layer_spectrum(problem, spectrum)


def _refined(
    problem: Problem, spectrum: Eigenvalues, solve: Callable[[Problem, Eigenvalues, float], Spectrum]
) -> Spectrum:
    """The first spectrum that is solved, with ever more nodes."""
    for refine in _REFINEMENTS[:-1]:
        try:
            return solve(problem, spectrum, refine)
        except NumericalError as error:
            if error.status is not Status.NOT_CONVERGED:
                raise
    return solve(problem, spectrum, _REFINEMENTS[-1])


def _solved_pairs(problem: Problem, spectrum: Eigenvalues, refine: float) -> Spectrum:
    features = quadratic_features(problem, spectrum, refine)
    return predict_pair_spectrum(features, as_commuting(features.model))


def _solved(problem: Problem, spectrum: Eigenvalues, refine: float) -> Spectrum:
    tolerance = _RANK_TOLERANCE / refine**6
    model = assemble(problem, spectrum, finite_dimension=False, refine=COARSENESS * refine, rank_tolerance=tolerance)
    found = solve_spectrum(separated(as_commuting(with_lengths(model))))
    _check_bands(found, problem.n_samples)
    return found


def _check_bands(found: Spectrum, n_samples: int) -> None:
    """Refuse a density without the band of a few equal eigenvalues above all others, at which no path began."""
    assert isinstance(found.density, PiecewiseDensity)
    solved = (part for _, _, part in found.density.pieces)
    missing = 1 - found.atom - sum(part.mass for part in solved if isinstance(part, SolvedInterval))
    if missing > max(_LEAST_MISSED, SINGLE / n_samples):
        message = f"the density of the bulk lacks {missing * n_samples:.3g} of {n_samples} eigenvalues"
        raise NumericalError(Status.NOT_CONVERGED, message)


class CovarianceSpectralModel(SpectralModel):
    """The arrays behind a spectrum; eigenvalues of Sigma beyond its bulk are no density but make outliers."""

    @cached_property
    def outliers_of_matrix(self) -> list[tuple[int, float]]:
        """The nodes beyond the bulk, which are single eigenvalues, and their weights in b."""
        along_b = self.model.direction_measures[:, 0, 0]
        return [(int(k), max(0.0, float(along_b[k]))) for k in np.flatnonzero(self.bulk.mu_weights == 0)]


def separated(model: FiniteSizeModel) -> CovarianceSpectralModel:
    """The bulk without the single eigenvalues at the top of Sigma that lie outside it: the longest row of them, no more
    than 16, of which each makes an outlier of the bulk of all that are smaller (eq-separated).
    """
    counts = model.bulk.mu_weights * model.problem.input_dim
    whole, end = bulk_of(model, 0.0), len(counts)

    def below(end: int) -> CovarianceSpectralModel:
        kept = np.where(np.arange(len(counts)) < end, counts, 0.0)
        return CovarianceSpectralModel(model, replace(whole, mu_weights=kept / model.problem.input_dim))

    least = max(1, end - MOST_SEPARATED)
    while end > least and counts[end - 1] < SINGLE and _is_outside(below(end - 1), end - 1):
        end -= 1
    return below(end)


def _is_outside(spectral: CovarianceSpectralModel, node: int) -> bool:
    """Whether an eigenvalue of Sigma makes an outlier above the bulk: ``1 + c V Q`` is singular above the edge."""
    edge, _ = upper_edge(FiniteRankParts(spectral))
    state = edge.state
    values = np.linalg.eigvals(np.eye(len(state.v)) + state.model.samples_per_dim * state.v @ state.q_hat[node])
    return bool(np.min(np.real(values)) < 0)


def as_commuting(model: CovarianceModel) -> FiniteSizeModel:
    """The model as one of the isotropic theory, with the nodes of Sigma in the place of those of M (eq-commuting)."""
    d, values = model.problem.input_dim, model.spectrum.values[:, None]
    norms, size = norms_of(model), len(model.grid.u)
    return FiniteSizeModel(
        problem=model.problem,
        conditioning=model.step.scalars,
        grid=model.grid,
        bulk=model.bulk,
        labels=model.labels,
        mean=model.mean,
        direction_measures=np.moveaxis(model.direction_measures, 2, 0),
        mu=model.spectrum.values,
        gains=values**0.5 * model.gains,
        omega_measure=np.zeros(len(model.spectrum.values)),
        norms=norms,
        phi=model.phi,
        phi_by_log_norm=model.phi_by_log_norm,
        along=WeightsAlong(np.zeros((size, 2, 2)), (norms.neuron_variance * d * (d + 1))[:, None, None]),
        quadratic=(model.phi[:, :0], model.phi[:, :0], model.bulk.chi[:, :0]),
        linear_gains=False,
    )
