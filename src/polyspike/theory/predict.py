"""``predict``: what the theory says of a problem, by the method asked for."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, overload

from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.problem.problem import as_problems
from polyspike.results import EdgePrediction, FailedPrediction, Prediction
from polyspike.status import Status
from polyspike.theory.covariance.predict import predict_covariance, predict_rows
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.limits.crossing import predict_crossing
from polyspike.theory.limits.windows import predict_window
from polyspike.theory.scope import check_fresh, check_scope, edge_with_law_note, with_law_note

__all__ = ["METHODS", "predict"]


def _finite_size(problem: Problem, window: int | None) -> Prediction:
    _check_no_window(window)
    if not problem.inputs.is_isotropic:
        return predict_covariance(problem)
    return _with_limit(predict_finite_size(problem))


def _with_limit(found: Prediction) -> Prediction:
    """The answer, which gives the limit of its problem when asked for."""
    return replace(found, limit_source=partial(predict_window, found.problem))


def _check_no_window(window: int | None) -> None:
    if window is not None:
        remedy = "the finite-size theory counts the spikes itself; give window= with method='window'"
        raise ArgumentError("window", window, remedy)


METHODS: dict[str, Callable[[Problem, int | None], Prediction | EdgePrediction]] = {
    "finite-size": _finite_size,
    "crossing": lambda problem, window: predict_crossing(problem, window),
    "window": lambda problem, window: predict_window(problem, window),
    "window-published": lambda problem, window: predict_window(problem, window, published=True),
}
"""How a prediction can be made, by name."""

Limit = Literal["window", "window-published"]
"""The methods that have two answers on an edge, unless the window is given."""

NoLimit = Literal["finite-size", "crossing"]
"""Those that have one everywhere."""

Answer = Prediction | FailedPrediction
EdgeAnswer = Prediction | EdgePrediction | FailedPrediction


@overload
def predict(problem: Problem, *, method: NoLimit = "finite-size", window: int | None = None) -> Prediction: ...


@overload
def predict(problem: Problem, *, method: Limit, window: int) -> Prediction: ...


@overload
def predict(problem: Problem, *, method: str, window: int | None = None) -> Prediction | EdgePrediction: ...


@overload
def predict(
    problem: Iterable[Problem], *, method: NoLimit = "finite-size", window: int | None = None
) -> list[Answer]: ...


@overload
def predict(problem: Iterable[Problem], *, method: Limit, window: int) -> list[Answer]: ...


@overload
def predict(problem: Iterable[Problem], *, method: Limit, window: None = None) -> list[EdgeAnswer]: ...


@overload
def predict(
    problem: Iterable[Problem], *, method: str, window: int | None = None
) -> list[Answer] | list[EdgeAnswer]: ...


def predict(problem: Problem | Iterable[Problem], *, method: str = "finite-size", window: int | None = None) -> Any:
    """Errors of a problem by theory, or of many in one call; no randomness, float64.

    Parameters
    ----------
    problem : Problem, or iterable of Problem
        Of many problems, those that differ in the ridge alone share most of their work.
    method : str
        "finite-size" (default): at the problem's own finite sizes, any step size (docs/theory-finite-size.md), and
        any covariance of the inputs (docs/theory-inputs.md);
        "window": the limit inside a window of step sizes (see :func:`polyspike.theory.limits.windows.predict_window`);
        "window-published": the same as printed in Moniri et al. (arXiv 2310.07891);
        "crossing": the limit across the lower edge of a window, whose last spike has finite strength there (see
        :func:`polyspike.theory.limits.crossing.predict_crossing`).
    window : int, optional
        The window of step sizes, for the limit theory: in the l-th the features have l spikes. By default that in which
        the problem's own step lies.

    Returns
    -------
    Prediction, or EdgePrediction on an edge between two windows
        The second from "window" and "window-published" only, where ``window`` is not given. For many problems a list in
        their order, in which a row that has no answer is a :class:`polyspike.FailedPrediction` with the status and the
        reason; the other rows go on.

    Raises
    ------
    ArgumentError
        Unknown method; for a single problem, one outside the method's regime, as ``samples="same"`` is of all, and
        inputs of another covariance than I of all but "finite-size".
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
        return _one(problem, method, window)
    problems = as_problems(problem)
    if method == "finite-size":
        _check_no_window(window)
        return _finite_size_rows(problems)
    return [_limit(one, method, window) for one in problems]


def _one(problem: Problem, method: str, window: int | None) -> Prediction | EdgePrediction:
    _check_method(problem, method)
    found = METHODS[method](problem, window)
    return edge_with_law_note(found) if isinstance(found, EdgePrediction) else with_law_note(found)


def _check_method(problem: Problem, method: str) -> None:
    """Refuse what the method does not speak of; a covariance is for the finite-size theory alone."""
    check_fresh(problem) if method == "finite-size" else check_scope(problem)


def _finite_size_rows(problems: list[Problem]) -> list[Answer]:
    """A row for every problem; those outside the scope of the theory are out of range."""
    refused: dict[int, Answer] = {}
    for index, problem in enumerate(problems):
        try:
            check_fresh(problem)
        except ArgumentError as error:
            refused[index] = FailedPrediction(problem, "finite-size", Status.OUT_OF_RANGE, str(error))
    left = [problem for index, problem in enumerate(problems) if index not in refused]
    isotropic = iter(predict_many([problem for problem in left if problem.inputs.is_isotropic]))
    others = iter(predict_rows([problem for problem in left if not problem.inputs.is_isotropic]))
    rows = [
        refused.get(index) or next(isotropic if problem.inputs.is_isotropic else others)
        for index, problem in enumerate(problems)
    ]
    return [_finished(row) if isinstance(row, Prediction) else row for row in rows]


def _finished(row: Prediction) -> Prediction:
    """With the limit of its problem, where that is known, and a note on the law of its inputs."""
    return with_law_note(_with_limit(row) if row.problem.inputs.is_isotropic else row)


def _limit(problem: Problem, method: str, window: int | None) -> Prediction | EdgePrediction | FailedPrediction:
    """One answer by a limit theory; a problem outside its regime is out of range."""
    try:
        return _one(problem, method, window)
    except NumericalError as error:
        return FailedPrediction(problem, method, error.status, str(error))
    except ArgumentError as error:
        return FailedPrediction(problem, method, Status.OUT_OF_RANGE, str(error))
