"""Features slab by slab are those of one expression, whatever the number of threads."""

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.simulation.features import in_shares, in_slabs, step_features

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("columns", [7, 20_000])
def test_features_are_the_activation_of_the_moved_preactivation(threads: int, columns: int) -> None:
    still, moved = RNG.standard_normal((2, 11, columns))
    tanh = as_activation("tanh")
    expected, out = tanh(still + 0.7 * moved), np.empty_like(still)
    np.testing.assert_allclose(step_features(still, moved, 0.7, tanh, threads=threads), expected, rtol=1e-14)
    assert step_features(still, moved, 0.7, tanh, out, threads) is out
    np.testing.assert_allclose(out, expected, rtol=1e-14)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_slabs_and_shares_cover_every_row_once(threads: int) -> None:
    count = np.zeros(1000, dtype=int)

    def work(rows: slice) -> None:
        count[rows] += 1

    in_slabs(work, (1000, 100), threads)
    assert np.all(count == 1)
    shares = in_shares(lambda start, stop: (start, stop), 10, threads)
    assert [row for start, stop in shares for row in range(start, stop)] == list(range(10))
