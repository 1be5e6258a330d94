"""From rows to errors: one gradient, many steps, many ridges, with whatever can be shared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Activation
from polyspike.theory.on_data.errors import row_errors, train_errors
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import KernelFamily, Precision, compress, precision_for, rounding
from polyspike.theory.on_data.features import MovedRows, RowLaw, correlation, degree_for, kernel_of, row_law, series_of
from polyspike.theory.on_data.gradient_rows import GradientMoments, gradient_moments
from polyspike.theory.on_data.initial_output import initial_outputs
from polyspike.theory.on_data.readouts import length_nodes, readout_nodes, turning_readout
from polyspike.theory.on_data.ridges import Known, Solved, over_ridges
from polyspike.theory.on_data.series import Series, power_series

__all__ = ["DEFAULT_ACCURACY", "CurveAccuracy", "Network", "PointErrors", "Sample", "Step", "moments_of", "step_curve"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one part: inputs of shape (rows, d), target of shape (rows,)."""

    inputs: Array
    target: Array


@dataclass(frozen=True)
class Network:
    """The network, its step and ridge aside."""

    activation: Activation
    width: int
    gradient: str
    readout: str


@dataclass(frozen=True)
class CurveAccuracy:
    """How finely averages are taken.

    Attributes
    ----------
    nodes : int
        Of a normal readout and a small step; a large step has up to twice as many.
    degree : int or None
        Up to which the series of the kernel are written out; the energy beyond is lumped into the next two. None: as
        far as ``cut`` asks.
    cut : float
        Bound of the relative Frobenius norm of what the cut leaves out of the kernel without a step.
    outputs : int
        Pairs of initial outputs of the full gradient.
    rows_at_once : int
        Test rows that are worked on at a time.
    """

    nodes: int = 12
    degree: int | None = None
    cut: float = 1e-4
    outputs: int = 1
    rows_at_once: int = 512


DEFAULT_ACCURACY = CurveAccuracy()

_LARGEST_CHANGE = 4.0
"""How many times 2/d the lengths of weights may change a test error; more is no correction."""


@dataclass(frozen=True, eq=False)
class PointErrors:
    """Errors at one step and one ridge; the test errors of all rows, shape (rows,).

    ``normal`` says that weights were taken for normal ones though there are few columns, and ``numerics`` what rounding
    and the ends of iterations may have changed, relative.
    """

    train_loss: float
    train_error: float
    test_squares: Array
    cut: float
    numerics: float
    normal: bool = False


def step_curve(
    network: Network,
    parts: tuple[Sample, Sample, Sample],
    steps: Sequence[float],
    ridges: Sequence[float],
    accuracy: CurveAccuracy = DEFAULT_ACCURACY,
    tell: Callable[[float], object] | None = None,
) -> list[list[PointErrors]]:
    """Errors at every step and, within it, every ridge; rows of the gradient, of the fit, and of the test."""
    gradient, fit, test = parts
    curve = _Curve(network, _Gradients(network, gradient, accuracy), fit, test, accuracy)
    found = []
    for k, step in enumerate(steps):
        found.append(_corrected(partial(curve.at, step), ridges, fit.inputs.shape[1]))
        if tell is not None:
            tell((k + 1) / len(steps))
    return found


def _corrected(
    solve: Callable[[Sequence[float], bool], list[PointErrors]], ridges: Sequence[float], input_dim: int
) -> list[PointErrors]:
    """The errors with the lengths of weights (eq-data-length), unless these do more than a correction can.

    They change errors by the order 2/d. A mean over lengths that is no kernel, because of the signs of its weights,
    changes some by far more, or has no resolvent; then weights are taken for normal ones. The smallest and the largest
    ridge are compared.
    """
    if len(length_nodes(input_dim)[0]) == 1:
        return solve(ridges, True)
    try:
        found = solve(ridges, False)
    except NumericalError:
        return solve(ridges, True)
    ends = sorted({int(np.argmin(ridges)), int(np.argmax(ridges))})
    normal = solve([ridges[k] for k in ends], True)
    changes = [
        abs(np.mean(found[k].test_squares) / np.mean(other.test_squares) - 1)
        for k, other in zip(ends, normal, strict=True)
    ]
    if max(changes) < _LARGEST_CHANGE * 2 / input_dim:
        return found
    return normal if len(ends) == len(ridges) else solve(ridges, True)


