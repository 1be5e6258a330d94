"""The limits of training and test error: the paper's closed forms, the term Q, edges and zero cases."""

import math
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, EdgePrediction, NumericalError, Prediction, Problem, predict
from polyspike.theory.limits.errors import learned_direction, spike_degrees
from polyspike.theory.limits.spike_polynomials import project, spike_polynomial

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


@pytest.mark.parametrize("teacher", [[0, 1], [0, 1, 0.7], [0, -0.6, 0.3, 0.2]])
@pytest.mark.parametrize("activation", ["gelu", "relu", "softplus"])
def test_closed_form_of_one_spike(activation: Any, teacher: Any) -> None:
    """Moniri et al.: the first spike lowers the training loss by ``lambda c*_1^4 T2 / |beta|^2``."""
    problem = BASE.replace(activation=activation, teacher=teacher)
    start, one = limit(problem, 0), limit(problem, 1)
    linear = float(problem.teacher.coefficients(1)[1])
    drop = problem.ridge * linear**4 * start.extras["T2"] / learned_direction(problem).norm ** 2
    assert start.train_loss - one.train_loss == pytest.approx(drop, rel=1e-10)


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "relu", "softplus"])
def test_closed_form_of_two_spikes(activation: Any, published: Any) -> None:
    """The second lowers it by ``4 lambda c*_1^4 c*_2^2 T1 / ((2 + (1 + Q)^2) |beta|^4)``."""
    problem, method = BASE.replace(activation=activation), "window-published" if published else "window"
    one, two = limit(problem, 1, method), limit(problem, 2, method)
    learned, (_, c1, c2) = learned_direction(problem), problem.teacher.coefficients(2)
    q = 0.0 if published else learned.noise_ratio
    drop = 4 * problem.ridge * c1**4 * c2**2 * one.extras["T1"] / ((2 + (1 + q) ** 2) * learned.norm**4)
    assert one.train_loss - two.train_loss == pytest.approx(drop, rel=1e-10)


def test_numbers_of_an_independent_implementation() -> None:
    """Reference values made by a second implementation (the finite-size theory at n = 1e20), five digits."""
    assert limit(BASE, 2).train_loss == pytest.approx(0.74799, abs=1e-5)
    assert limit(BASE, 2, "window-published").train_loss == pytest.approx(0.71261, abs=1e-5)


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


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize("q", [0.0, 0.3, 2.0])
def test_spike_polynomial_is_the_mean_of_a_noisy_power(k: Any, q: Any) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()
    x = np.linspace(-2, 2, 9)
    mean = ((x[:, None] + math.sqrt(q) * nodes) ** k) @ weights
    np.testing.assert_allclose(
        np.polynomial.hermite_e.hermeval(x, spike_polynomial(k, q, 7)), mean, rtol=1e-12, atol=1e-12
    )


def test_projection_agrees_with_the_formula() -> None:
    rows = [spike_polynomial(k, 0.4, 3) for k in (1, 2, 3)]
    target, ratio = np.array([0.1, 0.8, -0.4, 0.2]), 0.3
    weight = np.diag([1.0, ratio, 2.0, 6.0])
    b = np.stack(rows)
    moment = b @ weight @ b.T
    expected = (b @ weight @ target) @ np.linalg.solve(moment, b @ weight @ target)
    assert project(rows, target, ratio).gain == pytest.approx(expected, rel=1e-12)


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


class TestWindows:
    @pytest.mark.parametrize(("alpha", "window"), [(0.1, 1), (0.3, 2), (0.35, 3), (0.485, 33)])
    def test_the_exponent_selects(self, alpha: Any, window: Any) -> None:
        assert limit(BASE.replace(step_exponent=alpha)).window == window

    @pytest.mark.parametrize(("alpha", "below"), [(0.0, 0), (0.25, 1), (1 / 3, 2), (0.375, 3)])
    def test_an_edge_has_both_neighbours(self, alpha: Any, below: Any) -> None:
        answer = predict(BASE.replace(step_exponent=alpha), method="window")
        assert isinstance(answer, EdgePrediction)
        assert (answer.below.window, answer.above.window) == (below, below + 1)

    def test_the_end_of_the_windows_is_refused_with_advice(self) -> None:
        with pytest.raises(ArgumentError, match=r"step_exponent = 0.5: no window reaches .*window="):
            predict(BASE.replace(step_exponent=0.5), method="window")

    def test_a_given_window_wins(self) -> None:
        assert limit(BASE.replace(step_exponent=0.5), 4).window == 4

    @pytest.mark.parametrize("window", [-1, 1.5, True])
    def test_bad_windows_are_refused(self, window: Any) -> None:
        with pytest.raises(ArgumentError, match=r"^window = "):
            predict(BASE, method="window", window=window)


def test_baselines() -> None:
    prediction = limit(BASE, 1)
    assert prediction.null_error == pytest.approx(1 + 2 * 0.5 + 0.25)
    assert prediction.linear_error == pytest.approx(2 * 0.5 + 0.25)


def test_infinite_ridge_tends_to_the_null_model_less_the_spikes() -> None:
    """Spikes are not penalised in the limit: what they fit stays fitted; without one the null error is reached."""
    heavy = BASE.replace(ridge=1e8)
    assert limit(heavy, 0).test_error == pytest.approx(heavy.label_second_moment, rel=1e-6)
    assert limit(heavy, 2).test_error < heavy.label_second_moment - 0.1


def test_full_gradient_sees_its_initial_output() -> None:
    full, target = (learned_direction(BASE.replace(gradient=form)) for form in ("full", "target"))
    sigma = BASE.activation
    expected = 1 + sigma.linear_strength + 0.2 * (BASE.label_second_moment + sigma.second_moment)
    assert full.norm**2 == pytest.approx(expected, rel=1e-12)
    assert full.cosine < target.cosine


def test_full_gradient_of_a_constant_readout_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"readout = 'constant': .* gradient='target'"):
        predict(BASE.replace(readout="constant", gradient="full"), method="window")


def test_interpolation_peak_without_ridge_is_refused() -> None:
    with pytest.raises(NumericalError, match="interpolation peak"):
        predict(BASE.replace(width=3000, ridge=0.0), method="window", window=1)


def test_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"method = 'windows': did you mean 'window'"):
        predict(BASE, method="windows")
