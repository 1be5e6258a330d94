"""The nodes of M with the ends of its spectrum drawn in."""

import numpy as np
import pytest

from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes


def measure(nodes: list[float], weights: list[float]) -> MeasureNodes:
    count = len(nodes)
    return MeasureNodes(np.array(nodes), np.array(weights), np.zeros((count, 2, 2)), np.ones(count))


def test_an_end_of_the_spectrum_is_drawn_in_to_its_mean() -> None:
    """Of the second node, half of whose mass belongs to the end, half the way."""
    found = measure([-10.0, -4.0, 0.0, 3.0, 9.0], [0.02, 0.06, 0.8, 0.06, 0.06]).within(0.05)
    mean = (0.02 * -10 + 0.03 * -4) / 0.05
    np.testing.assert_allclose(found.nodes, [mean, (mean - 4) / 2, 0.0, 3.0, 9.0])
    assert found.bulk @ found.nodes == pytest.approx(0.02 * -10 + 0.06 * -4 + 0.06 * 12)


def test_nodes_of_negative_weight_stay_at_their_own_end() -> None:
    """The mirror image of a rule with some, as interpolation leaves them in the tails, is drawn in to its mirror image:
    they once went to the upper end, whichever was theirs.
    """
    nodes, weights = [-20.0, -6.0, -3.0, 0.0, 2.0, 5.0], [-1e-4, 1e-3, -4e-3, 0.9, 0.1031, -1e-5]
    found = measure(nodes, weights).within(2e-3)
    mirrored = measure([-x for x in nodes[::-1]], weights[::-1]).within(2e-3)
    np.testing.assert_allclose(found.nodes, -mirrored.nodes[::-1], atol=1e-12)
    assert np.all(found.nodes[:3] < -1)
    assert found.nodes[-1] > 1
    assert np.all(np.abs(found.nodes) <= 20)
