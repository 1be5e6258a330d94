"""Predictions for labels with a mean, against the committed means of simulated networks."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def means() -> Any:
    """The benchmark, which lies outside the package."""
    sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "agreement"))
    try:
        return import_module("means")
    finally:
        sys.path.pop()


def test_trusted_predictions_for_labels_with_a_mean_are_within_their_estimates(means: Any) -> None:
    """The estimate is meant to hold nine times in ten; docs/agreement.md has the three that are off."""
    rows = means.compared(json.loads(means.FILE.read_text()))
    trusted = [row for row in rows if row.trusted]
    assert len(trusted) >= 0.85 * means.N_PROBLEMS
    assert sum(row.within for row in trusted) >= 0.9 * len(trusted)
