"""Nodes of a continuous law: its mass between two quantiles, and bands that join."""

import numpy as np
import pytest
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.gradient_matrix.continuous import ContinuousLaw
from polyspike.theory.finite_size.spectrum.branches import above, find_edge
from polyspike.theory.finite_size.spectrum.density import Interval, SolvedInterval, solve_interval
from polyspike.theory.finite_size.spectrum.joint_nodes import joint_nodes

# A normal law: M of unlimited tails.
LAW = ContinuousLaw(np.linspace(-5, 5, 60), np.linspace(-5, 5, 60))
HEAVY = ContinuousLaw(LAW.probits, np.sinh(LAW.probits))
D, N_SAMPLES, WIDTH = 300, 900, 2700


def variance(mu: Array) -> Array:
    """Of the weights of neurons of one readout."""
    return np.asarray((1 + 0.4 * mu) ** 2)


def linear(variances: Array, weights: Array) -> BulkModel:
    """Features that are linear but for little noise, of neurons of one readout."""
    one = np.ones((1, 1))
    sizes = (N_SAMPLES / D, N_SAMPLES / WIDTH)
    return BulkModel(np.ones(1), np.ones(1), one, one, 0.1 * one, variances[:, None], weights, *sizes)


def test_they_have_the_mass_between_the_quantiles() -> None:
    nodes, weights = joint_nodes(LAW, 1e-3, variance, D / N_SAMPLES + D / WIDTH)
    assert weights.sum() == pytest.approx(1)
    assert np.all(np.diff(nodes) > 0)
    assert np.abs(nodes).max() < -ndtri(1e-3)
    # The normal law without a thousandth at each end: 1 - 2 a phi(a)/(1 - 2 share).
    assert weights @ nodes**2 == pytest.approx(0.97913, abs=2e-3)


def test_there_are_more_where_the_variance_changes() -> None:
    few = joint_nodes(LAW, 1e-3, lambda mu: np.ones(len(mu)), 1.0)
    many = joint_nodes(LAW, 1e-3, variance, 1.0)
    more = joint_nodes(LAW, 1e-3, variance, 0.2)
    assert len(few.nodes) == 28
    assert 28 < len(many.nodes) < len(more.nodes)
    assert np.diff(many.nodes)[-1] < 0.5 * np.diff(few.nodes)[-1]


def test_their_bands_are_one_and_those_of_few_nodes_are_not() -> None:
    """To the top of the bulk; 28 nodes of the same law leave a gap before the last one."""
    share = 0.5 / D
    joint = joint_nodes(HEAVY, share, variance, D / N_SAMPLES + D / WIDTH)
    few = joint_nodes(HEAVY, share, variance, np.inf)
    assert _is_one_to_the_top(linear(variance(joint.nodes), joint.weights))
    assert not _is_one_to_the_top(linear(variance(few.nodes), few.weights))


def _is_one_to_the_top(bulk: BulkModel) -> bool:
    """Whether the density has no gap in the upper nine tenths of the bulk."""
    top, _ = find_edge(above(bulk, 1e3), -1, 0.1)
    found = solve_interval(bulk, Interval(0.1 * top.z, top.z, top, top))
    return isinstance(found, SolvedInterval)
