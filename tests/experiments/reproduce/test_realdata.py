"""The part of real data, at a small size: splits, units, and how many replicates are enough."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike.data import Dataset, load
from polyspike.errors import ArgumentError
from polyspike.experiments.reproduce import (
    Facts,
    Options,
    merge,
    realdata,
)
from polyspike.experiments.reproduce.claims import (
    Claim,
    threshold,
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def finish_real_data(data: Dataset, seeds: int) -> tuple[Any, list[Claim], Facts]:
    """Pilot and judged splits."""
    options = Options(quick=True, seeds=seeds, data=data)
    jobs = realdata.plan(options)
    rows = merge([job.run() for job in jobs])
    later = realdata.more(options, jobs, rows)
    rows = merge([rows, *(job.run() for job in later)])
    tables = realdata.tables(rows)
    return tables, realdata.claims(tables), realdata.facts([*jobs, *later])


def test_real_data_part(digits: Dataset) -> None:
    tables, claims, facts = finish_real_data(digits, seeds=2)
    assert (facts["pilot_splits"], facts["judged_splits"]) == (realdata.PILOT, 2)
    assert facts["rows_used"] == facts["rows_read"] == 1797
    assert len(facts["columns_used"]) == 61
    assert len(facts["columns_dropped"]) == 3
    assert (facts["n"], facts["width"], facts["ridge"]) == (718, 359, 0.1)
    # The draws of the pilot choose, and are not judged.
    assert not set(tables["realdata_draws"]["seed"]) & set(tables["realdata_pilot_draws"]["seed"])
    assert {c.replicates for c in claims} == {2}
    json.dumps(facts, allow_nan=False)
    assert len(tables["realdata"]["exponent"]) == len(realdata.EXPONENTS)
    assert tables["realdata_data"]["title"].tolist() == ["digits: value of the label from 61 whitened inputs"]
    assert np.all(tables["realdata"]["linear_error"] < 1)  # the target has variance one
    assert len(claims) == 5


def mixed_units(units: NDArray[np.float64]) -> Dataset:
    """A table in which the target leans on every column; the units are those of its seven columns."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((240, 7)) @ rng.standard_normal((7, 7)) + 2
    y = x @ np.linspace(1, 2, 7) + (x[:, 3] - 2) ** 2
    return Dataset("mine", x * units, y, tuple("abcdefg"), "y")


def test_units_change_no_result() -> None:
    """Columns times 1e12 and 1e-12 beside each other: every number of a split is the same to 1e-9."""
    units = np.array([1e12, 1e-12, 1, 1e12, 1e-12, 1, 1e-12])
    (tables, claims, facts), (same, same_claims, same_facts) = (
        finish_real_data(mixed_units(u), seeds=2) for u in (np.ones(7), units)
    )
    assert facts["directions_used"] == same_facts["directions_used"] == 7
    for name in ("realdata_draws", "realdata_alignment_draws", "realdata_spikes", "realdata_spectra"):
        for column, values in tables[name].items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(same[name][column], values, rtol=1e-9, atol=1e-9, err_msg=column)
    assert [c.verdict for c in same_claims] == [c.verdict for c in claims]
    # Without the small column the result is another one: it was there.
    without = Dataset("mine", *(lambda d: (d.inputs[:, 1:], d.target))(mixed_units(units)), tuple("bcdefg"), "y")
    other, _, _ = finish_real_data(without, seeds=2)
    assert not np.allclose(other["realdata_draws"]["test_error"], tables["realdata_draws"]["test_error"], rtol=1e-3)


def test_redundant_columns_are_reported_and_cost_nothing() -> None:
    data = mixed_units(np.ones(7))
    wider = np.column_stack([data.inputs, 1e9 * data.inputs[:, 0] - data.inputs[:, 1]])
    _, _, facts = finish_real_data(Dataset("mine", wider, data.target, (*"abcdefg", "twice"), "y"), seeds=2)
    assert facts["columns_that_add_no_direction"] == ["twice"]
    assert facts["directions_used"] == 7


def test_one_direction_alone_is_refused() -> None:
    column = np.random.default_rng(0).standard_normal(300)
    data = Dataset("mine", np.column_stack([column, 3 * column]), column**2, ("a", "b"), "y")
    with pytest.raises(ArgumentError, match="the same up to scale"):
        realdata.plan(Options(data=data))


def test_replicates_are_as_many_as_the_effects_need() -> None:
    def needed(*margins: tuple[float, float]) -> int:
        return realdata.replicates_needed(margins, realdata.MOST)

    assert needed((9.0, 0.1)) == realdata.FEWEST
    assert needed((9.0, 0.1), (-1.0, 1.0)) == needed((1.0, 1.0))
    assert realdata.FEWEST < needed((1.5, 1.0)) < needed((1.0, 1.0)) < realdata.MOST
    assert needed((0.01, 1.0)) == needed((0.0, 0.0)) == realdata.MOST
    count = needed((1.0, 1.0))
    assert threshold(count) / np.sqrt(count) < 1  # a mean of so many is decided at the pilot's own spread


def test_a_number_of_replicates_from_a_pilot_keeps_the_false_alarms() -> None:
    """No effect at all: pilot, choice, and judgement on fresh draws, 4000 times; and a gain that is decided.

    The two-sided false alarm of one claim is 1 - 0.95^(1/150) = 3.4e-4, so 4000 runs have 1.4 on average, and more
    than 9 with a chance of 2e-6. Judged on the pilot as well, or stopped when it looks good, they would have more.
    """
    rng = np.random.default_rng(11)
    found = {0.0: 0, 1.5: 0}
    for effect in found:
        for _ in range(4000):
            pilot = effect + rng.standard_normal(realdata.PILOT)
            count = realdata.replicates_needed([(pilot.mean(), pilot.std(ddof=1))], 40)
            draws = effect + rng.standard_normal(count)
            z = draws.mean() / (draws.std(ddof=1) / np.sqrt(count))
            found[effect] += abs(z) > THRESHOLDS[count]
    assert found[0.0] <= 9
    assert found[1.5] > 0.85 * 4000


THRESHOLDS = {n: threshold(n) for n in range(realdata.FEWEST, realdata.MOST + 1)}


def test_too_small_a_table_is_refused() -> None:
    rng = np.random.default_rng(0)
    data = Dataset("mine", rng.standard_normal((50, 3)), rng.standard_normal(50), ("a", "b", "c"), "y")
    with pytest.raises(ArgumentError, match="50 rows"):
        realdata.plan(Options(data=data))
