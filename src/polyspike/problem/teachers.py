"""Teachers: the link function sigma* of ``y = sigma*(x . beta*) + noise``, of one index or a few.

A teacher of p indices is a function of ``t = (x . beta*_1, ..., x . beta*_p)`` with orthonormal directions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike import elementwise as ew
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_rule, hermite_coefficients
from polyspike.problem.activations import as_activation
from polyspike.problem.expressions import Factor, Term, hermite_expression, parse_expression

__all__ = ["Teacher", "as_teacher"]

Array = NDArray[np.float64]

_HIGHEST_EXPONENT = 12


@dataclass(frozen=True)
class Teacher:
    """The target function sigma*, of ``n_indices`` orthonormal directions.

    Make one with :func:`as_teacher`. Named activations stand for their centred form, so that ``c*_0 = 0``.

    Parameters
    ----------
    expression : str
        What :func:`as_teacher` makes it from; the name of a callable.
    terms : tuple of Term
        Sum of products of one-index factors (empty for a callable and for the zero teacher).
    function : callable, optional
        The function, for a callable teacher of one index.
    function_kinks : tuple of float
        Where that callable or its derivative jumps.
    """

    expression: str
    terms: tuple[Term, ...] = ()
    function: Callable[..., Any] | None = None
    function_kinks: tuple[float, ...] = ()

    def __call__(self, t: Any) -> Any:
        """``sigma*(t)``; ``t`` of shape (...,) for one index, (..., n_indices) for several."""
        return self.apply(np.asarray(t, dtype=float), np)

    def apply(self, t: Any, xp: Any) -> Any:
        """``sigma*(t)`` in the array namespace ``xp``."""
        if self.function is not None:
            return self.function(t)
        one = t if self.n_indices == 1 else t[..., 0]
        total = 0 * one
        for coefficient, factors in self.terms:
            values = [_factor(f.name, t if self.n_indices == 1 else t[..., f.axis], xp) for f in factors]
            total = total + coefficient * prod(values, start=0 * one + 1)
        return total

    @property
    def n_indices(self) -> int:
        """Number of directions that the teacher looks at."""
        return 1 + max((f.axis for term in self.terms for f in term.factors), default=0)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where sigma* or its derivative jumps, in any index."""
        names = {f.name for term in self.terms for f in term.factors}
        return tuple(sorted({k for name in names for k in _factor_kinks(name)} | set(self.function_kinks)))

    @property
    def is_polynomial(self) -> bool:
        """Whether sigma* is a polynomial (of Hermite factors only)."""
        return self.function is None and all(
            f.name[1:].isdigit() for term in self.terms for f in term.factors
        )

    def tensor_coefficient(self, degrees: Sequence[int]) -> float:
        """``E[sigma*(t) prod_j H_{m_j}(t_j)] / prod_j m_j!`` for degrees ``m = (m_1, ..., m_p)``."""
        return _tensor_coefficient(self, tuple(int(m) for m in degrees))

    @property
    def linear_coefficients(self) -> Array:
        """First Hermite coefficient of every index, shape (n_indices,); beta* is this, normalised."""
        identity = np.eye(self.n_indices, dtype=int)
        return np.array([self.tensor_coefficient(row) for row in identity.tolist()])

    @property
    def direction(self) -> Array:
        """The first Hermite direction, a unit vector (n_indices,); the first index where it vanishes."""
        linear = self.linear_coefficients
        norm = float(np.linalg.norm(linear))
        return linear / norm if norm > 0 else np.eye(self.n_indices)[0]

    def coefficients(self, degree: int) -> Array:
        """``c*_0 .. c*_degree`` along :attr:`direction`; for one index the Hermite coefficients of sigma*."""
        return _coefficients(self, degree)

    @property
    def second_moment(self) -> float:
        """``E sigma*^2``, without the label noise."""
        return _second_moment(self)

    @property
    def information_exponent(self) -> int | None:
        """Lowest degree >= 1 with a non-zero Hermite tensor (None when there is none up to 12)."""
        for k in range(1, _HIGHEST_EXPONENT + 1):
            if any(self.tensor_coefficient(m) != 0 for m in _multi_indices(k, self.n_indices)):
                return k
        return None


def _factor(name: str, t: Any, xp: Any) -> Any:
    if name[1:].isdigit():
        return ew.hermite_polynomial(t, int(name[1:]))
    return as_activation(name).apply(t, xp)


def _factor_kinks(name: str) -> tuple[float, ...]:
    return () if name[1:].isdigit() else as_activation(name).kinks


def _at_index(factors: tuple[Factor, ...], index: int) -> tuple[str, ...]:
    return tuple(sorted(f.name for f in factors if f.axis == index))


