"""Where a function is smooth: what a quadrature sees of a steep one."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from polyspike import as_activation, as_teacher


def cubic(x: Any) -> Any:
    return x + 0.1 * x**3


def steep(x: Any, slope: float = 1.0) -> Any:
    return np.tanh(slope * x)


SMOOTH: list[Callable[[Any], Any]] = [
    np.exp,
    np.arctan,
    cubic,
    partial(steep, slope=4.0),
    lambda x: x**12 / 1e4,
    partial(steep, slope=20.0),
    lambda x: np.tanh(20 * (x - 0.3)),
    lambda x: np.tanh(500 * (x - 0.3)),
    lambda x: np.sin(5 * x),
    lambda x: np.sin(40 * x),
    lambda x: np.exp(-x * x),
    lambda x: np.log(1 + np.exp(x)),
    lambda x: np.sqrt(x * x + 1e-4),
    lambda x: erf(4 * x),
    lambda x: 1e-14 * np.tanh(x),
    lambda x: 0 * x,
]


@pytest.mark.parametrize("function", SMOOTH)
def test_a_smooth_callable_is_not_refused(function: Callable[[Any], Any]) -> None:
    assert as_teacher(function).second_moment >= 0
    if function is not np.arctan:
        assert as_activation(function).second_moment >= 0


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("slope", [3.0, 20.0, 500.0])
def test_moments_of_a_steep_callable_are_those_of_many_nodes(slope: float, shift: float) -> None:
    """A trapezoid rule of 200,000 nodes is exact to rounding for the steepest of them."""
    z = np.linspace(-14, 14, 200_001)
    weights = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    value, bend = np.tanh(slope * (z - shift)), slope * (1 - np.tanh(slope * (z - shift)) ** 2)
    mine = as_activation(lambda x: np.tanh(slope * (x - shift)), centred=False)
    assert mine.second_moment == pytest.approx(weights @ value**2, rel=1e-11)
    assert mine.coefficients(3) == pytest.approx(
        [weights @ value, weights @ bend, weights @ (bend * z) / 2, weights @ (bend * (z * z - 1)) / 6], abs=1e-11
    )
    mean = weights @ bend
    assert mine.derivative_variance == pytest.approx(weights @ (bend - mean) ** 2, rel=1e-8)
