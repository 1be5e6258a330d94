"""``polyspike activation``."""

from math import pi, sqrt

import pytest

from cli.command import refusal, run, run_json


def test_the_numbers_of_relu() -> None:
    """Closed forms: ``c_1 = 1/2``, ``c_2 = 1/(2 sqrt(2 pi))``, and the mean ``1/sqrt(2 pi)`` is taken off."""
    found = run_json("activation", "relu", "--degree", 4)
    assert found["subtracted_mean"] == pytest.approx(1 / sqrt(2 * pi), rel=1e-12)
    assert found["coefficients"] == pytest.approx([0, 0.5, 0.5 / sqrt(2 * pi), 0, -1 / (24 * sqrt(2 * pi))], abs=1e-12)
    assert found["spike_degrees"] == [1, 2, 4]
    assert found["spike_exponents"] == {"1": 0.0, "2": 0.25, "4": 0.375}
    conditions = {"c_0 = 0": True, "c_1 != 0": True, "bounded derivatives": False, "not linear": True}
    assert found["conditions"] == conditions


def test_it_says_what_follows_from_a_condition_that_fails() -> None:
    text = run("activation", "cos").output
    assert "none: c_1 = 0" in text
    assert "NOT met   (the gradient has no rank-one part: no spike at any step size)" in text


def test_an_uncentred_one_keeps_its_mean() -> None:
    found = run_json("activation", "relu", "--uncentred")
    assert found["coefficients"][0] == pytest.approx(1 / sqrt(2 * pi))
    assert found["conditions"]["c_0 = 0"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rleu",), "NAME = 'rleu': did you mean 'relu'?"),
        (("tanh", "--degree", 0), "degree = 0: give an integer from 1 to 40"),
        (("tanh", "--degree", 41), "degree = 41: give an integer from 1 to 40"),
    ],
)
def test_refusals(arguments: tuple[object, ...], message: str) -> None:
    code, said = refusal("activation", *arguments)
    assert code == 2
    assert message in said
