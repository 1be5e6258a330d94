"""The step size and the ridge that predict the least test error (docs/theory-numerics.md, section 9)."""

from collections.abc import Callable
from math import exp, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from polyspike.blas import one_blas_thread
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Derivatives, Optimum
from polyspike.scalars import as_real, as_reals
from polyspike.theory.announce import announce
from polyspike.theory.finite_size.minimise import Point, minimise, valleys_of
from polyspike.theory.predict import predict
from polyspike.theory.scope import check_scope
from polyspike.theory.solvers import Solved, Solver, check_ridge, slope_accuracy, solver

__all__ = ["best_ridge", "best_step", "best_step_and_ridge"]

_STEP_PLACES = 20
_RIDGE_PLACES = 13
# The scan starts at this fraction of the step at which the spike's energy is that of a sample.
_FIRST_STEP = 0.02
_RIDGES = (1e-8, 1e4)
_MARGIN = 1e-2
"""A place is sought so much more closely than slopes are accurate."""


class _Place(NamedTuple):
    problem: Problem
    solution: Solved
    ridge_end: str | None = None


@one_blas_thread()
def best_step(problem: Problem, *, largest: float | None = None) -> Optimum:
    """The step size of least predicted test error, the ridge fixed.

    Parameters
    ----------
    problem : Problem
        Its own step is ignored; ridge > 0.
    largest : float, optional
        Upper end of the search, which starts at 0; ``sqrt(n_samples)`` by default, the largest of the paper's steps.

    Returns
    -------
    Optimum
        The global minimum: every valley of a scan is followed to a vanishing derivative. ``step_end`` says when it
        lies at an end of the search.

    Raises
    ------
    ArgumentError
        ``largest`` is not a number > 0.
    NumericalError
        No step has a prediction, or the best one lies where there is none; ``SINGULAR`` at ridge 0.

    Examples
    --------
    >>> problem = Problem("tanh", "h1 + 0.7*h2", 3000, 600, 1000, step_size=1.0, ridge=0.01)
    >>> best = best_step(problem)
    >>> round(best.problem.step, 1), best.at_an_end
    (4.3, False)
    """
    check_scope(problem)
    follow = lambda p: _solve(solver(p), p)  # noqa: E731
    point, end = minimise(_by_step(problem, follow), _steps(problem, largest), relative=_closeness(problem))
    return _optimum(point, step_end=end)


@one_blas_thread()
def best_ridge(problem: Problem, *, ridges: tuple[float, float] = _RIDGES) -> Optimum:
    """The ridge of least predicted test error, the step fixed.

    Parameters
    ----------
    problem : Problem
        Its own ridge is ignored.
    ridges : tuple of float
        Ends of the search, both > 0.

    Returns
    -------
    Optimum
        The global minimum; ``ridge_end`` says when it lies at an end of the search.

    Raises
    ------
    ArgumentError
        The ends are not two increasing numbers > 0.
    NumericalError
        No ridge has a prediction, or the best one lies where there is none.

    Examples
    --------
    >>> best = best_ridge(Problem(teacher="h1", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3))
    >>> abs(best.derivatives.by_ridge.test_error) < 1e-6
    True
    """
    check_scope(problem)
    point, end = _over_ridges(problem, _places(ridges))
    return _optimum(point, ridge_end=end)


@one_blas_thread()
def best_step_and_ridge(
    problem: Problem, *, largest: float | None = None, ridges: tuple[float, float] = _RIDGES
) -> Optimum:
    """Step size and ridge of least predicted test error, both at once.

    The least error over the ridges is followed as a function of the step; by the envelope theorem its derivative is
    the one by the step at the best ridge. Parameters and errors as in :func:`best_step` and :func:`best_ridge`.

    Examples
    --------
    >>> problem = Problem(teacher="h1", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3)
    >>> both, one = best_step_and_ridge(problem), best_step(problem)
    >>> both.prediction.test_error <= one.prediction.test_error
    True
    """
    check_scope(problem)
    places = _places(ridges)
    rows = _Rows(problem, places)

    def follow(at_step: Problem) -> _Place:
        near = rows.places_near(at_step.step)
        point, end = _over_ridges(at_step, near)
        if end is not None and len(near) < len(places):
            point, end = _over_ridges(at_step, places)
        solution: _Place = point.content
        return solution._replace(ridge_end=end)

    steps = _steps(problem, largest)
    point, end = minimise(_by_step(problem, follow), steps, rows.lowest, _closeness(problem))
    return _optimum(point, step_end=end, ridge_end=point.content.ridge_end)


