"""The limits of training and test error inside the windows of the step size, for every l.

In the l-th window ``(l-1)/(2l) < alpha < l/(2l+2)`` ridge regression on the features is, in the limit, ridge on the
initial features plus unpenalised polynomials of the learned direction, one for each spike (docs/theory.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, Prediction
from polyspike.theory.polynomials import project, spike_polynomial
from polyspike.theory.random_features import RandomFeatures, random_features

__all__ = ["LearnedDirection", "learned_direction", "predict_window", "spike_degrees"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LearnedDirection:
    """Limits of what the gradient has learned, at a step size that diverges.

    Attributes
    ----------
    norm : float
        ``|beta|``.
    cosine : float
        ``rho = cos(beta, beta*)``; 0.0 where the teacher has no linear part.
    residual_energy : float
        ``E eps^2`` of what the gradient sees as labels.
    noise_ratio : float
        Q: relative variance of the independent noise in every neuron's move.
    """

    norm: float
    cosine: float
    residual_energy: float
    noise_ratio: float


def learned_direction(problem: Problem) -> LearnedDirection:
    """``|beta|^2 = c*_1^2 + [c_1^2] + phi_0 E eps^2``, ``rho = c*_1/|beta|``, ``Q = phi_0 E eps^2 V/(C1 |beta|^2)``.

    ``V = Var sigma'(z)``. For the target-only gradient ``eps = y``; for the full one ``eps = y - f_0`` adds
    ``E sigma^2`` to its energy and the bracket to the norm: the initial output
    ``f_0`` has the linear part ``c_1 W0' a``, orthogonal to beta* in the limit.
    """
    activation, linear = problem.activation, float(np.linalg.norm(problem.teacher.linear_coefficients))
    full = problem.gradient == "full"
    energy = problem.label_second_moment + (activation.second_moment if full else 0.0)
    noise = problem.phi_gradient * energy
    square = linear**2 + (activation.linear_strength if full else 0.0) + noise
    if square == 0.0 or activation.linear_strength == 0.0:
        return LearnedDirection(float(np.sqrt(square)), 0.0, energy, 0.0)
    q = noise * activation.derivative_variance / (activation.linear_strength * square)
    return LearnedDirection(float(np.sqrt(square)), linear / float(np.sqrt(square)), energy, q)


def spike_degrees(problem: Problem, level: int) -> tuple[int, ...]:
    """Degrees k <= level of the spikes that exist: ``c_k != 0``, and a readout vector ``u^k`` of their own.

    The k-th spike has the right factor ``u^k`` (elementwise power of the normalised readout). For a Rademacher readout
    there are only two such vectors, for a constant one only one; the lowest degree of each then carries the whole
    spike, because the next is smaller by powers of ``step/sqrt(N)``.
    """
    if problem.activation.linear_strength == 0.0:
        return ()
    c = problem.activation.coefficients(max(level, 1))
    degrees = [k for k in range(1, level + 1) if c[k] != 0]
    classes = {"gaussian": lambda k: k, "rademacher": lambda k: k % 2, "constant": lambda k: 0}[problem.readout]
    first: dict[int, int] = {}
    for k in degrees:
        first.setdefault(classes(k), k)
    return tuple(sorted(first.values()))


def predict_window(problem: Problem, level: int | None = None, published: bool = False) -> Prediction | EdgePrediction:
    """Limiting errors in the window of ``problem``'s step size, or for a given number of spikes.

    Moniri et al. (arXiv 2310.07891), theorems on training and test error for l = 1, 2; general l and the term Q in
    docs/theory.md. ``n, d, N -> infinity`` at fixed ratios with alpha strictly inside the window; the approach is slow.

    Parameters
    ----------
    problem : Problem
    level : int, optional
        Number of spikes l >= 0 (0: initialisation); by default that of the window.
    published : bool
        The limit as published: bare monomials (Q = 0), and the initial output left out of the full gradient.

    Returns
    -------
    Prediction, or EdgePrediction with both neighbours on an edge ``alpha = (l-1)/(2l)``.

    Raises
    ------
    ArgumentError
        ``alpha = 1/2``, where no window applies; a level that is not an integer >= 0; the full gradient with a constant
        readout, whose initial output is not centred.
    """
    _check(problem, level)
    if level is None and problem.window_edges is not None:
        below, above = (_predict(problem, edge, published) for edge in problem.window_edges)
        return EdgePrediction(problem, below, above)
    chosen = problem.window if level is None else level
    if chosen is None:
        remedy = "no window reaches alpha = 1/2; use method='uniform', or give l= for the limit with l spikes"
        raise ArgumentError("step_exponent", problem.exponent, remedy)
    return _predict(problem, chosen, published)


def _check(problem: Problem, level: int | None) -> None:
    if level is not None and (isinstance(level, bool) or not isinstance(level, int | np.integer) or level < 0):
        raise ArgumentError("l", level, "give an integer >= 0, the number of spikes")
    if problem.readout == "constant" and problem.gradient == "full" and problem.step > 0:
        remedy = "the initial output of a constant readout is not centred; use gradient='target'"
        raise ArgumentError("readout", problem.readout, remedy)


def _predict(problem: Problem, level: int, published: bool) -> Prediction:
    activation, teacher = problem.activation, problem.teacher
    features = random_features(
        activation.linear_strength, activation.residual_strength, problem.phi, problem.psi, problem.ridge
    )
    learned = learned_direction(problem.replace(gradient="target") if published else problem)
    q = 0.0 if published else learned.noise_ratio
    degrees = spike_degrees(problem, level)
    top = max((1, *degrees))
    target = teacher.coefficients(top) * learned.cosine ** np.arange(top + 1)
    fitted = project([spike_polynomial(k, q, top) for k in degrees], target, features.ratio)
    train, test = _errors(problem, features, fitted.gain, float(target[1]), fitted.linear_left)
    return Prediction(
        problem=problem,
        method="window-published" if published else "window",
        train_loss=features.trace_times_ridge * train,
        train_error=features.trace_times_ridge**2 * test,
        test_error=test,
        cosine=learned.cosine,
        spike_cosine=learned.cosine,
        spike_strength=problem.step * activation.linear_strength**0.5 * learned.norm / problem.width**0.5,
        regime=_regime(level),
        null_error=problem.label_second_moment,
        linear_error=problem.label_second_moment - float(np.sum(teacher.linear_coefficients**2)),
        window=level,
        notes=_notes(problem, level, degrees),
        extras={"T1": features.trace, "T2": features.data_trace, "Q": q},
    )


def _errors(
    problem: Problem, features: RandomFeatures, gain: float, target_linear: float, linear_left: float
) -> tuple[float, float]:
    """Training quadratic form per T1, ``h(tau)``, and ``L_test = h d(1/T1)/d lambda - h'(tau) (1/T1) d tau/d lambda``.

    Leave-one-out is generalised cross-validation here: a training residual is ``lambda T1`` times its leave-one-out
    residual, so the training error is ``(lambda T1)^2 L_test``. By the envelope theorem the fitted polynomial counts
    as fixed: ``h' = c*_1^2 - t_1^2 + (t_1 - fitted)^2``.
    """
    linear = float(np.sum(problem.teacher.linear_coefficients**2))
    form = linear * features.ratio + (problem.label_second_moment - linear) - gain
    slope = linear - target_linear**2 + linear_left**2
    return form, form * features.loo_factor + slope * features.loo_ratio


def _regime(level: int) -> str:
    if level == 0:
        return "n, d, N -> infinity at fixed ratios, at initialisation or steps that vanish"
    low, high = f"{level - 1}/{2 * level}", f"{level}/{2 * level + 2}"
    return f"n, d, N -> infinity at fixed ratios, step n^alpha with {low} < alpha < {high}"


def _notes(problem: Problem, level: int, degrees: tuple[int, ...]) -> tuple[str, ...]:
    activation, notes = problem.activation, []
    if level and activation.linear_strength == 0.0:
        notes.append("c_1 = 0: the gradient has no rank-one part, so there is no spike at any step size")
    elif missing := [k for k in range(1, level + 1) if k not in degrees]:
        why = "c_k = 0" if problem.readout == "gaussian" else f"c_k = 0 or the {problem.readout} readout"
        notes.append(f"no spike of degree {', '.join(map(str, missing))}: {why}")
    if level and not np.any(problem.teacher.linear_coefficients):
        notes.append("c*_1 = 0: the learned direction carries no signal of the teacher at n of order d (rho = 0)")
    if activation.coefficients(0)[0] != 0:
        notes.append(
            "c_0 != 0: the features have one more outlier, along the all-ones direction, that no learning made"
        )
    return tuple(notes)
