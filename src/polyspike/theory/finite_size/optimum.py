"""The step size and the ridge that predict the least test error (docs/theory-numerics.md, section 9)."""

from collections.abc import Callable, Sequence
from math import exp, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.results import Derivatives, FailedPrediction, Optimum, Prediction, Slopes
from polyspike.status import Status
from polyspike.theory.covariance.ensemble import CovarianceAverage, CovarianceEnsemble
from polyspike.theory.covariance.predict import predict_rows
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.derivatives import mean_slopes, ridge_slopes, step_slopes
from polyspike.theory.finite_size.ensemble import Average, Ensemble
from polyspike.theory.finite_size.minimise import Point, minimise
from polyspike.theory.same_samples.optimum import best_ridge_same, best_step_and_ridge_same, best_step_same
from polyspike.theory.scope import check_scope

__all__ = ["best_ridge", "best_step", "best_step_and_ridge"]

_STEP_PLACES = 20
_RIDGE_PLACES = 13
# The scan starts at this fraction of the step at which the spike's energy is that of a sample.
_FIRST_STEP = 0.02
_RIDGES = (1e-8, 1e4)


class _Solution(NamedTuple):
    problem: Problem
    average: Average | CovarianceAverage
    ridge_end: str | None = None

    @property
    def test_error(self) -> float:
        return float(self.average.errors.test_error)


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
    if problem.samples == "same":
        return best_step_same(problem, _steps(problem, largest))
    follow = lambda p: _solve(_ensemble(p), p)  # noqa: E731
    point, end = minimise(_by_step(problem, follow), _steps(problem, largest))
    return _optimum(point, step_end=end)


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
    if problem.samples == "same":
        return best_ridge_same(problem, _places(ridges))
    point, end = _over_ridges(problem, _places(ridges))
    return _optimum(point, ridge_end=end)


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
    if problem.samples == "same":
        return best_step_and_ridge_same(problem, _steps(problem, largest), places)

    def follow(here: Problem) -> _Solution:
        point, end = _over_ridges(here, places)
        solution: _Solution = point.content
        return solution._replace(ridge_end=end)

    def scan(step: float) -> float:
        return _lowest([row.test_error for row in _rows(_with_ridges(problem.replace(step_size=step), places))])

    point, end = minimise(_by_step(problem, follow), _steps(problem, largest), scan)
    return _optimum(point, step_end=end, ridge_end=point.content.ridge_end)


def _with_ridges(problem: Problem, places: list[float]) -> list[Problem]:
    return [problem.replace(ridge=exp(-place)) for place in places]


def _lowest(values: list[float | None]) -> float:
    """The least of equidistant values, by the parabola through the lowest and its neighbours."""
    heights = [inf if value is None else value for value in values]
    i = int(np.argmin(heights))
    left, middle, right = (heights[j] if 0 <= j < len(heights) else inf for j in (i - 1, i, i + 1))
    bend = left - 2 * middle + right
    return middle - (right - left) ** 2 / (8 * bend) if 0 < bend < inf else middle


def _solve(ensemble: Ensemble | CovarianceEnsemble, problem: Problem) -> _Solution:
    if problem.ridge == 0:
        raise NumericalError(Status.SINGULAR, "derivatives at ridge 0 are one-sided limits")
    return _Solution(problem, ensemble.solve(problem))


def _ensemble(problem: Problem) -> Ensemble | CovarianceEnsemble:
    return Ensemble(problem) if problem.inputs.is_isotropic else CovarianceEnsemble(problem)


def _by_step_size(average: Average | CovarianceAverage) -> Slopes:
    return average.by_step() if isinstance(average, CovarianceAverage) else mean_slopes(average, step_slopes)


def _by_ridge(average: Average | CovarianceAverage) -> Slopes:
    return average.by_ridge() if isinstance(average, CovarianceAverage) else mean_slopes(average, ridge_slopes)


def _rows(problems: list[Problem]) -> Sequence[Prediction | FailedPrediction]:
    """Of problems that differ in the ridge alone."""
    return predict_many(problems) if problems[0].inputs.is_isotropic else predict_rows(problems)


def _by_step(problem: Problem, solve: Callable[[Problem], _Solution]) -> Callable[[float], Point]:
    def evaluate(step: float) -> Point:
        solution = solve(problem.replace(step_size=step))
        slope = lambda: _by_step_size(solution.average).test_error  # noqa: E731
        return Point(step, solution.test_error, slope, solution)

    return evaluate


def _over_ridges(problem: Problem, places: list[float]) -> tuple[Point, str | None]:
    """The minimum over the coordinate log ridge, from large to small ridges on one model."""
    ensemble = _ensemble(problem)

    def evaluate(place: float) -> Point:
        ridge = exp(-place)
        solution = _solve(ensemble, problem.replace(ridge=ridge))
        slope = lambda: -ridge * _by_ridge(solution.average).test_error  # noqa: E731
        return Point(place, solution.test_error, slope, solution)

    point, end = minimise(evaluate, places)
    return point, {"lower": "upper", "upper": "lower", None: None}[end]


def _optimum(point: Point, step_end: str | None = None, ridge_end: str | None = None) -> Optimum:
    solution: _Solution = point.content
    problem, average = solution.problem, solution.average
    slopes = _by_ridge(average), _by_step_size(average)
    derivatives = Derivatives(average.prediction(problem), *slopes)
    return Optimum(problem, derivatives, step_end, ridge_end)


def _steps(problem: Problem, largest: float | None) -> list[float]:
    high = sqrt(problem.n_samples) if largest is None else largest
    if not 0 < high < inf:
        raise ArgumentError("largest", largest, "give a number > 0, the largest step size to look at")
    first = _FIRST_STEP * min(high, 1.0, sqrt(problem.width / problem.n_samples))
    return [0.0, *(float(step) for step in np.geomspace(first, high, _STEP_PLACES))]


def _places(ridges: tuple[float, float]) -> list[float]:
    """``-log ridge``, increasing."""
    low, high = ridges
    if not 0 < low < high < inf:
        raise ArgumentError("ridges", ridges, "give two increasing numbers > 0")
    return [float(place) for place in np.linspace(-log(high), -log(low), _RIDGE_PLACES)]
