"""The crossing from one window to the next on inputs of a covariance (docs/theory-inputs.md, section 9).

As :mod:`polyspike.theory.limits.crossing`, with the numbers of :mod:`polyspike.theory.limits.coloured_windows`: the
last spike has the strength ``s = c_l^2 v_l N r^(2l)``, ``r = eta |c_1| |Sigma^(1/2) beta|/sqrt(N)``.
"""

from typing import NamedTuple

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.step import condition
from polyspike.theory.limits.coloured_features import ColouredFeatures, coloured_features
from polyspike.theory.limits.coloured_windows import (
    Linear,
    Price,
    SpikeDirection,
    coloured_prediction,
    learned_along,
    learned_direction,
)
from polyspike.theory.limits.crossing import neuron_trace, readout_variance, scaled_step
from polyspike.theory.limits.errors import check_limit, spike_degrees

__all__ = ["predict_coloured_crossing"]


def predict_coloured_crossing(problem: Problem, window: int | None = None) -> Prediction:
    """Limiting errors across the lower edge of the l-th window, for inputs of a covariance and preconditioned steps.

    Parameters, regime and errors are those of :func:`polyspike.theory.limits.crossing.predict_crossing`.

    Raises
    ------
    ArgumentError
        As there.
    """
    window = check_limit(problem, window)
    if window is None and problem.window_edges is not None:
        window = problem.window_edges[1]
    if window is None or window < 1:
        raise ArgumentError("window", window, "give a window >= 1, whose lower edge is crossed")
    spectrum = spectrum_of(problem)
    features = coloured_features(problem, spectrum)
    spike = _spike(problem, spectrum, features, window)
    degrees = spike_degrees(problem, window)
    present = degrees if spike.strength > 0 else tuple(k for k in degrees if k != window)
    prices = {window: spike.price} if spike.strength > 0 else {}
    return coloured_prediction(
        problem,
        spectrum,
        (features, spike.direction, spike.linear),
        present,
        prices,
        window=window,
        method="crossing",
        regime=f"n, d, N -> infinity at fixed ratios, step t n^({window - 1}/{2 * window}) with t fixed",
        extras={
            "t": scaled_step(problem, window),
            "strength": spike.strength if window in degrees else 0.0,
        },
    )


class _Spike(NamedTuple):
    """The direction of the spikes, and the strength and the price of the last one."""

    direction: SpikeDirection
    linear: Linear
    strength: float
    price: Price


def _spike(problem: Problem, spectrum: Eigenvalues, features: ColouredFeatures, window: int) -> _Spike:
    """``s = c_l^2 v_l N r^(2l)``, for the full gradient and l = 1 along ``b = omega + eta c_1 beta``."""
    if problem.gradient == "full" and window == 1:
        return _first_of_full(problem, spectrum, features)
    direction, linear = learned_direction(problem, spectrum)
    c = problem.activation.coefficients(window)
    if window not in spike_degrees(problem, window):
        return _Spike(direction, linear, 0.0, Price(0.0, 0.0))
    spread = readout_variance(problem, window) * problem.width
    strength = float(c[window]) ** 2 * spread * direction.strength ** (2 * window)
    of_mean = 2 * float(problem.activation.coefficients(2)[2]) ** 2 * spectrum.moment(2) / problem.psi
    trace, loo = neuron_trace(problem, features.neuron_trace, features.loo_neuron, of_mean, window)
    return _Spike(direction, linear, strength, Price(1 / (trace * strength) if strength > 0 else 0.0, loo))


def _first_of_full(problem: Problem, spectrum: Eigenvalues, features: ColouredFeatures) -> _Spike:
    """Along b; the bulk has no linear part along the readout, where the neurons' diagonal is ``1/(1 + Cg T1)``."""
    step = condition(problem, spectrum)
    c1, count = float(problem.activation.coefficients(1)[1]), len(step.frame_measures)
    b = np.eye(count)[step.place] * problem.step * c1 + np.eye(count)[step.place - 1]
    direction, linear = learned_along(problem, spectrum, step, b)
    inverse = 0.0 if features.trace == np.inf else 1 / features.trace
    trace = 1 / (inverse + problem.activation.residual_strength)
    strength = c1**2 * direction.strength**2 * problem.width
    loo = -features.loo_factor * inverse * trace
    return _Spike(direction, linear, strength, Price(1 / (trace * strength) if strength > 0 else 0.0, loo))
