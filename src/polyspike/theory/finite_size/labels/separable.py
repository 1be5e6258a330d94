"""Averages of a teacher over all inputs but one, factor by factor (docs/theory-finite-size.md, section 2).

A teacher is a sum of products of functions of one index each, and the indices ``t`` are independent. With
``y = v . t`` the input along beta* and ``c_m`` the Hermite tensor of a product,

    E[prod_j f_j(t_j) | y] = sum_m c_m v^m H_|m|(y),

so that the coefficient of ``H_k`` is that of ``s^k`` in the product over j of ``sum_m c_m^(j) (v_j s)^m``: one
convolution an index, however many there are. Averages with Hermite polynomials of the other inputs are derivatives of
the product by v. Exact where the factors of all indices that y contains are polynomials, or where y is one index.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import hermite_functions
from polyspike.problem import Teacher
from polyspike.problem.expressions import Factor, Term
from polyspike.problem.teachers import factors_at, product_coefficients, value_of

__all__ = ["OtherAverages", "is_separable", "other_averages"]

# The order up to which a factor is needed whose index y does not contain: value, slope, curvature and one more.
_DERIVATIVES = 3


class OtherAverages(NamedTuple):
    """Averages over the other inputs x at every y, with ``s = sum_i (x_i^2 - 1)`` (docs/theory-corrections.md).

    Attributes
    ----------
    mean, square : ndarray of shape (Y,)
        ``E f`` and ``E f^2``.
    slopes : ndarray of shape (p - 1, Y)
        ``E x_i f``.
    products : ndarray of shape (p - 1, p - 1, Y)
        ``E (x_i x_j - delta_ij) f``.
    radial : tuple of ndarray
        ``E s f``, ``E (s - 2) x_i f`` and ``E s f^2``.
    """

    mean: Array
    slopes: Array
    square: Array
    products: Array
    radial: tuple[Array, Array, Array]


class _Axis(NamedTuple):
    """The direction of y in index space, and the index that y is, if it is one."""

    v: Array
    alone: int | None


def is_separable(teacher: Teacher) -> bool:
    """Whether :func:`other_averages` is exact for a teacher."""
    if teacher.function is not None:
        return False
    active = set(np.flatnonzero(teacher.direction).tolist())
    factors = (f for term in teacher.terms for f in term.factors if f.axis in active)
    return len(active) == 1 or all(f.degree is not None for f in factors)


def other_averages(teacher: Teacher, y: Array, frame: Array) -> OtherAverages:
    """The averages of a separable teacher at y (Y,); ``frame`` (p, p) has beta* and the others as rows."""
    active, others = np.flatnonzero(frame[0]), frame[1:]
    axis = _Axis(frame[0], int(active[0]) if len(active) == 1 else None)
    p = len(frame)
    found = _moments(teacher.terms, y, axis)
    slopes, radial_slopes = others @ found[2 : p + 2], others @ found[p + 2 : 2 * p + 2]
    products = np.einsum("ia,jb,aby->ijy", others, others, found[2 * p + 2 :].reshape(p, p, -1))
    square, radial_square = _moments(_squared(teacher.terms), y, axis, gradients=False)[:2]
    return OtherAverages(found[0], slopes, square, products, (found[1], radial_slopes, radial_square))


def _squared(terms: tuple[Term, ...]) -> list[Term]:
    """Terms of the square of a sum."""
    coefficients: dict[tuple[Factor, ...], float] = {}
    for i, a in enumerate(terms):
        for b in terms[i:]:
            key = tuple(sorted(a.factors + b.factors))
            coefficients[key] = coefficients.get(key, 0.0) + a.coefficient * b.coefficient * (1 if a is b else 2)
    return [Term(c, factors) for factors, c in coefficients.items()]


def _moments(terms: Iterable[Term], y: Array, axis: _Axis, gradients: bool = True) -> Array:
    """The rows of :func:`_graded`, evaluated at y."""
    p = len(axis.v)
    out = np.zeros(((2 + 2 * p + p * p) if gradients else 2, len(y)))
    groups: dict[tuple[Factor, ...], list[Array]] = {}
    for term in terms:
        axis_factors = factors_at(term.factors, axis.alone) if axis.alone is not None else ()
        groups.setdefault(axis_factors, []).append(term.coefficient * _graded(term.factors, axis, gradients))
    for axis_factors, parts in groups.items():
        degree = max(part.shape[1] for part in parts)
        total = sum(np.pad(part, ((0, 0), (0, degree - part.shape[1]))) for part in parts)
        basis = hermite_functions(y, degree - 1, normalised=False)
        value = value_of(axis_factors, y * axis.v[axis.alone]) if axis.alone is not None else 1.0
        out += value * (total @ basis)
    return out


def _graded(factors: tuple[Factor, ...], axis: _Axis, gradients: bool) -> Array:
    """Coefficients of ``H_k(y)`` of a product: of E f and of its Laplacian across y (2 rows); then of the gradients of
    both (2 p) and of the matrix of second derivatives of the first (p p), by index.
    """
    p = len(axis.v)
    used = [j for j in range(p) if j != axis.alone and any(f.axis == j for f in factors)]
    series = {j: _series(factors_at(factors, j), float(axis.v[j])) for j in used}
    degree = sum(len(c) - 1 for c in series.values())

    def derivative(*by: int) -> Array:
        parts = [_derivative(series[j], float(axis.v[j]), by.count(j)) for j in used]
        graded = reduce(np.convolve, parts, np.ones(1))
        return np.pad(graded, (0, degree + 1 - len(graded)))

    def across(*by: int) -> Array:
        """The Laplacian of a derivative, less the second derivative along y."""
        laplacian = sum((derivative(*by, i, i) for i in used), np.zeros(degree + 1))
        return laplacian if axis.alone is not None else laplacian - _along(derivative(*by))

    out = np.zeros(((2 + 2 * p + p * p) if gradients else 2, degree + 1))
    out[0], out[1] = derivative(), across()
    for a in used if gradients else ():
        out[2 + a], out[2 + p + a] = derivative(a), across(a)
        for b in used:
            out[2 + 2 * p + a * p + b] = derivative(a, b)
    return out


def _series(factors: tuple[Factor, ...], v: float) -> Array:
    """Hermite coefficients of the factors of one index, all of them where y contains it."""
    degrees = [f.degree for f in factors]
    polynomial_degree = sum(d for d in degrees if d is not None)
    if v != 0 or None not in degrees:
        return product_coefficients(factors, polynomial_degree)
    return product_coefficients(factors, _DERIVATIVES)


def _derivative(series: Array, v: float, order: int) -> Array:
    """Coefficients in s of the derivative of ``sum_m c_m (v s)^m`` by ``v s``."""
    c = np.polynomial.polynomial.polyder(series, order) if order else series
    return np.asarray(c * v ** np.arange(len(c)), dtype=float)


def _along(graded: Array) -> Array:
    """The second derivative along y: a homogeneous part of degree k gives ``k (k - 1)`` at degree k - 2."""
    k = np.arange(len(graded))
    out = np.zeros_like(graded)
    out[:-2] = (k * (k - 1) * graded)[2:]
    return out
