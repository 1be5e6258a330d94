"""The terms of order 1/d, taken over from fresh samples (docs/theory-same-data.md, section 7; eq-same-finite).

They are derived for fresh samples only. What they change there, as a factor on each error or as a difference, whichever
is less, is taken to be what they change with reused samples: exact at step 0, where both are one problem, and
conjectured elsewhere.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, assemble
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import Conditioning, condition
from polyspike.theory.finite_size.continuation import ShiftContinuation, Solution
from polyspike.theory.finite_size.given_kappa.grids import Grid, choose_grid, upper_half
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import errors
from polyspike.theory.same_samples.features import is_odd
from polyspike.theory.same_samples.mean_norm import responds
from polyspike.theory.same_samples.steps import step_of

__all__ = ["FiniteDimension", "FreshErrors"]

# The grid's refinement: a difference of order 1/d is accurate to 1e-8 of an error on one that is so much coarser.
_COARSE = 0.6
# Defect of a solution, which moves the errors by some tens of it.
_TOLERANCE = 3e-10
# Changes are extrapolated so much further than the last two are apart.
_FARTHEST = 3.0


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
    odd : bool
        Whether the label is an odd function.
    """

    def __init__(
        self,
        problem: Problem,
        readouts: int | None = None,
        before: "FiniteDimension | None" = None,
        odd: bool = False,
    ) -> None:
        scalars = condition(problem)
        grid = _grid(problem, scalars, readouts, odd)
        leading = assemble(problem, grid, scalars, finite_dimension=False)
        full = assemble(problem, grid, scalars, labels=leading.labels)
        # What the errors of reused samples know by themselves is not taken over.
        self._full = replace(full, means_by_norm=not responds(problem))
        self._leading = ShiftContinuation(leading, before.first if before else (), _TOLERANCE)
        self._changes: list[tuple[float, Array]] = []

    @property
    def first(self) -> list[Solution]:
        """The first solution that was found."""
        return [] if self._leading.first is None else [self._leading.first]

    def at(self, problem: Problem) -> "FreshErrors":
        """Both at this problem's ridge."""
        model, state, at = self._leading.solve(problem)
        full = replace(self._full, problem=problem)
        found = self._with_terms(full, state, at)
        return FreshErrors(_errors(full, found), _errors(model, state, at), found.zeta)

    def _with_terms(self, model: FiniteSizeModel, leading: BulkState, at: Linearised) -> BulkState:
        """The solution with the terms, from that without them and from what they have changed at the last ridges; from
        the cold start where that fails.
        """
        shift = shift_of(model.problem, model)
        start = BulkState(model.bulk, shift, leading.r, leading.zeta).moved(self._expected_change(shift))
        try:
            found = solve_bulk(model.bulk, shift, start, _TOLERANCE, at)[0]
        except (NumericalError, ArithmeticError, np.linalg.LinAlgError):
            found = solve_bulk(model.bulk, shift)[0]
        change = np.log(np.concatenate([found.r / leading.r, found.zeta / leading.zeta]))
        self._changes = [*self._changes[-1:], (float(np.log(shift)), change)]
        return found

    def _expected_change(self, shift: float) -> Array:
        """Of (log R, log zeta) by the terms, linear in the logarithm of the shift through the last two."""
        if not self._changes:
            return np.zeros(len(self._full.grid.kappa) + len(self._full.grid.u))
        (before, first), (last, second) = self._changes[0], self._changes[-1]
        if not 0 < abs(np.log(shift) - last) < _FARTHEST * abs(last - before):
            return second
        return second + (second - first) * (np.log(shift) - last) / (last - before)


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
        """What the terms are taken to change for reused samples, whose errors without them are given; shape (3,), one
        where both errors vanish.
        """
        largest = np.maximum(self.leading, errors_of_same)
        return np.asarray(1 + (self.full - self.leading) / np.where(largest > 0, largest, 1.0))


def _grid(problem: Problem, scalars: Conditioning, readouts: int | None, odd: bool) -> Grid:
    """Coarse in kappa; where activation and label are odd every average is one of even functions of kappa, and half of
    the nodes are enough.
    """
    grid, step = choose_grid(problem, scalars, _COARSE), step_of(problem, readouts)
    grid = replace(grid, u=step.u, u_weights=step.u_weights)
    if not (odd and is_odd(problem.activation)):
        return grid
    kappa, weights = upper_half(grid.kappa, grid.kappa_weights)
    return replace(grid, kappa=kappa, kappa_weights=weights)


def _errors(model: FiniteSizeModel, state: BulkState, at: Linearised | None = None) -> Array:
    found = errors(model, state, at)
    return np.array([found.train_loss, found.train_error, found.test_error])
