"""Numbers as users write them."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError
from polyspike.scalars import as_integer, as_list, as_real, as_reals, as_seed, integer_or_none, real_or_none

INTEGERS: list[Any] = [3, 3.0, np.int8(3), np.float32(3), np.array(3), np.array(3.0), Fraction(6, 2)]
NO_INTEGERS: list[Any] = [True, np.True_, np.array(True), 3.5, float("nan"), float("inf"), "3", None, np.array([3]), 3j]


@pytest.mark.parametrize("value", INTEGERS, ids=repr)
def test_an_integer_is_one_however_it_is_written(value: Any) -> None:
    found = integer_or_none(value)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("value", NO_INTEGERS, ids=repr)
def test_what_is_no_integer_is_refused(value: Any) -> None:
    assert integer_or_none(value) is None
    with pytest.raises(ArgumentError, match=r"size = .*: give an integer >= 2, please"):
        as_integer("size", value, 2, ", please")


def test_a_large_integer_keeps_all_its_digits() -> None:
    assert integer_or_none(10**30 + 1) == 10**30 + 1


@pytest.mark.parametrize("value", [-0.0, np.float64(-0.0), np.array(-0.0), np.array([-0.0])[0]])
def test_minus_zero_is_zero(value: Any) -> None:
    assert str(as_real("ridge", value)) == "0.0"


def test_a_real_is_a_finite_number_of_at_least_the_least() -> None:
    assert as_real("x", np.array(0.5), 0) == 0.5
    assert real_or_none(10**400) == float("inf")
    for bad in (True, "1", None, 10**400, float("nan"), np.array([1.0]), 1j):
        with pytest.raises(ArgumentError, match="give a finite number"):
            as_real("x", bad)
    with pytest.raises(ArgumentError, match="give a number >= 0"):
        as_real("x", -1e-300, 0)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", "12", (), [], (1, -2), [1.5], True, None])
def test_bad_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^seed = "):
        as_seed(seed)


def test_seeds_become_tuples() -> None:
    assert as_seed(np.int64(3)) == (3,)
    assert as_seed((3, 4)) == (3, 4)
    assert as_seed([3, 1e6]) == (3, 10**6)


def test_several_are_what_is_no_text_and_no_number() -> None:
    assert as_list("x", (k for k in "ab"), "give two") == ["a", "b"]
    assert as_reals("x", np.array([1, -0.0]), "give two") == [1.0, 0.0]
    assert as_reals("x", [], "give two") == []
    for bad in (0.1, None, "0.1", b"12", np.array(3.0), [1, "2"], [1, float("nan")], [10**400], [True], [[1.0]]):
        with pytest.raises(ArgumentError, match=r"^x = .*: give two$"):
            as_reals("x", bad, "give two")
