"""The limits inside the windows of the step size on inputs of a covariance (docs/theory-inputs.md, section 9).

As :mod:`polyspike.theory.limits.windows`: ridge regression on the initial features plus unpenalised polynomials of
``kappa = beta . x/|Sigma^(1/2) beta|``. Of linear functions the features know more along strong eigendirections, so
that the forms of kappa and of the label's linear part are different numbers; and the neurons' pre-activations differ in
variance, which makes a constant function that is fitted at a finite price.
"""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.seen import linear_direction, seen_teacher
from polyspike.theory.covariance.step import condition
from polyspike.theory.limits.coloured_features import ColouredFeatures, coloured_features
from polyspike.theory.limits.errors import limit_notes, spike_degrees
from polyspike.theory.limits.spike_polynomials import Projection, project, spike_polynomial

__all__ = ["predict_coloured_window"]


class _Direction(NamedTuple):
    """What beta has learned: ``|Sigma^(1/2) beta|``, Q, the cosines of beta with beta* and ``Sigma beta*``, and the
    correlation of kappa with the label's input.
    """

    length: float
    noise_ratio: float
    cosine: float
    lean: float
    label_cosine: float


class _Linear(NamedTuple):
    """Spectral measures (L,) of the linear part of the label, of kappa, and between the two."""

    label: Array
    kappa: Array
    between: Array

    def left(self, fitted: float) -> Array:
        """The measure of the label's linear part less ``fitted`` times kappa."""
        return self.label - 2 * fitted * self.between + fitted**2 * self.kappa


def predict_coloured_window(problem: Problem, window: int, regime: str) -> Prediction:
    """Limiting errors in a window, for inputs of a covariance.

    ``n, d, N -> infinity`` at fixed ratios and at a fixed distribution of the eigenvalues of Sigma and of the teacher's
    energies over them.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for an uncentred activation with the full gradient; ``SINGULAR`` for ridge 0 where there is no
        limit.
    """
    spectrum = spectrum_of(problem)
    features = coloured_features(problem, spectrum)
    direction, linear = _learned(problem, spectrum)
    degrees = spike_degrees(problem, window)
    fitted = _fit(problem, spectrum, features, linear, direction, degrees)
    energy, null = float(linear.label.sum()), problem.label_second_moment
    form = features.ratio(linear.label) + null - energy - fitted.gain
    along_kappa = _as_seen(features, linear) - fitted.linear_left
    test = form * features.loo_factor + features.loo_ratio(linear.left(along_kappa)) + fitted.paid * features.loo_neuron
    return Prediction(
        problem=problem,
        train_loss=features.trace_times_ridge * form,
        train_error=features.trace_times_ridge**2 * test,
        test_error=test,
        null_error=null,
        linear_error=null - energy,
        method="window",
        cosine=direction.cosine,
        biased_cosine=None if problem.inputs.is_isotropic else direction.lean,
        spike_cosine=direction.cosine,
        spike_strength=problem.step * problem.activation.linear_strength**0.5 * direction.length / problem.width**0.5,
        regime=regime,
        window=window,
        notes=limit_notes(problem, window, degrees),
        extras={"T1": features.trace, "Q": direction.noise_ratio, "label_cosine": direction.label_cosine},
    )


def _learned(problem: Problem, spectrum: Eigenvalues) -> tuple[_Direction, _Linear]:
    """``|Sigma^(1/2) beta|^2 = c*_1^2 <lambda^2>_t + [c_1^2 m_3] + phi_0 E eps^2 m_2`` and
    ``Q = phi_0 E eps^2 V m_2/(C1 |Sigma^(1/2) beta|^2)``, ``V = Var sigma'`` (eq-window-direction).
    """
    step, activation = condition(problem, spectrum), problem.activation
    measures = step.frame_measures
    label = np.zeros(len(measures))
    indices = linear_direction(problem)
    label[: len(indices)] = np.linalg.norm(problem.teacher.linear_coefficients) * indices
    length = float(measures[-1, -1].sum()) ** 0.5
    kappa = np.eye(len(measures))[-1] / (length or 1.0)
    linear = _Linear(
        *(np.einsum("i,ijl,j->l", x, measures, y) for x, y in ((label, label), (kappa, kappa), (label, kappa)))
    )
    strength = activation.linear_strength * length**2
    noise = step.matrix_noise * activation.derivative_variance * float(spectrum.weights @ step.reach**2)
    seen = float(kappa @ measures.sum(axis=2)[:, 0])
    return _Direction(
        length, noise / strength if strength > 0 else 0.0, step.scalars.gradient_cosine, step.lean, seen
    ), linear


def _as_seen(features: ColouredFeatures, linear: _Linear) -> float:
    """The coefficient of kappa in the best fit of the label's linear part by it, ``tau_*kappa/tau_kappa``."""
    own = features.ratio(linear.kappa)
    return features.ratio(linear.between) / own if own > 0 else 0.0


def _fit(
    problem: Problem,
    spectrum: Eigenvalues,
    features: ColouredFeatures,
    linear: _Linear,
    direction: _Direction,
    degrees: tuple[int, ...],
) -> Projection:
    """Regression on the polynomials of the spikes, and on the constant that the neurons' deviations make
    (eq-window-errors).
    """
    top = max((1, *degrees))
    target = seen_teacher(problem).coefficients(top) * direction.label_cosine ** np.arange(top + 1)
    target[1] = _as_seen(features, linear)
    rows = [spike_polynomial(k, direction.noise_ratio, top) for k in degrees]
    strength = 2 * float(problem.activation.coefficients(2)[2]) ** 2 * (spectrum.moment(2) - 1) / problem.psi
    costs = [0.0] * len(rows)
    if strength > 0:
        rows.append(np.eye(top + 1)[0])
        costs.append(1 / (features.neuron_trace * strength))
    return project(rows, target, features.ratio(linear.kappa), costs)
