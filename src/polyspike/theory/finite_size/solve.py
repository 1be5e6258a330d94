"""From a problem to its model, the solved bulk and the three errors: read it from top to bottom."""

from dataclasses import replace

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, assemble
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import StepScalars, condition
from polyspike.theory.finite_size.double_precision import check_magnitudes
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.given_kappa.overlaps import with_overlaps
from polyspike.theory.finite_size.spikes.errors import Errors, errors

__all__ = ["in_order", "model_of", "shift_of", "solve_errors", "solve_problem"]

# The min-norm limit is taken at this fraction of the features' variance; its relative effect is of the same size.
_LEAST_SHIFT = 1e-12
_SINGULAR_SLOPE = 1e-3
# Share of E y^2 under which an error is rounding, and the disorder of errors that quadrature may leave.
_ROUNDING = 1e-12
_DISORDER = 1e-7


def shift_of(problem: Problem, model: FiniteSizeModel | None = None) -> float:
    """``gamma = lambda n / N``; for ridge 0 a tiny fraction of the features' variance."""
    if problem.ridge > 0 or model is None:
        return problem.ridge * problem.n_samples / problem.width
    bulk = model.bulk
    linear = (bulk.phi @ bulk.chi.T) ** 2 * (bulk.mu_weights @ bulk.weight_variance)
    return _LEAST_SHIFT * float(
        bulk.sample_weights @ (bulk.noise_variance + model.mean**2 + linear) @ bulk.neuron_weights
    )


def model_of(problem: Problem, refine: float = 1.0, sample: StepScalars | None = None) -> FiniteSizeModel:
    """The model of a problem on its own grid; ``refine`` divides every quadrature step.

    ``sample`` has the averages over one sample of the gradient, which then replace their expectations.
    """
    check_magnitudes(problem)
    scalars = condition(problem, sample=sample)
    grid = with_overlaps(choose_grid(problem, scalars, refine), problem, scalars, refine)
    return assemble(problem, grid, scalars)


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
    return in_order(model.problem, found)


def in_order(problem: Problem, found: Errors) -> Errors:
    """The errors, after a check of ``0 <= train error <= train loss <= E y^2`` and ``test error >= noise^2``.

    An error that exceeds its bound by no more than the errors of quadrature and rounding, a part in 1e7 of it or 1e-12
    of ``E y^2``, is given as the bound.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where an error is not finite; ``OUT_OF_RANGE`` where their order is lost.
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
