"""``predict``: what the theory says of a problem, by the method asked for."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, overload

from polyspike.blas import one_blas_thread
from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.problem.problem import as_problems
from polyspike.results import EdgePrediction, FailedPrediction, Prediction
from polyspike.status import Status
from polyspike.theory.announce import announce
from polyspike.theory.covariance.predict import predict_covariance, predict_rows
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.limits.windows import across, predict_window
from polyspike.theory.long_work import watched
from polyspike.theory.same_samples.predict import predict_many_same, predict_same_samples
from polyspike.theory.same_samples.window import predict_window_same
from polyspike.theory.scope import (
    check_features,
    check_isotropic,
    check_scope,
    theory_of,
)
from polyspike.theory.universality import edge_with_law, with_law

__all__ = ["METHODS", "predict"]


_Single = Callable[[Problem], Prediction]
_Many = Callable[[list[Problem]], list[Prediction | FailedPrediction]]

_THEORIES: dict[str, tuple[_Single, _Many]] = {
    "isotropic": (predict_finite_size, predict_many),
    "covariance": (predict_covariance, predict_rows),
    "same": (predict_same_samples, predict_many_same),
}
"""The finite-size theories by :func:`polyspike.theory.scope.theory_of`, for one problem and for many."""


def _finite_size(problem: Problem, window: int | None) -> Prediction:
    _check_no_window(window)
    announce([problem])
    predict_one, _ = _THEORIES[theory_of(problem)]
    return _with_limit(predict_one(problem))


def _with_limit(found: Prediction) -> Prediction:
    """The answer, which gives the limit of its problem when asked for."""
    return replace(found, limit_source=partial(_window, found.problem))


def _window(problem: Problem, window: int | None) -> Prediction | EdgePrediction:
    return predict_window_same(problem, window) if problem.shared_samples else predict_window(problem, window)


def _fresh_only(problem: Problem, method: str) -> Problem:
    """The problem, refused where its two stages have one sample and the method does not know of it."""
    if problem.shared_samples:
        remedy = f"method={method!r} is of a fresh sample; use 'finite-size' or 'window', or give 'fresh'"
        raise ArgumentError("samples", problem.samples, remedy)
    return problem


def _check_no_window(window: int | None) -> None:
    if window is not None:
        remedy = "the finite-size theory counts the spikes itself; give window= with method='window'"
        raise ArgumentError("window", window, remedy)


METHODS: dict[str, Callable[[Problem, int | None], Prediction | EdgePrediction]] = {
    "finite-size": _finite_size,
    "crossing": lambda problem, window: across(_fresh_only(problem, "crossing"), window),
    "window": _window,
    "window-published": lambda problem, window: predict_window(
        _fresh_only(problem, "window-published"), window, published=True
    ),
}
"""How a prediction can be made, by name."""

_ANY_COVARIANCE = ("finite-size", "window", "crossing")
"""Those that take inputs of any covariance."""

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


@one_blas_thread()
@watched()
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
        Unknown method; for a single problem, one outside the method's regime, as inputs of another covariance
        than I are of "window-published", and ``samples="same"`` of that and of "crossing".
    NumericalError
        For a single problem: where the limit does not exist (ridge 0 at the interpolation peak), or the fixed point
        is not found. With ``samples="same"`` also for teachers of more than two indices.

    Notes
    -----
    Finite-size predictions that take over half a second together are announced to the logger
    ``polyspike.theory.announce`` before they begin: at the level INFO, over ten seconds at WARNING. Where that estimate
    was short, a word is said after one second.

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
        announce(problems)
        return _finite_size_rows(problems)
    return [_limit(one, method, window) for one in problems]


def _one(problem: Problem, method: str, window: int | None) -> Prediction | EdgePrediction:
    _check_method(problem, method)
    found = METHODS[method](problem, window)
    return edge_with_law(found) if isinstance(found, EdgePrediction) else with_law(found)


def _check_method(problem: Problem, method: str) -> None:
    """Refuse what the method does not speak of: the published limit is of isotropic inputs and the plain step, no limit
    of constant features.
    """
    check_scope(problem) if method in _ANY_COVARIANCE else check_isotropic(problem)
    if method != "finite-size":
        check_features(problem)


def _finite_size_rows(problems: list[Problem]) -> list[Answer]:
    """A row for every problem; those outside the scope of the theory are out of range."""
    rows: dict[int, Answer] = {}
    for index, problem in enumerate(problems):
        try:
            check_scope(problem)
        except ArgumentError as error:
            rows[index] = FailedPrediction(problem, "finite-size", Status.OUT_OF_RANGE, str(error))
    for name, (_, predict_all) in _THEORIES.items():
        places = [k for k, one in enumerate(problems) if k not in rows and theory_of(one) == name]
        rows |= zip(places, predict_all([problems[k] for k in places]), strict=True)
    found = [rows[k] for k in range(len(problems))]
    return [with_law(_with_limit(row)) if isinstance(row, Prediction) else row for row in found]


def _limit(problem: Problem, method: str, window: int | None) -> Prediction | EdgePrediction | FailedPrediction:
    """One answer by a limit theory; a problem outside its regime is out of range."""
    try:
        return _one(problem, method, window)
    except NumericalError as error:
        return FailedPrediction(problem, method, error.status, str(error))
    except ArgumentError as error:
        return FailedPrediction(problem, method, Status.OUT_OF_RANGE, str(error))
