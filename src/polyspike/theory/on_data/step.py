"""The features after one step: their laws and kernels, for neurons of all readouts and kinds."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.drawn import DrawnNeurons, drawn_neurons
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import KernelFamily, Precision, compress_packed, gram
from polyspike.theory.on_data.features import (
    MovedRows,
    RowLaw,
    all_series,
    cross_kernel,
    degree_for,
    kernel_of,
    row_law,
)
from polyspike.theory.on_data.packed import packed_size
from polyspike.theory.on_data.readouts import has_lengths, readout_nodes, turning_readout
from polyspike.theory.on_data.series import Series
from polyspike.theory.on_data.sizes import CurveAccuracy, Network, Sample
from polyspike.theory.on_data.strong_axes import Kinds

__all__ = [
    "Laws",
    "NeuronNodes",
    "RowKernels",
    "Step",
    "drawn_features",
    "linear_parts_of",
    "neurons_after",
    "written_out",
]

Laws = list[list[RowLaw]]
"""Of neurons of every readout and kind."""


class NeuronNodes(NamedTuple):
    """The nodes of a mean over neurons after a step: u with weights, shape (A,), and weights of the kinds."""

    step: float
    width: int
    nodes: Array
    weights: Array
    by_kind: Array

    def laws(self, rows: Sequence[MovedRows], some: Sequence[int] | None = None) -> Laws:
        """The laws of their pre-activations on rows, given for every kind; of some of the nodes alone."""
        chosen = self.nodes if some is None else self.nodes[list(some)]
        return [[row_law(r, u, self.step, self.width) for r in rows] for u in chosen]


class RowKernels(NamedTuple):
    """Of test rows: ``K_u(t, X) = sum_p mix[u, p] parts[p]``, parts of shape (P, rows, n), and ``K_u(t, t)``.

    The diagonals have the shape (A, rows); the linear parts of the features are of the full gradient.
    """

    mix: Array
    parts: Array
    diagonals: Array
    linear: LinearParts | None


def neurons_after(
    network: Network, rows: MovedRows, step: float, accuracy: CurveAccuracy, by_kind: Array
) -> NeuronNodes:
    """The nodes that a step of this size asks for; one neuron stands for all without a step."""
    nodes, weights = np.zeros(1), np.ones(1)
    if step > 0:
        scale = turning_readout(rows, step / np.sqrt(network.width))
        nodes, weights = readout_nodes(network.readout, accuracy.nodes, scale)
    return NeuronNodes(step, network.width, nodes, weights, by_kind)


def written_out(network: Network, rows: MovedRows, accuracy: CurveAccuracy) -> int:
    """The degree up to which the series of a kernel are written out."""
    if accuracy.degree:
        return accuracy.degree
    return degree_for(network.activation, row_law(rows, 0.0, 0.0, network.width), accuracy.cut)


def linear_parts_of(neurons: NeuronNodes, laws: Laws, series: list[list[Series]], d: int) -> tuple[Array, Array]:
    """Means of the features, shape (A, rows), and slopes, (A, rows, d), of neurons of these laws."""
    means = [neurons.by_kind @ [s.coefficients[0] for s in some] for some in series]
    slopes = [
        sum(weight * _slopes(law, s, d) for law, s, weight in zip(those, some, neurons.by_kind, strict=True))
        for those, some in zip(laws, series, strict=True)
    ]
    return np.array(means), np.array(slopes)


def _slopes(law: RowLaw, series: Series, d: int) -> Array:
    """``sqrt d E[sigma(h) w']`` of the rows, shape (rows, d): by parts, and what is given of w times the mean."""
    slopes: Array = series.coefficients[1][:, None] * law.unit[:, :d]
    return slopes if law.given is None else slopes + np.outer(series.coefficients[0], law.given)


def drawn_features(network: Network, kinds: Kinds, step: float, rows: Sample) -> tuple[DrawnNeurons, Array] | None:
    """Some neurons after the step, and their features at these rows; None where the gradient is not known."""
    if kinds.gradient is None:
        return None
    neurons = drawn_neurons(network, kinds.gradient, step)
    return neurons, network.activation.apply(neurons.weights @ rows.inputs.T, np)


class Step:
    """One step whose kernels are worked out readout by readout: for few rows."""

    lost = 0.0
    """What sharing the kernels with other steps costs, relative."""

    def __init__(
        self,
        network: Network,
        kinds: Kinds,
        step: float,
        fit: Sample,
        test: Sample,
        accuracy: CurveAccuracy,
        normal: bool = False,
    ) -> None:
        self.normal = normal and has_lengths(network.activation, fit.inputs.shape[1], fit.target)
        self.network, self.kinds, self.fit, self.test = network, kinds, fit, test
        self.rows_at_once, self.exact = accuracy.rows_at_once, accuracy.exact
        rows = self._moved(fit.inputs)
        self.neurons = neurons_after(network, rows[0], step, accuracy, kinds.weights)
        self.laws = self.neurons.laws(rows)
        self.degree = written_out(network, rows[0], accuracy)
        self.series = self._series(self.laws)

    def _moved(self, inputs: Array) -> list[MovedRows]:
        return [MovedRows.of(inputs, m) for m in self.kinds.moments]

    def _series(self, laws: Laws) -> list[list[Series]]:
        return all_series(self.network.activation, laws, self.degree)

    def diagonal(self) -> Array:
        """The mean over readouts of the kernel's diagonal, shape (n,)."""
        total: Array = self.neurons.weights @ self._diagonals(self.series)
        return total

    def _diagonals(self, series: list[list[Series]]) -> Array:
        by_kind = self.neurons.by_kind
        return np.array([by_kind @ [np.sum(s.coefficients**2, axis=0) for s in some] for some in series])

    @cached_property
    def drawn(self) -> tuple[DrawnNeurons, Array] | None:
        """Some neurons after the step, and their features at the rows of the fit."""
        return drawn_features(self.network, self.kinds, self.neurons.step, self.fit)

    def family(self, precision: Precision) -> tuple[KernelFamily, float]:
        """The kernels of the fit, and the bound of their error relative to their norm."""
        n, weights = len(self.fit.target), self.neurons.weights
        kernels, bounds = np.zeros((len(weights), packed_size(n)), precision.dtype), np.zeros(len(weights))
        for k, (laws, series) in enumerate(zip(self.laws, self.series, strict=True)):
            kernels[k], bounds[k] = kernel_of(laws, series, self.neurons.by_kind, precision.dtype)
        family = compress_packed(kernels, n, weights, precision)
        norms = np.sqrt(np.diagonal(gram(kernels, n)))
        return family, float(weights @ bounds / (weights @ norms))

    def linear_parts(self, dtype: Any = float) -> LinearParts | None:
        """Of the rows of the fit, for the full gradient after a step; slopes in this precision."""
        return self._parts(self.laws, self.series, dtype)

    def _parts(self, laws: Laws, series: list[list[Series]], dtype: Any) -> LinearParts | None:
        if not (self.neurons.step > 0 and self.kinds.moments[0].is_full):
            return None
        means, slopes = linear_parts_of(self.neurons, laws, series, self.fit.inputs.shape[1])
        return LinearParts(self.neurons.nodes, self.neurons.weights, means, slopes.astype(dtype, copy=False))

    def test_kernels(self, rows: slice, family: KernelFamily) -> RowKernels:
        """Of some of the test rows, in the precision of the family."""
        dtype = family.parts.dtype.type
        laws = self.neurons.laws(self._moved(self.test.inputs[rows]))
        series = self._series(laws)
        count, tested = len(laws), len(self.test.target[rows])
        kernels = np.empty((count, tested, len(self.fit.target)), dtype)
        for k in range(count):
            others = self.laws[k], self.series[k]
            kernels[k] = cross_kernel((laws[k], series[k]), others, self.neurons.by_kind, dtype)
        return RowKernels(np.eye(count), kernels, self._diagonals(series), self._parts(laws, series, dtype))
