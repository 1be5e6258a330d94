"""The law of the residual with its tails, and of the largest one."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.localised.residual_tail import residual_tail

CUBIC = Problem("erf", "h1 + 0.5*h2 + 0.3*h3", 400, 60, 200, noise=0.3, gradient="target", step_size=3.0)
PROBLEMS = [
    CUBIC,
    CUBIC.replace(noise=0.0),
    CUBIC.replace(gradient="full"),
    CUBIC.replace(teacher="h1[0] + h1[0]*h1[1]"),
    CUBIC.replace(teacher="h1[0] + h1[0]*h1[1] + 0.5*h2[2]"),
]
NAMES = ["target", "no noise", "full", "two indices", "three indices"]


@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
def test_the_second_moment_is_that_of_the_conditioning(problem: Problem) -> None:
    """Values stand for bins of 8 % width."""
    scalars = condition(problem)
    residual = residual_tail(problem, scalars)
    assert residual.weights.sum() == pytest.approx(1)
    assert residual.second_moment == pytest.approx(scalars.residual_moment, rel=0.01)


def test_the_largest_is_as_large_as_in_draws() -> None:
    """Quantiles of the largest of 400 labels; stated error: half a bin, 4 %, and three standard errors."""
    residual = residual_tail(CUBIC, condition(CUBIC))
    largest = np.array(
        [np.abs(GaussianDraw.of(CUBIC, (3, k), 2).gradient_sample.labels(CUBIC)).max() for k in range(300)]
    )
    nodes = residual.largest((0.0, 0.25, 0.5, 0.75, 1.0))
    assert sum(node.weight for node in nodes) == pytest.approx(1)
    sizes = sorted({abs(node.value) for node in nodes})
    for size, level in zip(sizes, (0.125, 0.375, 0.625, 0.875), strict=True):
        error = 3 * np.sqrt(level * (1 - level) / len(largest))
        low, high = np.quantile(largest, [max(0, level - error), min(1, level + error)])
        assert 0.96 * low < size < 1.04 * high


def test_the_others_are_smaller() -> None:
    residual = residual_tail(CUBIC, condition(CUBIC))
    others = residual.others(3.0)
    assert others.count == residual.count - 1
    assert np.abs(others.values).max() <= 3.0
    assert others.second_moment < residual.second_moment
    assert others.energy_variance < residual.energy_variance
