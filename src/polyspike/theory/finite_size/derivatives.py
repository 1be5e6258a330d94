"""Derivatives of the three errors by ridge and step, by implicit differentiation (docs/theory-numerics.md,
section 9).

The solution of the bulk moves by ``-J^-1 d(defect)``. Carried as an infinitesimal imaginary part through the quadratic
form and its adjoint, it gives the derivatives of all three errors to rounding: nothing is subtracted.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Derivatives, Slopes
from polyspike.status import Status
from polyspike.theory.covariance.derivatives import covariance_derivatives
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, build_model
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState, Linearised, tangent
from polyspike.theory.finite_size.ensemble import Average, Ensemble
from polyspike.theory.finite_size.spikes.errors import errors
from polyspike.theory.same_samples.derivatives import derivatives_same
from polyspike.theory.scope import check_scope

__all__ = ["derivatives", "mean_slopes", "ridge_slopes", "step_slopes"]

# The size of the imaginary part: its square is nothing beside one.
_H = 1e-20


def derivatives(problem: Problem) -> Derivatives:
    """A prediction of the finite-size theory with the derivatives of its errors by ridge and by step size.

    Parameters
    ----------
    problem : Problem
        With a ridge > 0.

    Returns
    -------
    Derivatives
        For inputs of another covariance than I by central differences, to a part in 1e5.

    Raises
    ------
    NumericalError
        As :func:`polyspike.predict`; ``SINGULAR`` also at ridge 0, where the derivatives are one-sided limits.

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3)
    >>> found = derivatives(problem)
    >>> near = derivatives(problem.replace(ridge=1.001 * problem.ridge))
    >>> change = near.prediction.test_error - found.prediction.test_error
    >>> bool(abs(change / (0.001 * problem.ridge) / found.by_ridge.test_error - 1) < 0.01)
    True
    """
    if problem.ridge == 0:
        raise NumericalError(Status.SINGULAR, "derivatives at ridge 0 are one-sided limits")
    check_scope(problem)
    if problem.samples == "same":
        return derivatives_same(problem)
    if not problem.inputs.is_isotropic:
        return covariance_derivatives(problem)
    average = Ensemble(problem).solve(problem)
    return Derivatives(average.prediction(problem), *(mean_slopes(average, by) for by in (ridge_slopes, step_slopes)))


def mean_slopes(average: Average, by: Callable[[FiniteSizeModel, BulkState, Linearised], Slopes]) -> Slopes:
    """The average over the gradient's sample of :func:`ridge_slopes` or :func:`step_slopes`.

    The sample's law depends on neither, so that the derivative of an average is the average of the derivatives.
    """
    found = [(weight, by(model, state, at)) for weight, model, state, at in average.members]
    if len(found) == 1:
        return found[0][1]
    names = [field.name for field in fields(Slopes)]
    return Slopes(*(sum(weight * getattr(slopes, name) for weight, slopes in found) for name in names))


def ridge_slopes(model: FiniteSizeModel, state: BulkState, at: Linearised) -> Slopes:
    """The derivatives by the ridge, at a solved bulk with its Jacobian: the shift is proportional to the ridge."""
    moved = _moved(model.bulk, state.shift * (1 + _H * 1j), state, tangent(state, at))
    return _slopes(model, moved, model.problem.ridge)


def step_slopes(model: FiniteSizeModel, state: BulkState, at: Linearised) -> Slopes:
    """The derivatives by the step size: the model itself is differentiated, grid and measures of M held fixed."""
    nearby = build_model(model.problem, model.grid, model.problem.step + _H * 1j, model.conditioning.sample)
    defect = BulkState(nearby.bulk, state.shift, state.r, state.zeta).defect
    moved = _moved(nearby.bulk, state.shift, state, -at.solve(defect.imag / _H))
    return _slopes(nearby, moved, 1.0)


def _moved(bulk: BulkModel, shift: Any, state: BulkState, slope: Any) -> BulkState:
    return BulkState(bulk, shift, state.r, state.zeta).moved(_H * 1j * slope)


def _slopes(model: FiniteSizeModel, state: BulkState, unit: float) -> Slopes:
    found = errors(model, state)
    parts = (found.train_loss, found.train_error, found.test_error)
    return Slopes(*(float(part.imag) / _H / unit for part in parts))
