"""The l-th spike at finite strength: the crossing between two windows, against the finite-size theory and its
limits.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gallery import constant
from polyspike import ArgumentError, EdgePrediction, Prediction, Problem, as_activation, predict, z_threshold
from polyspike.theory.limits.crossing import readout_variance, scaled_step
from polyspike.theory.limits.errors import learned_direction

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


def at(window: int, t: float, n: int, **changes: Any) -> Problem:
    """``BASE`` with its ratios at size n and the step ``t n^((l-1)/(2l))``."""
    step = t * float(n) ** ((window - 1) / (2 * window))
    return BASE.replace(n_samples=n, input_dim=n // 5, width=n // 3, step_size=step, **changes)


def one(problem: Problem, method: str, window: int | None = None) -> Prediction:
    prediction = predict(problem, method=method, window=window)
    assert isinstance(prediction, Prediction)
    return prediction


# Activation, gradient, readout, window, size, and the relative deviation of the next order there: r^2 ~ n^(-1/l) for
# the target-only gradient, 1/eta ~ n^(-(l-1)/(2l)) for the full one, whose initial output fades only slowly.
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


@pytest.mark.parametrize(("activation", "gradient", "readout", "window", "n", "tolerance"), CASES)
def test_the_finite_size_theory_tends_to_it(
    activation: Any, gradient: str, readout: str, window: int, n: int, tolerance: float
) -> None:
    """And neither neighbour of the edge, nor the crossing at half the strength, passes the same comparison."""
    for t in (0.8, 1.5):
        problem = at(window, t, n, activation=activation, gradient=gradient, readout=readout, teacher=[0, 1, 0.7, 0.4])
        found, limit = predict(problem), one(problem, "crossing", window)
        weaker = one(at_strength(problem, window, 0.5), "crossing", window)
        wrong = [weaker, *(one(problem, "window", k) for k in (window - 1, window))]
        for field in ("train_loss", "train_error", "test_error"):
            value, scale = getattr(found, field), tolerance * abs(getattr(found, field))
            assert abs(value - getattr(limit, field)) <= scale
            assert all(abs(value - getattr(other, field)) > 3 * scale for other in wrong)


def at_strength(problem: Problem, window: int, factor: float) -> Problem:
    """The problem whose l-th spike has that many times the strength ``~ eta^(2l)``."""
    return problem.replace(step_size=problem.step * factor ** (1 / (2 * window)))


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("ridge", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("width", [300, 1000, 9000])
def test_its_ends_are_the_windows(window: int, gradient: str, ridge: float, width: int) -> None:
    problem = BASE.replace(gradient=gradient, ridge=ridge, width=width)
    for t, limit in ((1e-9, window - 1), (1e9, window)):
        step = t * float(problem.n_samples) ** ((window - 1) / (2 * window))
        found = one(problem.replace(step_size=step), "crossing", window)
        expected = one(problem, "window", limit)
        for field in ("train_loss", "train_error", "test_error", "null_error", "linear_error"):
            assert getattr(found, field) == pytest.approx(getattr(expected, field), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("width", [1000, 9000])
def test_test_error_is_the_derivative_of_the_loss(window: int, gradient: str, width: int) -> None:
    """``L_test = -(d/d lambda)[L_train/lambda] / T1^2`` by central differences; the penalty moves with lambda too."""
    problem = BASE.replace(gradient=gradient, width=width, step_size=1.3 * 3000 ** ((window - 1) / (2 * window)))
    h = 1e-4 * problem.ridge
    up, down = (one(problem.replace(ridge=problem.ridge + s * h), "crossing", window) for s in (1, -1))
    slope = (up.train_loss / (problem.ridge + h) - down.train_loss / (problem.ridge - h)) / (2 * h)
    here = one(problem, "crossing", window)
    assert -slope / here.extras["T1"] ** 2 == pytest.approx(here.test_error, rel=1e-6)


def gaps(window: int, sizes: list[int], exponent: float) -> list[float]:
    """Largest distance between the test-error curves of successive sizes, in the variable ``eta / n^exponent``."""
    scale = np.geomspace(0.5, 4, 7) * 1e6 ** ((window - 1) / (2 * window) - exponent)
    curves = []
    for n in sizes:
        problems = [at(window, 1.0, n).replace(step_size=float(x) * float(n) ** exponent) for x in scale]
        curves.append(np.array([one(p, "finite-size").test_error for p in problems]))
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


@pytest.mark.parametrize(("alpha", "window"), [(0.12, 1), (0.29, 2)])
def test_inside_a_window_it_explains_the_slow_approach(alpha: float, window: int) -> None:
    """At n = 1e11 the window is off by parts in a thousand, with its own strength in the last spike by far less."""
    n = 10**11
    problem = BASE.replace(n_samples=n, input_dim=n // 5, width=n // 3, step_exponent=alpha)
    found = one(problem, "finite-size").test_error
    limit, crossing = (abs(one(problem, m, window).test_error - found) for m in ("window", "crossing"))
    assert limit > 1e-3
    assert crossing < 1e-2 * limit


def simulated_misfit(theory: Callable[[Problem], Prediction]) -> float:
    """Largest misfit of the dots of examples/plot_critical_exponent.py, over what is allowed.

    z standard errors, z for 27 comparisons at a false alarm of 1e-4 together, and 1/d of the untrained error.
    """
    rows, replicates = (constant("plot_critical_exponent", name) for name in ("MEASURED", "REPLICATES"))
    out = []
    for n, t, measured, se in rows:
        start, after = (one(at(2, step, n), "finite-size") for step in (0.0, t))
        z = z_threshold(len(rows), false_alarm=1e-4, degrees_of_freedom=replicates[n] - 1)
        gain = theory(after.problem).test_error - start.test_error
        out.append(abs(gain - measured) / (z * se + start.test_error / after.problem.input_dim))
    return max(out)


def test_the_dots_of_the_figure_lie_on_the_curves_of_their_sizes() -> None:
    """And are not yet on the limit: neither on the crossing function nor on the window of one spike."""
    assert simulated_misfit(lambda problem: one(problem, "finite-size")) <= 1
    assert simulated_misfit(lambda problem: one(problem, "crossing", 2)) > 2
    assert simulated_misfit(lambda problem: one(problem, "window", 1)) > 2


def spike_gain(problem: Problem, seed: int) -> float:
    """Change of the test error by a second spike of the problem's strength, next to a first that is not penalised.

    Ridge regression on the untrained features plus explicit spikes: the limit theory's own matrices, at finite size.
    """
    rng = np.random.default_rng((2310, seed))
    n, width, learned = problem.n_samples, problem.width, learned_direction(problem)
    _, c1, c2 = problem.activation.coefficients(2)
    weights = rng.standard_normal((width, problem.input_dim))
    weights /= np.linalg.norm(weights, axis=1)[:, None]
    x, u = rng.standard_normal((n + 4000, problem.input_dim)), rng.standard_normal(width)
    kappa = learned.cosine * x[:, 0] + math.sqrt(1 - learned.cosine**2) * x[:, 1]
    y = problem.teacher(x[:, 0]) + problem.noise * rng.standard_normal(len(x))
    one_spike = problem.activation(x @ weights.T) + 1e3 * np.outer(kappa, u)
    r = problem.step * abs(c1) * learned.norm / math.sqrt(width)
    second = c2 * r**2 * np.outer(kappa**2 + learned.noise_ratio, u**2)
    return held_out(problem, one_spike + second, y) - held_out(problem, one_spike, y)


def held_out(problem: Problem, features: Any, y: Any) -> float:
    """Test error of ridge regression on the first n rows."""
    n = problem.n_samples
    gram = features[:n].T @ features[:n] / n + problem.ridge * np.eye(problem.width)
    readout = np.linalg.solve(gram, features[:n].T @ y[:n] / n)
    return float(np.mean((y[n:] - features[n:] @ readout) ** 2))


def test_a_direct_simulation_of_the_limit() -> None:
    """Explicit spikes on untrained features: z standard errors and 1/d of the error; v_2 = 1, not 3, is rejected."""
    problem, seeds = at(2, 1.3, 600), 40
    gains = [spike_gain(problem, seed) for seed in range(seeds)]
    error = float(np.std(gains, ddof=1)) / math.sqrt(seeds)
    below = one(problem, "window", 1).test_error
    allowed = z_threshold(1, false_alarm=1e-4, degrees_of_freedom=seeds - 1) * error + below / problem.input_dim
    expected, wrong = (one(p, "crossing", 2).test_error - below for p in (problem, at_strength(problem, 2, 1 / 3)))
    assert abs(float(np.mean(gains)) - expected) <= allowed
    assert abs(float(np.mean(gains)) - wrong) > allowed


def test_an_edge_has_an_answer_between_its_neighbours() -> None:
    for alpha, window in ((0.0, 1), (0.25, 2)):
        answer = predict(BASE.replace(step_exponent=alpha), method="window")
        assert isinstance(answer, EdgePrediction)
        assert answer.crossing is not None
        assert answer.above.test_error < answer.crossing.test_error < answer.below.test_error
        assert answer.crossing.extras["t"] == pytest.approx(1.0)
        assert answer.crossing.test_error == one(BASE.replace(step_exponent=alpha), "crossing", window).test_error
    published = predict(BASE, method="window-published")
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


@pytest.mark.parametrize("window", [0, -1, 1.5, None])
def test_what_cannot_cross_is_refused(window: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^window = "):
        predict(BASE.replace(step_exponent=0.3), method="crossing", window=window)


def test_the_full_gradient_of_a_constant_readout_is_refused() -> None:
    with pytest.raises(ArgumentError, match="readout = 'constant'"):
        predict(BASE.replace(readout="constant", gradient="full"), method="crossing")


@pytest.mark.parametrize(("readout", "window"), [("constant", 2), ("constant", 3), ("rademacher", 3)])
def test_a_spike_that_its_readout_does_not_have_crosses_nothing(readout: str, window: int) -> None:
    """``u^l`` is a combination of lower powers there: the window with one spike less, and no division by zero."""
    problem = BASE.replace(activation=MIXED, readout=readout)
    found, limit = one(problem, "crossing", window), one(problem, "window", window - 1)
    assert found.extras["strength"] == 0.0
    for name in ("train_loss", "train_error", "test_error"):
        assert getattr(found, name) == pytest.approx(getattr(limit, name), rel=1e-12)
