"""Gauss rules of measures on points: exact to their degree and not beyond."""

import numpy as np
import pytest

from polyspike.theory.covariance.discrete_rule import compress

RNG = np.random.default_rng(3)
POINTS = RNG.uniform(-1, 1, 200)
WEIGHTS = RNG.dirichlet(np.ones(200))


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_rule_is_exact_to_its_degree_and_not_beyond(count: int) -> None:
    rule = compress(POINTS, WEIGHTS, count)
    errors = [abs(rule.weights @ rule.nodes**k - WEIGHTS @ POINTS**k) for k in range(2 * count + 1)]
    assert max(errors[:-1]) < 1e-13
    assert errors[-1] > 1e-8
    assert np.all(rule.weights > 0)


def test_another_measure_is_exact_to_half_the_degree() -> None:
    other, rule = RNG.standard_normal(200), compress(POINTS, WEIGHTS, 6)
    errors = [abs(rule.transfer @ other @ rule.nodes**k - other @ POINTS**k) for k in range(7)]
    assert max(errors[:-1]) < 1e-12
    assert errors[-1] > 1e-6


def test_few_points_are_their_own_rule() -> None:
    rule = compress(np.array([0.3, 2.0, -1.0]), np.array([0.2, 0.5, 0.3]), 10)
    assert np.allclose(rule.nodes, [-1.0, 0.3, 2.0], atol=1e-12)
    assert np.allclose(rule.weights, [0.3, 0.2, 0.5], atol=1e-12)
