"""The terms of order 1/d, taken over from fresh samples (docs/theory-same-data.md, section 7; eq-same-finite).

They are derived for fresh samples only. What they change there, as a factor on each error or as a difference, whichever
is less, is taken to be what they change with reused samples: exact at step 0, where both are one problem, and
conjectured elsewhere.
"""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import errors

__all__ = ["FiniteDimension"]

# The grid's refinement: a difference of order 1/d is accurate to 1e-8 of an error on one that is so much coarser.
_COARSE = 0.6


class FiniteDimension:
    """The corrections of problems that differ in the ridge alone.

    Parameters
    ----------
    problem : Problem
        One of them.
    """

    def __init__(self, problem: Problem) -> None:
        scalars = condition(problem)
        grid = choose_grid(problem, scalars, _COARSE)
        self._models = [assemble(problem, grid, scalars, finite_dimension=known) for known in (True, False)]

    def factors(self, problem: Problem, errors_of_same: Array) -> Array:
        """Of train loss, train error and test error, at this problem's ridge; shape (3,) as the errors without."""
        found: list[list[float]] = []
        last: BulkState | None = None
        for model in self._models:
            shift = shift_of(problem, model)
            start = None if last is None else BulkState(model.bulk, shift, last.r, last.zeta)
            last = solve_bulk(model.bulk, shift, start)[0]
            at = errors(model, last)
            found.append([at.train_loss, at.train_error, at.test_error])
        full, leading = np.array(found[0]), np.array(found[1])
        return 1 + (full - leading) / np.maximum(leading, errors_of_same)
