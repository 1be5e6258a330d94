"""Cubic activations, whose kernels span many sizes: predictions are right, or the error estimate says how wrong.

The values are those of simulated networks.
"""

from typing import Any

import numpy as np
import pytest

from networks_on_rows import networks
from polyspike import as_activation, predict_data
from polyspike.arraytypes import Array
from polyspike.data import load, rescale
from polyspike.theory.on_data.curve import output_scatter
from polyspike.theory.on_data.drawn import DrawnNeurons, deviation
from polyspike.theory.on_data.family import compress
from polyspike.theory.on_data.readouts import length_effect
from polyspike.theory.on_data.resolvent import Resolvent, solve
from polyspike.theory.on_data.sizes import CurveAccuracy

Z = 4.0
ROWS, WIDTH = 100, 80


def cubic(z: Array) -> Array:
    return z + 0.1 * z**3


def digits() -> tuple[Array, Array]:
    found = load("digits", "value")
    rows = np.random.default_rng(0).permutation(len(found.target))[: 3 * ROWS]
    x, y = rescale(found.inputs)[rows], found.target[rows]
    return x[:, x.std(axis=0) > 0], (y - y.mean()) / y.std()


@pytest.mark.parametrize(
    ("activation", "gradient", "readout", "exponent"),
    [(cubic, "full", "gaussian", 0.2), ("h3", "target", "rademacher", 0.2)],
    ids=["cubic", "h3"],
)
def test_the_estimate_covers_cubic_activations_on_digits(
    activation: Any, gradient: str, readout: str, exponent: float
) -> None:
    """Kernels compressed by their norms alone were 19 for 1.0 with the first; the second errs by 80 percent."""
    x, y = digits()
    network: dict[str, Any] = {"activation": activation, "gradient": gradient, "readout": readout, "width": WIDTH}
    found = predict_data(x, y, n_samples=ROWS, n_gradient=ROWS, step_exponent=exponent, **network)
    measured = networks(found.problem, x, y, 10)
    away = abs(found.test_error / measured.mean[2] - 1)
    assert away < found.error_estimate + Z * measured.standard_error[2] / measured.mean[2]
    assert found.error_estimate < 1.5


def test_the_estimate_is_small_for_tanh() -> None:
    """With four pairs of initial outputs: what a single one has of their scatter is chance."""
    x, y = digits()
    network: dict[str, Any] = {"activation": "tanh", "gradient": "full", "width": WIDTH}
    accuracy = CurveAccuracy(outputs=4)
    found = predict_data(x, y, n_samples=ROWS, n_gradient=ROWS, step_exponent=0.2, accuracy=accuracy, **network)
    assert found.error_estimate < 0.1


def test_small_kernels_are_held_beside_large_ones() -> None:
    rng = np.random.default_rng(1)
    roots = rng.standard_normal((3, 20, 20))
    kernels = np.array([1.0, 1.0, 1e7])[:, None, None] * (roots @ roots.transpose(0, 2, 1))
    family = compress(kernels, np.array([0.6, 0.4, 1e-9]))
    for k in range(3):
        there = np.tensordot(family.mix[k], family.whole, 1)
        assert np.linalg.norm(there - kernels[k]) < 1e-4 * np.linalg.norm(kernels[k])


@pytest.mark.parametrize("start", [1.0, 1e-2, 1e-4, 1e-6])
def test_the_fixed_point_is_found_from_anywhere(start: float) -> None:
    """More rows than neurons and a flat kernel: far from the root the gap is nearly constant."""
    n, width = 60, 40
    rng = np.random.default_rng(2)
    root = rng.standard_normal((n, 3))
    kernels = 100 * np.eye(n) + 1000 * root @ root.T
    family = compress(np.array([kernels, kernels]), np.array([0.5, 0.5]))
    wanted = solve(family, 0.1, width)
    assert np.allclose(solve(family, 0.1, width, zeta=np.full(2, start)).zeta, wanted.zeta, rtol=1e-7)
    assert abs(wanted.zeta[0] * (1 + np.trace(kernels @ wanted.inverse) / width) - 1) < 1e-8


def test_deviation_of_drawn_neurons() -> None:
    """With the identity for the inverse a form is a squared length."""
    features = np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 0.0]])
    neurons = DrawnNeurons(np.array([-1.0, 1.0]), np.empty((2, 0)))
    own = np.array([1 / (1 + 2 / 4), 1 / (1 + 4 / 4)])
    alike = Resolvent(0.1, own, np.eye(3), np.eye(2), np.zeros(2), np.zeros(2))
    assert deviation(neurons, np.array([-1.0, 1.0]), features, alike, 4) == pytest.approx(0.0, abs=1e-12)
    other = Resolvent(0.1, own / 3, np.eye(3), np.eye(2), np.zeros(2), np.zeros(2))
    assert deviation(neurons, np.array([-1.0, 1.0]), features, other, 4) == pytest.approx(2 / 3)


def test_scatter_of_outputs() -> None:
    """Nothing where opposite outputs do the same; an odd change counts by its mean and by its square."""
    same = np.array([1.0, 3.0])
    halves = np.full(2, 0.5)
    assert output_scatter([same], np.ones(1)) == output_scatter([same, same], halves) == 0.0
    change = np.array([0.2, -0.2])
    assert output_scatter([same + change, same - change], halves) == pytest.approx(0.1**2)
    assert output_scatter([1.2 * same, 0.8 * same], halves) == pytest.approx(np.hypot(0.2, 0.2**2))
    rare = [same, same, 1.2 * same, 0.8 * same]
    assert output_scatter(rare, np.array([0.45, 0.45, 0.05, 0.05])) == pytest.approx(0.1 * np.hypot(0.2, 0.2**2))


@pytest.mark.parametrize(("activation", "effect"), [("identity", 0.0), ("h3", 9.0), (cubic, 1.2)])
def test_effect_of_lengths(activation: Any, effect: float) -> None:
    rows = np.random.default_rng(3).standard_normal((30, 40))
    rows *= np.sqrt(40) / np.linalg.norm(rows, axis=1, keepdims=True)
    assert length_effect(as_activation(activation), rows) == pytest.approx(effect, abs=1e-6)


@pytest.mark.slow
def test_more_outputs_are_nearer() -> None:
    """On Gaussian rows one pair of outputs is 10 to 20 % off the mean over networks, four pairs are less."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 40))
    y = x[:, 0] + 0.35 * (x[:, 1] ** 2 - 1) + 0.1 * rng.standard_normal(600)
    network: dict[str, Any] = {"activation": cubic, "gradient": "full", "readout": "rademacher", "width": 160}
    network |= {"n_samples": 200, "n_gradient": 200}
    one, many = (
        predict_data(x, y / y.std(), step_exponent=0.4, accuracy=CurveAccuracy(outputs=pairs), **network)
        for pairs in (1, 4)
    )
    assert many.error_estimate < one.error_estimate
    assert abs(one.test_error / many.test_error - 1) < one.error_estimate
