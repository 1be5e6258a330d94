"""Nodes by the quantiles of a normal law."""

import numpy as np

from polyspike.hermite import gauss_hermite
from polyspike.theory.bulk_support.quantiles import normal_places


def test_a_normal_law_stands_at_its_own_places() -> None:
    nodes, weights = gauss_hermite(40)
    inside = np.abs(nodes) < 4
    assert np.allclose(normal_places(weights)[inside], nodes[inside], atol=0.1)


def test_both_tails_are_found_and_a_weight_may_round_below_zero() -> None:
    weights = np.array([1e-20, 0.1, 0.4, 0.4, 0.1, -1e-18])
    places = normal_places(weights)
    assert places[0] < -8
    assert places[-1] > 8
    assert np.allclose(places[1:5], -places[1:5][::-1])
