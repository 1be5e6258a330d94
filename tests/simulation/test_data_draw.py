"""The same experiment on real data: the split, the fit, and bad tables."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Problem
from polyspike.simulation import simulate_data
from polyspike.simulation.data_draw import DataDraw

PROBLEM = Problem(
    "relu", n_samples=300, n_gradient=300, input_dim=12, width=80, step_exponent=0.3, ridge=0.05, teacher="h1"
)


def table(rows: Any = 1000) -> Any:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((rows, 12))
    return x, x[:, 0] + 0.7 * (x[:, 0] ** 2 - 1) + 0.1 * rng.standard_normal(rows)


def test_rows_are_split_without_overlap() -> None:
    x, y = table()
    draw = DataDraw((1,), x, y, 300, 400, 80)
    parts = [draw.gradient_sample.inputs, draw.ridge_sample.inputs, *(b.inputs for b in draw.test_blocks())]
    assert [len(p) for p in parts] == [300, 400, 300]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)[:, 0]), np.sort(x[:, 0]))


def test_labels_follow_their_rows() -> None:
    x, y = table()
    sample = DataDraw((1,), x, y, 300, 400, 80).ridge_sample
    rows = [int(np.flatnonzero(x[:, 0] == value)[0]) for value in sample.inputs[:20, 0]]
    np.testing.assert_array_equal(sample.labels(PROBLEM)[:20], y[rows])


def test_a_step_helps_on_data_with_one_direction() -> None:
    """Paired over eight splits of a large table whose target is quadratic in one direction."""
    x, y = table(rows=4000)
    gains = []
    for seed in range(8):
        still, moved = simulate_data([PROBLEM.replace(step_size=0.0), PROBLEM], x, y, seed=seed, alignment_degree=1)
        gains.append(still.test_error - moved.test_error)
        assert (moved.cosine, moved.spike_cosine) == (None, None)
    assert np.mean(gains) > 3 * np.std(gains, ddof=1) / np.sqrt(len(gains))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"input_dim": 13}, "input_dim = 13: the data have 12 columns"),
        ({"n_samples": 800}, "n_samples = 800: the data have 1000 rows"),
    ],
)
def test_sizes_that_do_not_fit_the_table(change: Any, remedy: Any) -> None:
    with pytest.raises(ArgumentError, match=remedy):
        simulate_data([PROBLEM.replace(**change)], *table())


def test_missing_values_and_wrong_shapes_are_refused() -> None:
    x, y = table()
    with pytest.raises(ArgumentError, match="rows, d"):
        simulate_data([PROBLEM], x, y[:-1])
    x[3, 4] = np.nan
    with pytest.raises(ArgumentError, match="finite"):
        simulate_data([PROBLEM], x, y)


def test_problems_must_share_their_sizes() -> None:
    with pytest.raises(ArgumentError, match="sizes of the first"):
        simulate_data([PROBLEM, PROBLEM.replace(width=81)], *table())


@pytest.mark.parametrize(
    ("options", "rel"), [({"device": "array_api_strict"}, 1e-10), ({"dtype": "float32"}, 1e-4)], ids=str
)
def test_other_devices_and_float32_agree(options: Any, rel: float) -> None:
    x, y = table()
    there, here = simulate_data([PROBLEM], x, y, seed=1, **options)[0], simulate_data([PROBLEM], x, y, seed=1)[0]
    assert (there.device, there.dtype) == (options.get("device", "cpu"), options.get("dtype", "float64"))
    assert there.test_error == pytest.approx(here.test_error, rel=rel)
    assert there.train_loss == pytest.approx(here.train_loss, rel=rel)


SAME = PROBLEM.replace(samples="same")


@pytest.mark.parametrize("rows", [302, 500, 600, 1000])
def test_the_same_rows_for_both_stages_leave_all_others_for_the_test(rows: int) -> None:
    x, y = table(rows)
    draw = DataDraw((1,), x, y, 300, 300, 80, 300)
    assert draw.gradient_sample is draw.ridge_sample
    parts = [draw.ridge_sample.inputs, *(block.inputs for block in draw.test_blocks())]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)[:, 0]), np.sort(x[:, 0]))
    assert simulate_data(SAME, x, y, seed=1).n_test == rows - 300


def test_the_same_rows_are_those_that_a_fresh_run_fits_on() -> None:
    x, y = table()
    same, fresh = simulate_data([SAME.replace(step_size=0.0), PROBLEM.replace(step_size=0.0)], x, y, seed=3)
    assert same.train_loss == fresh.train_loss
    assert (same.n_test, fresh.n_test) == (700, 400)
    both = simulate_data([PROBLEM, SAME, PROBLEM.replace(ridge=0.1)], x, y, seed=3)
    assert [row.problem.samples for row in both] == ["fresh", "same", "fresh"]
    alone = simulate_data(SAME, x, y, seed=3)
    assert (alone.train_loss, alone.test_error) == (both[1].train_loss, both[1].test_error)
    assert both[0].test_error == pytest.approx(simulate_data(PROBLEM, x, y, seed=3).test_error, rel=1e-12)


def test_the_same_rows_need_fewer_rows() -> None:
    x, y = table(301)
    with pytest.raises(ArgumentError, match="the data have 301 rows; n_samples must leave at least 2"):
        simulate_data(SAME, x, y)


def test_what_a_table_must_hold_counts_shared_rows_once() -> None:
    x, y = table()
    wide = SAME.replace(n_gradient=len(x) - 2)
    assert simulate_data(wide, x, y).n_test == 2
    with pytest.raises(ArgumentError, match=r"n_samples \+ n_gradient, less the 300 in both, must leave at least 2"):
        simulate_data(wide.replace(n_gradient=len(x) - 1), x, y)


def test_rows_that_are_shared_in_part_are_counted_once() -> None:
    x, y = table()
    draw = DataDraw((1,), x, y, 300, 400, 80, 100)
    gradient, fit = draw.gradient_sample, draw.ridge_sample
    np.testing.assert_array_equal(gradient.inputs[:100], fit.inputs[:100])
    fresh = DataDraw((1,), x, y, 300, 400, 80)
    np.testing.assert_array_equal(gradient.target[100:], fresh.gradient_sample.target[:200])
    parts = [fit.inputs, gradient.inputs[100:], *(block.inputs for block in draw.test_blocks())]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)[:, 0]), np.sort(x[:, 0]))
    half = SAME.replace(overlap=0.5)
    none, some, all_ = simulate_data([SAME.replace(overlap=0.0), half, SAME], x, y, seed=1)
    assert [run.n_test for run in (none, some, all_)] == [400, 550, 700]
    assert none.test_error == pytest.approx(simulate_data(PROBLEM, x, y, seed=1).test_error, rel=1e-12)
    assert len({run.train_loss for run in (none, some, all_)}) == 3
    assert simulate_data(half, *table(452), seed=1).n_test == 2
