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
