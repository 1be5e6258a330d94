"""How outliers repel each other (docs/theory-inputs.md, section 8).

The mixing element of two modes is a quadratic form of the bulk's resolvent on samples and neurons, which fluctuates by
its diagonal, averages over few samples and neurons, and by the squares of its entries off the diagonal.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag

from polyspike.arraytypes import Array
from polyspike.theory.covariance.layer_spectrum.model import LayerModel
from polyspike.theory.covariance.layer_spectrum.modes import OutlierMode
from polyspike.theory.finite_size.spectrum.outlier_means import repulsion
from polyspike.theory.finite_size.spectrum.spectral_model import in_sampled_range

__all__ = ["mixing_variance", "relative_mixing", "repelled"]


def relative_mixing(layer: LayerModel, modes: list[OutlierMode]) -> Array:
    """``V/(z z')`` of every two modes, shape (J, J)."""
    found = np.zeros((len(modes),) * 2)
    for j, upper in enumerate(modes):
        for k, lower in enumerate(modes[:j]):
            found[j, k] = found[k, j] = mixing_variance(layer, upper, lower) / (upper.z * lower.z)
    return found


def repelled(places: Array, relative: Array) -> Array:
    """The means of outliers (J,) that lie at these places and mix with such variances relative to both, of two at a
    time.
    """
    return places + repulsion(places, relative * np.outer(places, places))


def mixing_variance(layer: LayerModel, first: OutlierMode, second: OutlierMode) -> float:
    """V of two modes (eq-layer-mixing)."""
    model, problem = layer.whole, layer.problem
    samples = _Product.of(first.samples, second.samples, first.of_samples, second.of_samples, _covariance(layer))
    neurons = _Product.of(first.neurons, second.neurons, first.of_neurons, second.of_neurons)
    of_nodes = problem.n_samples * samples.variance(model.grid.kappa_weights)
    of_nodes += neurons.variance(model.grid.u_weights) / problem.width
    between = sum(_between(layer, mode, samples, neurons) for mode in (first, second)) / 2
    return float(max(of_nodes + between, 0.0))


class _Product(NamedTuple):
    """Two functions that are normal at a node: their means, variances and covariance there."""

    first: Any
    second: Any
    of_first: Any
    of_second: Any
    crossed: Any

    @classmethod
    def of(cls, first: Any, second: Any, x: Any, y: Any, covariance: Any = None) -> "_Product":
        """From the coefficients x, y (F, K) of normals with this covariance, by default independent ones."""
        seen_x, seen_y = (x, y) if covariance is None else (covariance @ x, covariance @ y)
        return cls(first, second, (x * seen_x).sum(axis=0), (y * seen_y).sum(axis=0), (x * seen_y).sum(axis=0))

    @property
    def mean(self) -> Any:
        """Of the product."""
        return self.first * self.second + self.crossed

    @property
    def squares(self) -> tuple[Any, Any]:
        """The mean squares of both."""
        return self.first**2 + self.of_first, self.second**2 + self.of_second

    def variance(self, weights: Array) -> Any:
        """Of the product, over the nodes, too: with ``p = first``, ``q = second`` its square has the mean
        ``p^2 q^2 + p^2 E y^2 + q^2 E x^2 + 4 p q E x y + E x^2 E y^2 + 2 (E x y)^2``.
        """
        p, q, xx, yy, xy = self
        square = p**2 * q**2 + p**2 * yy + q**2 * xx + 4 * p * q * xy + xx * yy + 2 * xy**2
        return weights @ square - (weights @ self.mean) ** 2


def _covariance(layer: LayerModel) -> Array:
    """Of log tau at every u over samples, and of their coordinates along the single eigendirections given kappa."""
    root = layer.roots_of_single
    return np.asarray(block_diag(layer.norms.sample_covariance, np.eye(len(root)) - np.outer(root, root)))


def _between(layer: LayerModel, mode: OutlierMode, samples: _Product, neurons: _Product) -> Any:
    """``sum_(k != l) (f_k^2 g_l^2 + f_k g_k f_l g_l) G_kl^2`` over samples and neurons, G the resolvent of the bulk in
    both, at the place of a mode: the squares are those of the response of (R, -zeta).
    """
    problem, bulk, state = layer.problem, mode.state.model.bulk, mode.state
    rows, columns = in_sampled_range(layer.whole)
    signs = np.sign(np.concatenate([state.r, -state.zeta]))
    count = np.concatenate([problem.n_samples * bulk.sample_weights, problem.width * bulk.neuron_weights])
    pairs = zip((*samples.squares, samples.mean), (*neurons.squares, neurons.mean), strict=True)
    first, second, both = (signs * np.concatenate([s[rows], a[columns] / problem.width]) for s, a in pairs)
    return (count * first) @ mode.response @ second + (count * both) @ mode.response @ both
