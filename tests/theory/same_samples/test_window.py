"""The limit inside a window: the closed formula, and what the finite-size theory tends to."""

import pytest

from polyspike import ArgumentError, Problem, predict
from polyspike.theory.same_samples.window import closed_train_loss

BASE = Problem(
    "tanh",
    "h1",
    900,
    300,
    720,
    step_exponent=0.2,
    noise=0.5,
    ridge=0.1,
    gradient="target",
    readout="rademacher",
    samples="same",
)


def sized(problem: Problem, factor: int) -> Problem:
    return problem.replace(n_samples=900 * factor, input_dim=300 * factor, width=720 * factor)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "relu", "teacher": "-0.8*h1 + 0.5*h2"},
        {"activation": "sin", "ridge": 0.01, "noise": 0.0},
        {"n_samples": 300, "width": 2000},
    ],
    ids=str,
)
def test_the_closed_train_loss(changes: dict[str, object]) -> None:
    problem = BASE.replace(**changes)
    assert predict(problem, method="window").train_loss == pytest.approx(closed_train_loss(problem), rel=1e-10)


def test_values_of_an_independent_computation() -> None:
    found = predict(BASE, method="window")
    assert found.train_loss == pytest.approx(0.16467, abs=6e-6)
    assert found.test_error == pytest.approx(0.38294, abs=6e-6)


@pytest.mark.parametrize(
    ("changes", "factor", "tolerance"),
    [
        ({}, 10**7, 6e-4),
        ({"gradient": "full"}, 10**9, 5e-3),
        ({"activation": "relu", "teacher": "h1 + 0.5*h2"}, 10**7, 2e-3),
        ({"readout": "constant", "teacher": "-0.8*h1 + 0.5*h3"}, 10**7, 2e-3),
    ],
    ids=str,
)
def test_the_finite_size_theory_tends_to_it(changes: dict[str, object], factor: int, tolerance: float) -> None:
    limit = predict(BASE.replace(**changes), method="window")
    far, near = (predict(sized(BASE.replace(**changes), k)) for k in (factor // 100, factor))
    for name in ("train_loss", "test_error"):
        end = getattr(limit, name)
        assert getattr(near, name) == pytest.approx(end, rel=tolerance)
        assert abs(getattr(near, name) - end) < abs(getattr(far, name) - end) + 1e-5


@pytest.mark.slow
def test_the_second_window() -> None:
    """At alpha = 0.28 the second spike grows as n^0.12 only."""
    problem = BASE.replace(activation="softplus", teacher="h1 + 0.5*h2", step_exponent=0.28, readout="gaussian")
    limit = predict(problem, method="window").test_error
    assert limit is not None
    gaps = [abs(predict(sized(problem, 10**k)).test_error - limit) for k in (4, 8, 12)]
    assert gaps[0] > 1.5 * gaps[1] > 2.2 * gaps[2]


def test_without_a_spike_it_is_the_limit_of_fresh_samples() -> None:
    for problem in (BASE.replace(step_size=0.5), BASE.replace(activation=lambda x: x**2)):
        same, fresh = (predict(problem.replace(samples=s), method="window") for s in ("same", "fresh"))
        assert same.train_loss == pytest.approx(fresh.train_loss, rel=1e-8)
        assert same.test_error == pytest.approx(fresh.test_error, rel=1e-8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step_exponent": 0.35, "readout": "gaussian"}, "not known for samples='same'"),
        ({"step_exponent": 0.28, "activation": "relu", "readout": "gaussian"}, "not known for samples='same'"),
        ({"step_exponent": 0.36, "activation": "gelu", "readout": "gaussian"}, "not known for samples='same'"),
        ({"step_exponent": 0.25}, "no single window applies"),
        ({"step_exponent": 0.5}, "no single window applies"),
        ({"gradient": "full", "readout": "constant"}, "use gradient='target'"),
    ],
    ids=str,
)
def test_refusals(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        predict(BASE.replace(**changes), method="window")
