"""``predict``: what the theory says of a problem, by the method asked for."""

from collections.abc import Callable

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.results import EdgePrediction, Prediction
from polyspike.theory.uniform.predict_uniform import predict_uniform
from polyspike.theory.windows import predict_window

__all__ = ["METHODS", "predict"]


def _uniform(problem: Problem, level: int | None) -> Prediction:
    if level is not None:
        raise ArgumentError("l", level, "the uniform theory counts the spikes itself; give l= with method='window'")
    return predict_uniform(problem)


METHODS: dict[str, Callable[[Problem, int | None], Prediction | EdgePrediction]] = {
    "uniform": _uniform,
    "window": lambda problem, level: predict_window(problem, level),
    "window-published": lambda problem, level: predict_window(problem, level, published=True),
}
"""How a prediction can be made, by name."""


def predict(problem: Problem, method: str = "uniform", l: int | None = None) -> Prediction | EdgePrediction:  # noqa: E741
    """Errors of a problem by theory; no randomness, float64.

    Parameters
    ----------
    problem : Problem
    method : str
        "uniform" (default): at the problem's own finite sizes, any step size (docs/theory-uniform.md);
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
        Where the limit does not exist (ridge 0 at the interpolation peak), or the fixed point is not found.

    Examples
    --------
    >>> problem = Problem(teacher="h1 + 0.7*h2", n_samples=4000, input_dim=1000, width=2000, step_exponent=0.2)
    >>> predict(problem).test_error < predict(problem.replace(step_size=0.0)).test_error
    True
    >>> predict(problem, method="window").window
    1
    """
    if method not in METHODS:
        raise ArgumentError("method", method, closest_names(str(method), METHODS))
    return METHODS[method](problem, l)
