"""The terms of order 1/d, taken over from fresh samples (docs/theory-same-data.md, section 7; eq-same-finite).

They are derived for fresh samples only. What they change there, as a factor on each error or as a difference, whichever
is less, is taken to be what they change with reused samples: exact at step 0, where both are one problem, and
conjectured elsewhere.
"""

from dataclasses import replace

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.continuation import ShiftContinuation, Solution
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid
from polyspike.theory.finite_size.spikes.errors import errors
from polyspike.theory.same_samples.steps import readout_nodes

__all__ = ["FiniteDimension"]

# The grid's refinement: a difference of order 1/d is accurate to 1e-8 of an error on one that is so much coarser.
_COARSE = 0.6


class FiniteDimension:
    """The corrections of problems that differ in the ridge alone.

    Parameters
    ----------
    problem : Problem
        One of them.
    before : FiniteDimension, optional
        That of another problem, from whose first solution this one's starts where they are near.
    """

    def __init__(self, problem: Problem, before: "FiniteDimension | None" = None) -> None:
        scalars, grid = condition(problem), _grid(problem)
        full, self._leading = (assemble(problem, grid, scalars, finite_dimension=known) for known in (True, False))
        self._solvers = [ShiftContinuation(full, before.first if before else ())]

    @property
    def first(self) -> list[Solution]:
        """The first solution that was found."""
        first = self._solvers[0].first
        return [] if first is None else [first]

    def factors(self, problem: Problem, errors_of_same: Array) -> Array:
        """Of train loss, train error and test error, at this problem's ridge; shape (3,) as the errors without."""
        full = _solved(self._solvers[0], problem)
        if len(self._solvers) == 1:
            self._solvers.append(ShiftContinuation(self._leading, self.first))
        leading = _solved(self._solvers[1], problem)
        return 1 + (full - leading) / np.maximum(leading, errors_of_same)


def _grid(problem: Problem) -> Grid:
    grid = choose_grid(problem, condition(problem), _COARSE)
    u, weights = readout_nodes(problem)
    return replace(grid, u=u, u_weights=weights)


def _solved(solver: ShiftContinuation, problem: Problem) -> Array:
    found = errors(*solver.solve(problem))
    return np.array([found.train_loss, found.train_error, found.test_error])
