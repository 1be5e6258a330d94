"""Inputs in one unit: mean zero, a mean square of one, and directions as strong as they were."""

import numpy as np
import pytest

from polyspike import ArgumentError
from polyspike.data import rescale

TABLE = np.random.default_rng(0).standard_normal((60, 4)) * [3, 1, 1, 0.1] + [5, 0, 0, 1]


def test_mean_and_scale() -> None:
    x = rescale(TABLE)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    assert np.mean(np.sum(x**2, axis=1)) == pytest.approx(4)
    np.testing.assert_allclose(x.std(axis=0) / x[:, 0].std(), TABLE.std(axis=0) / TABLE[:, 0].std())


def test_standardised_columns_have_no_unit() -> None:
    np.testing.assert_allclose(rescale(TABLE * [1, 9, 1, 2], True), rescale(TABLE, standardised=True), rtol=1e-9)


def test_a_constant_column_becomes_zero() -> None:
    x = rescale(np.column_stack([TABLE, np.full(60, 7.0)]), standardised=True)
    assert np.all(x[:, 4] == 0)
    with pytest.raises(ArgumentError, match="nothing to scale"):
        rescale(np.ones((5, 2)))
    with pytest.raises(ArgumentError, match="finite"):
        rescale(np.full((5, 2), np.nan))


@pytest.mark.parametrize("unit", [1e-300, 1e200, 1e307])
@pytest.mark.parametrize("standardised", [False, True])
def test_any_unit_will_do(unit: float, standardised: bool) -> None:
    """Squares of 1e200 overflow, those of 1e-300 are 0."""
    np.testing.assert_allclose(rescale(TABLE * unit, standardised), rescale(TABLE, standardised), rtol=1e-9)


def test_units_far_apart() -> None:
    units = np.array([1e200, 1e-200, 1.0, 1.0])
    np.testing.assert_allclose(rescale(TABLE * units, True), rescale(TABLE, True), rtol=1e-9)


def test_words_are_no_table() -> None:
    with pytest.raises(ArgumentError, match="inputs = 'list': give numbers"):
        rescale([["a", "b"]])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="give real numbers"):
        rescale(TABLE + 1j)  # type: ignore[arg-type]
