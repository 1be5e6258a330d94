"""The crossing from one window to the next: the l-th spike at finite strength (docs/critical-exponents.md).

At ``alpha = (l-1)/(2l)`` the l-th spike neither vanishes nor diverges: ``N r^(2l)`` tends to a number, with
``r = eta |c_1| |beta| / sqrt(N)``. Ridge regression on the features is then ridge on the initial features plus the
polynomials ``P_1 .. P_l``, the last of them penalised: ``M_ll`` gains ``1/(k s)``, where ``s = c_l^2 v_l N r^(2l)`` is
the strength, k the limiting diagonal of ``(F_0' F_0 / (gamma N) + I)^-1`` on the neurons, and ``v_l`` the part of the
variance of ``u^l`` that the lower spikes do not carry. Where c_2 is not zero, a function on the neurons pays more for
its mean: the norms of the samples fluctuate (docs/theory-corrections.md, section 10).
"""

from dataclasses import dataclass
from math import inf, prod

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.limits.errors import (
    check_limit,
    features_of,
    learned_direction,
    limit_notes,
    limit_prediction,
    spike_degrees,
    spikes,
)
from polyspike.theory.limits.random_features import RandomFeatures
from polyspike.theory.limits.spike_polynomials import project

__all__ = ["neuron_trace", "predict_crossing", "readout_variance", "scaled_step"]


def scaled_step(problem: Problem, window: int) -> float:
    """``t = eta / n^((l-1)/(2l))``, in which the crossing into the l-th window collapses as n grows."""
    return float(problem.step / float(problem.n_samples) ** ((window - 1) / (2 * window)))


def predict_crossing(problem: Problem, window: int | None = None) -> Prediction:
    """Limiting errors across the lower edge ``alpha = (l-1)/(2l)`` of the l-th window.

    ``n, d, N -> infinity`` at fixed ratios with the step ``t n^((l-1)/(2l))``, t fixed; t is read off the problem's
    own step and n. ``t -> 0`` gives the window with l - 1 spikes, ``t -> infinity`` that with l. For ``l = 1`` this is
    the regime of a constant step (Ba et al., arXiv 2205.01445). Derivation in docs/critical-exponents.md.

    Parameters
    ----------
    problem : Problem
    window : int, optional
        l >= 1, the one above the edge; by default that above the edge on which the problem lies.

    Returns
    -------
    Prediction
        Method "crossing"; ``extras`` holds T1, T2, Q, the scaled step ``t`` and the ``strength`` s of the l-th spike.

    Raises
    ------
    ArgumentError
        No window for a problem that lies on no edge; one that is not an integer >= 1; the full gradient with a
        constant readout.

    Examples
    --------
    >>> problem = Problem("gelu", "h1 + 0.7*h2", 2000, 1000, 2000, step_exponent=0.25)
    >>> weak, strong = (predict_crossing(problem.replace(step_size=t * 2000**0.25), 2) for t in (0.5, 2.0))
    >>> strong.train_loss < weak.train_loss
    True
    """
    window = check_limit(problem, window)
    if window is None and problem.window_edges is not None:
        window = problem.window_edges[1]
    if window is None or window < 1:
        raise ArgumentError("window", window, "give a window >= 1, whose lower edge is crossed")
    degrees = spike_degrees(problem, window)
    features = features_of(problem)
    spike = _first_of_full(problem, features) if problem.gradient == "full" and window == 1 else None
    spike = spike or _spike(problem, features, window)
    present = degrees if spike.strength > 0 else tuple(k for k in degrees if k != window)
    rows, target = spikes(problem, present, spike.cosine, spike.q)
    cost = [1 / (spike.neuron_trace * spike.strength) if k == window else 0.0 for k in present]
    return limit_prediction(
        problem,
        features,
        target,
        project(rows, target, features.ratio, cost),
        loo_penalty=spike.loo_neuron,
        method="crossing",
        cosine=learned_direction(problem).cosine,
        spike_cosine=spike.cosine,
        spike_strength=spike.r,
        regime=f"n, d, N -> infinity at fixed ratios, step t n^({window - 1}/{2 * window}) with t fixed",
        notes=limit_notes(problem, window, degrees),
        extras={
            "T1": features.trace,
            "T2": features.data_trace,
            "Q": spike.q,
            "t": scaled_step(problem, window),
            "strength": spike.strength if window in degrees else 0.0,
        },
    )