class _Curve:
    """Steps in turn; each starts where the one before ended."""

    def __init__(
        self, network: Network, gradients: "_Gradients", fit: Sample, test: Sample, accuracy: CurveAccuracy
    ) -> None:
        self._network, self._gradients, self._fit, self._test = network, gradients, fit, test
        self._accuracy = accuracy
        self._known: dict[tuple[bool, int], Known] = {}

    def at(self, step: float, ridges: Sequence[float], normal: bool) -> list[PointErrors]:
        """The errors of all ridges at one step, averaged over initial outputs."""
        moments = self._gradients.normal if normal else self._gradients.by_length
        each = []
        for k, some in enumerate(moments if step > 0 else moments[:1]):
            after = Step(self._network, some, step, self._fit, self._test, self._accuracy, normal)
            points, self._known[normal, k] = _at_step(after, ridges, self._known.get((normal, k)))
            each.append(points)
        return [_average(points) for points in zip(*each, strict=True)]


class _Gradients:
    """The gradient with every initial output that counts; without any output for the target-only form."""

    def __init__(self, network: Network, sample: Sample, accuracy: CurveAccuracy) -> None:
        self._network, self._sample, self._accuracy = network, sample, accuracy

    @cached_property
    def by_length(self) -> list[list[GradientMoments]]:
        """At every length of a neuron."""
        lengths, _ = length_nodes(self._sample.inputs.shape[1])
        return self._at(lengths)

    @cached_property
    def normal(self) -> list[list[GradientMoments]]:
        """At the one length of a normal weight."""
        return self._at(np.ones(1))

    def _at(self, lengths: Array) -> list[list[GradientMoments]]:
        activation, inputs = self._network.activation, self._sample.inputs
        return [
            [gradient_moments(activation, inputs, self._sample.target - output, omega, s) for s in lengths]
            for output, omega in self._outputs
        ]

    @cached_property
    def _outputs(self) -> list[tuple[Array, Array | None]]:
        network, sample = self._network, self._sample
        if network.gradient != "full":
            return [(np.zeros_like(sample.target), None)]
        pairs = self._accuracy.outputs
        return list(
            initial_outputs(network.activation, sample.inputs, sample.target, network.readout, network.width, pairs)
        )


def moments_of(network: Network, sample: Sample, accuracy: CurveAccuracy, normal: bool) -> list[GradientMoments]:
    """The gradient at every length of a neuron, or at a normal weight's, with the first of the initial outputs."""
    gradients = _Gradients(network, sample, accuracy)
    return (gradients.normal if normal else gradients.by_length)[0]


def _average(points: Sequence[PointErrors]) -> PointErrors:
    return PointErrors(
        train_loss=float(np.mean([p.train_loss for p in points])),
        train_error=float(np.mean([p.train_error for p in points])),
        test_squares=np.mean([p.test_squares for p in points], axis=0),
        cut=max(p.cut for p in points),
        numerics=max(p.numerics for p in points),
        normal=any(p.normal for p in points),
    )


