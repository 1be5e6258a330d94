"""The law of a feature given the rows and the readout of its neuron, and its kernels (eq-data-law, eq-data-kernel)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.theory.on_data.gradient_rows import TINY, GradientMoments
from polyspike.theory.on_data.hermite_moments import hermite_moments
from polyspike.theory.on_data.packed import Slab, clear_below, packed_size, slabs
from polyspike.theory.on_data.series import Series, cut_bound, cut_square, lumped, power_series
from polyspike.theory.on_data.threads import in_threads

__all__ = [
    "MovedRows",
    "RowLaw",
    "all_series",
    "correlation",
    "cross_kernel",
    "degree_for",
    "kernel_of",
    "row_law",
    "series_of",
]


_AT_ONCE = 64
"""Rows of a kernel that are worked on at a time."""

DEGREES = (6, 8, 10, 12, 16, 24, 32, 48)
"""Degrees up to which the series of a kernel may be written out."""


@dataclass(frozen=True, eq=False)
class MovedRows:
    """Rows with what the gradient does to them, step size aside; all of shape (rows, ...).

    Attributes
    ----------
    inputs : ndarray of shape (rows, d)
        Without the axes along which the weight is given.
    start : ndarray of shape (rows,)
        What these add to ``w.x``.
    matrix, own_matrix : ndarray of shape (rows, d)
        ``X M`` and ``X D``; no ``X D`` for the target-only gradient.
    noise : ndarray of shape (rows, r)
        ``X L``.
    drift, output, output_moved, output_own, own_drift : ndarray of shape (rows,)
        ``X`` times the drift, omega, ``M omega``, ``D omega``, the own drift.
    length : float
        Of the neurons.
    given : ndarray of shape (d,), optional
        What is given of the weight, times ``sqrt d``.
    """

    inputs: Array
    start: Array
    matrix: Array
    noise: Array
    own_matrix: Array | None
    drift: Array
    output: Array
    output_moved: Array
    output_own: Array
    own_drift: Array
    length: float
    given: Array | None = None

    @classmethod
    def of(cls, inputs: Array, moments: GradientMoments) -> "MovedRows":
        """The rows of a table, shape (rows, d)."""
        own = inputs @ moments.own_matrix if moments.is_full else None
        along = moments.along
        start, inner = (np.zeros(len(inputs)), inputs) if along is None else along.split(inputs)
        return cls(
            inputs=inner,
            start=moments.length * start,
            matrix=inputs @ moments.matrix,
            noise=inputs @ moments.noise_factor,
            own_matrix=own,
            drift=inputs @ moments.drift,
            output=inputs @ moments.output,
            output_moved=inputs @ (moments.matrix @ moments.output),
            output_own=inputs @ (moments.own_matrix @ moments.output),
            own_drift=inputs @ moments.own_drift,
            length=moments.length,
            given=None if along is None else moments.length * (along.axes @ along.values),
        )


class RowLaw(NamedTuple):
    """``h_u(x) ~ N(mean, deviation^2)``, jointly for all rows, of which ``unit @ unit'`` are the correlations.

    ``given`` is what is given of the weight times ``sqrt d``, shape (d,).
    """

    mean: Array
    deviation: Array
    unit: Array
    given: Array | None = None


def row_law(rows: MovedRows, u: float, step: float, width: int) -> RowLaw:
    """The law of the pre-activations of a neuron with readout ``u / sqrt N`` after a step eta (eq-data-law)."""
    s, d = step / np.sqrt(width), rows.inputs.shape[1]
    own = u * u * s / np.sqrt(width)
    factor = np.empty((len(rows.inputs), d + (rows.noise.shape[1] if u * s else 0)))
    kept, length = factor[:, :d], rows.length / np.sqrt(d)
    np.multiply(rows.matrix, u * s, out=kept)
    kept += rows.inputs
    mean = rows.start + u * s * rows.drift
    if rows.own_matrix is not None:
        kept -= own * rows.own_matrix
        start = rows.output + u * s * rows.output_moved - own * rows.output_own
        mean = mean + u / np.sqrt(width) * start - own * rows.own_drift
        length *= np.sqrt(width / (width + u * u))
    kept *= length
    if u * s:
        np.multiply(rows.noise, u * s, out=factor[:, d:])
    deviation = np.maximum(np.sqrt(np.einsum("ij,ij->i", factor, factor)), TINY)
    factor /= deviation[:, None]
    return RowLaw(mean, deviation, factor, rows.given)


def correlation(left: RowLaw, right: RowLaw, dtype: Any = float) -> Array:
    """Between the pre-activations of two sets of rows, shape (rows, rows')."""
    first = left.unit.astype(dtype, copy=False)
    product = first @ (first if left is right else right.unit.astype(dtype, copy=False)).T
    return _clipped(product)


def series_of(activation: Activation, law: RowLaw, degree: int) -> Series:
    """The kernel's series at these rows."""
    return lumped(hermite_moments(activation, law.mean, law.deviation, degree + 2))


def all_series(activation: Activation, laws: Sequence[Sequence[RowLaw]], degree: int) -> list[list[Series]]:
    """:func:`series_of` of many laws, their coefficients worked out together."""
    flat = [law for some in laws for law in some]
    mean, deviation = (np.concatenate([law[k] for law in flat]) for k in (0, 1))
    whole = lumped(hermite_moments(activation, mean, deviation, degree + 2))
    ends = np.cumsum([len(law.mean) for law in flat])
    each = iter([whole.of(slice(end - len(law.mean), end)) for law, end in zip(flat, ends, strict=True)])
    return [[next(each) for _ in some] for some in laws]


def degree_for(activation: Activation, law: RowLaw, cut: float) -> int:
    """The first of a few degrees whose bound is below ``cut`` of the norm of the kernel's diagonal and beyond.

    The largest, where none is: near-duplicates among the rows have correlations close to one.
    """
    rho = correlation(law, law)
    for degree in DEGREES:
        series = series_of(activation, law, degree)
        if cut_bound(series, rho) <= cut * float(np.linalg.norm(np.sum(series.coefficients**2, axis=0))):
            return degree
    return DEGREES[-1]


def kernel_of(
    laws: Sequence[RowLaw], series: Sequence[Series], weights: Array, dtype: Any = float
) -> tuple[Array, float]:
    """``K_u`` between all rows, packed, shape (M,), and a bound of the Frobenius norm of its error.

    The sum over kinds of neurons, with weights of shape (kinds,).
    """
    units, (left, right) = _units(laws, dtype), _both_sides(series, weights, dtype)
    n = len(laws[0].mean)
    kernel, squares = np.zeros(packed_size(n), dtype), np.zeros((len(laws), n))

    def work(slab: Slab) -> None:
        part = slab.of(kernel)
        for k, unit in enumerate(units):
            rho = _clipped(unit[slab.own] @ unit[slab.right].T)
            np.fill_diagonal(rho, 1.0)
            part += power_series(left[k].of(slab.own), right[k].of(slab.right), rho)
            squares[k, slab.own.start] = cut_square(series[k], slab.own, rho)
        clear_below(part)

    in_threads(work, slabs(n))
    return kernel, float(np.abs(weights) @ (2 * np.sqrt(np.sum(squares, axis=1))))


def cross_kernel(
    rows: tuple[Sequence[RowLaw], Sequence[Series]],
    others: tuple[Sequence[RowLaw], Sequence[Series]],
    weights: Array,
    dtype: Any = float,
) -> Array:
    """``K_u`` between two sets of rows, given by laws and series of every kind of neurons; shape (rows, rows')."""
    left, right = (_both_sides(some[1], weights, dtype) for some in (rows, others))
    units, of_others = (_units(some[0], dtype) for some in (rows, others))
    kernel = np.zeros((len(units[0]), len(of_others[0])), dtype)
    for start in range(0, len(kernel), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for k, unit in enumerate(units):
            rho = _clipped(unit[part] @ of_others[k].T)
            kernel[part] += power_series(left[0][k].of(part), right[1][k], rho)
    return kernel


def _units(laws: Sequence[RowLaw], dtype: Any) -> list[Array]:
    return [law.unit.astype(dtype, copy=False) for law in laws]


def _both_sides(series: Sequence[Series], weights: Array, dtype: Any) -> tuple[list[Series], list[Series]]:
    """For rows, with the weights, and for columns, without."""
    left = [some.times(weight, dtype) for some, weight in zip(series, weights, strict=True)]
    return left, [some.times(1.0, dtype) for some in series]


def _clipped(product: Array) -> Array:
    return np.clip(product, -1.0, 1.0, out=product)
