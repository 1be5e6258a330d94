"""Teachers: the link function sigma* of ``y = sigma*(x . beta*) + noise``, of one index or a few.

A teacher of p indices is a function of ``t = (x . beta*_1, ..., x . beta*_p)`` with orthonormal directions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import factorial, isfinite, prod
from typing import Any

import numpy as np

from polyspike import elementwise as ew
from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_mean, gaussian_rule, hermite_coefficients
from polyspike.problem.activations import Activation, as_activation
from polyspike.problem.callables import as_kinks, check_function, check_pickles, function_name, hashable
from polyspike.problem.expressions import MAX_DEGREE, Factor, Term, expression_of, parse_expression
from polyspike.problem.importing import imported, is_dotted
from polyspike.problem.smoothness import Smoothness, smoothness_of
from polyspike.scalars import real_or_none

__all__ = ["Teacher", "as_teacher", "factors_at", "product_coefficients", "value_of"]

# Up to this degree an information exponent is looked for in several directions at once.
_MAX_JOINT_DEGREE = 12
# A sum of many products carries an error of some units in the last place of the sum of their moduli.
_ROUNDING = 64 * float(np.finfo(float).eps)
# Relative accuracy of a Hermite coefficient of a named activation.
_ACCURACY = 1e-12


@dataclass(frozen=True)
class Teacher:
    """The target function sigma*, of ``n_indices`` orthonormal directions.

    Make one with :func:`as_teacher`. Named activations stand for their centred form, so that ``c*_0 = 0``.

    Parameters
    ----------
    expression : str
        What :func:`as_teacher` makes it from again, the same for all ways of writing it; the name of a
        callable.
    terms : tuple of Term
        Sum of products of one-index factors (empty for a callable and for the zero teacher).
    function : callable, optional
        The function, for a callable teacher. A callable sees one index, ``t = x . beta*``.
    function_kinks : tuple of float
        Where that callable or its derivative jumps.
    """

    expression: str
    terms: tuple[Term, ...] = ()
    function: Callable[..., Any] | None = None
    function_kinks: tuple[float, ...] = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self.is_named:
            return as_teacher, (self.expression,)
        check_pickles("teacher", self.expression, self.function)
        return Teacher, (self.expression, self.terms, self.function, self.function_kinks)

    @property
    def is_named(self) -> bool:
        """Whether :attr:`expression` says all; a callable has no text form, but by a dotted name."""
        return self.function is None or (is_dotted(self.expression) and as_teacher(self.expression) == self)

    def __call__(self, t: Any) -> Any:
        """``sigma*(t)``; ``t`` of shape (...,) for one index, (..., n_indices) for several."""
        return self.apply(np.asarray(t, dtype=float), np)

    def apply(self, t: Any, xp: Any) -> Any:
        """``sigma*(t)`` in the array namespace ``xp``."""
        if self.function is not None:
            with np.errstate(over="ignore", under="ignore"):
                return ew.on_host(self.function, t, xp)
        one = t if self.n_indices == 1 else t[..., 0]
        total = 0 * one
        for coefficient, factors in self.terms:
            values = [_factor(f, t if self.n_indices == 1 else t[..., f.axis], xp) for f in factors]
            total = total + coefficient * prod(values, start=0 * one + 1)
        return total

    @property
    def n_indices(self) -> int:
        """Number of directions that the teacher looks at."""
        return 1 + max((f.axis for term in self.terms for f in term.factors), default=0)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where sigma* or its derivative jumps, in any index."""
        factors = {f for term in self.terms for f in term.factors}
        return tuple(sorted({k for f in factors for k in _factor_kinks(f)} | set(self.function_kinks)))

    @property
    def smoothness(self) -> Smoothness:
        """Where quadrature splits: at the kinks, and around steep places of a callable."""
        if self.function is None:
            return Smoothness(self.kinks, 0)
        return smoothness_of(self.function, self.function_kinks)

    @property
    def is_polynomial(self) -> bool:
        """Whether sigma* is a polynomial (of Hermite factors only)."""
        return self.function is None and all(f.degree is not None for term in self.terms for f in term.factors)

    @property
    def total_degree(self) -> int:
        """Total degree of a polynomial sigma*."""
        return max((sum(f.degree or 0 for f in term.factors) for term in self.terms), default=0)

    def tensor_coefficient(self, degrees: Sequence[int]) -> float:
        """``E[sigma*(t) prod_j H_{m_j}(t_j)] / prod_j m_j!`` for degrees ``m = (m_1, ..., m_p)``."""
        return _tensor_coefficient(self, tuple(int(m) for m in degrees))

    @property
    def linear_coefficients(self) -> Array:
        """First Hermite coefficient of every index, shape (n_indices,), read-only; beta* is this, normalised."""
        return _linear_coefficients(self)

    @property
    def direction(self) -> Array:
        """The first Hermite direction, a unit vector (n_indices,); where it vanishes the first index that is looked at.

        It is oriented so that the linear coefficient along it is positive: that of ``-h1`` is ``[-1]``.
        """
        linear = self.linear_coefficients
        norm = float(np.linalg.norm(linear))
        if norm > 0:
            return linear / norm
        first = min((factor.axis for term in self.terms for factor in term.factors), default=0)
        return np.eye(self.n_indices)[first]

    def coefficients(self, degree: int) -> Array:
        """``c*_0 .. c*_degree`` along :attr:`direction`, so that ``c*_1 >= 0``.

        For one index these are the Hermite coefficients of sigma*, the odd ones with the sign of the direction;
        :meth:`tensor_coefficient` gives them as they stand in the expression.
        """
        return _coefficients(self, degree)

    @property
    def second_moment(self) -> float:
        """``E sigma*^2``, without the label noise."""
        return _second_moment(self)

    @property
    def information_exponent(self) -> int | None:
        """Lowest degree >= 1 with a non-zero Hermite tensor; None when there is none.

        Looked for up to degree 30 in one direction, and up to the degree of a polynomial or 12 in several.
        """
        for k in range(1, self._highest_degree + 1):
            places = {m for term in self.terms for m in _support(term, self.n_indices, k)} or {(k,)}
            if any(self.tensor_coefficient(m) != 0 for m in places if len(m) == self.n_indices):
                return k
        return None

    @property
    def _highest_degree(self) -> int:
        if self.is_polynomial:
            return self.total_degree
        return MAX_DEGREE if self.n_indices == 1 else _MAX_JOINT_DEGREE


