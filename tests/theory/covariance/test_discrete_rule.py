"""Gauss rules of measures on points: exact to their degree and not beyond."""

import numpy as np
import pytest

from polyspike.theory.covariance.discrete_rule import compress, fewest

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


@pytest.mark.parametrize("allowed", [1e-4, 1e-8])
def test_the_fewest_nodes_with_the_accuracy_are_taken(allowed: float) -> None:
    """In a measure of any sign, and one node less has not the accuracy."""
    other = WEIGHTS * RNG.standard_normal(200)
    rule = fewest(POINTS, WEIGHTS, other[:, None], lambda x: 1 / (1.5 + x)[None], range(2, 30), allowed)
    size, scale = len(rule.nodes), np.abs(other) @ (1 / (1.5 + POINTS))
    for count in (size, size - 1):
        found = compress(POINTS, WEIGHTS, count)
        error = abs(found.transfer @ other @ (1 / (1.5 + found.nodes)) - other @ (1 / (1.5 + POINTS)))
        assert (error <= allowed * scale) == (count == size)


def test_the_most_nodes_are_taken_where_none_have_the_accuracy() -> None:
    rule = fewest(POINTS, WEIGHTS, WEIGHTS[:, None], lambda x: np.sign(x)[None], range(2, 7), 1e-9)
    assert len(rule.nodes) == 6
