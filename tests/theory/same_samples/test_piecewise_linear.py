"""Averages over half-lines against quadrature that is split at both kinks."""

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.hermite import gauss_legendre, under_normal
from polyspike.theory.same_samples.piecewise_linear import half_line, is_piecewise_linear


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 0.7])
def test_against_quadrature(name: str, side: float, shift: float) -> None:
    """For every zeta the rule over z ends at the kink of ``sigma(p)``; that over zeta where the kink meets z = 0."""
    activation, gain, deviation = as_activation(name), 1.1, 0.4
    found = half_line(activation, side, gain, np.array(shift), deviation)
    zeta, weights = gauss_legendre(np.sort(np.append(np.linspace(-9, 9, 40), -shift / deviation)), 12)
    weights = under_normal(zeta, weights)
    low, high = (0.0, 9.0) if side > 0 else (-9.0, 0.0)
    kinks = np.clip(-(shift + deviation * zeta) / gain, low, high)
    z, w = gauss_legendre(np.stack([np.full_like(kinks, low), kinks, np.full_like(kinks, high)], axis=-1), 40)
    w = under_normal(z, w) * weights[:, None]
    p = gain * z + shift + deviation * zeta[:, None]
    value, slope = activation(p), activation.derivative(p)
    for k in range(3):
        assert found.mean[k] == pytest.approx((w * z**k * value).sum(), abs=1e-11)
    for k in range(2):
        assert found.slope[k] == pytest.approx((w * z**k * slope).sum(), abs=1e-11)
    assert found.square == pytest.approx((w * value**2).sum(), abs=1e-11)


def test_the_bend_is_the_derivative_of_the_slope() -> None:
    activation, change = as_activation("leaky_relu"), 1e-5
    high, low = (half_line(activation, 1.0, 0.9, np.array(0.3 + s * change), 0.5).slope[0] for s in (1, -1))
    found = half_line(activation, 1.0, 0.9, np.array(0.3), 0.5).bend
    assert found == pytest.approx((high - low) / (2 * change), rel=1e-8)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_without_noise(side: float) -> None:
    """Where ``p = z`` it is the activation itself."""
    activation = as_activation("relu")
    found = half_line(activation, side, 1.0, np.array(0.0), 0.0)
    assert found.slope[0] == pytest.approx(0.5 if side > 0 else 0.0, abs=1e-15)
    assert found.mean[1] == pytest.approx((0.5 if side > 0 else 0.0) - side * gauss_mean(), abs=1e-15)


def gauss_mean() -> float:
    """``E z_+ E z_+``: what centring the activation takes off."""
    return 1 / (2 * np.pi)


def test_others_are_not() -> None:
    assert is_piecewise_linear(as_activation("relu"))
    assert not is_piecewise_linear(as_activation("tanh"))
