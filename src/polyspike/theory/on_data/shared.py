"""Kernels of all steps and readouts from few of them: an interpolative decomposition (eq-data-shared).

The kernels of neurons of all readouts after all steps lie on a smooth surface in the space of matrices, so that some
of them span the others. Which, and how, is seen on a sample of the rows by a pivoted QR factorisation; only those are
worked out on all rows.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.theory.on_data.drawn import DrawnNeurons
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import (
    Compression,
    KernelFamily,
    Precision,
    compression_of,
    counted,
    gram,
    precision_for,
)
from polyspike.theory.on_data.features import (
    MovedRows,
    all_series,
    correlation,
    cross_kernel,
    kernel_of,
    row_law,
    series_of,
)
from polyspike.theory.on_data.packed import packed_size
from polyspike.theory.on_data.readouts import has_lengths
from polyspike.theory.on_data.series import Series, power_series
from polyspike.theory.on_data.sizes import CurveAccuracy, Network, Sample
from polyspike.theory.on_data.step import (
    Laws,
    NeuronNodes,
    RowKernels,
    drawn_features,
    linear_parts_of,
    neurons_after,
    written_out,
)
from polyspike.theory.on_data.strong_axes import Kinds
from polyspike.theory.on_data.threads import in_threads

__all__ = ["SharedKernels", "SharedStep"]

LOST = 3e-6
"""Share of the norm of a step's kernels that may be lost, on the sample, its rows scaled to one size."""

_OF_FIT, _OF_TEST = 48, 32
"""Rows of the sample."""

_TINY_ROW = 1e-3
"""Squared features of this share of the mean are those of a tiny row."""

_ROUNDING = 1e-10
"""Means of features of size one that are no larger, such as those of an odd activation without a step, are none."""

_KEPT_BYTES = 1 << 29
"""Kernels of test rows are kept from step to step if they take no more."""


class _Basis(NamedTuple):
    """Which of all neurons span the others: (step, node) of P of them, and every step's mix, shape (A, P)."""

    chosen: list[tuple[int, int]]
    mixes: list[Array]
    lost: float


class _Tested(NamedTuple):
    """Of the neurons that are worked out: kernels ``K(t, X)``, ``K(t, t)``, and means and slopes of the features."""

    parts: Array
    diagonals: Array
    linear: tuple[Array, Array]


