"""Derivatives of the three errors by ridge and step, by implicit differentiation (docs/theory-numerics.md,
section 9).

The solution of the bulk moves by ``-J^-1 d(defect)``. Carried as an infinitesimal imaginary part through the quadratic
form and its adjoint, it gives the derivatives of all three errors to rounding: nothing is subtracted.
"""

from typing import Any

from polyspike.results import Slopes
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, build_model
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState, Linearised, tangent
from polyspike.theory.finite_size.spikes.errors import errors

__all__ = ["ridge_slopes", "step_slopes"]

# The size of the imaginary part: its square is nothing beside one.
_H = 1e-20


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
