"""The finite-size theories in one form: errors and their slopes, of problems that differ in the ridge alone.

Derivatives and optima are the same for all of them.
"""

from typing import Protocol

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Prediction, Slopes
from polyspike.status import Status
from polyspike.theory.covariance.ensemble import CovarianceEnsemble
from polyspike.theory.finite_size.ensemble import Ensemble
from polyspike.theory.same_samples.ensemble import SameEnsemble
from polyspike.theory.scope import theory_of

__all__ = ["Solved", "Solver", "check_ridge", "slope_accuracy", "solver"]


class Solved(Protocol):
    """A solved problem."""

    @property
    def test_error(self) -> float:
        """The test error."""

    def prediction(self, problem: Problem) -> Prediction:
        """The result in the form that all predictions share."""

    def by_ridge(self) -> Slopes:
        """The derivatives by the ridge."""

    def by_step(self) -> Slopes:
        """The derivatives by the step size."""


class Solver(Protocol):
    """Solves problems that differ in the ridge alone, one after the other."""

    def solve(self, problem: Problem) -> Solved:
        """The solution at this problem's ridge.

        Raises
        ------
        NumericalError
            As :func:`polyspike.predict`.
        """


_SOLVERS: dict[str, type[Ensemble] | type[CovarianceEnsemble] | type[SameEnsemble]] = {
    "isotropic": Ensemble,
    "covariance": CovarianceEnsemble,
    "same": SameEnsemble,
}


def solver(problem: Problem) -> Solver:
    """The solver of the theory that the problem takes."""
    return _SOLVERS[theory_of(problem)](problem)


def slope_accuracy(problem: Problem) -> float:
    """Of the derivatives by the theory that the problem takes, relative."""
    return _SOLVERS[theory_of(problem)].slope_accuracy


def check_ridge(problem: Problem) -> Problem:
    """The problem, if its errors have derivatives.

    Raises
    ------
    NumericalError
        ``SINGULAR`` at ridge 0.
    """
    if problem.ridge == 0:
        raise NumericalError(Status.SINGULAR, "derivatives at ridge 0 are one-sided limits")
    return problem
