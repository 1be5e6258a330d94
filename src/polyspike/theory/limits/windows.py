"""The limits of training and test error inside the windows of the step size, for every l.

In the l-th window ``(l-1)/(2l) < alpha < l/(2l+2)`` ridge regression on the features is, in the limit, ridge on the
initial features plus unpenalised polynomials of the learned direction, one for each spike (docs/theory.md).
"""

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, Prediction
from polyspike.theory.limits.coloured_crossing import predict_coloured_crossing
from polyspike.theory.limits.coloured_windows import predict_coloured_window
from polyspike.theory.limits.crossing import predict_crossing
from polyspike.theory.limits.errors import (
    check_limit,
    features_of,
    learned_direction,
    limit_notes,
    limit_prediction,
    spike_degrees,
    spikes,
)
from polyspike.theory.limits.spike_polynomials import project
from polyspike.theory.scope import theory_of

__all__ = ["across", "predict_window"]


def across(problem: Problem, window: int | None = None) -> Prediction:
    """The limit across the lower edge of a window, of whichever inputs and step."""
    return _CROSSINGS[theory_of(problem)](problem, window)


_CROSSINGS = {"isotropic": predict_crossing, "covariance": predict_coloured_crossing}


def predict_window(problem: Problem, window: int | None = None, published: bool = False) -> Prediction | EdgePrediction:
    """Limiting errors in the window of ``problem``'s step size, or for a given number of spikes.

    Moniri et al. (arXiv 2310.07891); the term Q, which is not in the paper, and every formula in docs/theory.md.
    ``n, d, N -> infinity`` at fixed ratios with alpha strictly inside the window; the approach is slow.

    Parameters
    ----------
    problem : Problem
    window : int, optional
        l >= 0, the number of spikes (0: initialisation); by default that of the step size.
    published : bool
        The limit as published: bare monomials (Q = 0), and the initial output left out of the full gradient.

    Returns
    -------
    Prediction, or EdgePrediction on an edge ``alpha = (l-1)/(2l)``: both neighbours, and the limit exactly there.

    Raises
    ------
    ArgumentError
        ``alpha = 1/2``, where no window applies; one that is not an integer >= 0; the full gradient with a constant
        readout, whose initial output is not centred.
    """
    window = check_limit(problem, window)
    if window is None and problem.window_edges is not None:
        below, above = (_predict(problem, edge, published) for edge in problem.window_edges)
        crossing = None if published else across(problem, problem.window_edges[1])
        return EdgePrediction(problem, below, above, crossing)
    chosen = problem.window if window is None else window
    if chosen is None:
        remedy = "no window reaches alpha = 1/2; use method='finite-size', or give window= for the limit inside it"
        raise ArgumentError("step_exponent", problem.exponent, remedy)
    return _predict(problem, chosen, published)


def _predict(problem: Problem, window: int, published: bool) -> Prediction:
    if theory_of(problem) == "covariance":
        return predict_coloured_window(problem, window, _regime(window))
    activation, features = problem.activation, features_of(problem)
    learned = learned_direction(problem.replace(gradient="target") if published else problem)
    q = 0.0 if published else learned.noise_ratio
    degrees = spike_degrees(problem, window)
    rows, target = spikes(problem, degrees, learned.cosine, q)
    return limit_prediction(
        problem,
        features,
        target,
        project(rows, target, features.ratio),
        method="window-published" if published else "window",
        cosine=learned.cosine,
        spike_cosine=learned.cosine,
        spike_strength=problem.step * activation.linear_strength**0.5 * learned.norm / problem.width**0.5,
        regime=_regime(window),
        window=window,
        notes=limit_notes(problem, window, degrees),
        extras={"T1": features.trace, "T2": features.data_trace, "Q": q},
    )


def _regime(window: int) -> str:
    if window == 0:
        return "n, d, N -> infinity at fixed ratios, at initialisation or steps that vanish"
    low, high = f"{window - 1}/{2 * window}", f"{window}/{2 * window + 2}"
    return f"n, d, N -> infinity at fixed ratios, step n^alpha with {low} < alpha < {high}"
