"""The limits of training and test error: the paper's closed forms, the term Q, edges and zero cases."""

import math
from typing import Any

import pytest

from polyspike import ArgumentError, EdgePrediction, NumericalError, Prediction, Problem, predict
from polyspike.theory.limits.errors import learned_direction

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
