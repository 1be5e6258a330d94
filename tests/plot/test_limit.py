"""The limit beside the errors: a staircase, or a line."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import StepPatch

import polyspike as ps
from plot.cases import BASE, at, lines, predicted, predictions


def staircase(ax: Axes) -> Any:
    """Values and edges of the limit."""
    return next(patch for patch in ax.patches if isinstance(patch, StepPatch)).get_data()


def test_the_limit_is_a_staircase_of_the_window_theory() -> None:
    ax = ps.plot.errors(predictions(), limit=True)
    stairs = staircase(ax)
    np.testing.assert_allclose(stairs.edges[:4], [0, 1 / 4, 1 / 3, 3 / 8])
    for window, value in enumerate(stairs.values, start=1):
        assert value == ps.predict(BASE, method="window", window=window).test_error


def test_the_limit_may_be_given() -> None:
    given = ps.predict(at(BASE, 0.1, 0.3), method="window")
    ax = ps.plot.errors(predictions(), limit=given)
    stairs = staircase(ax)
    assert stairs.values.tolist() == [row.test_error for row in given]


def test_against_step_sizes_the_windows_end_at_powers_of_n() -> None:
    steps = ps.predict([BASE.replace(step_size=eta) for eta in (1.0, 4.0, 8.0)])
    ax = ps.plot.errors(steps, x="step_size", limit=True)
    stairs = staircase(ax)
    np.testing.assert_allclose(stairs.edges[:3], [1, 400**0.25, 400 ** (1 / 3)])


def test_against_another_field_the_limit_is_a_line() -> None:
    ridges = [predicted(BASE.replace(ridge=ridge, step_exponent=0.1)) for ridge in (0.1, 0.2, 0.4)]
    ax = ps.plot.errors(ridges, x="ridge", limit=True)
    expected = [[row.problem.ridge, row.limit().test_error] for row in ridges]
    np.testing.assert_array_equal(lines(ax)[r"limit $n \to \infty$"], expected)


def test_a_window_that_the_theory_does_not_know_is_a_gap() -> None:
    """For reused samples and an activation with a kink that is each but the first; the others are not drawn."""
    same = ps.predict(at(BASE.replace(samples="same"), 0.1, 0.3))
    stairs = staircase(ps.plot.errors(same, limit=True))
    assert stairs.values.tolist() == [predicted(BASE.replace(samples="same"), method="window", window=1).test_error]
    np.testing.assert_allclose(stairs.edges, [0, 1 / 4])


def test_what_else_is_refused_is_told() -> None:
    refused = ps.predict(at(BASE.replace(readout="constant"), 0.1, 0.3))
    with pytest.raises(ps.ArgumentError, match="readout"):
        ps.plot.errors(refused, limit=True)


def test_inputs_of_a_covariance_have_one_of_their_own() -> None:
    problems = at(BASE.replace(inputs="power:0.2"), 0.1, 0.3)
    for problem in problems:
        limit = ps.predict(problem).limit().test_error
        assert limit == ps.predict(problem, method="window").test_error
        assert limit != ps.predict(problem.replace(inputs="isotropic"), method="window").test_error
    ps.plot.errors(ps.predict(problems), limit=True)
