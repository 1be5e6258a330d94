"""Inputs in one unit: centred, of norm d on average, their shape kept."""

import numpy as np
import pytest

from polyspike.data import rescale
from polyspike.errors import ArgumentError

TABLE = np.random.default_rng(0).standard_normal((40, 3)) * [1.0, 5.0, 0.1] + 2


@pytest.mark.parametrize("standardised", [False, True])
def test_the_mean_is_zero_and_the_mean_square_is_one(standardised: bool) -> None:
    found = rescale(TABLE, standardised)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    assert np.mean(found**2) == pytest.approx(1)


def test_the_shape_is_kept_unless_columns_are_standardised() -> None:
    centred = TABLE - TABLE.mean(axis=0)
    np.testing.assert_allclose(rescale(TABLE) * np.sqrt(np.mean(centred**2)), centred)
    np.testing.assert_allclose(np.mean(rescale(TABLE, standardised=True) ** 2, axis=0), 1)


def test_a_constant_column_becomes_zero() -> None:
    found = rescale(np.column_stack([TABLE, np.full(40, 7.3)]), standardised=True)
    assert not found[:, 3].any()
    assert np.mean(found**2) == pytest.approx(1)


@pytest.mark.parametrize("table", [np.ones((4, 2)), np.ones(4), np.array([[1.0, np.nan], [2.0, 3.0]])])
def test_what_cannot_be_scaled_is_refused(table: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="inputs"):
        rescale(table)
