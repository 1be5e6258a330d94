"""The ends of the spectrum of M, drawn in to their means."""

import numpy as np
import pytest

from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes


def nodes(frame: list[float]) -> MeasureNodes:
    """Five nodes, the last of a weight below zero; what a teacher's direction has there, and beta nothing."""
    weights = np.zeros((5, 2, 2))
    weights[:, 0, 0] = frame
    return MeasureNodes(
        np.array([-1.0, 0.0, 1.0, 3.0, 5.0]), np.array([0.2, 0.6, 0.2, 1e-4, -2e-4]), weights, np.ones(5)
    )


def test_a_tail_is_drawn_in_and_stays_inside_the_spectrum() -> None:
    """Also where the weights of the last nodes add up to nothing, or less."""
    drawn = nodes([0.3, 0.4, 0.3, 0.0, 0.0]).within(1e-3).nodes
    assert np.all(np.diff(drawn) >= 0)
    assert drawn[0] >= -1.0
    assert drawn[-1] == pytest.approx(drawn[-2])
    assert 1.0 <= drawn[-1] < 3.0


def test_an_outlier_stays_where_it_is() -> None:
    drawn = nodes([0.1, 0.2, 0.1, 0.0, 0.6]).within(1e-3).nodes
    assert drawn[-1] == 5.0
