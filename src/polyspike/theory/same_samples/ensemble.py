"""Solutions with reused samples in the form in which derivatives and optima take those of every theory."""

from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.results import Prediction, Slopes
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.same_samples.derivatives import ridge_slopes_same, step_slopes_same
from polyspike.theory.same_samples.predict import Family

__all__ = ["SameEnsemble", "SameSolution"]


class SameSolution(NamedTuple):
    """A solved problem, and the family that solved it."""

    problem: Problem
    family: Family
    test_error: float

    def prediction(self, problem: Problem) -> Prediction:
        """The result in the form that all predictions share."""
        with within_double_precision():
            return self.family.prediction(problem)

    def by_ridge(self) -> Slopes:
        """The derivatives by the ridge."""
        with within_double_precision():
            return ridge_slopes_same(self.family, self.problem)

    def by_step(self) -> Slopes:
        """The derivatives by the step size."""
        with within_double_precision():
            return step_slopes_same(self.family, self.problem)


class SameEnsemble:
    """Solves problems that differ in the ridge alone, on one model.

    Parameters
    ----------
    problem : Problem
        One of them.

    Raises
    ------
    NumericalError
        As :func:`polyspike.predict`.
    """

    slope_accuracy = 1e-5

    def __init__(self, problem: Problem) -> None:
        with within_double_precision():
            self._family = Family(problem)

    def solve(self, problem: Problem) -> SameSolution:
        """The solution at this problem's ridge.

        Raises
        ------
        NumericalError
            As :func:`polyspike.predict`.
        """
        with within_double_precision():
            return SameSolution(problem, self._family, float(self._family.solve(problem).test_error))