@lru_cache(maxsize=4096)
def _product_mean(names: tuple[str, ...]) -> float:
    """``E prod_j f_j(z)`` of factors of the same index."""
    kinks = tuple(sorted({k for name in names for k in _factor_kinks(name)}))
    nodes, weights = gaussian_rule(kinks)
    terms = weights * prod((_factor(name, nodes, np) for name in names), start=np.ones_like(nodes))
    total = float(terms.sum())
    return total if abs(total) > 64 * np.finfo(float).eps * float(np.abs(terms).sum()) else 0.0


@lru_cache(maxsize=4096)
def _tensor_coefficient(teacher: Teacher, degrees: tuple[int, ...]) -> float:
    if teacher.function is not None:
        return float(teacher.coefficients(degrees[0])[degrees[0]])
    total = 0.0
    for coefficient, factors in teacher.terms:
        means = (_product_mean((*_at_index(factors, j), f"h{m}")) for j, m in enumerate(degrees))
        total += coefficient * prod(means)
    return total / prod(factorial(m) for m in degrees)


@lru_cache(maxsize=256)
def _coefficients(teacher: Teacher, degree: int) -> Array:
    """``c_k = sum over |m| = k of v^m c_m`` along the direction v.

    For ``H_k(v . t) = sum over |m| = k of (k!/m!) v^m prod_j H_{m_j}(t_j)``.
    """
    if teacher.function is not None:
        c = hermite_coefficients(teacher.function, degree, teacher.function_kinks)
    else:
        v = teacher.direction
        indices = (list(_multi_indices(k, teacher.n_indices)) for k in range(degree + 1))
        c = np.array(
            [sum(float(np.prod(v**m)) * teacher.tensor_coefficient(m) for m in ms) for ms in indices]
        )
    c.setflags(write=False)
    return c


@lru_cache(maxsize=256)
def _second_moment(teacher: Teacher) -> float:
    if teacher.function is not None:
        nodes, weights = gaussian_rule(teacher.function_kinks)
        return float(weights @ np.asarray(teacher.function(nodes)) ** 2)
    total = 0.0
    for a, b in product(teacher.terms, repeat=2):
        both = a.factors + b.factors
        means = (_product_mean(_at_index(both, j)) for j in range(teacher.n_indices))
        total += a.coefficient * b.coefficient * prod(means)
    return total


def _multi_indices(total: int, n: int) -> list[tuple[int, ...]]:
    if n == 1:
        return [(total,)]
    return [(k, *rest) for k in range(total, -1, -1) for rest in _multi_indices(total - k, n - 1)]


def as_teacher(
    teacher: "str | Teacher | Sequence[float] | Callable[..., Any]", kinks: tuple[float, ...] = ()
) -> Teacher:
    """Make a :class:`Teacher`.

    Parameters
    ----------
    teacher : str, sequence of float, Teacher or callable
        ``[0, 1, 0.7]`` is H1 + 0.7 H2; an expression such as ``"h1 + 0.7*h2"``; any activation's name
        (centred); ``"h1[0] + h1[0]*h1[1]"`` for several directions; or a function of one index vectorised
        over NumPy arrays.
    kinks : tuple of float
        Where a callable or its derivative jumps.

    Raises
    ------
    ArgumentError
        A text that cannot be parsed, an unknown name, coefficients that are not finite, a callable of wrong
        shape.
    """
    if isinstance(teacher, Teacher):
        return teacher
    if isinstance(teacher, str):
        return Teacher(teacher.strip(), parse_expression(teacher))
    if callable(teacher):
        return _from_callable(teacher, tuple(float(k) for k in kinks))
    return _from_coefficients(teacher)


def _from_coefficients(coefficients: Sequence[float]) -> Teacher:
    try:
        values = [float(c) for c in coefficients]
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            "teacher", coefficients, "give Hermite coefficients such as [0, 1, 0.7]"
        ) from error
    if not values or not all(np.isfinite(values)):
        raise ArgumentError("teacher", coefficients, "give at least one coefficient, all finite")
    expression = hermite_expression(values)
    return Teacher(expression, parse_expression(expression))


def _from_callable(function: Callable[..., Any], kinks: tuple[float, ...]) -> Teacher:
    nodes, _ = gaussian_rule(kinks)
    value = np.asarray(function(nodes))
    if value.shape != nodes.shape:
        remedy = f"it returned shape {value.shape} for an array of shape {nodes.shape}; vectorise it"
        raise ArgumentError("teacher", function, remedy)
    if np.iscomplexobj(value) or not np.all(np.isfinite(value)):
        raise ArgumentError("teacher", function, "it must return finite real numbers on [-14, 14]")
    return Teacher(getattr(function, "__name__", type(function).__name__), (), function, kinks)
