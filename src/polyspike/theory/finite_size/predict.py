"""``predict_finite_size``: train loss, train error and test error at finite size, for any step size."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import partial

import numpy as np

from polyspike.blas import one_blas_thread
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.spectra import Spectrum
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.continuation import ShiftContinuation, Solution
from polyspike.theory.finite_size.cost import checked_samples, tell_of_model
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.gradient_sample import Overlaps, concentration, few_moves, mean_overlaps
from polyspike.theory.finite_size.labels.label_law import sampling_error
from polyspike.theory.finite_size.solve import in_order, model_of, solve_errors
from polyspike.theory.finite_size.spectrum.predict_spectrum import predict_spectrum
from polyspike.theory.finite_size.spikes.errors import Errors, errors
from polyspike.theory.finite_size.trust import Corners, Trust, has_tails, shared_features, trust
from polyspike.theory.long_work import check_clock, watched
from polyspike.theory.scope import check_features

__all__ = [
    "as_prediction",
    "effect_of_anisotropy",
    "mean_errors",
    "predict_finite_size",
]

# Weights with a smaller anisotropy change a test error by less than its other errors.
_NOTICED = 0.02


def predict_finite_size(problem: Problem) -> Prediction:
    """Train loss, train error and test error of a problem by the finite-size theory (docs/theory-finite-size.md).

    Holds for every step size from 0 to order sqrt(n) and beyond, both gradient forms and all readout laws, at the
    problem's own finite sizes; deviations are of the order of 1/d and largest near the interpolation peak.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Prediction
        Method "finite-size"; ``prediction.spectrum`` is computed when asked for.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` with residual, iterations and the partial result; ``SINGULAR`` at ridge 0 on the interpolation
        peak; ``OUT_OF_RANGE`` for an uncentred activation with the full gradient, or a step so far beyond
        order sqrt(n) that its averages need too many nodes.

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3)
    >>> before, after = predict_finite_size(problem.replace(step_size=0.0)), predict_finite_size(problem)
    >>> after.test_error < before.test_error
    True
    """
    with watched(), within_double_precision():
        found, overlaps, effect = [], [], 0.0
        for weight, model, state, at in _solved_nodes(problem):
            errors = solve_errors(model, state, at)
            found.append((weight, errors))
            overlaps.append((weight, model))
            effect += weight * effect_of_anisotropy(model, state, errors, at)
        return as_prediction(problem, mean_errors(problem, found), mean_overlaps(overlaps), effect)


def _solved_nodes(problem: Problem) -> Iterator[tuple[float, FiniteSizeModel, BulkState, Linearised]]:
    """Every node of the average over the gradient's sample with its weight, each solved from the one before."""
    before: list[Solution] = []
    nodes = checked_samples(problem)
    for k, (weight, sample) in enumerate(nodes):
        check_clock()
        model = model_of(problem, sample=sample)
        if k == 0:
            tell_of_model(model, len(nodes))
        continuation = ShiftContinuation(model, before)
        yield weight, *continuation.solve(problem)
        before = [continuation.first] if continuation.first is not None else []


def effect_of_anisotropy(
    model: FiniteSizeModel, state: BulkState, found: Errors, at: Linearised | None = None
) -> float:
    """The relative change of the test error by the anisotropy of the weights along the known directions.

    It is 0 where it is not needed: where the anisotropy is small, or the prediction is not trusted in any case.
    """
    if model.anisotropy < _NOTICED or not _worth(model.problem, found, 0.0, 0.0).trusted:
        return 0.0
    without = errors(replace(model, along=model.along.isotropic(model.problem.input_dim)), state, at)
    return abs(float(without.test_error) / float(found.test_error) - 1)


def mean_errors(problem: Problem, found: Sequence[tuple[float, Errors]]) -> Errors:
    """The averages of a problem's errors with their weights, which sum to one up to rounding."""
    if len(found) == 1:
        return found[0][1]
    names = [field.name for field in fields(Errors)]
    means = (sum(weight * getattr(errors, name) for weight, errors in found) for name in names)
    return in_order(problem, Errors(*means))


def as_prediction(problem: Problem, found: Errors, overlaps: Overlaps, effect: float = 0.0) -> Prediction:
    """The result in the form that all predictions share."""
    cosine, spike_cosine, strength, stretch = overlaps
    worth = _worth(problem, found, effect, stretch)
    signal = float(np.sum(problem.teacher.linear_coefficients**2))
    return Prediction(
        problem=problem,
        method="finite-size",
        train_loss=float(found.train_loss),
        train_error=float(found.train_error),
        test_error=float(found.test_error),
        cosine=cosine,
        spike_cosine=spike_cosine if strength else 0.0,
        spike_strength=strength,
        regime="finite n, d and N, any step size up to order sqrt(n)",
        null_error=problem.label_second_moment,
        linear_error=problem.label_second_moment - signal,
        error_estimate=worth.error_estimate,
        trusted=worth.trusted,
        trust_reason=worth.reason,
        notes=_notes(problem),
        spectrum_source=partial(_spectrum, problem),
    )


@one_blas_thread()
def _spectrum(problem: Problem) -> Spectrum:
    check_features(problem)
    with watched(), within_double_precision():
        return predict_spectrum(problem)


def _worth(problem: Problem, found: Errors, effect: float, stretch: float) -> Trust:
    """The error estimate of a prediction, from its sizes and from the corners of the theory."""
    loss, train, test = float(found.train_loss), float(found.train_error), float(found.test_error)
    corners = Corners(
        effect,
        stretch,
        concentration(problem),
        sampling_error(problem.teacher),
        shared_features(problem),
        few_moves(problem) if has_tails(problem.activation) else 0.0,
    )
    return trust(problem, loss, train, test, corners)


def _notes(problem: Problem) -> tuple[str, ...]:
    numbers = activation_numbers(problem.activation)
    notes = []
    if numbers.c1 == 0:
        notes.append("c_1 = 0: the step makes no spike.")
    if not np.any(problem.teacher.linear_coefficients):
        notes.append("c*_1 = 0: beta carries no signal at n ~ d, the direction of the spike is noise.")
        if numbers.c2 != 0 and problem.step > 0 and problem.teacher.information_exponent == 2:
            notes.append("c_2 != 0: the step stretches the weights along the teacher, whose quadratic part is learned.")
    return tuple(notes)
