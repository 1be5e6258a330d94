"""Whitening: mean zero, covariance one, whatever the units of the columns."""

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike.data import fit_whitening, whiten
from polyspike.data.whiten import redundant
from polyspike.errors import ArgumentError


@pytest.mark.parametrize("shape", [(60, 7), (20, 50)])
def test_whitened_inputs_have_mean_zero_and_covariance_one(shape: tuple[int, int]) -> None:
    inputs = np.random.default_rng(0).standard_normal(shape) @ np.diag(np.linspace(0.1, 30, shape[1])) + 5
    white = whiten(inputs, 5)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(white.T @ white / shape[0], np.eye(5), atol=1e-10)
    # Without whitening the covariance is far from I.
    assert not np.allclose(np.cov(inputs.T)[:5, :5], np.eye(5), atol=1)


def test_whitening_takes_the_largest_axes_and_applies_to_new_data() -> None:
    rng = np.random.default_rng(1)
    train, fresh = rng.standard_normal((2, 500, 3)) * [1, 10, 3]
    whitening = fit_whitening(train, 2, common_unit=True)
    assert whitening.explained == pytest.approx(109 / 110, abs=0.01)
    assert np.abs(whitening.directions[1, 0]) == pytest.approx(0.1, rel=0.1)
    assert np.cov(whitening(fresh).T) == pytest.approx(np.eye(2), abs=6 / np.sqrt(500))


@pytest.mark.parametrize("dim", [0, 4, 2.5, True])
def test_whitening_beyond_the_rank_is_refused(dim: int) -> None:
    inputs = np.random.default_rng(0).standard_normal((9, 3))
    with pytest.raises(ArgumentError, match="from 1 to 3"):
        whiten(inputs, dim)


def test_a_rank_deficient_table_says_its_rank() -> None:
    columns = np.random.default_rng(0).standard_normal((9, 2))
    with pytest.raises(ArgumentError, match="from 1 to 2"):
        whiten(np.column_stack([columns, columns.sum(axis=1)]), 3)


def correlated(rows: int = 300, columns: int = 8) -> NDArray[np.float64]:
    rng = np.random.default_rng(2)
    return rng.standard_normal((rows, columns)) @ rng.standard_normal((columns, columns)) + 3


@pytest.mark.parametrize("dim", [None, 3])
def test_units_do_not_matter(dim: int | None) -> None:
    table = correlated()
    units = 10.0 ** np.array([12, -12, 0, 12, -12, 3, -7, 0])
    np.testing.assert_allclose(whiten(table * units, dim), whiten(table, dim), atol=1e-9)
    # Compared in their units, the columns of 1e12 are all there is.
    assert not np.allclose(whiten(table * units, 3, common_unit=True), whiten(table, 3, common_unit=True), atol=0.1)


def test_units_do_not_matter_where_axes_are_equal() -> None:
    """A balanced design: all axes of the correlation matrix are equal, and rounding must not choose among them."""
    levels = np.array([[-1.0, 1.0]])
    design = np.stack(np.meshgrid(*levels.repeat(4, axis=0)), axis=-1).reshape(-1, 4)
    units = np.array([1e12, 1e-12, 0.3, 7e5])
    np.testing.assert_allclose(whiten(design * units), whiten(design), atol=1e-9)
    np.testing.assert_allclose(whiten(design).T @ whiten(design) / len(design), np.eye(4), atol=1e-12)


def test_a_small_column_beside_a_large_one_keeps_its_direction() -> None:
    rng = np.random.default_rng(5)
    small, large = 1e-3 * rng.standard_normal(400), 1e12 * rng.standard_normal(400)
    white = whiten(np.column_stack([large, small]))
    assert white.shape == (400, 2)
    fitted = np.linalg.lstsq(white, small - small.mean(), rcond=None)[0]
    np.testing.assert_allclose(white @ fitted, small - small.mean(), atol=1e-12)


def test_extreme_units_overflow_nowhere() -> None:
    table = correlated()
    units = 10.0 ** np.array([299, -289, 150, -150, 0, 0, 0, 0])
    np.testing.assert_allclose(whiten(table * units), whiten(table), atol=1e-9)


def test_a_constant_column_takes_no_part() -> None:
    table = correlated()
    wider = np.column_stack([table, np.full(300, 0.1), 1e12 + 1e-5 * table[:, 0]])
    np.testing.assert_allclose(whiten(wider), whiten(table), atol=1e-9)
    assert fit_whitening(wider).dim == 8
    with pytest.raises(ArgumentError, match="every column is constant"):
        whiten(np.ones((5, 2)))


def test_leading_axes_are_the_first_of_all() -> None:
    table = correlated()
    every = fit_whitening(table)
    np.testing.assert_array_equal(every.leading(3)(table), whiten(table, 3))
    assert every.explained == pytest.approx(1)
    assert every.leading(3).explained < 1


def test_redundant_columns_are_named() -> None:
    table = correlated()
    wider = np.column_stack(
        [table[:, :2], 1e12 * table[:, 0] - table[:, 1], table[:, 2], table[:, 3], table[:, 3] * 1e-9]
    )
    assert redundant(wider) == (2, 5)
    assert redundant(table) == ()
    assert redundant(correlated(5, 8)) == (4, 5, 6, 7)
