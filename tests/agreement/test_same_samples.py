"""The committed means of simulated networks with one sample for both stages, against today's predictions."""

import json
from typing import Any

import pytest

from benchmark_scripts import AGREEMENT, script
from polyspike import Problem, predict

DESIGN: list[Problem] = script("same_design").problems()
TABLE: Any = script("same_table")
MEASURED = {row["problem"]: row for row in json.loads((AGREEMENT / "same.json").read_text(encoding="utf-8"))}
QUICK = [k for k, p in enumerate(DESIGN) if p.readout != "gaussian" and p.step_exponent in (0.2, 0.4)]
# Steps at which e is of order one: docs/theory-same-data.md, section 10.
HARD = {10, 39}


def check(index: int, problem: Problem, measured: dict[str, Any]) -> None:
    found, z = predict(problem), TABLE.z_limit(measured["draws"])
    for value, place, limit in ((found.test_error, 2, TABLE.TEST_LIMIT), (found.train_loss, 0, TABLE.LOSS_LIMIT)):
        mean, error = measured["same"][place], measured["same_se"][place]
        assert abs(value - mean) <= max(limit * mean, z * error), (index, value / mean - 1, error / mean)


@pytest.mark.parametrize("index", QUICK)
def test_a_prediction_is_within_its_limit_or_the_error_bars(index: int) -> None:
    check(index, DESIGN[index], MEASURED[index])


@pytest.mark.slow
@pytest.mark.parametrize("index", [k for k in range(48) if k not in QUICK and k not in HARD])
def test_all_predictions(index: int) -> None:
    check(index, DESIGN[index], MEASURED[index])


def test_fresh_samples_are_rejected() -> None:
    """The theory of a second sample is off by more than that in most of these problems."""
    off = 0
    for index in QUICK:
        problem, measured = DESIGN[index], MEASURED[index]
        loss = predict(problem.replace(samples="fresh")).train_loss
        error = TABLE.z_limit(measured["draws"]) * measured["same_se"][0]
        off += abs(loss - measured["same"][0]) > max(TABLE.LOSS_LIMIT * measured["same"][0], error)
    assert off > len(QUICK) / 2


def test_the_design_is_balanced() -> None:
    design = DESIGN
    assert len(design) == 48
    for field, levels in (("step_exponent", 6), ("ridge", 4), ("noise", 4), ("readout", 3)):
        counts = [sum(getattr(p, field) == value for p in design) for value in {getattr(p, field) for p in design}]
        assert len(counts) == levels
        assert max(counts) - min(counts) <= 1
