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

__all__ = ["Solved", "derivative", "solve"]

_TOLERANCE, _ROUNDING = 1e-11, 1e-8
_MOST, _LONGEST = 40, 1.0
# How near the start is to the bulk with M and C at their moments, and how often T is taken from the layer there.
_NEAR, _LAYERS = 1e-3, 2
# A Jacobian is used again while so many further steps, each dividing the defect like the last, reach the tolerance.
_CHORD_STEPS = 3
# Continuation in D: the first ratio of two shifts and the least.
_FARTHEST, _RATIO, _LEAST_RATIO = 1e4, 10.0, 1.3
# The size of the imaginary part of a tangent: its square is nothing beside one.
_H = 1e-20


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved state, with the factorised Jacobian there."""

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
    """From the bulk with M and C at their moments, and a T that follows from ``T = E b``."""
    plain, _ = solve_bulk(model.bulk, shift, tolerance=_NEAR)
    state = CovarianceState(model, shift, plain.r, plain.zeta, None)
    vertices = state.coefficients.vertices(model.law)
    state = replace(state, t=total(model.law.weights, vertices))
    for _ in range(_LAYERS):
        state = state.with_layer()
    return state


def _attempt(state: CovarianceState) -> Solved | None:
    """Newton's steps from a start; None where they do not converge.

    A Jacobian is used again while that is expected to reach the tolerance soon.
    """
    at, last = None, np.inf
    for iteration in range(_MOST):
        size = state.size_of_defect
        if not np.isfinite(size):
            return None
        if size <= _TOLERANCE or (size <= _ROUNDING and size > last / 4):
            return Solved(state, LinearisedLayer(state), iteration)
        try:
            at = at if at is not None and size / _TOLERANCE < (last / size) ** _CHORD_STEPS else LinearisedLayer(state)
        except NumericalError:
            return None
        last, state = size, _next(state, at)
    return None


def _next(state: CovarianceState, at: LinearisedLayer) -> CovarianceState:
    """After a step that changes no logarithm by more than :data:`_LONGEST`."""
    step = -at.solve(state.defect)
    largest = float(np.abs(step[: len(state.r) + len(state.zeta)]).max())
    return state.moved(step * min(1.0, _LONGEST / largest) if largest > 0 else step)


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
