"""Continuation of one model in the shift: every solution starts from an extrapolation of the ones before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised, tangent
from polyspike.theory.finite_size.bulk.newton import TOLERANCE, solve_bulk
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.solve import shift_of

__all__ = ["ShiftContinuation", "Solution"]

# Further than this in the logarithm of the shift, the extrapolation is no better than a cold start.
_FARTHEST = 3.4
# Another model's solution with a larger defect is no better than a cold start.
_NEARBY = 0.7
# A guess with a smaller one is taken without looking at the next.
_NEAR = 0.03


@dataclass(frozen=True)
class _Solved:
    """A solution with its Jacobian."""

    state: BulkState
    at: Linearised

    @cached_property
    def slope(self) -> Any:
        """The derivative of (log R, log zeta) by log D."""
        return tangent(self.state, self.at)


class Solution(NamedTuple):
    """A solved bulk with its grid."""

    grid: Grid
    state: BulkState

    def on(self, grid: Grid) -> Any:
        """(log R, log zeta) on another grid, interpolated linearly."""
        log_zeta = np.log(self.state.zeta).reshape(self.grid.n_readouts, -1)
        u = self.grid.u[:: log_zeta.shape[1]]
        count = len(grid.u) // grid.n_readouts
        columns = log_zeta.T if log_zeta.shape[1] == count else [log_zeta.mean(axis=1)] * count
        zeta = np.stack([np.interp(grid.u[::count], u, column) for column in columns], axis=1)
        return np.concatenate([np.interp(grid.kappa, self.grid.kappa, np.log(self.state.r)), zeta.ravel()])


class ShiftContinuation:
    """Solves one model at one shift after the other, each time from an extrapolation of the last solutions.

    Parameters
    ----------
    model : FiniteSizeModel
    before : sequence of Solution
        Solutions of other models, the latest first; the first solution starts from them where they are near.
    tolerance : float
        Of the defect of a solution.
    """

    def __init__(self, model: FiniteSizeModel, before: Sequence[Solution] = (), tolerance: float = TOLERANCE) -> None:
        self._model = model
        self._before, self._tolerance = before, tolerance
        self._last_solved: list[_Solved] = []
        self.first: Solution | None = None

    def solve(self, problem: Problem) -> tuple[FiniteSizeModel, BulkState, Linearised]:
        """The model with this problem's ridge, its solved bulk, and the Jacobian there."""
        model = replace(self._model, problem=problem)
        shift = shift_of(problem, model)
        state = self._solved(model, shift)
        at = Linearised(state)
        self._last_solved = [*self._last_solved[-1:], _Solved(state, at)]
        self.first = self.first or Solution(model.grid, state)
        return model, state, at

    def _solved(self, model: FiniteSizeModel, shift: float) -> BulkState:
        """The solution from a guess or, where that fails, from the cold start: a bad guess must not fail a problem."""
        try:
            # A guess that overflows has an infinite defect, and is not taken.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                start, nearby = self._guess(shift)
            if start is not None:
                return solve_bulk(model.bulk, shift, start, self._tolerance, nearby)[0]
        except (NumericalError, ArithmeticError, np.linalg.LinAlgError):
            self._last_solved = []
        return solve_bulk(model.bulk, shift, tolerance=self._tolerance)[0]

    def _guess(self, shift: float) -> tuple[BulkState | None, Linearised | None]:
        """A guess to second order in the distance in log D, with the curvature from the last two slopes, and the last
        Jacobian; None where there is no good one.
        """
        if not self._last_solved:
            return self._neighbour(shift), None
        last = self._last_solved[-1]
        distance = float(np.log(shift / last.state.shift))
        if abs(distance) > _FARTHEST:
            return None, None
        move = last.slope * distance
        if len(self._last_solved) == 2 and last.state.shift != self._last_solved[0].state.shift:
            spacing = float(np.log(last.state.shift / self._last_solved[0].state.shift))
            move = move + 0.5 * distance**2 * (last.slope - self._last_solved[0].slope) / spacing
        return replace(last.state, shift=shift).moved(move), last.at

    def _neighbour(self, shift: float) -> BulkState | None:
        """A guess from the solutions of earlier models: the extrapolation of the last two, or the last one.

        In a grid of problems the extrapolation is near except at the ends of the rows. None where neither is near.
        """
        logs = [solution.on(self._model.grid) for solution in self._before]
        guesses = [2 * logs[0] - logs[1]] if len(logs) > 1 else []
        best = None
        for guess in [*guesses, *logs[:1]]:
            r, zeta = np.split(np.exp(guess), [len(self._model.grid.kappa)])
            state = BulkState(self._model.bulk, shift, r, zeta)
            if best is None or state.size_of_defect < best.size_of_defect:
                best = state
            if best.size_of_defect < _NEAR:
                return best
        return best if best is not None and best.size_of_defect < _NEARBY else None
