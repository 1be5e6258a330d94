"""The spectrum of the features for inputs of a covariance, where all commutes (docs/theory-inputs.md, section 8)."""

from functools import cached_property

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms
from polyspike.theory.finite_size.given_kappa.weights_along import WeightsAlong
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum
from polyspike.theory.finite_size.spectrum.spectral_model import COARSENESS, SpectralModel, bulk_of

__all__ = ["predict_covariance_spectrum"]

_RANK_TOLERANCE = 1e-4
_REFINEMENTS = (1.0, 1.3, 1.7)
# The matrix of the gradient is taken at its mean where the gradient has so many samples a dimension.
_MANY = 20
# Fewer eigenvalues of Sigma than this at one of its ends are no bulk.
_SINGLE = 1.5


def predict_covariance_spectrum(problem: Problem, spectrum: Eigenvalues) -> Spectrum:
    """Density, edges, atom and outliers; at leading order, where the gradient's noise is isotropic.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` after a step with ``c_2 != 0`` and few samples of the gradient, whose matrix does not commute
        with Sigma; ``NOT_CONVERGED`` as for isotropic inputs.
    """
    with within_double_precision():
        for refine in _REFINEMENTS[:-1]:
            try:
                return _solved(problem, spectrum, refine)
            except NumericalError as error:
                if error.status is not Status.NOT_CONVERGED:
                    raise
        return _solved(problem, spectrum, _REFINEMENTS[-1])


def _solved(problem: Problem, spectrum: Eigenvalues, refine: float) -> Spectrum:
    tolerance = _RANK_TOLERANCE / refine**6
    model = assemble(problem, spectrum, finite_dimension=False, refine=COARSENESS * refine, rank_tolerance=tolerance)
    if model.tilted and problem.gradient_samples < _MANY * problem.input_dim:
        message = (
            f"{problem.gradient_samples} samples of the gradient in {problem.input_dim} dimensions: their matrix does "
            "not commute with the inputs' covariance, and a spectrum is predicted only where c_2 = 0 or they are many"
        )
        raise NumericalError(Status.OUT_OF_RANGE, message)
    commuting = as_commuting(model)
    return solve_spectrum(CovarianceSpectralModel(commuting, bulk_of(commuting, _SINGLE)))


class CovarianceSpectralModel(SpectralModel):
    """The arrays behind a spectrum; a single outermost eigenvalue of Sigma is no bulk but makes an outlier."""

    @cached_property
    def outliers_of_matrix(self) -> list[tuple[int, float]]:
        """The ends of Sigma that are single eigenvalues: the heaviest node there, and the weight of the end in b."""
        weights, along_b = self.model.bulk.mu_weights, self.model.direction_measures[:, 0, 0]
        kept, nodes, found = np.flatnonzero(self.bulk.mu_weights > 0), np.arange(len(weights)), []
        for end in (slice(0, kept[0]), slice(kept[-1] + 1, None)):
            # What is over half an eigenvalue is one.
            if weights[end].sum() * self.model.problem.input_dim > 0.5:
                node = int(nodes[end][weights[end].argmax()])
                found.append((node, max(0.0, float(along_b[end].sum()))))
        return found


def as_commuting(model: CovarianceModel) -> FiniteSizeModel:
    """The model as one of the isotropic theory, with the nodes of Sigma in the place of those of M (eq-commuting)."""
    d, values = model.problem.input_dim, model.spectrum.values[:, None]
    relative = model.relative
    covariance = (model.spectrum.weights[:, None] * relative).T @ relative / (2 * d)
    neurons = np.maximum(model.spectrum.weights @ relative**2 - 1, 0.0) / (2 * d)
    norms = Norms(model.averages.mean_by_log_norm, covariance, neurons, 0.0)
    size = len(model.grid.u)
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
        along=WeightsAlong(np.zeros((size, 2, 2)), (neurons * d * (d + 1))[:, None, None]),
        quadratic=(model.phi[:, :0], model.phi[:, :0], model.bulk.chi[:, :0]),
        linear_gains=False,
    )