class Step:
    """The laws and the kernels of the features after one step, for neurons of all readouts and lengths."""

    def __init__(
        self,
        network: Network,
        moments: Sequence[GradientMoments],
        step: float,
        fit: Sample,
        test: Sample,
        accuracy: CurveAccuracy,
        normal: bool = False,
    ) -> None:
        self.normal = normal and len(length_nodes(fit.inputs.shape[1])[0]) > 1
        self.network, self.moments, self.step, self.fit, self.test = network, moments, step, fit, test
        self.rows_at_once = accuracy.rows_at_once
        rows = self._moved(fit.inputs)
        self.by_length = np.ones(1) if normal else length_nodes(fit.inputs.shape[1])[1]
        self.nodes, self.weights = np.zeros(1), np.ones(1)
        if step > 0:
            scale = turning_readout(rows[0], step / np.sqrt(network.width))
            self.nodes, self.weights = readout_nodes(network.readout, accuracy.nodes, scale)
        self.laws = [[row_law(r, u, step, network.width) for r in rows] for u in self.nodes]
        still = row_law(rows[0], 0.0, 0.0, network.width)
        self.degree = accuracy.degree or degree_for(network.activation, still, accuracy.cut)
        self.series = [[series_of(network.activation, law, self.degree) for law in laws] for laws in self.laws]

    def _moved(self, inputs: Array) -> list[MovedRows]:
        return [MovedRows.of(inputs, m) for m in self.moments]

    def diagonal(self) -> Array:
        """The mean over readouts of the kernel's diagonal, shape (n,)."""
        each = [
            self.by_length @ [np.sum(series.coefficients**2, axis=0) for series in by_length]
            for by_length in self.series
        ]
        total: Array = self.weights @ np.array(each)
        return total

    def family(self, precision: Precision) -> tuple[KernelFamily, float]:
        """The kernels of the fit, and the bound of their error relative to their norm."""
        n = len(self.fit.target)
        kernels, bounds = np.zeros((len(self.nodes), n, n), precision.dtype), np.zeros(len(self.nodes))
        for k, laws in enumerate(self.laws):
            for law, series, weight in zip(laws, self.series[k], self.by_length, strict=True):
                kernel, bound = kernel_of(law, series, precision.dtype)
                kernel *= precision.dtype(weight)
                kernels[k] += kernel
                bounds[k] += abs(weight) * bound
        norms = [np.sqrt(np.sum(np.linalg.norm(kernel, axis=1).astype(float) ** 2)) for kernel in kernels]
        return compress(kernels, self.weights, precision), float(self.weights @ bounds / (self.weights @ norms))

    def linear_parts(self) -> LinearParts | None:
        """Of the rows of the fit, for the full gradient after a step."""
        return self._parts(self.laws, self.series) if self._excludes else None

    @property
    def _excludes(self) -> bool:
        return self.step > 0 and self.moments[0].is_full

    def _parts(self, laws: list[list[RowLaw]], series: list[list[Series]]) -> LinearParts:
        d = self.fit.inputs.shape[1]
        means = [self.by_length @ [s.coefficients[0] for s in some] for some in series]
        slopes = [
            sum(
                weight * s.coefficients[1][:, None] * law.unit[:, :d]
                for law, s, weight in zip(those, some, self.by_length, strict=True)
            )
            for those, some in zip(laws, series, strict=True)
        ]
        return LinearParts(self.nodes, self.weights, np.array(means), np.array(slopes))

    def test_kernels(self, inputs: Array, dtype: Any) -> tuple[Array, Array, LinearParts | None]:
        """``K_u(t, X)``, shape (A, rows, n), and ``K_u(t, t)``, shape (A, rows), of test rows; their linear parts."""
        rows = self._moved(inputs)
        kernels = np.zeros((len(self.nodes), len(inputs), len(self.fit.target)), dtype)
        diagonals = np.zeros(kernels.shape[:2])
        laws = [[row_law(moved, u, self.step, self.network.width) for moved in rows] for u in self.nodes]
        own = [[series_of(self.network.activation, law, self.degree) for law in some] for some in laws]
        for k in range(len(self.nodes)):
            for j, weight in enumerate(self.by_length):
                rho = correlation(laws[k][j], self.laws[k][j], dtype)
                kernel = power_series(own[k][j], self.series[k][j], rho)
                kernel *= dtype(weight)
                kernels[k] += kernel
                diagonals[k] += weight * np.sum(own[k][j].coefficients ** 2, axis=0)
        return kernels, diagonals, self._parts(laws, own) if self._excludes else None


def _at_step(step: Step, ridges: Sequence[float], known: Known | None) -> tuple[list[PointErrors], Known]:
    target, width = step.fit.target, step.network.width
    smallest, diagonal = min(ridges) * len(target) / width, step.diagonal()
    precision = precision_for(diagonal, smallest)
    family, cut = step.family(precision)
    solved, known = over_ridges(family, step.nodes, ridges, target, width, known, step.linear_parts())
    trained = [train_errors(r, response, target) for r, response in solved]
    squares = _test_squares(step, family, solved)
    rounded = rounding(diagonal, smallest) if precision.dtype is np.float32 else 0.0
    numerics = precision.error + rounded
    points = [
        PointErrors(t.loss, t.error, s, cut, numerics, step.normal) for t, s in zip(trained, squares, strict=True)
    ]
    return points, known


def _test_squares(step: Step, family: KernelFamily, solved: Sequence[Solved]) -> list[Array]:
    """Errors of all test rows, for every ridge."""
    test = step.test
    squares = [np.empty(len(test.target)) for _ in solved]
    for start in range(0, len(test.target), step.rows_at_once):
        part = slice(start, start + step.rows_at_once)
        kernels, diagonals, linear = step.test_kernels(test.inputs[part], family.parts.dtype.type)
        for k, (resolvent, response) in enumerate(solved):
            wanted, width = test.target[part], step.network.width
            squares[k][part] = row_errors(response, resolvent, kernels, diagonals, wanted, width, linear)
    return squares
