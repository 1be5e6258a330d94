"""The inverse of a ridge regression: two ways to one matrix, and where only one of them keeps the digits."""

import numpy as np
import pytest

from polyspike import NumericalError
from polyspike.arraytypes import Array
from polyspike.simulation.resolvent import Resolvent, SingularValues, StableResolvent

RNG = np.random.default_rng(0)


def stable(features: Array, shift: float, pulled: Array) -> StableResolvent:
    return StableResolvent(SingularValues.of(features), features, shift, pulled)


def composed(n: int, width: int, spread: float) -> tuple[Array, Array, Array]:
    """Left vectors, singular values from 1 down to ``10**-spread``, and the features that have them."""
    k = min(n, width)
    left, right = (np.linalg.qr(RNG.standard_normal((size, k)))[0] for size in (n, width))
    values = np.logspace(0, -spread, k)
    return left, values, left * values @ right.T


def test_wide_and_tall_have_one_inverse() -> None:
    """Through the n x n matrix and through the other one, on the same features."""
    features = np.random.default_rng(0).standard_normal((30, 30))
    rows = np.random.default_rng(1).standard_normal((4, 31))
    wide = Resolvent(np.hstack([features, np.ones((30, 1))]), 0.3, rows)
    plain = np.linalg.inv(wide.features.T @ wide.features + 0.3 * np.eye(31))
    np.testing.assert_allclose(wide(rows), rows @ plain, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(wide.image, wide.features @ plain, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(wide.pulled_image, rows @ plain, rtol=1e-8, atol=1e-10)
    tall = Resolvent(features[:, :20], 0.3, np.eye(20))
    np.testing.assert_allclose(tall.image, features[:, :20] @ tall(np.eye(20)), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("shape", [(30, 20), (20, 20), (20, 30)])
def test_both_ways_agree_where_rounding_is_small(shape: tuple[int, int]) -> None:
    features, labels = RNG.standard_normal(shape), RNG.standard_normal(shape[0])
    rows, pulled = RNG.standard_normal((4, shape[1])), RNG.standard_normal((5, shape[0])) @ features
    one, other = Resolvent(features, 0.3, pulled), stable(features, 0.3, pulled)
    np.testing.assert_allclose(one(rows), other(rows), atol=1e-10)
    for name in ("image", "pulled_image", "freedoms"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-10)
    np.testing.assert_allclose(one.residuals(labels), other.residuals(labels), atol=1e-10)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_singular_values_keep_what_the_gram_matrix_loses(shape: tuple[int, int]) -> None:
    """Squared features are 1e14 times the shift."""
    left, values, features = composed(*shape, spread=7)
    shift, labels = 1e-14, RNG.standard_normal(shape[0])
    shares = values**2 / (values**2 + shift)
    freedoms = 1 - left**2 @ np.ones_like(values) + left**2 @ (1 - shares)
    residuals = labels - left @ (shares * (left.T @ labels))
    found = stable(features, shift, np.eye(shape[1]))
    np.testing.assert_allclose(found.freedoms, freedoms, rtol=1e-6)
    np.testing.assert_allclose(found.residuals(labels), residuals, rtol=1e-6, atol=1e-7)
    lost = Resolvent(features, shift, np.eye(shape[1]))
    assert np.max(np.abs(lost.freedoms / freedoms - 1)) > 1e-4


def test_a_singular_matrix_says_so() -> None:
    with pytest.raises(NumericalError, match="not positive definite"):
        Resolvent(np.ones((4, 3)), 1e-30, np.eye(3))


def test_features_that_are_not_finite_say_so() -> None:
    with pytest.raises(NumericalError, match="overflow"):
        SingularValues.of(np.full((3, 2), np.inf))
