"""The fixed point of the bulk with the gradient's samples as a layer of their own, by Newton's method.

docs/theory-inputs.md, sections 4 and 6.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.covariance.averages import total
from polyspike.theory.covariance.jacobian import LinearisedLayer
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.state import CovarianceState
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.long_work import check_clock

__all__ = ["Solved", "derivative", "solve"]

_TOLERANCE, _ROUNDING = 1e-11, 1e-8
_MOST, _LONGEST = 40, 1.0
# From a defect below the first a step is made with its own Jacobian, and is the last where it changes no logarithm by
# more than the second.
_NEARLY, _SHORT = 1e-9, 1e-8
# How near the start is to the bulk with M and C at their moments.
_NEAR = 1e-3
# A Jacobian is used again while so many further steps, each dividing the defect like the last, reach the tolerance.
_CHORD_STEPS = 3
# Continuation in D: the first ratio of two shifts and the least.
_FARTHEST, _RATIO, _LEAST_RATIO = 1e4, 10.0, 1.3
# The size of the imaginary part of a tangent: its square is nothing beside one.
_H = 1e-20


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved state, with the factorised Jacobian there, or as near to it as a last step is short."""

    state: CovarianceState
    at: LinearisedLayer
    iterations: int

    def moved(self, by_r: Any, by_zeta: Any) -> CovarianceState:
        """The states moved along their derivatives, as an infinitesimal imaginary part ``i h``, when 1/R and 1/zeta
        gain ``by_r`` (S, K) and ``by_zeta`` (S, A) (eq-tangent).
        """
        state = self.state
        k, a = len(state.r), len(state.zeta)
        force = np.zeros((len(by_r), len(state.defect)))
        force[:, :k], force[:, k : k + a] = state.r * by_r, state.zeta * by_zeta
        return state.moved(-_H * 1j * self.at.solve(force.T).T)


def derivative(value: Any) -> Any:
    """The derivative that a value carries as its imaginary part (eq-tangent)."""
    return np.imag(value) / _H


def solve(model: CovarianceModel, shift: float) -> Solved:
    """The fixed point at the shift D, from that of the bulk with M and C at their moments.

    Newton's steps; where these fail, D is lowered from far above.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` with the model as ``partial``.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = _attempt(_start(model, shift))
        if found is None:
            found = _lower(model, shift)
    if found is None:
        raise NumericalError(Status.NOT_CONVERGED, "bulk fixed point with a covariance: not found", partial=model)
    return found


def _start(model: CovarianceModel, shift: float) -> CovarianceState:
    """From the bulk with M and C at their moments, and ``T = E b``; where M acts, the T of a layer with that."""
    plain, _ = solve_bulk(model.bulk, shift, tolerance=_NEAR)
    state = CovarianceState(model, shift, plain.r, plain.zeta, None)
    vertices = state.coefficients.vertices(model.law)
    state = replace(state, t=total(model.law.weights, vertices))
    return state.with_layer() if model.tilted else state


def _attempt(state: CovarianceState) -> Solved | None:
    """Newton's steps from a start; None where they do not converge.

    A Jacobian is used again while that is expected to reach the tolerance soon. A last step with its own is not
    verified where it is so short that its square is rounding.
    """
    at, last = None, np.inf
    for iteration in range(_MOST):
        check_clock()
        size = state.size_of_defect
        if not np.isfinite(size):
            return None
        if size <= _TOLERANCE or (size <= _ROUNDING and size > last / 4):
            return Solved(state, LinearisedLayer(state), iteration)
        chord = size > _NEARLY and size / _TOLERANCE < (last / size) ** _CHORD_STEPS
        try:
            at = at if at is not None and chord else LinearisedLayer(state)
        except NumericalError:
            return None
        last, (state, longest) = size, _next(state, at)
        if size <= _NEARLY and longest <= _SHORT:
            return Solved(state, at, iteration + 1)
    return None


def _next(state: CovarianceState, at: LinearisedLayer) -> tuple[CovarianceState, float]:
    """After a step that changes no logarithm by more than :data:`_LONGEST`, and how much it would change one."""
    step = -at.solve(state.defect)
    largest = float(np.abs(step[: len(state.r) + len(state.zeta)]).max())
    return state.moved(step * min(1.0, _LONGEST / largest) if largest > 0 else step), largest


def _lower(model: CovarianceModel, shift: float) -> Solved | None:
    """Continuation in D from far above; None where it fails."""
    level, ratio = _FARTHEST, _RATIO
    found = _attempt(_start(model, shift * level))
    while found is not None and level > 1:
        step = min(ratio, level)
        nearer = _attempt(replace(found.state, shift=shift * level / step))
        if nearer is None:
            if ratio <= _LEAST_RATIO:
                return None
            ratio = max(_LEAST_RATIO, step**0.5)
            continue
        found, level = nearer, level / step
    return found
