"""What a prediction takes, by counts: nodes of the average over the gradient's sample, and values of the activation."""

from typing import Any

import numpy as np
import pytest

from polyspike import NumericalError, Problem, as_activation
from polyspike.theory.finite_size.cost import prediction_seconds
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages, values_needed

BASE = Problem("tanh", "h1 + 0.7*h2", 3000, 600, 1000, step_exponent=0.3, ridge=0.01)


def test_ordinary_predictions_are_short_and_far_ones_are_not() -> None:
    assert prediction_seconds(BASE) < 0.1
    steep = BASE.replace(activation=as_activation(lambda x: np.sin(3 * x)), step_size=300.0, step_exponent=None)
    assert prediction_seconds(steep) > 1


def test_an_average_over_the_gradients_sample_takes_twelve_times_as_long() -> None:
    few = prediction_seconds(BASE.replace(n_gradient=100))
    assert 9 < few / prediction_seconds(BASE) < 25


@pytest.mark.parametrize("deviation", [0.5, 10.0, 200.0])
def test_the_values_counted_are_those_that_are_taken(deviation: float) -> None:
    taken = 0

    def counted(x: Any) -> Any:
        nonlocal taken
        taken += np.size(x) if np.ndim(x) == 3 else 0  # not those of its own moments
        return np.tanh(x)

    activation = as_activation(counted)
    tau = np.array([[0.3, 1.0, 4.0]]) * deviation * np.ones((5, 1))
    x = np.linspace(-1, 1, 5)[:, None] * tau
    expected, taken = values_needed(activation, x, tau), 0
    activation_averages(activation, x, tau)
    assert taken == expected


def test_closed_forms_take_no_values() -> None:
    one = np.ones((2, 2))
    assert [values_needed(as_activation(name), one, one) for name in ("relu", "sin")] == [0, 0]
    assert values_needed(as_activation("tanh"), one, one) > 0


def test_what_cannot_be_predicted_has_no_cost() -> None:
    with pytest.raises(NumericalError):
        prediction_seconds(BASE.replace(activation="uncentred relu"))


def test_what_half_of_the_readouts_can_do_is_counted() -> None:
    """All of them would need more values than are taken, and the prediction came unannounced: 3 s."""
    cubic = as_activation(lambda x: x + 0.1 * x**3)
    assert prediction_seconds(Problem(cubic, "h1", 8066, 24, 37, step_size=24.74, ridge=4e-4, noise=0.04)) > 1