def _factor(factor: Factor, t: Any, xp: Any) -> Any:
    if factor.degree is not None:
        return ew.hermite_polynomial(t, factor.degree)
    return as_activation(factor.name).apply(t, xp)


def _factor_kinks(factor: Factor) -> tuple[float, ...]:
    return () if factor.degree is not None else as_activation(factor.name).kinks


def factors_at(factors: tuple[Factor, ...], index: int) -> tuple[Factor, ...]:
    """The factors of one index, as if it were the only one."""
    return tuple(Factor(f.name) for f in factors if f.axis == index)


def value_of(factors: tuple[Factor, ...], t: Array) -> Array:
    """The product of factors of one index at ``t``."""
    return prod((_factor(f, t, np) for f in factors), start=np.ones_like(t))


@lru_cache(maxsize=256)
def _linear_coefficients(teacher: Teacher) -> Array:
    identity = np.eye(teacher.n_indices, dtype=int)
    found = np.array([teacher.tensor_coefficient(row) for row in identity.tolist()])
    found.setflags(write=False)
    return found


@lru_cache(maxsize=4096)
def product_coefficients(factors: tuple[Factor, ...], degree: int) -> Array:
    """Hermite coefficients ``c_0 .. c_degree`` of the product of factors of one index; read-only."""
    c = np.array([_coefficient_of_product(factors, k)[0] for k in range(degree + 1)])
    c.setflags(write=False)
    return c


@lru_cache(maxsize=4096)
def _product_mean(factors: tuple[Factor, ...]) -> tuple[float, float]:
    """``E prod_j f_j(z)`` of factors of the same index, and a bound of its rounding."""
    nodes, weights = gaussian_rule({k for f in factors for k in _factor_kinks(f)})
    return gaussian_mean(value_of(factors, nodes), weights)


@lru_cache(maxsize=4096)
def _coefficient_of_product(factors: tuple[Factor, ...], degree: int) -> tuple[float, float]:
    """``E[prod_j f_j(z) H_k(z)] / k!``, exact for one Hermite factor, and a bound of its rounding."""
    if len(factors) > 1:
        value, rounding = _product_mean((*factors, Factor(f"h{degree}")))
        return value / factorial(degree), rounding / factorial(degree)
    own_degree = factors[0].degree if factors else 0
    if own_degree is not None:
        return float(own_degree == degree), 0.0
    value = float(as_activation(factors[0].name).coefficients(degree)[degree])
    return value, _ACCURACY * abs(value)


