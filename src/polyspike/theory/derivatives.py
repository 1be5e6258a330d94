"""Derivatives of the three errors by ridge and step, by whichever theory a problem takes."""

from polyspike.blas import one_blas_thread
from polyspike.problem import Problem
from polyspike.results import Derivatives
from polyspike.theory.scope import check_scope
from polyspike.theory.solvers import check_ridge, solver

__all__ = ["derivatives"]


@one_blas_thread()
def derivatives(problem: Problem) -> Derivatives:
    """A prediction of the finite-size theory with the derivatives of its errors by ridge and by step size.

    Parameters
    ----------
    problem : Problem
        With a ridge > 0.

    Returns
    -------
    Derivatives
        By implicit differentiation, to rounding; for inputs of another covariance than I and for reused samples by
        central differences, to a part in 1e5.

    Raises
    ------
    NumericalError
        As :func:`polyspike.predict`; ``SINGULAR`` also at ridge 0, where the derivatives are one-sided limits.

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=3000, input_dim=600, width=1000, step_exponent=0.3)
    >>> found = derivatives(problem)
    >>> near = derivatives(problem.replace(ridge=1.001 * problem.ridge))
    >>> change = near.prediction.test_error - found.prediction.test_error
    >>> bool(abs(change / (0.001 * problem.ridge) / found.by_ridge.test_error - 1) < 0.01)
    True
    """
    check_scope(problem)
    solution = solver(problem).solve(check_ridge(problem))
    return Derivatives(solution.prediction(problem), solution.by_ridge(), solution.by_step())
