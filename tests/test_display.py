"""The repr of a result: what it shows, what it leaves out, and where its lines break."""

from dataclasses import dataclass

import numpy as np
import pytest

from polyspike import Estimate
from polyspike.display import Readable, duration


@dataclass(frozen=True, repr=False)
class Inner(Readable):
    name: str
    value: float
    count: int = 3


@dataclass(frozen=True, repr=False)
class Outer(Readable):
    value: float | None = None
    measured: Estimate | None = None
    array: np.ndarray | None = None
    items: tuple[object, ...] = ()
    inner: Inner | None = None
    text: str = ""


def test_numbers_are_short_and_what_is_absent_is_left_out() -> None:
    assert repr(Outer(value=1 / 3)) == "Outer(value=0.333333)"
    assert repr(Outer()) == "Outer()"


def test_arrays_and_long_sequences_are_counted() -> None:
    assert repr(Outer(array=np.zeros((3, 4)))) == "Outer(array=<array of shape (3, 4)>)"
    assert repr(Outer(array=np.array([0.5, 1]))) == "Outer(array=array(0.5, 1))"
    assert repr(Outer(items=(1, 2))) == "Outer(items=(1, 2))"
    assert repr(Outer(items=(0.5,))) == "Outer(items=(0.5,))"
    assert repr(Outer(items=(0.5,) * 7)) == "Outer(items=<7 x float>)"


def test_a_result_inside_another_shows_its_numbers() -> None:
    assert repr(Outer(inner=Inner("a", 0.5))) == "Outer(inner=Inner(value=0.5, count=3))"
    assert repr(Outer(measured=Estimate(2.0, 0.125, 4))) == "Outer(measured=2.00 +/- 0.12)"


def test_lines_break_between_fields() -> None:
    lines = repr(Outer(items=tuple(Inner("a", k) for k in range(5)), inner=Inner("b", 1.0))).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 79 and line.endswith((",", ")")) for line in lines)


def test_a_long_text_is_broken_anywhere() -> None:
    lines = repr(Outer(text="word " * 60)).splitlines()
    assert max(map(len, lines)) <= 79


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.26, "1.3 s"),
        (59, "59 s"),
        (89.4, "89 s"),
        (200, "3 min"),
        (5399, "90 min"),
        (7200, "2 h"),
        (86_400 * 3.2, "3 days"),
        (86_400 * 729, "730 days"),
        (3.156e7 * 3_214_567, "3200000 years"),
    ],
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text