def _sum_of_products(terms: Iterable[tuple[float, list[tuple[float, float]]]]) -> float:
    """``sum_i c_i prod_j v_ij`` of values with roundings; exactly zero when below the rounding of the sum."""
    total = rounding = 0.0
    for coefficient, values in terms:
        term = coefficient * prod(v for v, _ in values)
        highest = abs(coefficient) * prod(abs(v) + r for v, r in values)
        total += term
        rounding += highest - abs(term) + 4 * np.finfo(float).eps * highest
    return total if abs(total) > rounding else 0.0


@lru_cache(maxsize=4096)
def _tensor_coefficient(teacher: Teacher, degrees: tuple[int, ...]) -> float:
    if teacher.function is not None:
        return float(_function_coefficients(teacher, degrees[0])[degrees[0]])
    return _sum_of_products(
        (c, [_coefficient_of_product(factors_at(factors, j), m) for j, m in enumerate(degrees)])
        for c, factors in teacher.terms
    )


@lru_cache(maxsize=256)
def _function_coefficients(teacher: Teacher, degree: int) -> Array:
    """Hermite coefficients of a callable; read-only, because they are cached."""
    c = hermite_coefficients(teacher, degree, teacher.smoothness.corners)
    c.setflags(write=False)
    return c


@lru_cache(maxsize=256)
def _coefficients(teacher: Teacher, degree: int) -> Array:
    """``c_k = sum over |m| = k of v^m c_m`` along the direction v.

    For ``H_k(v . t) = sum over |m| = k of (k!/m!) v^m prod_j H_{m_j}(t_j)``. Of a product of one-index factors it is
    the coefficient of ``s^k`` in the product over j of ``sum_m c_m (v_j s)^m``.
    """
    v = teacher.direction
    if teacher.function is not None:
        c = _function_coefficients(teacher, degree) * v[0] ** np.arange(degree + 1)
    else:
        parts = np.array([_along(term, v, degree) for term in teacher.terms]).reshape(-1, 2, degree + 1)
        c, size = parts.sum(axis=0)
        c = np.where(np.abs(c) > _ROUNDING * size, c, 0.0)
    c.setflags(write=False)
    return c


def _along(term: Term, v: Array, degree: int) -> tuple[Array, Array]:
    """What a term adds to the coefficients along v, and the sum of the moduli of what was added up."""
    total, size = np.ones(1), np.ones(1)
    for axis in sorted({f.axis for f in term.factors}):
        c = product_coefficients(factors_at(term.factors, axis), degree) * v[axis] ** np.arange(degree + 1)
        total, size = (np.convolve(a, b)[: degree + 1] for a, b in ((total, c), (size, np.abs(c))))
    total, size = (np.pad(a, (0, degree + 1 - len(a))) for a in (total, size))
    return term.coefficient * total, abs(term.coefficient) * size


@lru_cache(maxsize=256)
def _second_moment(teacher: Teacher) -> float:
    if teacher.function is not None:
        nodes, weights = gaussian_rule(teacher.smoothness.corners)
        return float(weights @ teacher(nodes) ** 2)
    # Products of one Hermite polynomial an index are orthogonal.
    degrees = ([f.degree or 0 for f in t.factors] for t in teacher.terms)
    if all(_is_monomial(term) for term in teacher.terms):
        pairs = zip(teacher.terms, degrees, strict=True)
        return float(sum(t.coefficient * t.coefficient * prod(map(factorial, m)) for t, m in pairs))
    return _sum_of_products(
        (a.coefficient * b.coefficient * (1 if i == j else 2), _pair_means(a.factors + b.factors))
        for i, a in enumerate(teacher.terms)
        for j, b in enumerate(teacher.terms[: i + 1])
    )


def _is_monomial(term: Term) -> bool:
    axes = [f.axis for f in term.factors]
    return len(set(axes)) == len(axes) and all(f.degree is not None for f in term.factors)


def _pair_means(factors: tuple[Factor, ...]) -> list[tuple[float, float]]:
    return [_product_mean(factors_at(factors, axis)) for axis in sorted({f.axis for f in factors})]


