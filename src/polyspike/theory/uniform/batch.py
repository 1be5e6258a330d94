"""Many problems at once: what they share is computed once, and what fails is marked.

Problems that differ in the ridge alone share their model. Along the ridges, from the largest down, the solution is
followed by its own derivative, so that a warm start is off by the third order of the step only.
"""

from collections.abc import Iterable, Iterator, Sequence
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

# Further than this factor in the shift, the extrapolation is no better than a cold start.
_FARTHEST = 30.0


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
    for family in families.values():
        order = sorted(family, key=lambda index: -rows[index].ridge)
        for index, answer in zip(order, _solve_family([rows[i] for i in order]), strict=True):
            answers[index] = answer
    return [answer for answer in answers if answer is not None]


def _all_but_ridge(problem: Problem) -> tuple[Any, ...]:
    sizes = (problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples)
    laws = (problem.activation, problem.teacher, problem.gradient, problem.readout)
    return (*laws, *sizes, problem.step, problem.noise)


def _solve_family(problems: Sequence[Problem]) -> Iterator[Prediction | FailedPrediction]:
    """Problems that differ in the ridge alone, the largest ridge first."""
    try:
        follower = Follower(model_of(problems[0]))
    except NumericalError as error:
        yield from (failed(problem, error) for problem in problems)
        return
    for problem in problems:
        try:
            model, state, at = follower.solve(problem)
            yield as_prediction(model, solve_errors(model, state, at))
        except NumericalError as error:
            yield failed(problem, error)


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
    """Solves one model at one shift after the other, each from an extrapolation of those before."""

    def __init__(self, model: UniformModel) -> None:
        self._model = model
        self._known: list[_Solved] = []

    def solve(self, problem: Problem) -> tuple[UniformModel, BulkState, Linearised]:
        """The model with this problem's ridge, its solved bulk, and the Jacobian there."""
        model = replace(self._model, problem=problem)
        shift = shift_of(problem, model)
        start, nearby = self._guess(shift)
        state, _ = solve_bulk(model.bulk, shift, start, nearby=nearby)
        at = Linearised(state)
        self._known = [*self._known[-1:], _Solved(state, at, tangent(state, at))]
        return model, state, at

    def _guess(self, shift: float) -> tuple[tuple[Any, Any] | None, Linearised | None]:
        """Second order in the distance in log D; the curvature from the last two slopes."""
        if not self._known or max(ratio := self._known[-1].state.shift / shift, 1 / ratio) > _FARTHEST:
            return None, None
        last, distance = self._known[-1], -float(np.log(ratio))
        move = last.slope * distance
        if len(self._known) == 2 and last.state.shift != self._known[0].state.shift:
            spacing = float(np.log(last.state.shift / self._known[0].state.shift))
            move = move + 0.5 * distance**2 * (last.slope - self._known[0].slope) / spacing
        start = last.state.moved(move)
        return (start.r, start.zeta), last.at
