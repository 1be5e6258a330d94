"""The outliers of the training features against the networks of the committed table."""

import json
from typing import Any

import numpy as np
import pytest

from benchmark_scripts import AGREEMENT, script

TABLE: Any = script("same_outliers")
MEASURED: list[Any] = json.loads((AGREEMENT / "same_outliers.json").read_text(encoding="utf-8"))
# Of several sizes, with one outlier, with two and with none.
QUICK = (7, 15, 32, 35)


def check(index: int) -> None:
    row = TABLE.row_of(TABLE.problems()[index], np.array(MEASURED[index]))
    assert row["near"], row["deviations"]
    assert TABLE.is_counted(row), (row["counts"], row["expected"])


@pytest.mark.parametrize("index", QUICK)
def test_outliers_are_within_their_limit_or_the_error_bars(index: int) -> None:
    check(index)


@pytest.mark.slow
@pytest.mark.parametrize("index", [k for k in range(48) if k not in QUICK])
def test_all_outliers(index: int) -> None:
    check(index)
