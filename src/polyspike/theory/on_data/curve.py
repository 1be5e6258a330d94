"""From rows to errors: one gradient, many steps, many ridges, with whatever can be shared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.theory.on_data.errors import response_weights, row_errors, train_errors
from polyspike.theory.on_data.features import MovedRows, RowLaw, correlation, degree_for, kernel_of, row_law, series_of
from polyspike.theory.on_data.gradient_rows import GradientMoments, gradient_moments
from polyspike.theory.on_data.initial_output import initial_outputs
from polyspike.theory.on_data.readouts import readout_nodes, turning_readout
from polyspike.theory.on_data.resolvent import Family, Resolvent, compress, solve
from polyspike.theory.on_data.series import Series, power_series

__all__ = ["DEFAULT_ACCURACY", "Accuracy", "Network", "PointErrors", "Sample", "step_curve"]


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
class Accuracy:
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

    nodes: int = 15
    degree: int | None = None
    cut: float = 1e-4
    outputs: int = 1
    rows_at_once: int = 512


DEFAULT_ACCURACY = Accuracy()


@dataclass(frozen=True, eq=False)
class PointErrors:
    """Errors at one step and one ridge; the test errors of all rows, shape (rows,)."""

    train_loss: float
    train_error: float
    test_squares: Array
    cut: float


def step_curve(
    network: Network,
    parts: tuple[Sample, Sample, Sample],
    steps: Sequence[float],
    ridges: Sequence[float],
    accuracy: Accuracy = DEFAULT_ACCURACY,
    tell: Callable[[float], object] | None = None,
) -> list[list[PointErrors]]:
    """Errors at every step and, within it, every ridge; rows of the gradient, of the fit, and of the test."""
    gradient, fit, test = parts
    moments = list(_moments(network, gradient, accuracy))
    found = []
    for k, step in enumerate(steps):
        some = moments if step > 0 else moments[:1]
        each = [_at_step(network, m, fit, test, step, ridges, accuracy) for m in some]
        found.append([_average(points) for points in zip(*each, strict=True)])
        if tell is not None:
            tell((k + 1) / len(steps))
    return found


def _moments(network: Network, sample: Sample, accuracy: Accuracy) -> Iterator[GradientMoments]:
    """The gradient with every initial output that counts: one without any, for the target-only form."""
    if network.gradient == "target":
        yield gradient_moments(network.activation, sample.inputs, sample.target)
        return
    start = initial_outputs(
        network.activation, sample.inputs, sample.target, network.readout, network.width, accuracy.outputs
    )
    for output, omega in start:
        yield gradient_moments(network.activation, sample.inputs, sample.target - output, omega)


def _average(points: Sequence[PointErrors]) -> PointErrors:
    return PointErrors(
        train_loss=float(np.mean([p.train_loss for p in points])),
        train_error=float(np.mean([p.train_error for p in points])),
        test_squares=np.mean([p.test_squares for p in points], axis=0),
        cut=max(p.cut for p in points),
    )


def _at_step(
    network: Network,
    moments: GradientMoments,
    fit: Sample,
    test: Sample,
    step: float,
    ridges: Sequence[float],
    accuracy: Accuracy,
) -> list[PointErrors]:
    rows = MovedRows.of(fit.inputs, moments)
    nodes, weights = np.zeros(1), np.ones(1)
    if step > 0:
        scale = turning_readout(rows, step / np.sqrt(network.width))
        nodes, weights = readout_nodes(network.readout, accuracy.nodes, scale)
    laws = [row_law(rows, u, step, network.width) for u in nodes]
    degree = accuracy.degree or degree_for(network.activation, row_law(rows, 0.0, 0.0, network.width), accuracy.cut)
    family, cut = _family(network.activation, laws, weights, degree)
    solved = _over_ridges(family, ridges, len(fit.target), network.width)
    trained = [train_errors(family, r, fit.target, network.width) for r in solved]
    squares = _test_squares(
        network, moments, laws, family, solved, fit, test, step, nodes, degree, accuracy.rows_at_once
    )
    return [PointErrors(t.loss, t.error, s, cut) for t, s in zip(trained, squares, strict=True)]


def _family(activation: Activation, laws: Sequence[RowLaw], weights: Array, degree: int) -> tuple[Family, float]:
    """The kernels of the fit, and the bound of their error relative to their norm."""
    kernels, bounds = zip(*(kernel_of(activation, law, degree) for law in laws), strict=True)
    norms = [float(np.linalg.norm(k)) for k in kernels]
    return compress(np.stack(kernels), weights), float(weights @ bounds / (weights @ norms))


def _over_ridges(family: Family, ridges: Sequence[float], n: int, width: int) -> list[Resolvent]:
    """The resolvents of all ridges, each solved from its larger neighbour; in the order of the ridges."""
    found: dict[float, Resolvent] = {}
    before = None
    for ridge in sorted(set(ridges), reverse=True):
        before = found[ridge] = solve(family, ridge * n / width, width, before)
    return [found[ridge] for ridge in ridges]


def _test_squares(
    network: Network,
    moments: GradientMoments,
    laws: Sequence[RowLaw],
    family: Family,
    solved: Sequence[Resolvent],
    fit: Sample,
    test: Sample,
    step: float,
    nodes: Array,
    degree: int,
    rows_at_once: int,
) -> list[Array]:
    """Errors of all test rows, for every ridge."""
    weights = [response_weights(family, r, fit.target, network.width) for r in solved]
    fitted = [series_of(network.activation, law, degree) for law in laws]
    squares = [np.empty(len(test.target)) for _ in solved]
    for start in range(0, len(test.target), rows_at_once):
        part = slice(start, start + rows_at_once)
        rows = MovedRows.of(test.inputs[part], moments)
        kernels, diagonals = _test_kernels(network, rows, laws, fitted, step, nodes, degree)
        for k, (weight, resolvent) in enumerate(zip(weights, solved, strict=True)):
            squares[k][part] = row_errors(weight, resolvent, family, kernels, diagonals, test.target[part])
    return squares


def _test_kernels(
    network: Network,
    rows: MovedRows,
    laws: Sequence[RowLaw],
    fitted: Sequence[Series],
    step: float,
    nodes: Array,
    degree: int,
) -> tuple[Array, Array]:
    """``K_u(t, X)``, shape (A, rows, n), and ``K_u(t, t)``, shape (A, rows)."""
    kernels = np.empty((len(nodes), len(rows.inputs), len(laws[0].mean)))
    diagonals = np.empty(kernels.shape[:2])
    for k, u in enumerate(nodes):
        law = row_law(rows, u, step, network.width)
        series = series_of(network.activation, law, degree)
        power_series(series, fitted[k], correlation(law, laws[k]), kernels[k])
        diagonals[k] = np.sum(series.coefficients**2, axis=0)
    return kernels, diagonals
