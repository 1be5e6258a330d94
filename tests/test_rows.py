"""Rows of real data: the split is that of the simulation, and every row is in one part."""

import numpy as np

from polyspike.rows import SPLIT_STREAM, split
from polyspike.simulation.data_draw import DataDraw
from polyspike.simulation.streams import Stream


def test_every_row_is_in_one_part() -> None:
    parts = split((3,), 50, 12, 20)
    assert [len(part) for part in parts] == [12, 20, 18]
    assert sorted(np.concatenate(parts).tolist()) == list(range(50))


def test_the_split_is_that_of_a_simulation() -> None:
    x = np.arange(50.0)[:, None]
    draw, parts = DataDraw((3, 1), x, x[:, 0], 12, 20, 5), split((3, 1), 50, 12, 20)
    np.testing.assert_array_equal(draw.gradient_sample.target, parts.gradient)
    np.testing.assert_array_equal(draw.ridge_sample.target, parts.fit)
    np.testing.assert_array_equal(np.concatenate([b.target for b in draw.test_blocks()]), parts.test)
    assert Stream.SPLIT == SPLIT_STREAM == 8