@dataclass(frozen=True)
class _Spike:
    """The direction of the spikes and the strength of the last one.

    ``neuron_trace`` is ``k T1`` for a function on the neurons like its own, ``loo_neuron`` the
    ``(1/T1) d log(k T1)/d lambda`` of that.
    """

    cosine: float
    q: float
    r: float
    strength: float
    neuron_trace: float
    loo_neuron: float


def _spike(problem: Problem, features: RandomFeatures, window: int) -> _Spike:
    """``s = c_l^2 v_l N r^(2l)`` along ``b = eta c_1 beta``, next to which the initial output vanishes for l >= 2."""
    learned = learned_direction(problem)
    c = problem.activation.coefficients(window)
    r = problem.step * abs(float(c[1])) * learned.norm / problem.width**0.5
    if window not in spike_degrees(problem, window):
        return _Spike(learned.cosine, learned.noise_ratio, r, 0.0, features.neuron_trace, 0.0)
    strength = float(c[window]) ** 2 * readout_variance(problem, window) * problem.width * r ** (2 * window)
    of_mean = 2 * float(problem.activation.coefficients(2)[2]) ** 2 / problem.psi
    trace, loo = neuron_trace(problem, features.neuron_trace, features.loo_neuron, of_mean, window)
    return _Spike(learned.cosine, learned.noise_ratio, r, strength, trace, loo)


def neuron_trace(problem: Problem, plain: float, loo: float, of_mean: float, window: int) -> tuple[float, float]:
    """``k T1`` of ``u^l`` less the lower spikes, and ``(1/T1) d log(k T1)/d lambda`` of that, from those of a function
    of the neurons with mean zero.

    Along the constant function of the neurons ``1/(k T1)`` gains ``of_mean = 2 c_2^2 / psi``, what the fluctuation of
    ``|x|^2`` costs; the combination of ``u^l`` and the lower spikes is the cheapest, so that its coefficients count as
    fixed.
    """
    mean = 1 / (1 / plain + of_mean)
    degrees = [*(k for k in spike_degrees(problem, window) if k < window), window]
    means = np.array([_moment(problem.readout, k) for k in degrees])
    mean_products = np.outer(means, means)
    gram = plain * (_readout_gram(problem.readout, degrees) - mean_products) + mean * mean_products
    combination = np.append(-np.linalg.solve(gram[:-1, :-1], gram[:-1, -1]), 1.0)
    along = mean * float(combination @ means) ** 2
    total = float(combination @ gram @ combination)
    share = along / total
    slope = loo * (1 - share + share * mean / plain)
    return total / readout_variance(problem, window), slope


def _first_of_full(problem: Problem, features: RandomFeatures) -> _Spike:
    """The spike for l = 1 with the full gradient, ``b = omega + eta c_1 beta``; the bulk has no linear part along the
    readout.

    ``|b|^2 = 1 - 2 eta c_1^2 + eta^2 c_1^2 |beta|^2``, ``rho = eta c_1 c*_1/|b|``; the neurons' diagonal along the
    readout is ``1/(1 + Cg T1)``.
    """
    learned, c1, eta = learned_direction(problem), float(problem.activation.coefficients(1)[1]), problem.step
    b = (1 - 2 * eta * c1**2 + (eta * c1 * learned.norm) ** 2) ** 0.5
    inverse = 0.0 if features.trace == inf else 1 / features.trace
    neuron_trace = 1 / (inverse + problem.activation.residual_strength)
    return _Spike(
        cosine=eta * abs(c1) * learned.cosine * learned.norm / b,
        q=learned.noise_ratio,
        r=b / problem.width**0.5,
        strength=c1**2 * b**2,
        neuron_trace=neuron_trace,
        loo_neuron=-features.loo_factor * inverse * neuron_trace,
    )


def readout_variance(problem: Problem, window: int) -> float:
    """``v_l``: the squared distance of ``u^l`` from the span of ``u^k`` over the lower spikes, in the readout's law."""
    lower = [k for k in spike_degrees(problem, window) if k < window]
    gram = _readout_gram(problem.readout, [*lower, window])
    lower_gram = gram[:-1, :-1]
    return float(gram[-1, -1] - gram[-1, :-1] @ np.linalg.solve(lower_gram, gram[:-1, -1]))


def _readout_gram(readout: str, degrees: list[int]) -> Array:
    """``E u^(j + k)``."""
    return np.array([[_moment(readout, j + k) for k in degrees] for j in degrees])


def _moment(readout: str, k: int) -> float:
    """``E u^k``."""
    if readout == "constant":
        return 1.0
    even = prod(range(1, k, 2)) if readout == "gaussian" else 1
    return float(even) if k % 2 == 0 else 0.0
