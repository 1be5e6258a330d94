"""The step size and the ridge that predict the least test error with reused samples."""

from collections.abc import Callable, Sequence
from math import exp
from typing import NamedTuple

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Derivatives, Optimum
from polyspike.status import Status
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.minimise import Point, minimise
from polyspike.theory.same_samples.derivatives import ridge_slopes_same, step_slopes_same
from polyspike.theory.same_samples.predict import Family

__all__ = ["best_ridge_same", "best_step_and_ridge_same", "best_step_same"]


class _Solution(NamedTuple):
    problem: Problem
    family: Family
    ridge_end: str | None = None


def best_ridge_same(problem: Problem, places: Sequence[float]) -> Optimum:
    """Over ``-log ridge`` in ``places``, the step fixed."""
    with within_double_precision():
        point, end = _over_ridges(problem, places)
        return _optimum(point.content, None, end)


def best_step_same(problem: Problem, steps: Sequence[float]) -> Optimum:
    """Over the steps, the ridge fixed."""
    if problem.ridge == 0:
        raise NumericalError(Status.SINGULAR, "derivatives at ridge 0 are one-sided limits")

    def follow(here: Problem) -> tuple[float, _Solution]:
        family = Family(here)
        return family.solve(here).test_error, _Solution(here, family)

    with within_double_precision():
        point, end = minimise(_by_step(problem, follow), steps)
        return _optimum(point.content, end, None)


def best_step_and_ridge_same(problem: Problem, steps: Sequence[float], places: Sequence[float]) -> Optimum:
    """Over both: the least error over the ridges is followed as a function of the step."""

    def follow(here: Problem) -> tuple[float, _Solution]:
        point, end = _over_ridges(here, places)
        solution: _Solution = point.content
        return point.value, solution._replace(ridge_end=end)

    with within_double_precision():
        point, end = minimise(_by_step(problem, follow), steps)
        return _optimum(point.content, end, point.content.ridge_end)


def _by_step(problem: Problem, follow: Callable[[Problem], tuple[float, _Solution]]) -> Callable[[float], Point]:
    def evaluate(step: float) -> Point:
        value, solution = follow(problem.replace(step_size=step))
        slope = lambda: step_slopes_same(solution.family, solution.problem).test_error  # noqa: E731
        return Point(step, value, slope, solution)

    return evaluate


def _over_ridges(problem: Problem, places: Sequence[float]) -> tuple[Point, str | None]:
    """In the coordinate log ridge, from large to small ridges on one model."""
    family = Family(problem)

    def evaluate(place: float) -> Point:
        here = problem.replace(ridge=exp(-place))
        slope = lambda: -here.ridge * ridge_slopes_same(family, here).test_error  # noqa: E731
        return Point(place, family.solve(here).test_error, slope, _Solution(here, family))

    point, end = minimise(evaluate, places)
    return point, {"lower": "upper", "upper": "lower", None: None}[end]


def _optimum(solution: _Solution, step_end: str | None, ridge_end: str | None) -> Optimum:
    problem, family = solution.problem, solution.family
    slopes = ridge_slopes_same(family, problem), step_slopes_same(family, problem)
    return Optimum(problem, Derivatives(family.prediction(problem), *slopes), step_end, ridge_end)
