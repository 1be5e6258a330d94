"""``predict``: what the theory says of a problem, by the method asked for."""

from collections.abc import Callable, Iterable
from typing import overload

from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.results import EdgePrediction, FailedPrediction, Prediction
from polyspike.status import Status
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.limits.crossing import predict_crossing
from polyspike.theory.limits.windows import predict_window

__all__ = ["METHODS", "predict"]


def _finite_size(problem: Problem, level: int | None) -> Prediction:
    _check_no_level(level)
    return predict_finite_size(problem)


def _check_no_level(level: int | None) -> None:
    if level is not None:
        raise ArgumentError("l", level, "the finite-size theory counts the spikes itself; give l= with method='window'")


METHODS: dict[str, Callable[[Problem, int | None], Prediction | EdgePrediction]] = {
    "finite-size": _finite_size,
    "crossing": lambda problem, level: predict_crossing(problem, level),
    "window": lambda problem, level: predict_window(problem, level),
    "window-published": lambda problem, level: predict_window(problem, level, published=True),
}
"""How a prediction can be made, by name."""


@overload
def predict(problem: Problem, method: str = "finite-size", l: int | None = None) -> Prediction | EdgePrediction: ...  # noqa: E741


@overload
def predict(
    problem: Iterable[Problem],
    method: str = "finite-size",
    l: int | None = None,  # noqa: E741
) -> list[Prediction | EdgePrediction | FailedPrediction]: ...


def predict(
    problem: Problem | Iterable[Problem],
    method: str = "finite-size",
    l: int | None = None,  # noqa: E741
) -> Prediction | EdgePrediction | list[Prediction | EdgePrediction | FailedPrediction]:
    """Errors of a problem by theory, or of many in one call; no randomness, float64.

    Parameters
    ----------
    problem : Problem, or iterable of Problem
        Of many problems, those that differ in the ridge alone share most of their work.
    method : str
        "finite-size" (default): at the problem's own finite sizes, any step size (docs/theory-finite-size.md);
        "window": the limit with l spikes (see :func:`polyspike.theory.limits.windows.predict_window`);
        "crossing": the limit with the l-th spike at finite strength, across the edge between two windows (see
        :func:`polyspike.theory.limits.crossing.predict_crossing`);
        "window-published": the same as printed in Moniri et al. (arXiv 2310.07891).
    l : int, optional
        Number of spikes, for the limit theory; by default that of the window in which the step size lies.

    Returns
    -------
    Prediction, or EdgePrediction on an edge between two windows
        For many problems a list in their order, in which a row that has no answer is a
        :class:`polyspike.FailedPrediction` with the status and the reason; the other rows go on.

    Raises
    ------
    ArgumentError
        Unknown method; for a single problem, one outside the method's regime.
    NumericalError
        For a single problem: where the limit does not exist (ridge 0 at the interpolation peak), or the fixed point
        is not found.

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=4000, input_dim=1000, width=2000, step_exponent=0.2)
    >>> predict(problem).test_error < predict(problem.replace(step_size=0.0)).test_error
    True
    >>> predict(problem, method="window").window
    1
    >>> rows = predict([problem.replace(ridge=ridge) for ridge in (0.01, 0.1, 1.0)])
    >>> [row.problem.ridge for row in rows if row.test_error is not None]
    [0.01, 0.1, 1.0]
    """
    if method not in METHODS:
        raise ArgumentError("method", method, closest_names(str(method), METHODS))
    if isinstance(problem, Problem):
        return METHODS[method](problem, l)
    problems = _problems(problem)
    if method == "finite-size":
        _check_no_level(l)
        return [*predict_many(problems)]
    return [_limit(one, method, l) for one in problems]


def _problems(values: Iterable[Problem]) -> list[Problem]:
    problems = list(values) if isinstance(values, Iterable) else [values]
    for one in problems:
        if not isinstance(one, Problem):
            raise ArgumentError("problem", one, "give a Problem, or a sequence of them")
    return problems


def _limit(problem: Problem, method: str, level: int | None) -> Prediction | EdgePrediction | FailedPrediction:
    """One row by a limit theory; a problem outside its regime is out of range."""
    try:
        return METHODS[method](problem, level)
    except NumericalError as error:
        return FailedPrediction(problem, method, error.status, str(error))
    except ArgumentError as error:
        return FailedPrediction(problem, method, Status.OUT_OF_RANGE, str(error))
