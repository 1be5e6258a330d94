"""Weighted sums of matrices."""

import numpy as np

from polyspike.theory.covariance.averages import total


def test_it_is_the_sum_over_the_last_axis_of_the_weights() -> None:
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((5, 3, 4)) + 1j * rng.standard_normal((5, 3, 4))
    one, many = rng.standard_normal(5), rng.standard_normal((2, 6, 5))
    np.testing.assert_allclose(total(one, arrays), np.einsum("l,lab->ab", one, arrays), atol=1e-14)
    np.testing.assert_allclose(total(many, arrays), np.einsum("xyl,lab->xyab", many, arrays), atol=1e-14)
