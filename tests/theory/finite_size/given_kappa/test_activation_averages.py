"""Gaussian averages of activations, against a trapezoid rule of very many nodes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from polyspike import Activation, NumericalError, Problem, as_activation
from polyspike.arraytypes import Array
from polyspike.status import Status
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages, averages_on_grid

X = np.array([[-7.0, -1.3, 0.0], [0.4, 2.0, 30.0]])


def dense(activation: Activation, x: Array, tau: Array) -> list[Array]:
    """``m``, ``A1/tau``, ``A2^2`` and ``t`` by 400,000 nodes."""
    z = np.linspace(-8.5, 8.5, 400_001)
    w = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    out = np.empty((4, *x.shape))
    for place in np.ndindex(x.shape):
        value = activation(x[place] + tau[place] * z)
        m, a1 = w @ value, w @ (z * value)
        out[:, *place] = m, a1 / tau[place], w @ value**2 - m**2 - a1**2, w @ ((z * z - 1) * value)
    return list(out)


def elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any] | None, tuple[float, ...]]] = {
    "tanh(3x)": (lambda x: np.tanh(3 * x), None, ()),
    "tanh(20x)": (lambda x: np.tanh(20 * x), None, ()),
    "tanh(20(x - 0.3))": (lambda x: np.tanh(20 * (x - 0.3)), None, ()),
    "tanh(500(x - 0.3))": (lambda x: np.tanh(500 * (x - 0.3)), None, ()),
    "sin(20x)": (lambda x: np.sin(20 * x), None, ()),
    "clip": (lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (np.abs(x) < 1), (-1.0, 1.0)),
    "elu": (elu, lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))), (0.0,)),
    "|sin|": (lambda x: np.abs(np.sin(x)), lambda x: np.cos(x) * np.sign(np.sin(x)), tuple(np.pi * np.arange(-15, 16))),
}


@pytest.mark.parametrize("deviation", [0.2, 1.0, 3.0, 40.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_averages_of_callables_are_exact_at_every_deviation(name: str, deviation: float) -> None:
    function, derivative, kinks = ACTIVATIONS[name]
    if name == "|sin|" and deviation > 2:
        pytest.skip("kinks beyond 15 pi were not declared")
    activation = as_activation(function, derivative=derivative, kinks=kinks)
    tau = deviation * np.ones(X.shape)
    found = activation_averages(activation, X, tau)
    scale = max(1.0, float(np.abs(activation(X)).max()), deviation) if name == "elu" else 1.0
    for mine, reference in zip(
        (found.mean, found.slope, found.noise_variance, found.mean_by_log_norm), dense(activation, X, tau)
    ):
        # The reference misses a kink by the square of its step, 2e-9 times the deviation squared.
        np.testing.assert_allclose(mine, reference, atol=2e-9 * max(1.0, deviation) ** 2 * scale, rtol=1e-9)


def test_a_callable_that_grows_too_fast_for_the_deviation_is_refused() -> None:
    activation = as_activation(np.exp)
    one = np.ones((1, 1))
    # E exp(z + x) and its square, centred.
    found = activation_averages(activation, 0.0 * one, one)
    assert found.mean[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert found.noise_variance[0, 0] == pytest.approx(np.e**2 - 2 * np.e, rel=1e-7)
    with pytest.raises(NumericalError, match="exp grows too fast for pre-activations") as caught:
        activation_averages(activation, 0.0 * one, 2 * one)
    assert caught.value.status is Status.OUT_OF_RANGE
    with pytest.raises(NumericalError, match="exp is not finite at pre-activations"):
        activation_averages(activation, 800.0 * one, one)


def relu(x: Array) -> Array:
    """Not what the name says."""
    square: Array = np.maximum(x, 0.0) ** 2
    return square


def h2(x: Array) -> Array:
    """Not what the name says."""
    return np.tanh(x)


def slope(x: Array) -> Array:
    twice: Array = 2 * np.maximum(x, 0.0)
    return twice


def unnamed(activation: Activation) -> Activation:
    return Activation("a function of the user", activation.formula)


@pytest.mark.parametrize(
    "activation", [as_activation(relu, derivative=slope, kinks=(0.0,)), as_activation(h2)], ids=["relu", "h2"]
)
def test_a_callable_is_not_taken_for_the_formula_of_its_name(activation: Activation) -> None:
    x, tau = np.linspace(-2, 2, 5)[:, None] * np.ones(3), np.linspace(0.5, 2, 3) * np.ones((5, 1))
    for found, expected in zip(
        activation_averages(activation, x, tau), activation_averages(unnamed(activation), x, tau), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    # Those of the formula itself are others.
    assert np.abs(activation_averages(as_activation(activation.name), x, tau).mean - found).max() > 0.01
    problem = Problem(activation, "h1", 400, 100, 200, step_exponent=0.2, ridge=0.01)
    renamed = predict_finite_size(problem.replace(activation=unnamed(activation)))
    assert predict_finite_size(problem).test_error == renamed.test_error


@pytest.mark.parametrize("name", ["tanh", "erf", "sigmoid", "softplus", "gelu", "silu"])
def test_large_deviations_take_panels_that_agree_with_the_trapezoid_rule(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    activation = as_activation(name)
    tau = np.array([[60.0, 300.0, 1500.0]]) * np.ones((4, 1))
    x = np.array([[0.0], [0.3], [-2.0], [5.0]]) * tau
    panels = activation_averages(activation, x, tau)
    monkeypatch.setattr("polyspike.theory.finite_size.given_kappa.activation_averages._SPLIT_COST", np.inf)
    for found, expected in zip(panels, activation_averages(activation, x, tau), strict=True):
        assert not np.array_equal(found, expected)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


def test_deviations_beyond_a_trapezoid_rule_are_answered_where_an_activation_is_simple_far_out() -> None:
    far = 3e5 * np.ones((3, 3))
    found = activation_averages(as_activation("tanh"), 0 * far, far)
    # tanh is the sign of its argument there: E z sign(z) = sqrt(2/pi).
    np.testing.assert_allclose(found.slope * far, (2 / np.pi) ** 0.5, rtol=1e-9)
    # Negative control: a sine never is.
    with pytest.raises(NumericalError, match="would need"):
        activation_averages(as_activation(lambda x: np.sin(x)), 0 * far, far)


@pytest.mark.parametrize("name", ["sin", "cos", "uncentred cos"])
def test_sine_and_cosine_have_closed_forms(name: str) -> None:
    activation = as_activation(name)
    tau = np.array([[0.2, 1.0, 3.0, 8.0]]) * np.ones((3, 1))
    x = np.array([[0.0], [0.7], [-4.0]]) * np.ones((1, 4))
    by_rule = activation_averages(
        Activation("a function of the user", activation.formula, centred=activation.centred), x, tau
    )
    for found, expected in zip(activation_averages(activation, x, tau), by_rule, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-11)
    shifted = activation_averages(activation, x + 1e-20j, tau)
    np.testing.assert_allclose(shifted.mean.imag / 1e-20, by_rule.slope, atol=1e-11)
    assert np.isfinite(np.array(activation_averages(activation, 1e6 * x, 1e6 * tau))).all()


@pytest.mark.parametrize("name", ["softplus", "tanh", "relu"])
def test_symmetric_grids_take_half_of_the_averages(name: str) -> None:
    activation = Problem(name, "h1", 100, 50, 50, step_size=0.0).activation
    kappa, u = np.linspace(-3, 3, 7), np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    for nodes, tau in ((kappa, 1 + 0.2 * u**2), (kappa[2:], 1 + 0.2 * u**2), (kappa, 1 + 0.1 * u)):
        deviation = tau * np.ones((len(nodes), 1))
        found = averages_on_grid(activation, 0.7 * u, nodes, deviation)
        plain = activation_averages(activation, 0.7 * nodes[:, None] * u, deviation)
        for one, other in zip(found, plain, strict=True):
            assert np.allclose(one, other, rtol=1e-11, atol=1e-13)
