"""Solutions for a covariance in the form in which the search for optima takes those of the isotropic theory."""

from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.results import Prediction, Slopes
from polyspike.theory.covariance.derivatives import ridge_slopes, step_slopes
from polyspike.theory.covariance.predict import predict_covariance

__all__ = ["CovarianceAverage", "CovarianceEnsemble"]


class CovarianceAverage(NamedTuple):
    """A solved problem."""

    errors: Prediction

    @property
    def test_error(self) -> float:
        """The test error."""
        assert self.errors.test_error is not None
        return self.errors.test_error

    def prediction(self, problem: Problem) -> Prediction:
        """The prediction itself."""
        return self.errors

    def by_step(self) -> Slopes:
        """The derivatives by the step size."""
        return step_slopes(self.errors.problem)

    def by_ridge(self) -> Slopes:
        """The derivatives by the ridge."""
        return ridge_slopes(self.errors.problem)


class CovarianceEnsemble:
    """Solves problems one by one."""

    slope_accuracy = 1e-5

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def solve(self, problem: Problem) -> CovarianceAverage:
        """The solution of a problem.

        Raises
        ------
        NumericalError
            As :func:`predict_covariance`.
        """
        return CovarianceAverage(predict_covariance(problem))
