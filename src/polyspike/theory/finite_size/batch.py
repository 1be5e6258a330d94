"""Many problems at once: shared work is done once, and a problem that fails has a row that says so.

Problems that differ in the ridge alone share their model. Along the ridges, from the largest down, the solution is
extrapolated with its own derivative, so that a start errs by the third order of the step only. A new model starts from
the solution of the one before, where that is near, as along a grid of steps, sizes or noises.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from polyspike.errors import NumericalError, PolyspikeError
from polyspike.problem import Problem
from polyspike.results import FailedPrediction, Prediction
from polyspike.status import Status
from polyspike.theory.finite_size.continuation import Solution
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.ensemble import Ensemble
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.long_work import watched

__all__ = ["predict_many"]


@watched()
def predict_many(problems: Iterable[Problem]) -> list[Prediction | FailedPrediction]:
    """One answer a problem, in their order; memory does not grow beyond that of the answers.

    Parameters
    ----------
    problems : iterable of Problem
        In any order; problems that differ in the ridge alone share most of the work.

    Returns
    -------
    list of Prediction or FailedPrediction
        The second where :func:`predict_finite_size` raises a :class:`PolyspikeError`.
    """
    rows = list(problems)
    families: dict[tuple[Any, ...], list[int]] = {}
    for index, problem in enumerate(rows):
        families.setdefault(_all_but_ridge(problem), []).append(index)
    answers: list[Prediction | FailedPrediction | None] = [None] * len(rows)
    before: list[Solution] = []
    for family in families.values():
        order = sorted(family, key=lambda index: -rows[index].ridge)
        found, first = _solve_family([rows[i] for i in order], before)
        before = [first, *before[:1]] if first is not None else before
        for index, answer in zip(order, found, strict=True):
            answers[index] = answer
    return [answer for answer in answers if answer is not None]


def _all_but_ridge(problem: Problem) -> tuple[Any, ...]:
    sizes = (problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples)
    laws = (problem.activation, problem.teacher, problem.gradient, problem.readout)
    return (*laws, *sizes, problem.step, problem.noise)


def _solve_family(
    problems: Sequence[Problem], before: Sequence[Solution]
) -> tuple[list[Prediction | FailedPrediction], Solution | None]:
    """Problems that differ in the ridge alone, the largest ridge first; with the first solution found."""
    ensemble = Ensemble(problems[0], before)
    answers = []
    for problem in problems:
        answer = _row(problem, lambda same: ensemble.solve(same).prediction(same))
        if isinstance(answer, FailedPrediction):
            # Its neighbours may have led it astray: whether and why a problem fails is what it says alone.
            answer = _row(problem, predict_finite_size)
        answers.append(answer)
    return answers, ensemble.first


def _row(problem: Problem, solve: Callable[[Problem], Prediction]) -> Prediction | FailedPrediction:
    try:
        with within_double_precision():
            return solve(problem)
    except PolyspikeError as error:
        return failed(problem, error)


def failed(problem: Problem, error: PolyspikeError) -> FailedPrediction:
    """The row of a problem that was refused."""
    status = error.status if isinstance(error, NumericalError) else Status.OUT_OF_RANGE
    return FailedPrediction(problem, "finite-size", status, str(error))
