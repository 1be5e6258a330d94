"""Features of a sample of the gradient against drawn pre-activations, and against those of fresh samples."""

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.hermite import gauss_hermite, gaussian_rule
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages
from polyspike.theory.same_samples.features import StepNumbers, training_features

KAPPA = np.array([-1.5, 0.2, 0.4, 2.1])
EPS = np.array([-1.2, 2.5])
U = np.array([-1.3, 0.0, 0.7])


def numbers(name: str, **changes: float) -> StepNumbers:
    c = as_activation(name).coefficients(2)
    values = {"strength": 0.5, "self_gain": 0.3, "move_variance": 0.04, "stretch": 0.0} | changes
    return StepNumbers(**values, c1=float(c[1]), c2=float(c[2]))


@pytest.mark.parametrize("name", ["tanh", "erf", "softplus", "relu", "leaky_relu", "sin"])
def test_against_plain_quadrature(name: str) -> None:
    """By a product rule at many nodes. That of the theory is made for 1e-6; the kink that a step moves away from zero
    is seen to 1e-3 only by the one here.
    """
    activation, step = as_activation(name), numbers(name)
    found = training_features(activation, step, KAPPA, EPS, U)
    z, w = gaussian_rule(activation.kinks)
    y, v = gauss_hermite(60)
    slope = activation.derivative(z)
    h = slope - step.c1 - 2 * step.c2 * z
    tolerance = 2e-3 if activation.kinks else 1e-6
    for e in range(2):
        for b in range(len(KAPPA)):
            for a, u in enumerate(U):
                shift = step.strength * KAPPA[b] + step.self_gain * EPS[e] * slope
                p = (z + u * shift)[:, None] + np.sqrt(step.move_variance) * u * y
                value = activation(p) @ v
                assert found.mean[e, b, a] == pytest.approx(w @ value, abs=tolerance)
                assert found.linear[e, b, a] == pytest.approx(w @ (z * value), abs=tolerance)
                assert found.own[e, b, a] == pytest.approx(w @ (h * value), abs=tolerance)
                assert found.slope[e, b, a] == pytest.approx(w @ (activation.derivative(p) @ v), abs=10 * tolerance)
                assert found.second_moment[e, b, a] == pytest.approx(w @ (activation(p) ** 2 @ v), abs=tolerance)


def test_without_self_term_they_are_those_of_a_fresh_sample() -> None:
    step = numbers("gelu", self_gain=0.0)
    found = training_features(as_activation("gelu"), step, KAPPA, EPS, U)
    tau = np.sqrt(1 + step.move_variance * U**2) * np.ones((len(KAPPA), 1))
    fresh = activation_averages(as_activation("gelu"), step.strength * KAPPA[:, None] * U, tau)
    assert np.allclose(found.mean, fresh.mean, rtol=0, atol=1e-9)
    assert np.allclose(found.slope, fresh.slope, rtol=0, atol=1e-9)
    assert np.allclose(found.by_norm, fresh.mean_by_log_norm / tau**2, rtol=0, atol=1e-9)


def test_the_derivative_by_the_norm() -> None:
    """Of all that is along the sample: its pre-activation by the norm, its own share of the move by the square."""
    activation, step, change = as_activation("tanh"), numbers("tanh", move_variance=0.0), 1e-5
    z, w = gaussian_rule()

    def mean(scale: float) -> float:
        shift = step.strength * KAPPA[3] + scale**2 * step.self_gain * EPS[1] * activation.derivative(scale * z)
        return float(w @ activation(scale * z + U[2] * shift))

    found = training_features(activation, step, KAPPA, EPS, U).by_norm[1, 3, 2]
    assert found == pytest.approx((mean(1 + change) - mean(1 - change)) / (2 * change), rel=1e-5)