def _support(term: Term, n_indices: int, total: int) -> list[tuple[int, ...]]:
    """Degrees of this sum in which a product has a coefficient, up to cancellation with other products."""
    axes = sorted({f.axis for f in term.factors})
    found: list[dict[int, int]] = [{}]
    series = {j: product_coefficients(factors_at(term.factors, j), total) for j in axes}
    nonzero = {j: np.flatnonzero(c).tolist() for j, c in series.items()}
    left = sum(min(ks, default=total + 1) for ks in nonzero.values())
    for axis in axes:
        left -= min(nonzero[axis], default=total + 1)
        found = [{**m, axis: k} for m in found for k in nonzero[axis] if sum(m.values()) + k + left <= total]
    return [tuple(m.get(j, 0) for j in range(n_indices)) for m in found if sum(m.values()) == total]


def as_teacher(
    teacher: "str | Teacher | Activation | Sequence[float] | Array | Callable[..., Any]",
    *,
    kinks: Iterable[float] = (),
) -> Teacher:
    """Make a :class:`Teacher`.

    Parameters
    ----------
    teacher : str, sequence of float, Teacher, Activation or callable
        ``[0, 1, 0.7]`` is H1 + 0.7 H2; an expression such as ``"h1 + 0.7*h2"``; any activation's name
        (centred); ``"h1[0] + h1[0]*h1[1]"`` for several directions, up to 10; or a function of one index,
        vectorised over NumPy arrays, which is not centred; or the dotted name of one,
        ``"mypackage.mymodule.myfunction"``, which is imported and can be written down. A callable of several
        indices is not accepted: write it as an expression.
    kinks : iterable of float
        Where a callable or its derivative jumps.

    Raises
    ------
    ArgumentError
        A text that cannot be parsed, an unknown name, coefficients that are not finite, a callable of wrong
        shape or with kinks that were not given, or kinks of anything but a callable.

    Examples
    --------
    >>> as_teacher([0, 1, 0.7]) == as_teacher("0.7*h2 + h1")
    True
    >>> as_teacher("h1[0]*h1[1]").information_exponent
    2
    """
    kinks = as_kinks(kinks)
    if kinks and (isinstance(teacher, str | Teacher | Activation) or not callable(teacher)):
        raise ArgumentError("kinks", kinks, f"only for a callable, not for {teacher!r}; leave it out")
    if isinstance(teacher, Teacher):
        return teacher
    if isinstance(teacher, Activation):
        return _from_activation(teacher)
    if is_dotted(teacher):
        return _imported(str(teacher).strip())
    if isinstance(teacher, str):
        return _from_terms(parse_expression(teacher))
    return _from_callable(teacher, kinks) if callable(teacher) else _from_coefficients(teacher)


def _from_terms(terms: tuple[Term, ...]) -> Teacher:
    return Teacher(expression_of(terms), terms)


def _imported(name: str) -> Teacher:
    """The teacher of a dotted name, be that a function, an Activation or a Teacher."""
    found = as_teacher(imported("teacher", name))
    return Teacher(name, found.terms, found.function, found.function_kinks) if found.function is not None else found


def _from_activation(activation: Activation) -> Teacher:
    if activation.is_named and activation.centred and not is_dotted(activation.name):
        return as_teacher(activation.name)
    return Teacher(activation.label, (), activation, activation.kinks)


def _from_coefficients(coefficients: Any) -> Teacher:
    try:
        values = list(coefficients)
    except TypeError:
        values = []
    numbers = [c for c in map(real_or_none, values) if c is not None and isfinite(c)]
    if not values or len(numbers) < len(values):
        raise ArgumentError("teacher", coefficients, "give finite Hermite coefficients, such as [0, 1, 0.7]")
    if len(values) > MAX_DEGREE + 1:
        raise ArgumentError("teacher", coefficients, f"give at most {MAX_DEGREE + 1}, up to degree {MAX_DEGREE}")
    factors = ((Factor(f"h{k}"),) if k else () for k in range(len(values)))
    return _from_terms(tuple(Term(c, f) for c, f in zip(numbers, factors) if c))


def _from_callable(function: Callable[..., Any], kinks: tuple[float, ...]) -> Teacher:
    hint = "; a callable sees one index, several are written as an expression such as 'h1[0]*h1[1]'"
    check_function("teacher", function, kinks, hint)
    return Teacher(function_name(function), (), hashable(function), kinks)
