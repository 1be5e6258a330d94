"""What the limit predictions share: the learned direction, the spikes that exist, the errors of a penalised fit.

Every limit here is ridge regression on the initial features plus a few polynomials of the learned direction
(docs/theory.md); :mod:`polyspike.theory.limits.windows` and :mod:`polyspike.theory.limits.crossing` differ in their
penalties alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.scalars import as_integer
from polyspike.theory.limits.random_features import RandomFeatures, random_features
from polyspike.theory.limits.spike_polynomials import Projection, spike_polynomial

__all__ = [
    "LearnedDirection",
    "check_limit",
    "features_of",
    "learned_direction",
    "limit_notes",
    "limit_prediction",
    "spike_degrees",
    "spikes",
]


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


def spike_degrees(problem: Problem, window: int) -> tuple[int, ...]:
    """Degrees k <= window of the spikes that exist: ``c_k != 0``, and a readout vector ``u^k`` of their own.

    The k-th spike has the right factor ``u^k`` (elementwise power of the normalised readout). For a Rademacher readout
    there are only two such vectors, for a constant one only one; the lowest degree of each then carries the whole
    spike, because the next is smaller by powers of ``step/sqrt(N)``.
    """
    if problem.activation.linear_strength == 0.0:
        return ()
    c = problem.activation.coefficients(max(window, 1))
    degrees = [k for k in range(1, window + 1) if c[k] != 0]
    classes = {"gaussian": lambda k: k, "rademacher": lambda k: k % 2, "constant": lambda k: 0}[problem.readout]
    first: dict[int, int] = {}
    for k in degrees:
        first.setdefault(classes(k), k)
    return tuple(sorted(first.values()))


def check_limit(problem: Problem, window: int | None) -> int | None:
    """The window; refuses one that is none, and the full gradient with a constant readout."""
    window = None if window is None else as_integer("window", window, 0, ", the number of spikes")
    if problem.readout == "constant" and problem.gradient == "full" and problem.step > 0:
        remedy = "the initial output of a constant readout is not centred; use gradient='target'"
        raise ArgumentError("readout", problem.readout, remedy)
    return window


def features_of(problem: Problem) -> RandomFeatures:
    """The traces of the problem's features at initialisation."""
    activation = problem.activation
    return random_features(
        activation.linear_strength, activation.residual_strength, problem.phi, problem.psi, problem.ridge
    )


def spikes(problem: Problem, degrees: Sequence[int], cosine: float, q: float) -> tuple[list[Array], Array]:
    """Hermite coefficients of ``P_k`` for every degree k, and of the target seen along the spike, ``c*_p rho^p``."""
    top = max((1, *degrees))
    target = problem.teacher.coefficients(top) * cosine ** np.arange(top + 1)
    return [spike_polynomial(k, q, top) for k in degrees], target


def limit_prediction(
    problem: Problem,
    features: RandomFeatures,
    target: Array,
    fitted: Projection,
    loo_penalty: float = 0.0,
    **fields: Any,
) -> Prediction:
    """Errors of a limit: training form per T1, ``h``, and ``L_test = h d(1/T1)/dl - h_tau/T1 d tau/dl - h_P/T1 dP/dl``.

    Leave-one-out is generalised cross-validation here: a training residual is ``lambda T1`` times its leave-one-out
    residual, so the training error is ``(lambda T1)^2 L_test``. By the envelope theorem the fitted polynomial counts
    as fixed: ``h_tau = c*_1^2 - t_1^2 + (t_1 - fitted)^2``, and ``P h_P`` is what the fitted coefficients pay;
    ``loo_penalty`` is ``-(1/T1) d log P/d lambda`` of the penalty P.
    """
    linear = float(np.sum(problem.teacher.linear_coefficients**2))
    null = problem.label_second_moment
    form = linear * features.ratio + (null - linear) - fitted.gain
    slope = linear - float(target[1]) ** 2 + fitted.linear_left**2
    test = form * features.loo_factor + slope * features.loo_ratio + fitted.paid * loo_penalty
    return Prediction(
        problem=problem,
        train_loss=features.trace_times_ridge * form,
        train_error=features.trace_times_ridge**2 * test,
        test_error=test,
        null_error=null,
        linear_error=null - linear,
        **fields,
    )


def limit_notes(problem: Problem, window: int, degrees: tuple[int, ...]) -> tuple[str, ...]:
    """Which spikes are missing, and why."""
    activation, notes = problem.activation, []
    if window and activation.linear_strength == 0.0:
        notes.append("c_1 = 0: the gradient has no rank-one part, so there is no spike at any step size")
    elif missing := [k for k in range(1, window + 1) if k not in degrees]:
        why = "c_k = 0" if problem.readout == "gaussian" else f"c_k = 0 or the {problem.readout} readout"
        notes.append(f"no spike of degree {', '.join(map(str, missing))}: {why}")
    if window and not np.any(problem.teacher.linear_coefficients):
        notes.append("c*_1 = 0: the learned direction carries no signal of the teacher at n of order d (rho = 0)")
    if activation.coefficients(0)[0] != 0:
        notes.append(
            "c_0 != 0: the features have one more outlier, along the all-ones direction, that no learning made"
        )
    return tuple(notes)
