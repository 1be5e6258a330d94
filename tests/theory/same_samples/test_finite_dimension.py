"""The terms of order 1/d that are taken over from fresh samples."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.theory.same_samples.finite_dimension import FiniteDimension

BASE = Problem("sin", "h1", 600, 150, 2400, step_exponent=0.3, ridge=0.01, readout="rademacher", samples="same")


def test_they_vanish_with_the_dimension() -> None:
    small, large = (
        FiniteDimension(p).at(p).factors(np.zeros(3))
        for p in (BASE, BASE.replace(n_samples=60_000, input_dim=15_000, width=240_000))
    )
    assert np.abs(large - 1).max() < 0.03 * np.abs(small - 1).max()


def test_the_smaller_of_a_factor_and_a_difference() -> None:
    fresh = FiniteDimension(BASE).at(BASE)
    as_factor, as_difference = fresh.factors(np.zeros(3)) - 1, fresh.factors(np.full(3, 1e3)) - 1
    assert np.all(np.abs(as_difference) < np.abs(as_factor))
    assert np.all(np.sign(as_difference) == np.sign(as_factor))


def test_without_a_step_they_are_what_fresh_samples_have() -> None:
    still = BASE.replace(step_size=0.0)
    assert predict(still).test_error == pytest.approx(predict(still.replace(samples="fresh")).test_error, rel=2e-3)


@pytest.mark.parametrize("readout", ["gaussian", "rademacher"])
def test_half_of_the_nodes_are_enough_where_all_is_odd(readout: str) -> None:
    problem = BASE.replace(activation="tanh", teacher="h1 - h3", readout=readout, step_exponent=0.4)
    half, whole = (FiniteDimension(problem, odd=odd).at(problem) for odd in (True, False))
    assert half.full == pytest.approx(whole.full, rel=1e-8)
    assert half.leading == pytest.approx(whole.leading, rel=1e-8)
    even = problem.replace(teacher="h1 + h2")
    assert FiniteDimension(even, odd=True).at(even).full != pytest.approx(FiniteDimension(even).at(even).full, rel=1e-3)
