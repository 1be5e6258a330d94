"""The lowest of several valleys, and places without an answer."""

from math import cos, inf, pi, sin

import numpy as np
import pytest

from polyspike import NumericalError, Status
from polyspike.theory.finite_size.minimise import Point, minimise


def wavy(x: float) -> Point:
    """Valleys near 0.25, 0.75, 1.25, ... of depths that grow until x = 2 and shrink after it."""
    return Point(x, cos(4 * pi * x) + 0.3 * (x - 2) ** 2, lambda: -4 * pi * sin(4 * pi * x) + 0.6 * (x - 2))


def test_the_lowest_of_many_valleys_is_found() -> None:
    places = list(np.linspace(0, 4, 41))
    point, end = minimise(wavy, places)
    fine = min(wavy(x).value for x in np.linspace(0, 4, 40_001))
    assert end is None
    assert point.value <= fine + 1e-9
    assert abs(point.slope) < 1e-9
    # A scan that is too coarse for its valleys misses it: the test can fail.
    assert minimise(wavy, [0.0, 0.05, 0.1])[0].value > fine + 0.1


def test_a_coarse_scan_is_walked_downhill_to_the_true_floor() -> None:
    bowl = lambda x: Point(x, (x - 0.7) ** 2, lambda: 2 * (x - 0.7))  # noqa: E731
    point, end = minimise(bowl, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], scan=lambda x: abs(x - 0.2))
    assert point.x == pytest.approx(0.7)
    assert end is None
    point, end = minimise(bowl, [0.8, 0.9, 1.0], scan=lambda x: -x)
    assert (point.x, end) == (0.8, "lower")


def test_places_without_an_answer_are_gone_around() -> None:
    def holed(x: float) -> Point:
        if x > 0.5:
            raise NumericalError(Status.OUT_OF_RANGE, "too far")
        return Point(x, (x - 0.3) ** 2, lambda: 2 * (x - 0.3))

    assert minimise(holed, [0.0, 0.25, 0.5, 0.75, 1.0])[0].x == pytest.approx(0.3)
    with pytest.raises(NumericalError, match="too far"):
        minimise(holed, [0.6, 0.7, inf])

    def falling(x: float) -> Point:
        return Point(x, -x, lambda: -1.0) if x <= 0.55 else holed(x)

    with pytest.raises(NumericalError, match="bracketed"):
        minimise(falling, [0.0, 0.5, 1.0])
