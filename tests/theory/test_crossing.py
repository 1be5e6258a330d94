"""The l-th spike at finite strength: the crossing between two windows, against the uniform theory and its limits."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, EdgePrediction, Prediction, Problem, as_activation, predict
from polyspike.theory.crossing import readout_variance, scaled_step

BASE = Problem(
    "gelu",
    [0, 1, 1 / math.sqrt(2)],
    n_samples=3000,
    input_dim=600,
    width=1000,
    step_exponent=0.25,
    ridge=0.01,
    noise=0.5,
    gradient="target",
)
# c_1, c_2, c_3 all away from zero, and smooth.
MIXED = as_activation(
    lambda x: np.tanh(x) + 0.3 * np.exp(-(x**2) / 2),
    derivative=lambda x: 1 / np.cosh(x) ** 2 - 0.3 * x * np.exp(-(x**2) / 2),
)


def at(level: int, t: float, n: int, **changes: Any) -> Problem:
    """``BASE`` with its ratios at size n and the step ``t n^((l-1)/(2l))``."""
    step = t * float(n) ** ((level - 1) / (2 * level))
    return BASE.replace(n_samples=n, input_dim=n // 5, width=n // 3, step_size=step, **changes)


def one(problem: Problem, method: str, level: int | None = None) -> Prediction:
    prediction = predict(problem, method, level)
    assert isinstance(prediction, Prediction)
    return prediction


# Activation, gradient, readout, level, size, and the relative deviation of the next order there: r^2 ~ n^(-1/l) for the
# target-only gradient, 1/eta ~ n^(-(l-1)/(2l)) for the full one, whose initial output fades only slowly.
CASES = [
    ("gelu", "target", "gaussian", 1, 10**20, 1e-8),
    ("relu", "full", "gaussian", 1, 10**20, 1e-8),
    ("tanh", "full", "rademacher", 1, 10**20, 1e-8),
    ("gelu", "target", "gaussian", 2, 10**20, 1e-6),
    ("relu", "target", "gaussian", 2, 10**20, 1e-6),
    ("gelu", "target", "rademacher", 2, 10**20, 1e-6),
    ("relu", "full", "gaussian", 2, 10**20, 2e-5),
    ("tanh", "target", "gaussian", 3, 10**20, 1e-6),
    (MIXED, "target", "gaussian", 3, 10**20, 1e-6),
    (MIXED, "full", "gaussian", 3, 10**20, 1e-6),
]


@pytest.mark.parametrize(("activation", "gradient", "readout", "level", "n", "tolerance"), CASES)
def test_the_uniform_theory_tends_to_it(
    activation: Any, gradient: str, readout: str, level: int, n: int, tolerance: float
) -> None:
    """And neither neighbour of the edge, nor the crossing at half the strength, passes the same comparison."""
    for t in (0.8, 1.5):
        problem = at(level, t, n, activation=activation, gradient=gradient, readout=readout, teacher=[0, 1, 0.7, 0.4])
        found, limit = predict(problem), one(problem, "crossing", level)
        assert isinstance(found, Prediction)
        weaker = one(at_strength(problem, level, 0.5), "crossing", level)
        wrong = [weaker, *(one(problem, "window", k) for k in (level - 1, level))]
        for field in ("train_loss", "train_error", "test_error"):
            value, scale = getattr(found, field), tolerance * abs(getattr(found, field))
            assert abs(value - getattr(limit, field)) <= scale
            assert all(abs(value - getattr(other, field)) > 3 * scale for other in wrong)


def at_strength(problem: Problem, level: int, factor: float) -> Problem:
    """The problem whose l-th spike has that many times the strength ``~ eta^(2l)``."""
    return problem.replace(step_size=problem.step * factor ** (1 / (2 * level)))


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("ridge", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("width", [300, 1000, 9000])
def test_its_ends_are_the_windows(level: int, gradient: str, ridge: float, width: int) -> None:
    problem = BASE.replace(gradient=gradient, ridge=ridge, width=width)
    for t, window in ((1e-9, level - 1), (1e9, level)):
        step = t * float(problem.n_samples) ** ((level - 1) / (2 * level))
        found = one(problem.replace(step_size=step), "crossing", level)
        expected = one(problem, "window", window)
        for field in ("train_loss", "train_error", "test_error", "null_error", "linear_error"):
            assert getattr(found, field) == pytest.approx(getattr(expected, field), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("level", [1, 2, 4])
@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("width", [1000, 9000])
def test_test_error_is_the_derivative_of_the_loss(level: int, gradient: str, width: int) -> None:
    """``L_test = -(d/d lambda)[L_train/lambda] / T1^2`` by central differences; the penalty moves with lambda too."""
    problem = BASE.replace(gradient=gradient, width=width, step_size=1.3 * 3000 ** ((level - 1) / (2 * level)))
    h = 1e-4 * problem.ridge
    up, down = (one(problem.replace(ridge=problem.ridge + s * h), "crossing", level) for s in (1, -1))
    slope = (up.train_loss / (problem.ridge + h) - down.train_loss / (problem.ridge - h)) / (2 * h)
    here = one(problem, "crossing", level)
    assert -slope / here.extras["T1"] ** 2 == pytest.approx(here.test_error, rel=1e-6)


def gaps(level: int, sizes: list[int], exponent: float) -> list[float]:
    """Largest distance between the test-error curves of successive sizes, in the variable ``eta / n^exponent``."""
    scale = np.geomspace(0.5, 4, 7) * 1e6 ** ((level - 1) / (2 * level) - exponent)
    curves = []
    for n in sizes:
        problems = [at(level, 1.0, n).replace(step_size=float(x) * float(n) ** exponent) for x in scale]
        curves.append(np.array([one(p, "uniform").test_error for p in problems]))
    return [float(np.abs(a - b).max()) for a, b in pairwise(curves)]


def test_the_curves_collapse_in_the_rescaled_step_and_in_no_other() -> None:
    """From one size to the next, a hundredfold, the curves approach each other in t; in a wrong variable they part."""
    sizes = [10**6, 10**8, 10**10, 10**12]
    right = gaps(2, sizes, 0.25)
    assert right[1] < right[0] / 3
    assert right[2] < right[1] / 3
    for exponent in (0.2, 0.3):
        wrong = gaps(2, sizes, exponent)
        assert wrong[-1] > 0.5 * wrong[0]
        assert wrong[-1] > 30 * right[-1]


def test_an_edge_has_an_answer_between_its_neighbours() -> None:
    for alpha, level in ((0.0, 1), (0.25, 2)):
        answer = predict(BASE.replace(step_exponent=alpha), "window")
        assert isinstance(answer, EdgePrediction)
        assert answer.crossing is not None
        assert answer.above.test_error < answer.crossing.test_error < answer.below.test_error
        assert answer.crossing.extras["t"] == pytest.approx(1.0)
        assert answer.crossing.test_error == one(BASE.replace(step_exponent=alpha), "crossing", level).test_error
    published = predict(BASE, "window-published")
    assert isinstance(published, EdgePrediction)
    assert published.crossing is None


def test_without_the_coefficient_there_is_nothing_to_cross() -> None:
    """tanh has no spike of degree 2: on its edge the errors are those of one spike, and it is said."""
    problem = BASE.replace(activation="tanh")
    found = one(problem, "crossing")
    assert found.test_error == pytest.approx(one(problem, "window", 1).test_error, rel=1e-12)
    assert found.extras["strength"] == 0.0
    assert "no spike of degree 2" in found.notes[0]
    assert one(BASE.replace(activation="h2"), "crossing").notes[0].startswith("c_1 = 0")


def test_what_the_lower_spikes_leave_of_a_readout_power() -> None:
    """Gaussian: E u^4 = 3; u^3 less its part along u, 15 - 9; u^4 less its part along u^2, 105 - 15^2/3."""
    assert [readout_variance(BASE, k) for k in (1, 2, 4)] == pytest.approx([1, 3, 30])
    assert readout_variance(BASE.replace(activation=MIXED), 3) == pytest.approx(6)
    assert readout_variance(BASE.replace(readout="rademacher"), 2) == pytest.approx(1)
    # Teeth: the raw moment E u^6 = 15 moves the error by more than the comparisons above tolerate.
    problem = at(3, 0.8, 10**20, activation=MIXED, teacher=[0, 1, 0.7, 0.4])
    raw = one(at_strength(problem, 3, 15 / 6), "crossing", 3)
    assert abs(raw.test_error / one(problem, "crossing", 3).test_error - 1) > 1e-3


def test_the_scaled_step() -> None:
    assert scaled_step(at(2, 1.7, 10**8), 2) == pytest.approx(1.7)
    assert one(BASE, "crossing").extras["t"] == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0, -1, 1.5, None])
def test_what_cannot_cross_is_refused(level: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^l = "):
        predict(BASE.replace(step_exponent=0.3), "crossing", level)


def test_the_full_gradient_of_a_constant_readout_is_refused() -> None:
    with pytest.raises(ArgumentError, match="readout = 'constant'"):
        predict(BASE.replace(readout="constant", gradient="full"), "crossing")
