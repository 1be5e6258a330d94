"""What a curve is called."""

from typing import Any

import numpy as np
import pytest

import polyspike as ps
from plot.cases import BASE, at, labels


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (99_999, "99999"),
        (10**9, "$10^{9}$"),
        (2_500_000, r"$2.5 \cdot 10^{6}$"),
        (1_234_567, "1234567"),
        (np.int64(10**6), "$10^{6}$"),
        (True, "True"),
        (None, "None"),
    ],
)
def test_powers_of_ten_are_written_as_such_where_they_are_exact(value: Any, written: str) -> None:
    rows = [{"step_exponent": 0.1, "test_error": 1.0, "n_samples": n} for n in (value, 7)]
    ax = ps.plot.errors(rows, x="step_exponent", hue="n_samples")
    assert labels(ax) == [f"n = {written}", "n = 7"]


@pytest.mark.parametrize(("ridge", "written"), [(1e-5, "$10^{-5}$"), (2.5e-7, r"$2.5 \cdot 10^{-7}$")])
def test_small_numbers_too(ridge: float, written: str) -> None:
    rows = ps.predict([step.replace(ridge=value) for value in (0.1, ridge) for step in at(BASE, 0.0, 0.3)])
    assert labels(ps.plot.errors(rows)) == ["ridge = 0.1", f"ridge = {written}"]
