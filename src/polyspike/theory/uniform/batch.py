"""Many problems at once: what they share is computed once, and what fails is marked.

Problems that differ in the ridge alone share their model. Along the ridges, from the largest down, the solution is
followed by its own derivative, so that a warm start is off by the third order of the step only. A new model starts from
the solution of the one before, where that is near: along a grid of steps, of sizes, of noises.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import FailedPrediction, Prediction
from polyspike.theory.uniform.bulk import BulkState, Linearised, solve_bulk, tangent
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.predict_uniform import as_prediction, model_of, shift_of, solve_errors

__all__ = ["Follower", "predict_many"]

# Further than this in the logarithm of the shift, the extrapolation is no better than a cold start.
_FARTHEST = 3.4
# Another model's solution with a larger defect is no better than a cold start.
_NEARBY = 0.7


def predict_many(problems: Iterable[Problem]) -> list[Prediction | FailedPrediction]:
    """One answer a problem, in their order; memory does not grow beyond that of the answers.

    Parameters
    ----------
    problems : iterable of Problem
        In any order; problems that differ in the ridge alone share most of the work.

    Returns
    -------
    list of Prediction or FailedPrediction
        The second where :func:`predict_uniform` raises a :class:`NumericalError`.
    """
    rows = list(problems)
    families: dict[tuple[Any, ...], list[int]] = {}
    for index, problem in enumerate(rows):
        families.setdefault(_all_but_ridge(problem), []).append(index)
    answers: list[Prediction | FailedPrediction | None] = [None] * len(rows)
    before: BulkState | None = None
    for family in families.values():
        order = sorted(family, key=lambda index: -rows[index].ridge)
        found, before = _solve_family([rows[i] for i in order], before)
        for index, answer in zip(order, found, strict=True):
            answers[index] = answer
    return [answer for answer in answers if answer is not None]


def _all_but_ridge(problem: Problem) -> tuple[Any, ...]:
    sizes = (problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples)
    laws = (problem.activation, problem.teacher, problem.gradient, problem.readout)
    return (*laws, *sizes, problem.step, problem.noise)


def _solve_family(
    problems: Sequence[Problem], before: BulkState | None
) -> tuple[list[Prediction | FailedPrediction], BulkState | None]:
    """Problems that differ in the ridge alone, the largest ridge first; with the first solution found, or the last."""
    try:
        follower = Follower(model_of(problems[0]), before)
    except NumericalError as error:
        return [failed(problem, error) for problem in problems], before
    answers: list[Prediction | FailedPrediction] = []
    for problem in problems:
        try:
            model, state, at = follower.solve(problem)
            answers.append(as_prediction(model, solve_errors(model, state, at)))
        except NumericalError as error:
            answers.append(failed(problem, error))
    return answers, follower.first or before


def failed(problem: Problem, error: NumericalError) -> FailedPrediction:
    """The row of a problem that was refused."""
    return FailedPrediction(problem, "uniform", error.status, str(error))


@dataclass(frozen=True)
class _Solved:
    """A solution with its Jacobian and its derivative by log D."""

    state: BulkState
    at: Linearised
    slope: Any


class Follower:
    """Solves one model at one shift after the other, each from an extrapolation of those before.

    Parameters
    ----------
    model : UniformModel
    before : BulkState, optional
        The solution of another model, from which the first one starts if it is near.
    """

    def __init__(self, model: UniformModel, before: BulkState | None = None) -> None:
        self._model = model
        self._before = before
        self._known: list[_Solved] = []
        self.first: BulkState | None = None

    def solve(self, problem: Problem) -> tuple[UniformModel, BulkState, Linearised]:
        """The model with this problem's ridge, its solved bulk, and the Jacobian there."""
        model = replace(self._model, problem=problem)
        shift = shift_of(problem, model)
        start, nearby = self._guess(shift)
        state, _ = solve_bulk(model.bulk, shift, start, nearby=nearby)
        at = Linearised(state)
        self._known = [*self._known[-1:], _Solved(state, at, tangent(state, at))]
        self.first = self.first or state
        return model, state, at

    def _guess(self, shift: float) -> tuple[tuple[Any, Any] | None, Linearised | None]:
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
        start = last.state.moved(move)
        return (start.r, start.zeta), last.at

    def _neighbour(self, shift: float) -> tuple[Any, Any] | None:
        """The solution of the model before, node by node, if it has as many nodes and all but solves this model."""
        before, bulk = self._before, self._model.bulk
        if before is None or (before.r.size, before.zeta.size) != bulk.residual.shape:
            return None
        guess = BulkState(bulk, shift, before.r, before.zeta)
        return (guess.r, guess.zeta) if guess.size_of_defect < _NEARBY else None