class _Rows:
    """Test errors at the places of all ridges, for the steps of a scan."""

    def __init__(self, problem: Problem, places: list[float]) -> None:
        self._problem, self._places = problem, places
        self._known: dict[float, list[float]] = {}

    def lowest(self, step: float) -> float:
        """The least at a step, between places."""
        rows = predict(_with_ridges(self._problem.replace(step_size=step), self._places))
        self._known[step] = [inf if row.test_error is None else row.test_error for row in rows]
        return _lowest(self._known[step])

    def places_near(self, step: float) -> list[float]:
        """Those from one below all valleys at the steps on both sides of this one to one above them."""
        steps = sorted(self._known)
        above = int(np.searchsorted(steps, step))
        beside = [self._known[known] for known in steps[max(above - 1, 0) : above + 1]]
        valleys = [i for row in beside for i in valleys_of(row)]
        if not valleys or any(inf in row for row in beside):
            return self._places
        return self._places[max(min(valleys) - 1, 0) : max(valleys) + 2]


def _with_ridges(problem: Problem, places: list[float]) -> list[Problem]:
    return [problem.replace(ridge=exp(-place)) for place in places]


def _lowest(heights: list[float]) -> float:
    """The least of equidistant values, by the parabola through the lowest and its neighbours."""
    i = int(np.argmin(heights))
    left, middle, right = (heights[j] if 0 <= j < len(heights) else inf for j in (i - 1, i, i + 1))
    bend = left - 2 * middle + right
    return middle - (right - left) ** 2 / (8 * bend) if 0 < bend < inf else middle


def _closeness(problem: Problem) -> float:
    """Of the place where a slope vanishes, relative."""
    return _MARGIN * slope_accuracy(problem)


def _solve(solving: Solver, problem: Problem) -> _Place:
    return _Place(problem, solving.solve(check_ridge(problem)))


def _by_step(problem: Problem, follow: Callable[[Problem], _Place]) -> Callable[[float], Point]:
    def evaluate(step: float) -> Point:
        solved = follow(problem.replace(step_size=step))
        slope = lambda: solved.solution.by_step().test_error  # noqa: E731
        return Point(step, solved.solution.test_error, slope, solved)

    return evaluate


def _over_ridges(problem: Problem, places: list[float]) -> tuple[Point, str | None]:
    """The minimum over the coordinate log ridge, from large to small ridges on one model."""
    solving = solver(problem)

    def evaluate(place: float) -> Point:
        ridge = exp(-place)
        solved = _solve(solving, problem.replace(ridge=ridge))
        slope = lambda: -ridge * solved.solution.by_ridge().test_error  # noqa: E731
        return Point(place, solved.solution.test_error, slope, solved)

    point, end = minimise(evaluate, places, relative=_closeness(problem))
    return point, {"lower": "upper", "upper": "lower", None: None}[end]


def _optimum(point: Point, step_end: str | None = None, ridge_end: str | None = None) -> Optimum:
    solved: _Place = point.content
    problem, solution = solved.problem, solved.solution
    derivatives = Derivatives(solution.prediction(problem), solution.by_ridge(), solution.by_step())
    return Optimum(problem, derivatives, step_end, ridge_end)


def _steps(problem: Problem, largest: float | None) -> list[float]:
    """The steps of the scan, whose predictions are announced where they take long."""
    high = sqrt(problem.n_samples) if largest is None else as_real("largest", largest)
    if high <= 0:
        raise ArgumentError("largest", largest, "give a number > 0, the largest step size to look at")
    first = _FIRST_STEP * min(high, 1.0, sqrt(problem.width / problem.n_samples))
    steps = [0.0, *(float(step) for step in np.geomspace(first, high, _STEP_PLACES))]
    announce([problem.replace(step_size=step) for step in steps])
    return steps


def _places(ridges: tuple[float, float]) -> list[float]:
    """``-log ridge``, increasing."""
    remedy = "give two increasing numbers > 0, the ends of the search"
    ends = as_reals("ridges", ridges, remedy)
    if len(ends) != 2 or not 0 < ends[0] < ends[1]:
        raise ArgumentError("ridges", ridges, remedy)
    return [float(place) for place in np.linspace(-log(ends[1]), -log(ends[0]), _RIDGE_PLACES)]
