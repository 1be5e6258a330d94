"""Random streams: the same numbers whole, in blocks, on threads; other numbers for another array or seed."""

import numpy as np
import pytest

from polyspike.simulation.streams import BLOCK_ROWS, Stream, normal_blocks, normals


def test_whole_and_streamed_arrays_are_the_same() -> None:
    rows = 2 * BLOCK_ROWS + 17
    blocks = list(normal_blocks((3,), Stream.INPUTS, rows, 3))
    assert [len(b) for b in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 17]
    np.testing.assert_array_equal(np.concatenate(blocks), normals((3,), Stream.INPUTS, rows, 3))


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_draw_the_same_numbers_in_the_same_order(threads: int) -> None:
    for rows in (1, BLOCK_ROWS, 4 * BLOCK_ROWS + 17):
        one, several = (normals((3,), Stream.INPUTS, rows, 3, threads=t) for t in (1, threads))
        np.testing.assert_array_equal(one, several)


def test_a_longer_array_begins_with_the_whole_blocks_of_a_shorter_one() -> None:
    short, long = (normals((3,), Stream.INPUTS, rows, 3) for rows in (BLOCK_ROWS, 2 * BLOCK_ROWS))
    np.testing.assert_array_equal(long[:BLOCK_ROWS], short)


def test_streams_and_seeds_are_independent() -> None:
    arrays = [normals((seed,), stream, 5000) for seed in (0, 1) for stream in (Stream.INPUTS, Stream.NOISE)]
    correlations = np.asarray(np.corrcoef(arrays))[np.triu_indices(4, 1)]
    assert np.max(np.abs(correlations)) < 5 / np.sqrt(5000)
