"""A measured mean is a number, and keeps its error bar where that is known."""

import math
import operator
from collections.abc import Callable

import numpy as np
import pytest

from polyspike import Estimate

MEASURED = Estimate(1.6784, 0.0312, 10)


def test_it_is_a_number_wherever_one_is_asked_for() -> None:
    assert float(MEASURED) == 1.6784
    assert f"{MEASURED:10.3f}" == "     1.678"
    assert math.sqrt(MEASURED) == pytest.approx(1.6784**0.5)
    np.testing.assert_array_equal(np.array([MEASURED, -MEASURED], dtype=float), [1.6784, -1.6784])
    assert abs(-MEASURED) == 1.6784
    assert sum([MEASURED], 1.0) == Estimate(2.6784, 0.0312, 10)


def test_it_unpacks_into_mean_and_standard_error() -> None:
    mean, standard_error = MEASURED
    assert (mean, standard_error) == (1.6784, 0.0312)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (MEASURED - 1, (0.6784, 0.0312)),
        (1 - MEASURED, (-0.6784, 0.0312)),
        (MEASURED + np.float64(1), (2.6784, 0.0312)),
        (np.float64(1) + MEASURED, (2.6784, 0.0312)),
        (np.float64(2) - MEASURED, (0.3216, 0.0312)),
        (-2 * MEASURED, (-3.3568, 0.0624)),
        (MEASURED / -2, (-0.8392, 0.0156)),
    ],
)
def test_arithmetic_with_an_exact_number_keeps_the_error_bar(found: Estimate, expected: tuple[float, float]) -> None:
    assert tuple(found) == pytest.approx(expected)
    assert found.replicates == 10


def test_the_difference_of_two_has_no_error_bar_of_its_own() -> None:
    """It hangs on whether they share seeds, which an estimate does not know."""
    other = Estimate(1.5, 0.04, 10)
    assert MEASURED - other == pytest.approx(0.1784)
    assert isinstance(MEASURED - other, float)
    assert isinstance(MEASURED + other, float)
    assert MEASURED / other == pytest.approx(1.6784 / 1.5)


def test_what_is_not_linear_is_the_float_of_the_mean() -> None:
    other = Estimate(1.5, 0.04, 10)
    for found, expected in (
        (1 / other, 1 / 1.5),
        (np.float64(3) / other, 2.0),
        (other**2, 2.25),
        (MEASURED * other, 1.6784 * 1.5),
        (round(MEASURED, 2), 1.68),
    ):
        assert type(found) in (float, np.float64)
        assert found == pytest.approx(expected)
    assert +MEASURED is MEASURED
    assert round(MEASURED) == 2


def test_estimates_are_ordered_by_their_means() -> None:
    other = Estimate(1.5, 0.04, 10)
    assert min([MEASURED, other]) is other
    assert other < MEASURED <= MEASURED
    assert MEASURED > 1.6 >= other
    assert other <= MEASURED


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.pow, operator.truediv])
def test_what_is_no_number_is_refused(operation: Callable[[object, object], object]) -> None:
    with pytest.raises(TypeError):
        operation(MEASURED, "1")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (MEASURED, "1.678 +/- 0.031"),
        (Estimate(123456.0, 1234.0, 3), "123456 +/- 1.2e+03"),
        (Estimate(2.0, 0.0, 3), "2 +/- 0"),
        (Estimate(1.0, 1e-20, 3), "1 +/- 1e-20"),
        (Estimate(0.5, 0.25, 3), "0.50 +/- 0.25"),
    ],
)
def test_it_prints_in_ascii_with_two_digits_of_its_error(value: Estimate, text: str) -> None:
    assert str(value) == f"{value}" == text
    assert text.isascii()
