"""Derivatives of the three errors with reused samples, by differences of the smooth prediction.

Central differences on grids and factors of fixed length: relative accuracy 1e-5.
"""

from collections.abc import Callable
from math import exp

from polyspike.problem import Problem
from polyspike.results import Slopes
from polyspike.theory.same_samples.forms import FitErrors
from polyspike.theory.same_samples.predict import Family
from polyspike.theory.same_samples.steps import STANDARD, Accuracy, readouts_of

__all__ = ["ridge_slopes_same", "step_slopes_same"]

_RIDGE_CHANGE, _STEP_CHANGE = 1e-3, 3e-3


def ridge_slopes_same(family: Family, problem: Problem) -> Slopes:
    """By the ridge, on one model."""
    high, low = (family.solve(problem.replace(ridge=problem.ridge * exp(sign * _RIDGE_CHANGE))) for sign in (1, -1))
    return _slopes(high, low, 2 * problem.ridge * _RIDGE_CHANGE)


def step_slopes_same(family: Family, problem: Problem) -> Slopes:
    """By the step size, at grids that move with it and factors of fixed number; one-sided at step 0."""
    neurons = family.model.fit.neurons
    ranks = (neurons.chi.shape[1], neurons.xi.shape[1])
    accuracy = Accuracy(rules=family.model.rules, readouts=readouts_of(problem), ranks=ranks)
    solve: Callable[[float], FitErrors] = lambda step: _at(problem.replace(step_size=step), accuracy)  # noqa: E731
    if problem.step == 0:
        change = _STEP_CHANGE * (problem.width / problem.n_samples) ** 0.5
        # No factors move at step 0: a number of them cannot be kept.
        zero, one, two = (_at(problem.replace(step_size=k * change), STANDARD) for k in range(3))
        rise = [4 * b - 3 * a - c for a, b, c in zip(zero, one, two, strict=True)]
        return Slopes(*(value / (2 * change) for value in rise[:3]))
    change = _STEP_CHANGE * problem.step
    return _slopes(solve(problem.step + change), solve(problem.step - change), 2 * change)


def _at(problem: Problem, accuracy: Accuracy) -> FitErrors:
    return Family(problem, accuracy).solve(problem)


def _slopes(high: FitErrors, low: FitErrors, width: float) -> Slopes:
    return Slopes(*((a - b) / width for a, b in zip(high[:3], low[:3], strict=True)))
