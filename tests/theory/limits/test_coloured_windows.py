"""The limits inside the windows for inputs of a covariance."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, EdgePrediction, NumericalError, Prediction, Problem, predict
from polyspike.theory.limits import coloured_windows

PROBLEM = Problem(
    "gelu", "h1 + 0.5*h2", 4000, 1000, 2000, step_exponent=0.3, gradient="target", inputs="two-level:0.3,1.7,0.5"
)
NAMES = ("train_loss", "train_error", "test_error")


def gaps(problem: Problem, window: int, n: float) -> np.ndarray:
    """The limit less the finite-size theory at n samples."""
    large = problem.replace(n_samples=int(n), input_dim=int(n / 4), width=int(n / 2), n_gradient=None)
    limit, found = predict(large, method="window", window=window), predict(large)
    return np.array([getattr(limit, name) - getattr(found, name) for name in NAMES])


@pytest.mark.parametrize("window", [0, 1, 2, 3])
def test_at_equal_eigenvalues_it_is_the_isotropic_limit(window: int) -> None:
    nearly = predict(PROBLEM.replace(inputs="two-level:1,1.0000001,0.5"), method="window", window=window)
    other = predict(PROBLEM.replace(inputs="isotropic"), method="window", window=window)
    for name in NAMES:
        assert getattr(nearly, name) == pytest.approx(getattr(other, name), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "window"),
    [
        ({"activation": "tanh", "step_exponent": 0.14}, 1),
        ({"activation": "tanh", "teacher": "h1[0] + h1[1]", "inputs": "two-level:0.3,1.7,0.5; teacher=top"}, 2),
        ({}, 2),
        ({"gradient": "full", "step_exponent": 0.29}, 2),
        ({"teacher": "h1[0] + 0.5*h1[0]*h1[1]", "readout": "rademacher"}, 2),
    ],
)
def test_the_finite_size_theory_tends_to_it(changes: dict[str, Any], window: int) -> None:
    """As ``n^-0.1`` at least, on the way of which no more than 0.002 is left at ``n = 10^11``."""
    problem = PROBLEM.replace(**changes)
    near, far = gaps(problem, window, 1e11), gaps(problem, window, 1e7)
    assert np.abs(near).max() < 2e-3
    assert np.abs(near).max() < 0.7 * np.abs(far).max()


def test_the_constant_of_the_neurons_deviations_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the second window is off by more than the finite-size theory is at 10^9 samples."""
    right = np.abs(gaps(PROBLEM, 2, 1e9)).max()
    columns = coloured_windows._columns
    monkeypatch.setattr(coloured_windows, "_columns", lambda *given: tuple(part[:-1] for part in columns(*given)))
    assert np.abs(gaps(PROBLEM, 2, 1e9)).max() > 3 * right


def test_two_strong_directions_are_seen_each_with_its_own_part() -> None:
    """Of ``h1[0] + h1[1]`` along two eigendirections ``Sigma^(1/2) beta`` has the parts ``lambda_k`` and noise."""
    problem = PROBLEM.replace(teacher="h1[0] + h1[1]", inputs="power:0.5; teacher=top", step_exponent=0.1)
    found = predict(problem, method="window")
    assert isinstance(found, Prediction)
    first, second = problem.inputs.eigenvalues(1000).values[:2]
    learned = np.array([first, second])
    noise = problem.phi_gradient * problem.label_second_moment * problem.inputs.moment(2, 1000)
    assert found.extras["label_cosine"] == pytest.approx((learned @ learned / (learned @ learned + noise)) ** 0.5)


def test_what_it_says() -> None:
    found = predict(PROBLEM, method="window")
    assert isinstance(found, Prediction)
    assert found.biased_cosine is not None
    assert found.cosine < found.biased_cosine
    assert found.window == 2
    limit = predict(PROBLEM).limit()
    assert limit.test_error == found.test_error
    edge = predict(PROBLEM.replace(step_exponent=0.25), method="window")
    assert isinstance(edge, EdgePrediction)
    assert edge.crossing is not None
    assert edge.above.test_error == pytest.approx(found.test_error, rel=1e-12)


def test_what_is_refused() -> None:
    with pytest.raises(ArgumentError, match="covariance I"):
        predict(PROBLEM, method="window-published")
    with pytest.raises(ArgumentError, match="constant readout"):
        predict(PROBLEM.replace(readout="constant", gradient="full"), method="window")
    with pytest.raises(NumericalError, match="ridge"):
        predict(PROBLEM.replace(ridge=0.0, width=4000), method="window")
