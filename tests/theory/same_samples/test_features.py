"""Features of a sample of the gradient against drawn pre-activations, and against those of fresh samples."""

import numpy as np
import pytest
from scipy.special import ndtr

from polyspike import as_activation
from polyspike.hermite import gauss_hermite, gaussian_rule
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages
from polyspike.theory.same_samples.features import training_features
from polyspike.theory.same_samples.step_numbers import StepNumbers

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


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "sin"])
@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.5])
def test_however_far_a_move_smooths(name: str, deviation: float) -> None:
    """Without a sample's own share a feature is that of a pre-activation of variance ``1 + deviation^2``, and z and
    the activation's derivatives are by parts.
    """
    activation, u = as_activation(name), np.array([1.0])
    step = numbers(name, self_gain=0.0, move_variance=deviation**2)
    found = training_features(activation, step, KAPPA, EPS, u, pairs=True)
    nodes = np.linspace(-9.0, 9.0, 3601)
    weights = np.exp(-(nodes**2) / 2) / np.exp(-(nodes**2) / 2).sum()
    at = step.strength * KAPPA[:, None] + np.sqrt(1 + deviation**2) * nodes
    bend = activation.derivative(at) @ (weights * nodes) / np.sqrt(1 + deviation**2)
    assert found.pairs is not None
    assert np.allclose(found.mean[0, :, 0], activation(at) @ weights, rtol=0, atol=3e-8)
    assert np.allclose(found.slope[0, :, 0], activation.derivative(at) @ weights, rtol=0, atol=3e-8)
    assert np.allclose(found.second_moment[0, :, 0], activation(at) ** 2 @ weights, rtol=0, atol=3e-8)
    assert np.allclose(found.pairs[2, 0, :, 0], bend, rtol=0, atol=2e-7)


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


def test_kinks_of_a_callable_are_known() -> None:
    """A callable with a kink has what its name has in closed form, ``E sigma''`` among it: but for 1e-5, which panels
    of six nodes leave.
    """
    named, step = as_activation("leaky_relu"), numbers("leaky_relu")
    known, found = (
        training_features(one, step, KAPPA, EPS, U[::2], pairs=True)
        for one in (as_activation(lambda x: named(x), derivative=named.derivative, kinks=(0.0,)), named)
    )
    assert found.pairs is not None
    assert known.pairs is not None
    assert np.allclose(known.pairs, found.pairs, rtol=0, atol=3e-5)
    for name in ("mean", "linear", "slope", "own", "second_moment", "output", "by_norm"):
        assert np.allclose(getattr(known, name), getattr(found, name), rtol=0, atol=3e-5), name


def test_kinks_away_from_zero() -> None:
    """A clipped line against the trapezoid rule of many points, over which the densities at both kinks are smooth."""
    clip = as_activation(
        lambda x: np.clip(x, -1.0, 1.5), derivative=lambda x: ((x > -1.0) & (x < 1.5)) * 1.0, kinks=(-1.0, 1.5)
    )
    c = clip.coefficients(2)
    step = StepNumbers(0.5, 0.3, 0.04, 0.0, float(c[1]), float(c[2]))
    found = training_features(clip, step, KAPPA, EPS, U[::2], pairs=True)
    assert found.pairs is not None
    z = np.linspace(-8.0, 8.0, 320_001)
    weights = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    for a, u in enumerate(U[::2]):
        deviation = 0.2 * abs(u)
        x = z + u * (0.5 * KAPPA[3] + 0.3 * EPS[1] * clip.derivative(z))
        density = [np.exp(-(((k - x) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi)) for k in (-1.0, 1.5)]
        assert found.pairs[2, 1, 3, a] == pytest.approx(weights @ (density[0] - density[1]), abs=1e-4)
        inside = ndtr((1.5 - x) / deviation) - ndtr((-1.0 - x) / deviation)
        assert found.slope[1, 3, a] == pytest.approx(weights @ inside, abs=1e-4)


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_activations_from_half_of_the_residuals(name: str) -> None:
    """Where kappa and the residuals are symmetric; with one kappa more they are not, and all are averaged over."""
    step, kappa, eps = numbers(name), np.array([-1.1, 0.0, 1.1]), np.array([-2.0, -0.7, 0.7, 2.0])
    activation = as_activation(name)
    half, full = (
        training_features(activation, step, nodes, eps, U[::2], pairs=True) for nodes in (kappa, np.append(kappa, 0.4))
    )
    assert half.pairs is not None
    assert full.pairs is not None
    assert np.allclose(half.pairs, full.pairs[:, :, :3], rtol=0, atol=1e-11)
    for field in ("mean", "linear", "slope", "own", "second_moment", "output", "by_norm"):
        assert np.allclose(getattr(half, field), getattr(full, field)[:, :3], rtol=0, atol=1e-11), field
