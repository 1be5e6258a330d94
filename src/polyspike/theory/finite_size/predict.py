"""``predict_finite_size``: train loss, train error and test error at finite size, for any step size."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, assemble
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised, solve_bulk
from polyspike.theory.finite_size.conditioning import StepScalars, activation_numbers, condition
from polyspike.theory.finite_size.double_precision import check_magnitudes, within_double_precision
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.gradient_sample import Overlaps, concentration, mean_overlaps, weighted_samples
from polyspike.theory.finite_size.labels.label_law import sampling_error
from polyspike.theory.finite_size.spectrum.predict_spectrum import predict_spectrum
from polyspike.theory.finite_size.spikes.errors import Errors, errors
from polyspike.theory.finite_size.trust import Corners, Trust, trust

__all__ = [
    "as_prediction",
    "effect_of_stretch",
    "mean_errors",
    "model_of",
    "predict_finite_size",
    "shift_of",
    "solve_errors",
    "solve_problem",
]

# The min-norm limit is taken at this fraction of the features' variance; its relative effect is of the same size.
_LEAST_SHIFT = 1e-12
_SINGULAR_SLOPE = 1e-3
# Weights stretched by less than this move a test error by less than what is not known of it anyway.
_NOTICED = 0.02
# Share of E y^2 under which an error is rounding, and the disorder of errors that quadrature may leave.
_ROUNDING = 1e-12
_DISORDER = 1e-7


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
        peak; ``OUT_OF_RANGE`` for an uncentred activation with the full gradient, or a step far beyond order sqrt(n).

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3)
    >>> before, after = predict_finite_size(problem.replace(step_size=0.0)), predict_finite_size(problem)
    >>> after.test_error < before.test_error
    True
    """
    with within_double_precision():
        solved = [(weight, *solve_problem(problem, sample=sample)) for weight, sample in weighted_samples(problem)]
        found = [(weight, solve_errors(model, state)) for weight, model, state in solved]
        overlaps = mean_overlaps([(weight, model) for weight, model, _ in solved])
        effect = sum(
            weight * effect_of_stretch(model, state, errors)
            for (weight, errors), (_, model, state) in zip(found, solved)
        )
        return as_prediction(problem, mean_errors(found), overlaps, effect)


def effect_of_stretch(model: FiniteSizeModel, state: BulkState, found: Errors, at: Linearised | None = None) -> float:
    """What weights stretched by the step along the known directions do to the test error, a share of it; 0 where it is
    not asked for, because they are little stretched or the prediction is not trusted in any case.
    """
    if model.stretch < _NOTICED or not _worth(model.problem, found, 0.0, 0.0).trusted:
        return 0.0
    without = errors(replace(model, along=model.along.isotropic(model.problem.input_dim)), state, at)
    return abs(float(without.test_error) / float(found.test_error) - 1)


def mean_errors(found: Sequence[tuple[float, Errors]]) -> Errors:
    """The averages of errors with their weights."""
    if len(found) == 1:
        return found[0][1]
    names = [field.name for field in fields(Errors)]
    return Errors(*(sum(weight * getattr(errors, name) for weight, errors in found) for name in names))


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


def _spectrum(problem: Problem) -> Spectrum:
    with within_double_precision():
        return predict_spectrum(problem)


def _worth(problem: Problem, found: Errors, effect: float, stretch: float) -> Trust:
    """What the sizes say of a prediction, and what the corners of the theory add."""
    loss, train, test = float(found.train_loss), float(found.train_error), float(found.test_error)
    corners = Corners(effect, stretch, concentration(problem), sampling_error(problem.teacher))
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


def shift_of(problem: Problem, model: FiniteSizeModel | None = None) -> float:
    """``gamma = lambda n / N``; for ridge 0 a vanishing fraction of the features' variance."""
    if problem.ridge > 0 or model is None:
        return problem.ridge * problem.n_samples / problem.width
    bulk = model.bulk
    linear = (bulk.phi @ bulk.q.T) ** 2 * (bulk.mu_weights @ bulk.moves)
    return _LEAST_SHIFT * float(bulk.sample_weights @ (bulk.residual + model.mean**2 + linear) @ bulk.neuron_weights)


def model_of(problem: Problem, refine: float = 1.0, sample: StepScalars | None = None) -> FiniteSizeModel:
    """The model of a problem on the grid that it asks for; ``refine`` divides every quadrature step.

    ``sample`` has the averages over one sample of the gradient, in the place of their expectations.
    """
    check_magnitudes(problem)
    scalars = condition(problem, sample=sample)
    return assemble(problem, choose_grid(problem, scalars, refine), scalars)


def solve_problem(
    problem: Problem, refine: float = 1.0, sample: StepScalars | None = None
) -> tuple[FiniteSizeModel, BulkState]:
    """Model and solved bulk of a problem, at the expectations of the gradient's averages or at those of a sample."""
    model = model_of(problem, refine, sample)
    return model, solve_bulk(model.bulk, shift_of(problem, model))[0]


def solve_errors(model: FiniteSizeModel, state: BulkState, at: Linearised | None = None) -> Errors:
    """The errors at a solved bulk, whose Jacobian may be known already.

    Raises
    ------
    NumericalError
        ``SINGULAR`` when the ridge is 0 and the limit of vanishing ridge does not exist; ``OUT_OF_RANGE`` when the
        errors are not ordered as errors are.
    """
    found = errors(model, state, at)
    if model.problem.ridge == 0:
        nearby = replace(state, shift=state.shift * 100)
        other = errors(model, solve_bulk(model.bulk, nearby.shift, nearby)[0])
        if abs(other.test_error - found.test_error) > _SINGULAR_SLOPE * abs(found.test_error):
            message = "ridge 0: the test error diverges as the ridge vanishes"
            raise NumericalError(Status.SINGULAR, message, partial=found)
    return _sound(model.problem, found)


def _sound(problem: Problem, found: Errors) -> Errors:
    """The errors, after a check of ``0 <= train error <= train loss <= E y^2`` and ``test error >= noise^2``.

    An error that is over its bound by no more than quadrature and rounding leave, a part in 1e7 of it or 1e-12 of
    ``E y^2``, is given as the bound: that is all that is known of it.
    """
    null, least = problem.label_second_moment, problem.noise**2
    loss, train, test = (float(value) for value in (found.train_loss, found.train_error, found.test_error))
    if not np.isfinite([loss, train, test]).all():
        raise NumericalError(Status.NOT_CONVERGED, "the errors overflow", partial=found)
    rounding, slack = _ROUNDING * null, 1 + _DISORDER
    ordered = -rounding <= train <= loss * slack + rounding and loss <= null * slack
    if not ordered or test < least / slack - rounding:
        message = (
            f"train error {train:.6g}, train loss {loss:.6g}, E y^2 {null:.6g}, test error {test:.6g} and noise^2 "
            f"{least:.6g} are not in their order: too far outside the theory, or lost to rounding"
        )
        raise NumericalError(Status.OUT_OF_RANGE, message, partial=found)
    loss = min(max(loss, 0.0), null)
    return Errors(loss, min(max(train, 0.0), loss), max(test, least))
