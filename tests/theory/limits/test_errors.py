"""The errors of a penalised fit in a limit: derivatives of the loss, spikes that are missing, ends of the ridge."""

import math
from typing import Any

import numpy as np
import pytest

from polyspike import Prediction, Problem, predict
from polyspike.theory.limits.errors import spike_degrees

BASE = Problem(
    "gelu",
    [0, 1, 1 / math.sqrt(2)],
    n_samples=3000,
    input_dim=600,
    width=1000,
    step_exponent=0.3,
    ridge=0.01,
    noise=0.5,
    gradient="target",
)


def limit(problem: Problem, window: int | None = None, method: str = "window") -> Prediction:
    prediction = predict(problem, method=method, window=window)
    assert isinstance(prediction, Prediction)
    return prediction


def test_test_error_is_the_derivative_of_the_loss() -> None:
    """``L_test = -(d/d lambda)[L_train/lambda] / T1^2``, by central differences."""
    for window in range(5):
        h = 1e-4 * BASE.ridge
        up, down = (limit(BASE.replace(ridge=BASE.ridge + s * h), window) for s in (1, -1))
        slope = (up.train_loss / (BASE.ridge + h) - down.train_loss / (BASE.ridge - h)) / (2 * h)
        here = limit(BASE, window)
        assert -slope / here.extras["T1"] ** 2 == pytest.approx(here.test_error, rel=1e-6)


def test_train_error_is_the_loss_less_the_penalty() -> None:
    """``L_train - lambda dL_train/d lambda`` is the data term, by the envelope theorem."""
    for window in range(4):
        h = 1e-4 * BASE.ridge
        up, down = (limit(BASE.replace(ridge=BASE.ridge + s * h), window).train_loss for s in (1, -1))
        here = limit(BASE, window)
        assert here.train_loss - BASE.ridge * (up - down) / (2 * h) == pytest.approx(here.train_error, rel=1e-6)


def test_more_spikes_never_raise_the_training_loss() -> None:
    losses = [limit(BASE.replace(activation=lambda x: np.exp(0.4 * x)), window).train_loss for window in range(6)]
    assert np.all(np.diff(losses) <= 1e-12)
    assert losses[1] < losses[0] - 0.01


class TestWhereThereIsNoSpike:
    def test_even_activation(self) -> None:
        problem = BASE.replace(activation="cos")
        assert spike_degrees(problem, 4) == ()
        prediction = limit(problem, 4)
        assert prediction.train_loss == limit(problem, 0).train_loss
        assert any("c_1 = 0" in note for note in prediction.notes)

    def test_teacher_without_linear_part(self) -> None:
        prediction = limit(BASE.replace(teacher="h2"), 1)
        assert prediction.cosine == 0.0
        assert any("c*_1 = 0" in note for note in prediction.notes)

    def test_vanishing_coefficient(self) -> None:
        prediction = limit(BASE, 3)
        assert prediction.train_loss == limit(BASE, 2).train_loss
        assert any("degree 3" in note for note in prediction.notes)

    @pytest.mark.parametrize(
        ("readout", "degrees"), [("gaussian", (1, 2, 4)), ("rademacher", (1, 2)), ("constant", (1,))]
    )
    def test_readout_laws_leave_as_many_right_vectors(self, readout: Any, degrees: Any) -> None:
        assert spike_degrees(BASE.replace(readout=readout), 5) == degrees


def test_baselines() -> None:
    prediction = limit(BASE, 1)
    assert prediction.null_error == pytest.approx(1 + 2 * 0.5 + 0.25)
    assert prediction.linear_error == pytest.approx(2 * 0.5 + 0.25)


def test_infinite_ridge_tends_to_the_null_model_less_the_spikes() -> None:
    """Spikes are not penalised in the limit: what they fit stays fitted; without one the null error is reached."""
    heavy = BASE.replace(ridge=1e8)
    assert limit(heavy, 0).test_error == pytest.approx(heavy.label_second_moment, rel=1e-6)
    assert limit(heavy, 2).test_error < heavy.label_second_moment - 0.1
