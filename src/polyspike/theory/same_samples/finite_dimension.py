"""The terms of order 1/d, taken over from fresh samples (docs/theory-same-data.md, section 7; eq-same-finite).

They are derived for fresh samples only. What they change there, as a factor on each error or as a difference, whichever
is less, is taken to be what they change with reused samples: exact at step 0, where both are one problem, and
conjectured elsewhere.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.continuation import ShiftContinuation, Solution
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid
from polyspike.theory.finite_size.spikes.errors import errors
from polyspike.theory.same_samples.steps import readout_nodes

__all__ = ["FiniteDimension", "FreshErrors"]

# The grid's refinement: a difference of order 1/d is accurate to 1e-8 of an error on one that is so much coarser.
_COARSE = 0.6


class FiniteDimension:
    """The corrections of problems that differ in the ridge alone.

    Parameters
    ----------
    problem : Problem
        One of them.
    readouts : int, optional
        Nodes on either side of zero for normal readouts.
    before : FiniteDimension, optional
        That of another problem, from whose first solution this one's starts where they are near.
    """

    def __init__(self, problem: Problem, readouts: int | None = None, before: "FiniteDimension | None" = None) -> None:
        scalars, grid = condition(problem), _grid(problem, readouts)
        full, self._leading = (assemble(problem, grid, scalars, finite_dimension=known) for known in (True, False))
        self._solvers = [ShiftContinuation(full, before.first if before else ())]

    @property
    def first(self) -> list[Solution]:
        """The first solution that was found."""
        first = self._solvers[0].first
        return [] if first is None else [first]

    def at(self, problem: Problem) -> "FreshErrors":
        """Both at this problem's ridge."""
        full, zeta = _solved(self._solvers[0], problem)
        if len(self._solvers) == 1:
            self._solvers.append(ShiftContinuation(self._leading, self.first))
        return FreshErrors(full, _solved(self._solvers[1], problem)[0], zeta)


class FreshErrors(NamedTuple):
    """Train loss, train error and test error of fresh samples.

    Attributes
    ----------
    full, leading : ndarray of shape (3,)
        With the terms of order 1/d, and without them.
    zeta : ndarray of shape (A,)
        Of the full theory, at all nodes of the readouts.
    """

    full: Array
    leading: Array
    zeta: Array

    def factors(self, errors_of_same: Array) -> Array:
        """What the terms are taken to change for reused samples, whose errors without them are given; shape (3,)."""
        return np.asarray(1 + (self.full - self.leading) / np.maximum(self.leading, errors_of_same))


def _grid(problem: Problem, readouts: int | None) -> Grid:
    grid = choose_grid(problem, condition(problem), _COARSE)
    u, weights = readout_nodes(problem, readouts)
    return replace(grid, u=u, u_weights=weights)


def _solved(solver: ShiftContinuation, problem: Problem) -> tuple[Array, Array]:
    """The errors, and zeta."""
    model, state, at = solver.solve(problem)
    found = errors(model, state, at)
    return np.array([found.train_loss, found.train_error, found.test_error]), state.zeta
