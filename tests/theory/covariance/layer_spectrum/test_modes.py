"""An outlier as a function on samples and neurons."""

import numpy as np

from polyspike import Problem
from polyspike.theory.covariance.layer_spectrum.modes import OutlierMode, outlier_mode
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import above_bulk
from polyspike.theory.covariance.predict import nodes_of

PROBLEM = Problem("tanh", "h1", 800, 200, 600, step_exponent=0.2, noise=0.3, gradient="target", inputs="power:0.6")


def test_different_modes_are_orthogonal() -> None:
    """As singular vectors on the samples, and on the neurons, where the bulk is far below."""
    layer, path = above_bulk(PROBLEM, nodes_of(PROBLEM))
    roots = Outliers(layer, path, 0).roots_above()
    assert len(roots) > 2
    modes = [outlier_mode(layer, root) for root in roots[:2]]
    root, count = layer.roots_of_single, len(layer.whole.grid.u)
    covariance = np.eye(len(root)) - np.outer(root, root)

    def on_samples(x: OutlierMode, y: OutlierMode) -> float:
        of_single = np.einsum("ok,op,pk->k", x.of_samples[count:], covariance, y.of_samples[count:])
        return float(layer.whole.grid.kappa_weights @ (x.samples * y.samples + of_single))

    def on_neurons(x: OutlierMode, y: OutlierMode) -> float:
        squares = x.neurons * y.neurons + (x.of_neurons * y.of_neurons).sum(axis=0)
        return float(layer.whole.grid.u_weights @ squares)

    for product in (on_samples, on_neurons):
        lengths = product(modes[0], modes[0]) * product(modes[1], modes[1])
        assert lengths > 0
        assert product(modes[0], modes[1]) ** 2 < 1e-4 * lengths


def test_the_response_vanishes_far_from_the_bulk() -> None:
    layer, path = above_bulk(PROBLEM, nodes_of(PROBLEM))
    roots = Outliers(layer, path, 0).roots_above()
    first, last = (np.abs(outlier_mode(layer, root).response).max() for root in (roots[0], roots[-1]))
    assert first < last
