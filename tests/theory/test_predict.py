"""The choice of a method by its name."""

import math

import pytest

from polyspike import ArgumentError, Problem, predict

BASE = Problem(
    "gelu",
    [0, 1, 1 / math.sqrt(2)],
    n_samples=3000,
    input_dim=600,
    width=1000,
    step_exponent=0.3,
    ridge=0.01,
    noise=0.5,
    gradient="target",
)


def test_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"method = 'windows': did you mean 'window'"):
        predict(BASE, method="windows")
