"""The limits across the edges of windows for inputs of a covariance and preconditioned steps."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, EdgePrediction, Problem, predict
from polyspike.theory.limits import coloured_windows

PROBLEM = Problem(
    "gelu",
    "h1 + 0.7*h2",
    4000,
    1000,
    2000,
    step_exponent=0.25,
    gradient="target",
    inputs="two-level:0.3,1.7,0.5",
)
NAMES = ("train_loss", "train_error", "test_error")


def gap(problem: Problem, n: int) -> float:
    """The largest distance of an error in the limit from the finite-size theory at n samples."""
    large = problem.replace(n_samples=n, input_dim=n // 4, width=n // 2)
    limit, found = predict(large, method="crossing"), predict(large)
    return max(abs(getattr(limit, name) - getattr(found, name)) for name in NAMES)


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("exponent", [0.0, 0.25])
def test_at_equal_eigenvalues_it_is_the_isotropic_one(exponent: float, gradient: str) -> None:
    problem = PROBLEM.replace(step_exponent=exponent, gradient=gradient)
    nearly = predict(problem.replace(inputs="two-level:1,1.0000001,0.5"), method="crossing")
    other = predict(problem.replace(inputs="isotropic"), method="crossing")
    for name in (*NAMES, "cosine", "spike_cosine", "spike_strength"):
        assert getattr(nearly, name) == pytest.approx(getattr(other, name), rel=1e-6)
    assert nearly.extras["strength"] == pytest.approx(other.extras["strength"], rel=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precondition": 0.2},
        {"activation": "relu", "readout": "rademacher", "step_exponent": 0.0},
        {"step_exponent": 0.0, "gradient": "full"},
        {"teacher": "h1[0] + 0.5*h1[0]*h1[1]"},
        {"inputs": "isotropic", "precondition": 0.2},
    ],
)
def test_the_finite_size_theory_tends_to_it_as_one_over_root_n(changes: dict[str, Any]) -> None:
    """At least: the distance falls by 100 or more where n grows by 10^4."""
    problem = PROBLEM.replace(**changes)
    far, near = gap(problem, 10**5), gap(problem, 10**9)
    assert near < 2e-4
    assert near < far / 50


def test_its_ends_are_the_windows() -> None:
    for size, window in ((1e-3, 1), (1e3, 2)):
        crossing = predict(PROBLEM.replace(step_size=size * 4000**0.25), method="crossing", window=2)
        inside = predict(PROBLEM, method="window", window=window)
        for name in NAMES:
            assert getattr(crossing, name) == pytest.approx(getattr(inside, name), abs=1e-4)


def test_the_price_of_the_last_spike_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the price is rejected by the finite-size theory."""
    right, columns = gap(PROBLEM, 10**9), coloured_windows._columns

    def dearer(*arguments: Any) -> Any:
        rows, costs = columns(*arguments)
        return rows, [price._replace(cost=2 * price.cost) for price in costs]

    monkeypatch.setattr(coloured_windows, "_columns", dearer)
    assert gap(PROBLEM, 10**9) > 20 * right


def test_on_an_edge_it_lies_between_its_neighbours() -> None:
    edge = predict(PROBLEM, method="window")
    assert isinstance(edge, EdgePrediction)
    assert edge.crossing is not None
    assert edge.above.train_loss < edge.crossing.train_loss < edge.below.train_loss
    assert np.isfinite(edge.crossing.test_error)


def test_without_an_edge_a_window_is_needed() -> None:
    with pytest.raises(ArgumentError, match="window"):
        predict(PROBLEM.replace(step_exponent=0.3), method="crossing")
