"""How predicted and simulated numbers of outliers are compared."""

from typing import Any

import numpy as np
import pytest

from benchmark_scripts import script
from polyspike import Problem

PROBLEM = Problem("tanh", "h1", 300, 100, 200, step_exponent=0.4)


@pytest.fixture
def counts() -> Any:
    return script("counts")


def test_ambiguous_spikes_may_be_on_either_side(counts: Any) -> None:
    means, spreads = np.array([9.0, 5.3, 4.8, 4.0]), np.array([1.0, 0.2, 0.2, 0.1])
    assert counts.spikes_beyond(means, spreads, 5.0) == (2, 1, 3)
    assert counts.spikes_beyond(means, spreads / 10, 5.0) == (2, 2, 2)
    assert counts.spikes_beyond(np.array([]), np.array([]), 5.0) == (0, 0, 0)


def test_a_draw_agrees_within_its_interval(counts: Any) -> None:
    def drawn(simulated: int, at_least: bool = False, spikes: int = 2) -> Any:
        return counts.Counted(PROBLEM, 0, simulated, at_least, spikes, 1, 2, 1.4, 0, 3)

    assert [drawn(k).agrees for k in range(8)] == [False, *[True] * 5, False, False]
    assert [drawn(k).agrees_without_localised for k in range(4)] == [False, True, True, False]
    assert drawn(7, at_least=True).agrees
    assert not drawn(3, spikes=-1).agrees
    assert not drawn(3).single
    assert counts.Counted(PROBLEM, 0, 2, False, 2, 2, 2, 0.0, 0, 0).single


def test_every_problem_of_every_set_has_its_draws(counts: Any) -> None:
    found = counts.load()
    design = script("counts_design")
    for name, problems in counts.SETS.items():
        assert sorted(map(int, found[name])) == list(range(len(problems())))
        assert {len(draws) for draws in found[name].values()} == {design.DRAWS[name]}


def test_a_problem_is_compared(counts: Any) -> None:
    (row,) = counts.compared(0, PROBLEM, [[100.0, 0.1, 0.1]])
    assert (row.simulated, row.spikes, row.agrees, row.single) == (1, 1, True, True)
