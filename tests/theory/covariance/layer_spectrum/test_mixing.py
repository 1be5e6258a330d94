"""How outliers repel each other."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.layer_spectrum.mixing import mixing_variance, relative_mixing, repelled
from polyspike.theory.covariance.layer_spectrum.model import LayerModel
from polyspike.theory.covariance.layer_spectrum.modes import OutlierMode, outlier_mode
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import above_bulk
from polyspike.theory.covariance.predict import nodes_of

PROBLEM = Problem("tanh", "h1", 2000, 100, 400, step_size=0.0, gradient="target", inputs="power:0.5")


def modes_of(problem: Problem) -> tuple[LayerModel, list[OutlierMode]]:
    layer, path = above_bulk(problem, nodes_of(problem))
    return layer, [outlier_mode(layer, root) for root in Outliers(layer, path, 0).roots_above()]


@pytest.mark.parametrize("samples", [True, False])
def test_of_two_strong_directions_it_is_the_sample_covariance_s(samples: bool) -> None:
    """``V = z z'/n`` of n Gaussian coordinates and the same of N neurons, where the others are many: the off-diagonal
    element of a sample covariance of variances z and z'. What features have of noise makes it less.
    """
    few, many = 1500, 300_000
    n, width = (few, many) if samples else (many, few)
    layer, modes = modes_of(PROBLEM.replace(n_samples=n, width=width))
    relative = few * mixing_variance(layer, modes[0], modes[1]) / (modes[0].z * modes[1].z)
    assert relative == pytest.approx(1, abs=0.12)


def test_shifts_sum_to_zero_and_drive_the_ends_apart() -> None:
    layer, modes = modes_of(PROBLEM)
    places = np.array([mode.z for mode in modes])
    relative = relative_mixing(layer, modes)
    expected = mixing_variance(layer, modes[0], modes[1]) / (places[0] * places[1])
    assert relative[0, 1] == relative[1, 0] == pytest.approx(expected, rel=1e-9)
    shifts = repelled(places, relative) - places
    assert len(shifts) > 2
    assert abs(shifts.sum()) < 1e-12 * places.sum()
    assert shifts[0] > 0 > shifts[-1]


def test_two_that_coincide_are_as_far_apart_as_they_fluctuate() -> None:
    """``E sqrt(4 V x^2) = 2 sqrt(2 V/pi)``, half of it for each."""
    found = repelled(np.array([2.0, 2.0]), np.array([[0.0, 0.01], [0.01, 0.0]]))
    assert found - 2 == pytest.approx(0.2 * np.array([1, -1]) * (2 / np.pi) ** 0.5, rel=0.02)