class SharedKernels:
    """The steps of one curve, with one initial output."""

    def __init__(
        self,
        network: Network,
        kinds: Kinds,
        steps: Sequence[float],
        fit: Sample,
        test: Sample,
        accuracy: CurveAccuracy,
        normal: bool = False,
    ) -> None:
        self.normal = normal and has_lengths(network.activation, fit.inputs.shape[1], fit.target)
        self.network, self.kinds, self.fit, self.test = network, kinds, fit, test
        self.rows_at_once = accuracy.rows_at_once
        rows = self.moved(fit.inputs)
        self.neurons = [neurons_after(network, rows[0], step, accuracy, kinds.weights) for step in steps]
        self.degree = written_out(network, rows[0], accuracy)
        self.basis = _basis(self.neurons, [self._sampled(some) for some in self.neurons])
        self.laws = self.chosen_laws(rows)
        self.series = self.series_of(self.laws)
        self._tested: dict[int, _Tested] = {}
        self._made: dict[Any, tuple[Array, Array, Array]] = {}

    def prepare(self, smallest_shift: float) -> None:
        """What all steps need, at ridges n/N from this one on: after it several can be worked out at the same time."""
        dtype = precision_for(self.largest_diagonal, smallest_shift).dtype
        self.kernels(dtype)
        if self.is_full:
            self.linear  # noqa: B018  is kept
        for start in range(0, len(self.test.target), self.rows_at_once):
            self.tested(slice(start, start + self.rows_at_once), dtype)
            if not self._tested:
                return

    def at(self, k: int) -> "SharedStep":
        """The k-th step."""
        return SharedStep(self, k)

    def moved(self, inputs: Array) -> list[MovedRows]:
        """Rows with what the gradient does to them, for every kind of neuron."""
        return [MovedRows.of(inputs, m) for m in self.kinds.moments]

    def series_of(self, laws: Laws) -> list[list[Series]]:
        """The series of kernels at rows of these laws."""
        return all_series(self.network.activation, laws, self.degree)

    def chosen_laws(self, rows: Sequence[MovedRows]) -> Laws:
        """Of the neurons that are worked out."""
        return [self.neurons[k].laws(rows, [node])[0] for k, node in self.basis.chosen]

    @property
    def is_full(self) -> bool:
        """Whether the linear parts of the features are needed."""
        return self.kinds.moments[0].is_full

    @cached_property
    def _sample(self) -> list[MovedRows]:
        return self.moved(np.vstack([_spread(self.fit.inputs, _OF_FIT), _spread(self.test.inputs, _OF_TEST)]))

    @cached_property
    def _sample_scale(self) -> Array:
        """One over the sizes of the features without a step at the rows of the sample; a tiny row counts for little."""
        law = row_law(self._sample[0], 0.0, 0.0, self.network.width)
        squares = np.sum(series_of(self.network.activation, law, self.degree).coefficients ** 2, axis=0)
        return np.asarray((squares + _TINY_ROW * np.mean(squares)) ** -0.5)

    def _sampled(self, neurons: NeuronNodes) -> Array:
        """What is to be spanned, a column for every node: kernels between the rows of the sample, means and slopes.

        Every row is divided by the size that its features have without a step: the error of a long one counts relative
        to it, and does not hide those of all others.
        """
        laws = neurons.laws(self._sample)
        series = self.series_of(laws)
        kernels = np.array([_mean_kernel(neurons, *some) for some in zip(laws, series, strict=True)])
        scale = self._sample_scale
        columns = (kernels * np.outer(scale, scale))[:, *np.triu_indices(kernels.shape[1])]
        if self.is_full:
            means, slopes = linear_parts_of(neurons, laws, series, self.fit.inputs.shape[1])
            means, slopes = means * scale, slopes * scale[:, None]
            flat = slopes.reshape(len(slopes), -1)
            columns = np.hstack([columns, _beside(means, columns), _beside(flat, columns)])
        return columns.T

    def diagonals(self, series: list[list[Series]]) -> Array:
        """Of the kernels that are worked out, shape (P, rows)."""
        by_kind = self.neurons[0].by_kind
        return np.array([by_kind @ [np.sum(s.coefficients**2, axis=0) for s in some] for some in series])

    @cached_property
    def largest_diagonal(self) -> Array:
        """The mean over readouts of the kernel's diagonal after the step where it is largest, shape (n,)."""
        own = self.diagonals(self.series)
        each = [n.weights @ mix @ own for n, mix in zip(self.neurons, self.basis.mixes, strict=True)]
        return max(each, key=np.sum)

    def kernels(self, dtype: Any) -> tuple[Array, Array, Array]:
        """Those that are worked out, packed, (P, M), bounds of their errors, (P,), and inner products, (P, P)."""
        if dtype not in self._made:
            count, n, by_kind = len(self.laws), len(self.fit.target), self.neurons[0].by_kind
            whole, bounds = np.empty((count, packed_size(n)), dtype), np.empty(count)

            def work(k: int) -> None:
                whole[k], bounds[k] = kernel_of(self.laws[k], self.series[k], by_kind, dtype)

            in_threads(work, range(count))
            self._made = {dtype: (whole, bounds, gram(whole, n))}
        return self._made[dtype]

    @cached_property
    def linear(self) -> tuple[Array, Array]:
        """Means and slopes of the features that are worked out."""
        return linear_parts_of(self.neurons[0], self.laws, self.series, self.fit.inputs.shape[1])

    def tested(self, rows: slice, dtype: Any) -> _Tested:
        """Kernels of some of the test rows with those of the fit, of the neurons that are worked out."""
        known = self._tested.get(rows.start)
        if known is None or known.parts.dtype != dtype:
            known = self._test_kernels(self.test.inputs[rows], dtype)
            if known.parts.nbytes * (1 + len(self.test.target) // self.rows_at_once) <= _KEPT_BYTES:
                self._tested[rows.start] = known
        return known

    def _test_kernels(self, inputs: Array, dtype: Any) -> _Tested:
        laws = self.chosen_laws(self.moved(inputs))
        series = self.series_of(laws)
        kernels, by_kind = np.empty((len(laws), len(inputs), len(self.fit.target)), dtype), self.neurons[0].by_kind

        def work(k: int) -> None:
            kernels[k] = cross_kernel((laws[k], series[k]), (self.laws[k], self.series[k]), by_kind, dtype)

        in_threads(work, range(len(laws)))
        linear = linear_parts_of(self.neurons[0], laws, series, inputs.shape[1])
        return _Tested(kernels, self.diagonals(series), linear)


class SharedStep:
    """One step of :class:`SharedKernels`, with what :class:`polyspike.theory.on_data.step.Step` has."""

    exact = False

    def __init__(self, shared: SharedKernels, k: int) -> None:
        self._shared = shared
        self.neurons, self._mix = shared.neurons[k], shared.basis.mixes[k]
        self.fit, self.test, self.rows_at_once = shared.fit, shared.test, shared.rows_at_once
        self.normal, self.lost = shared.normal, shared.basis.lost

    def diagonal(self) -> Array:
        """The mean over readouts of the kernel's diagonal where it is largest, which serves all steps; shape (n,)."""
        return self._shared.largest_diagonal

    @cached_property
    def drawn(self) -> tuple[DrawnNeurons, Array] | None:
        """Some neurons after the step, and their features at the rows of the fit."""
        return drawn_features(self._shared.network, self._shared.kinds, self.neurons.step, self.fit)

    def family(self, precision: Precision) -> tuple[KernelFamily, float]:
        """The kernels of the fit, and the bound of their error relative to their norm."""
        kernels, bounds, products = self._shared.kernels(precision.dtype)
        norms = np.sqrt(np.einsum("up,pq,uq->u", self._mix, products, self._mix))
        weights = self.neurons.weights
        cut = weights @ np.abs(self._mix) @ bounds / (weights @ norms)
        return self._compression(precision).family(kernels, len(self.fit.target)), float(cut)

    def _compression(self, precision: Precision) -> Compression:
        products = self._shared.kernels(precision.dtype)[2]
        return compression_of(self._mix, products, self.neurons.weights, precision)

    def linear_parts(self, dtype: Any = float) -> LinearParts | None:
        """Of the rows of the fit, for the full gradient after a step; slopes in this precision."""
        return self._parts(self._shared.linear, dtype) if self._excludes else None

    @property
    def _excludes(self) -> bool:
        return self.neurons.step > 0 and self._shared.is_full

    def _parts(self, linear: tuple[Array, Array], dtype: Any) -> LinearParts:
        means, slopes = linear
        mixed = np.tensordot(self._mix, slopes, axes=1).astype(dtype, copy=False)
        return LinearParts(self.neurons.nodes, self.neurons.weights, self._mix @ means, mixed)

    def test_kernels(self, rows: slice, family: KernelFamily) -> RowKernels:
        """Of some of the test rows, from those that are worked out, by as many combinations as the family has."""
        there = self._shared.tested(rows, family.parts.dtype.type)
        mix = family.mix @ self._compression(family.precision).by_kernel
        linear = self._parts(there.linear, family.parts.dtype) if self._excludes else None
        return RowKernels(mix, there.parts, self._mix @ there.diagonals, linear)


def _spread(inputs: Array, count: int) -> Array:
    """At most so many rows: half of them spread evenly over the order of their lengths, the others ever more densely
    towards the longest, which the tails of an error hang on.
    """
    order = np.argsort(np.linalg.norm(inputs, axis=1), kind="stable")
    from_longest = np.geomspace(1, len(order), count // 2) - 1
    ranks = np.concatenate([np.linspace(0, len(order) - 1, count - count // 2), from_longest])
    return inputs[order[::-1][np.unique(ranks.astype(int))]]


def _mean_kernel(neurons: NeuronNodes, laws: Any, series: Any) -> Array:
    """Over kinds, between all rows of these laws."""
    kernels = [power_series(s, s, correlation(law, law)) for law, s in zip(laws, series, strict=True)]
    return np.tensordot(neurons.by_kind, kernels, axes=1)


def _beside(columns: Array, others: Array) -> Array:
    """Times a number that makes their norm a thousandth of that of the others, so that they are met a thousand times
    less closely: they stand in a term of the order 1/N alone. Nothing, where they are rounding.
    """
    size = np.linalg.norm(columns)
    if size <= _ROUNDING * np.sqrt(columns.size):
        return np.zeros_like(columns)
    return columns * (1e-3 * np.linalg.norm(others) / size)


def _basis(steps: Sequence[NeuronNodes], sampled: Sequence[Array]) -> _Basis:
    """As few columns as leave of every step's no more than a share of their norm, each weighted as in the family."""
    roots = [counted(n.weights, np.linalg.norm(some, axis=0)) for n, some in zip(steps, sampled, strict=True)]
    roots = [root / np.linalg.norm(some * root) for root, some in zip(roots, sampled, strict=True)]
    each = np.concatenate(roots)
    # A triangle has the same pivots as what it is of; NumPy's routine is fast and lets other threads run.
    first = np.linalg.qr(np.hstack(sampled) * each, mode="r")
    triangle, order = linalg.qr(first, mode="r", pivoting=True)
    ends = np.cumsum([len(root) for root in roots])
    step_of = np.searchsorted(ends, order, side="right")
    left = np.cumsum((triangle**2)[::-1], axis=0)[::-1]
    lost = np.array([np.sum(left[:, step_of == k], axis=1) for k in range(len(steps))])
    worst = np.append(np.sqrt(np.max(lost, axis=0)), 0.0)
    rank = max(1, int(np.sum(worst > LOST)))
    mix = np.zeros((len(order), rank))
    mix[order] = linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank]).T
    mix *= each[order[:rank]] / each[:, None]
    starts = np.concatenate([[0], ends])
    chosen = [(int(np.searchsorted(ends, c, side="right")), c) for c in order[:rank]]
    return _Basis([(k, int(c - starts[k])) for k, c in chosen], np.split(mix, ends[:-1]), float(worst[rank]))
