"""One model at one shift after the other, each solved from an extrapolation of those before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised, tangent
from polyspike.theory.finite_size.bulk.newton import solve_bulk
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
        """Of (log R, log zeta) by log D."""
        return tangent(self.state, self.at)


class Solution(NamedTuple):
    """A solved bulk with the grid that it lives on."""

    grid: Grid
    state: BulkState

    def on(self, grid: Grid) -> Any:
        """(log R, log zeta) on another grid, interpolated linearly."""
        pairs = ((grid.kappa, self.grid.kappa, self.state.r), (grid.u, self.grid.u, self.state.zeta))
        return np.concatenate([np.interp(new, old, np.log(values)) for new, old, values in pairs])


class ShiftContinuation:
    """Solves one model at one shift after the other, each from an extrapolation of those before.

    Parameters
    ----------
    model : FiniteSizeModel
    before : sequence of Solution
        Those of other models, the latest first; the first solution starts from them where they are near.
    """

    def __init__(self, model: FiniteSizeModel, before: Sequence[Solution] = ()) -> None:
        self._model = model
        self._before = before
        self._known: list[_Solved] = []
        self.first: Solution | None = None

    def solve(self, problem: Problem) -> tuple[FiniteSizeModel, BulkState, Linearised]:
        """The model with this problem's ridge, its solved bulk, and the Jacobian there."""
        model = replace(self._model, problem=problem)
        shift = shift_of(problem, model)
        state = self._solved(model, shift)
        at = Linearised(state)
        self._known = [*self._known[-1:], _Solved(state, at)]
        self.first = self.first or Solution(model.grid, state)
        return model, state, at

    def _solved(self, model: FiniteSizeModel, shift: float) -> BulkState:
        """From a guess, or from nothing where that leads nowhere: what came before is not this row's fault."""
        try:
            # A guess that overflows has an infinite defect, and is not taken.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                start, nearby = self._guess(shift)
            if start is not None:
                return solve_bulk(model.bulk, shift, start, nearby=nearby)[0]
        except (NumericalError, ArithmeticError, np.linalg.LinAlgError):
            self._known = []
        return solve_bulk(model.bulk, shift)[0]

    def _guess(self, shift: float) -> tuple[BulkState | None, Linearised | None]:
        """Second order in the distance in log D; the curvature from the last two slopes."""
        if not self._known:
            return self._neighbour(shift), None
        last = self._known[-1]
        distance = float(np.log(shift / last.state.shift))
        if abs(distance) > _FARTHEST:
            return None, None
        move = last.slope * distance
        if len(self._known) == 2 and last.state.shift != self._known[0].state.shift:
            spacing = float(np.log(last.state.shift / self._known[0].state.shift))
            move = move + 0.5 * distance**2 * (last.slope - self._known[0].slope) / spacing
        return replace(last.state, shift=shift).moved(move), last.at

    def _neighbour(self, shift: float) -> BulkState | None:
        """From the solutions of the models before: where the last two lead, or the last, if it all but solves this one.

        In a grid of problems the first is near but at the ends of its rows.
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
