"""Standardising whatever the unit, and telling a constant from rounding."""

import numpy as np
import pytest

from polyspike.data.scale import is_constant, is_out_of_range, standardise
from polyspike.errors import ArgumentError

VALUES = np.random.default_rng(0).standard_normal(50) + 2


@pytest.mark.parametrize("unit", [1.0, 1e12, 1e-12, 1e200, 1e-200, -3.0])
def test_the_unit_does_not_matter(unit: float) -> None:
    found = standardise(VALUES * unit)
    assert found.mean() == pytest.approx(0, abs=1e-12)
    assert found.std() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(found, np.sign(unit) * standardise(VALUES), atol=1e-12)


@pytest.mark.parametrize(
    "values", [np.ones(4), np.array([0.1, 0.1, 0.1 + 1e-17]), 1e16 + np.array([0.0, 2.0]), np.zeros(3)]
)
def test_a_constant_is_refused_even_with_rounding(values: np.ndarray) -> None:
    assert is_constant(values)
    with pytest.raises(ArgumentError, match="it is constant"):
        standardise(values)


@pytest.mark.parametrize("values", [np.array([0.0, 1e-12]), 1e12 + np.array([0.0, 1.0]), np.array([-1e299, 1e299])])
def test_what_varies_is_no_constant(values: np.ndarray) -> None:
    assert not is_constant(values)
    assert not is_out_of_range(values)


@pytest.mark.parametrize("values", [np.array([0.0, 1e301]), np.array([0.0, 1e-300])])
def test_what_float64_cannot_hold_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="differ by at least"):
        standardise(values)
