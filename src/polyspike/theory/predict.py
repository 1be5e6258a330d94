"""``predict``: what the theory says of a problem, by the method asked for."""

from collections.abc import Callable

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.results import EdgePrediction, Prediction
from polyspike.theory.windows import predict_window

__all__ = ["METHODS", "predict"]

METHODS: dict[str, Callable[[Problem, int | None], Prediction | EdgePrediction]] = {
    "window": lambda problem, level: predict_window(problem, level),
    "window-published": lambda problem, level: predict_window(problem, level, published=True),
}
"""How a prediction can be made, by name."""


def predict(problem: Problem, method: str = "window", l: int | None = None) -> Prediction | EdgePrediction:  # noqa: E741
    """Errors of a problem by theory; no randomness, float64.

    Parameters
    ----------
    problem : Problem
    method : str
        "window": the limit with l spikes (see :func:`polyspike.theory.windows.predict_window`);
        "window-published": the same as printed in Moniri et al. (arXiv 2310.07891).
    l : int, optional
        Number of spikes, for the limit theory; by default that of the window in which the step size lies.

    Returns
    -------
    Prediction, or EdgePrediction on an edge between two windows.

    Raises
    ------
    ArgumentError
        Unknown method, or a problem outside the method's regime.
    NumericalError
        Where the limit does not exist (ridge 0 at the interpolation peak).

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=4000, input_dim=1000, width=2000, step_exponent=0.2)
    >>> limit = predict(problem, method="window")
    >>> limit.window, limit.test_error < limit.null_error
    (1, True)
    """
    if method not in METHODS:
        raise ArgumentError("method", method, closest_names(str(method), METHODS))
    return METHODS[method](problem, l)
