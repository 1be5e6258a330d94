"""Maps that make no sense are refused by name before any prediction."""

from typing import Any

import pytest

from polyspike import ArgumentError, Problem
from polyspike.experiments import phase
from polyspike.experiments.phase import phase_map

BASE = Problem("tanh", "h1", 400, 100, 200, step_exponent=0.2)


@pytest.mark.parametrize(
    ("argument", "changes"),
    [
        ("problem", {"problem": None}),
        ("exponents", {"exponents": 0.3}),
        ("exponents", {"exponents": "0.3"}),
        ("exponents", {"exponents": []}),
        ("exponents", {"exponents": [None]}),
        ("values", {"values": ["x"]}),
        ("values", {"values": []}),
        ("values", {"values": [1.0, 0.01], "against": "sample_ratio"}),
        ("against", {"against": "width"}),
    ],
    ids=str,
)
def test_arguments(argument: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(phase, "predict", never)
    given = {"problem": BASE, "exponents": [0.1], "values": [0.1], **changes}
    with pytest.raises(ArgumentError, match=argument):
        phase_map(**given)


def test_a_map_says_how_long_all_of_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spectra and best steps take most of it, and a map of few samples takes minutes: 10 s were announced."""
    problem = Problem("relu", n_samples=300, input_dim=100, width=200, step_exponent=0.3, inputs="power:0.5")
    exponents, ridges = [0.01 * k for k in range(51)], [10 ** (0.2 * k - 3) for k in range(25)]
    seconds: list[float] = []
    monkeypatch.setattr(phase, "tell", lambda estimate, _: seconds.append(estimate))
    monkeypatch.setattr(phase, "predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        phase_map(problem, exponents, ridges)
    assert 100 < seconds[0] < 1000


def interrupted(_: object) -> None:
    raise KeyboardInterrupt
