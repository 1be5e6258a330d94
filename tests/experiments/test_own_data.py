"""Networks on the rows beside the prediction of their mean, and the shape of inputs."""

import numpy as np
import pytest

from polyspike import ArgumentError, Problem
from polyspike.experiments.own_data import beside_networks, comparison_bytes, comparison_cost, shape_of
from polyspike.simulation.cost import NOMINAL
from polyspike.simulation.memory import estimate_bytes
from polyspike.theory.on_data.cost import data_cost

RNG = np.random.default_rng(9)


def test_networks_stand_beside_the_best_step() -> None:
    x = RNG.standard_normal((220, 10))
    y = np.maximum(x[:, 0], 0) + 0.2 * RNG.standard_normal(220)
    y = (y - y.mean()) / y.std()
    found = beside_networks(
        x, y, networks=6, step_exponents=(0.2, 0.4), activation="relu", width=60, n_samples=80, n_gradient=80
    )
    assert found.still.problem.step == 0
    assert found.grid.step_sizes[0] == 0
    assert found.best.test_error == found.grid.table().min()
    for predicted, measured in ((found.still, found.still_measured), (found.best, found.best_measured)):
        assert measured.replicates == 6
        assert abs(predicted.test_error - measured.mean) < 5 * measured.standard_error + 0.03 * measured.mean
    with pytest.raises(ArgumentError, match="networks = 1"):
        beside_networks(x, y, networks=1, width=60)


def test_the_cost_counts_the_networks() -> None:
    """The prediction's own time, and for every network the same time more; the memory is that of the larger."""
    problem = Problem("relu", n_samples=100, input_dim=10, width=3000, step_size=0.0)
    costs = [comparison_cost(problem, 250, k, rates=lambda *_: NOMINAL) for k in (2, 4, 1000)]
    apart = [cost.seconds - data_cost(problem, 50, 7).seconds for cost in costs]
    assert np.array(apart) / apart[0] == pytest.approx([1, 2, 500])
    assert {cost.bytes for cost in costs} == {comparison_bytes(problem, 250)}
    assert comparison_bytes(problem.replace(width=10**6), 250) == estimate_bytes(problem.replace(width=10**6))
    assert comparison_bytes(problem.replace(width=2), 250) == data_cost(problem, 50, 7).bytes


def test_the_shape_of_gaussian_inputs() -> None:
    scale = np.arange(1.0, 41.0) ** -0.5
    shape = shape_of(RNG.standard_normal((20_000, 40)) * scale)
    assert shape.effective_dimension == pytest.approx((scale**2).sum() ** 2 / (scale**4).sum(), rel=0.05)
    assert shape.decay == pytest.approx(1.0, abs=0.05)
    assert shape.length_variance == pytest.approx(shape.gaussian_length_variance, rel=0.1)
    assert shape.kurtosis == pytest.approx(3, abs=0.1)


def test_heavy_tails_and_equal_directions_are_seen() -> None:
    white = RNG.standard_normal((5000, 12))
    assert shape_of(white).effective_dimension == pytest.approx(12, rel=0.02)
    heavy = shape_of(white * RNG.exponential(1.0, (5000, 1)))
    assert heavy.kurtosis > 5
    assert heavy.length_variance > 3 * heavy.gaussian_length_variance
