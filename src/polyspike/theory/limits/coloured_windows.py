"""The limits inside the windows of the step size on inputs of a covariance (docs/theory-inputs.md, section 9).

As :mod:`polyspike.theory.limits.windows`: ridge regression on the initial features plus unpenalised polynomials of
``kappa = beta . x/|Sigma^(1/2) beta|``. Of linear functions the features know more along strong eigendirections, so
that the forms of kappa and of the label's linear part are different numbers; and the neurons' pre-activations differ in
variance, which makes a constant function that is fitted at a finite price.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.seen import linear_direction, seen_teacher
from polyspike.theory.covariance.step import Step, condition
from polyspike.theory.limits.coloured_features import ColouredFeatures, coloured_features
from polyspike.theory.limits.errors import limit_notes, spike_degrees
from polyspike.theory.limits.spike_polynomials import project, spike_polynomial

__all__ = [
    "Linear",
    "Price",
    "SpikeDirection",
    "coloured_prediction",
    "learned_along",
    "learned_direction",
    "predict_coloured_window",
]


class SpikeDirection(NamedTuple):
    """What the spikes are along: r, Q, the cosines of beta with beta* and ``Sigma beta*``, that of the spike with
    beta*, and the correlation of kappa with the label's input.
    """

    strength: float
    noise_ratio: float
    cosine: float
    lean: float
    spike_cosine: float
    label_cosine: float


class Linear(NamedTuple):
    """Spectral measures (L,) of the linear part of the label, of kappa, and between the two."""

    label: Array
    kappa: Array
    between: Array

    def left(self, fitted: float) -> Array:
        """The measure of the label's linear part less ``fitted`` times kappa."""
        return self.label - 2 * fitted * self.between + fitted**2 * self.kappa


class Price(NamedTuple):
    """What the square of a coefficient costs, per T1, and ``-(1/T1) d log/d lambda`` of that."""

    cost: float
    loo: float


def predict_coloured_window(problem: Problem, window: int, regime: str) -> Prediction:
    """Limiting errors in a window, for inputs of a covariance and preconditioned steps.

    ``n, d, N -> infinity`` at fixed ratios and at a fixed distribution of the eigenvalues of Sigma and of the teacher's
    energies over them.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for an uncentred activation with the full gradient; ``SINGULAR`` for ridge 0 where there is no
        limit.
    """
    spectrum = spectrum_of(problem)
    found = (coloured_features(problem, spectrum), *learned_direction(problem, spectrum))
    degrees = spike_degrees(problem, window)
    return coloured_prediction(problem, spectrum, found, degrees, {}, window=window, method="window", regime=regime)


def coloured_prediction(
    problem: Problem,
    spectrum: Eigenvalues,
    found: tuple[ColouredFeatures, SpikeDirection, Linear],
    degrees: tuple[int, ...],
    prices: Mapping[int, Price],
    *,
    window: int,
    method: str,
    regime: str,
    extras: Mapping[str, float] | None = None,
) -> Prediction:
    """Errors of a fit with spikes of these degrees, of which some have a price (eq-window-errors)."""
    features, direction, linear = found
    rows, costs = _columns(problem, spectrum, features, direction, degrees, prices)
    target = seen_teacher(problem).coefficients(len(rows[0]) - 1 if rows else 1)
    target = target * direction.label_cosine ** np.arange(len(target))
    target[1] = _as_seen(features, linear)
    fitted = project(rows, target, features.ratio(linear.kappa), [price.cost for price in costs])
    energy, null = float(linear.label.sum()), problem.label_second_moment
    form = features.ratio(linear.label) + null - energy - fitted.gain
    test = form * features.loo_factor + features.loo_ratio(linear.left(float(target[1]) - fitted.linear_left))
    test += sum(paid * price.loo for paid, price in zip(fitted.paid_each, costs, strict=True))
    return Prediction(
        problem=problem,
        train_loss=features.trace_times_ridge * form,
        train_error=features.trace_times_ridge**2 * test,
        test_error=test,
        null_error=null,
        linear_error=null - energy,
        method=method,
        cosine=direction.cosine,
        biased_cosine=None if problem.inputs.is_isotropic else direction.lean,
        spike_cosine=direction.spike_cosine,
        spike_strength=direction.strength,
        regime=regime,
        window=window if method == "window" else None,
        notes=limit_notes(problem, window, degrees),
        extras={
            "T1": features.trace,
            "Q": direction.noise_ratio,
            "label_cosine": direction.label_cosine,
            **(extras or {}),
        },
    )


def learned_direction(problem: Problem, spectrum: Eigenvalues) -> tuple[SpikeDirection, Linear]:
    """Along ``eta c_1 beta``, beside which the initial output vanishes."""
    step = condition(problem, spectrum)
    along_beta = problem.step * problem.activation.linear_strength**0.5 or 1.0
    return learned_along(problem, spectrum, step, along_beta * np.eye(len(step.frame_measures))[step.place])


def learned_along(problem: Problem, spectrum: Eigenvalues, step: Step, b: Array) -> tuple[SpikeDirection, Linear]:
    """Along b, given in the frame of the step, with ``r = |Sigma^(1/2) b|/sqrt N`` and ``Q = phi_0 E eps^2 V m_2/(C1
    |Sigma^(1/2) beta|^2)``, ``V = Var sigma'`` (eq-window-direction).
    """
    activation, measures, indices = problem.activation, step.frame_measures, linear_direction(problem)
    label = np.zeros(len(measures))
    label[: len(indices)] = np.linalg.norm(problem.teacher.linear_coefficients) * indices
    gram = measures.sum(axis=2)
    length = float(b @ gram @ b) ** 0.5
    kappa = b / (length or 1.0)
    pairs = ((label, label), (kappa, kappa), (label, kappa))
    linear = Linear(*(np.einsum("i,ijl,j->l", x, measures, y) for x, y in pairs))
    strength = activation.linear_strength * float(gram[step.place, step.place])
    noise = step.matrix_noise * activation.derivative_variance * float(spectrum.weights @ step.reach**2)
    gradient = step.scalars.gradient_cosine
    return SpikeDirection(
        strength=length / problem.width**0.5 if problem.step > 0 or problem.gradient == "full" else 0.0,
        noise_ratio=noise / strength if strength > 0 else 0.0,
        cosine=gradient,
        lean=step.lean,
        spike_cosine=gradient if np.count_nonzero(b) == 1 else step.spike_cosine,
        label_cosine=float(kappa @ gram[:, 0]),
    ), linear


def _as_seen(features: ColouredFeatures, linear: Linear) -> float:
    """The coefficient of kappa in the best fit of the label's linear part by it, ``tau_*kappa/tau_kappa``."""
    own = features.ratio(linear.kappa)
    return features.ratio(linear.between) / own if own > 0 else 0.0


def _columns(
    problem: Problem,
    spectrum: Eigenvalues,
    features: ColouredFeatures,
    direction: SpikeDirection,
    degrees: tuple[int, ...],
    prices: Mapping[int, Price],
) -> tuple[list[Array], list[Price]]:
    """The polynomials of the spikes and the constant that the neurons' deviations make, with their prices."""
    top = max((1, *degrees))
    rows = [spike_polynomial(k, direction.noise_ratio, top) for k in degrees]
    costs = [prices.get(k, Price(0.0, 0.0)) for k in degrees]
    strength = 2 * float(problem.activation.coefficients(2)[2]) ** 2 * (spectrum.moment(2) - 1) / problem.psi
    if strength > 0:
        rows.append(np.eye(top + 1)[0])
        costs.append(Price(1 / (features.neuron_trace * strength), features.loo_neuron))
    return rows, costs
