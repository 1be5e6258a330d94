"""``predict_covariance``: the errors of a problem whose inputs have a covariance (docs/theory-inputs.md)."""

from collections.abc import Iterable
from functools import lru_cache, partial

import numpy as np

from polyspike.arraytypes import Array
from polyspike.blas import one_blas_thread
from polyspike.errors import NumericalError, PolyspikeError
from polyspike.problem import Inputs, Problem
from polyspike.results import FailedPrediction, Prediction
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.announce import announce_spectrum
from polyspike.theory.covariance.eigenvalues import Eigenvalues, eigenvalues, grouped_eigenvalues
from polyspike.theory.covariance.preconditioned import reach
from polyspike.theory.covariance.seen import index_measures, linear_direction
from polyspike.theory.covariance.solution import MeanSolution, solve_mean
from polyspike.theory.covariance.spectrum import predict_covariance_spectrum
from polyspike.theory.covariance.step import condition
from polyspike.theory.covariance.trust import check_dimension, trust
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.long_work import watched
from polyspike.theory.scope import check_features

__all__ = ["nodes_of", "predict_covariance", "predict_rows", "spectrum_of"]

REGIME = "finite n, d and N, inputs of a general covariance, any step size up to order sqrt(n)"


def spectrum_of(problem: Problem) -> Eigenvalues:
    """The eigenvalues of the covariance of a problem's inputs, as few nodes as errors need."""
    if problem.teacher.n_indices == 1:
        return _spectrum_of(problem.inputs, problem.input_dim)
    values, weights, teacher, indices = _measures(problem)
    return eigenvalues(values, weights, teacher, indices=indices)


@lru_cache(maxsize=64)
def _spectrum_of(inputs: Inputs, d: int) -> Eigenvalues:
    """For a teacher of one index."""
    values, counts = inputs.eigenvalues(d)
    return eigenvalues(values, counts / d, inputs.teacher_energies(d))


def nodes_of(problem: Problem) -> Eigenvalues:
    """The eigenvalues of the covariance of a problem's inputs, as nodes for a density."""
    values, weights, teacher, indices = _measures(problem)
    return grouped_eigenvalues(values, weights, teacher, problem.input_dim, indices)


def _measures(problem: Problem) -> tuple[Array, Array, Array, Array | None]:
    """The distinct eigenvalues, their shares, the energies of beta*, and those between several indices."""
    d = problem.input_dim
    values, counts = problem.inputs.eigenvalues(d)
    if problem.teacher.n_indices == 1:
        return values, counts / d, problem.inputs.teacher_energies(d), None
    indices, along = index_measures(problem), linear_direction(problem)
    return values, counts / d, np.einsum("i,ijl,j->l", along, indices, along), indices


def predict_covariance(problem: Problem) -> Prediction:
    """Train loss, train error and test error for inputs ``x ~ N(0, Sigma)``.

    Holds for every step size from 0 to order sqrt(n), both gradient forms, all readout laws and teachers of one index
    or several, where no single eigendirection of Sigma carries much of what is learned: the error estimate and
    ``prediction.trusted`` know the effective dimension ``(tr Sigma)^2/tr Sigma^2``.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Prediction
        Method "finite-size"; ``extras`` has the effective dimension and ``label_cosine``, the correlation of
        ``kappa = b.x/|Sigma^(1/2) b|`` with ``x . beta*``.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for an effective dimension below 10, for an uncentred activation with the full gradient, and
        for a teacher whose linear part mixes more indices than averages are taken over (as for isotropic inputs);
        ``NOT_CONVERGED`` or ``SINGULAR`` as the isotropic theory.

    Examples
    --------
    >>> problem = Problem("tanh", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3, inputs="power:0.5")
    >>> found = predict_covariance(problem)
    >>> found.test_error < predict_covariance(problem.replace(step_size=0.0)).test_error
    True
    >>> bool(found.cosine < found.biased_cosine)
    True
    """
    check_dimension(problem.inputs, problem.input_dim)
    with watched(), within_double_precision():
        return _as_prediction(problem, solve_mean(problem, spectrum_of(problem)))


@watched()
def predict_rows(problems: Iterable[Problem]) -> list[Prediction | FailedPrediction]:
    """One answer a problem, in their order; the reason where there is none."""
    return [_row(problem) for problem in problems]


def _row(problem: Problem) -> Prediction | FailedPrediction:
    try:
        return predict_covariance(problem)
    except PolyspikeError as error:
        status = error.status if isinstance(error, NumericalError) else Status.OUT_OF_RANGE
        return FailedPrediction(problem, "finite-size", status, str(error))


def _as_prediction(problem: Problem, means: MeanSolution) -> Prediction:
    found = means.errors
    effective = problem.inputs.effective_dimension(problem.input_dim)
    curved = activation_numbers(problem.activation).c2 != 0
    inverted = _inverted(problem)
    worth = trust(problem, effective, found, curved, inverted, means.spike_strength, means.gained, means.scatter)
    signal = float(np.sum(problem.teacher.linear_coefficients**2))
    return Prediction(
        problem=problem,
        method="finite-size",
        train_loss=float(found.train_loss),
        train_error=float(found.train_error),
        test_error=float(found.test_error),
        cosine=means.cosine,
        spike_cosine=means.spike_cosine,
        spike_strength=means.spike_strength,
        regime=REGIME,
        null_error=problem.label_second_moment,
        linear_error=problem.label_second_moment - signal,
        error_estimate=worth.error_estimate,
        trusted=worth.trusted,
        trust_reason=worth.reason,
        notes=_notes(problem),
        extras={"effective_dimension": float(effective), "label_cosine": means.label_cosine},
        biased_cosine=None if problem.inputs.is_isotropic else means.lean,
        spectrum_source=partial(_spectrum, problem),
    )


def _inverted(problem: Problem) -> float:
    """``(D - 1) q/(1 + q)`` of a preconditioned step: the noise that the inverse of its sample's covariance adds."""
    if problem.precondition is None:
        return 0.0
    spectrum = spectrum_of(problem)
    noise = abs(condition(problem, spectrum).scalars.move_variance)
    return (reach(problem, spectrum).inflation - 1) * noise / (1 + noise)


@watched()
@one_blas_thread()
def _spectrum(problem: Problem) -> Spectrum:
    check_features(problem)
    announce_spectrum(problem)
    return predict_covariance_spectrum(problem, nodes_of(problem))


def _notes(problem: Problem) -> tuple[str, ...]:
    notes = []
    if activation_numbers(problem.activation).c1 == 0:
        notes.append("c_1 = 0: the step makes no spike.")
    if not np.any(problem.teacher.linear_coefficients):
        notes.append("c*_1 = 0: beta carries no signal at n ~ d, the direction of the spike is noise.")
    return tuple(notes)
