"""Teacher expressions such as ``"h1 + 0.7*h2"``, parsed into sums of products, never evaluated.

Grammar: sums, differences and products of numbers and factors; a factor is ``hK`` (Hermite polynomial) or the
name of an activation, with an optional index in brackets for teachers of several directions:
``"h1[0] + h1[0]*h1[1]"``. Division by a number is allowed.
"""

import ast
import re
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from polyspike.errors import ArgumentError
from polyspike.problem.activations import ACTIVATIONS
from polyspike.problem.names import closest_names

__all__ = ["MAX_DEGREE", "MAX_DIRECTIONS", "Factor", "Term", "expression_of", "parse_expression"]

MAX_DEGREE = 30
MAX_DIRECTIONS = 10
_MAX_TERMS = 300

_HERMITE = re.compile(r"h(\d+)", re.ASCII)
_EXAMPLE = "write a sum such as 'h1 + 0.7*h2', or 'h1[0] + h1[0]*h1[1]' for several directions"


class Factor(NamedTuple):
    """A function of one index of the teacher: ``name`` is ``hK`` or an activation's."""

    name: str
    axis: int = 0

    @property
    def degree(self) -> int | None:
        """K of ``hK``; None for an activation."""
        match = _HERMITE.fullmatch(self.name)
        return int(match.group(1)) if match else None


class Term(NamedTuple):
    """A coefficient times a product of factors."""

    coefficient: float
    factors: tuple[Factor, ...] = ()


def parse_expression(text: str) -> tuple[Term, ...]:
    """Terms of a teacher expression, equal products added up, in one order for all ways of writing it.

    Raises
    ------
    ArgumentError
        Not of the grammar above, or a name that is not known.
    """
    try:
        return tuple(_terms(ast.parse(text.strip(), mode="eval").body, text))
    except SyntaxError as error:
        raise ArgumentError("teacher", text, f"cannot be parsed; {_EXAMPLE}") from error
    except (RecursionError, MemoryError) as error:
        raise ArgumentError("teacher", text, f"too deeply nested; {_EXAMPLE}") from error


def expression_of(terms: Iterable[Term]) -> str:
    """The expression that :func:`parse_expression` reads back as these terms."""
    terms = tuple(terms)
    indexed = any(f.axis for term in terms for f in term.factors)
    text = " + ".join(_written(term, indexed) for term in terms).replace("+ -", "- ")
    return text or "0"


def _written(term: Term, indexed: bool) -> str:
    c = term.coefficient
    number = str(int(c)) if c.is_integer() and abs(c) < 1e15 else repr(c)
    factors = "*".join(f"{f.name}[{f.axis}]" if indexed else f.name for f in term.factors)
    if not factors:
        return number
    return {"1": "", "-1": "-"}.get(number, f"{number}*") + factors


def _order(factor: Factor) -> tuple[int, int, str, int]:
    """Hermite factors first, by degree."""
    degree = factor.degree
    return (0, degree, "", factor.axis) if degree is not None else (1, 0, factor.name, factor.axis)


def _collect(terms: Iterable[Term], text: str) -> list[Term]:
    """Equal products added up, in canonical order; a zero sum leaves nothing."""
    total: dict[tuple[Factor, ...], float] = {}
    for term in terms:
        key = tuple(sorted(term.factors, key=_order))
        total[key] = total.get(key, 0.0) + term.coefficient
    if not all(map(isfinite, total.values())):
        raise ArgumentError("teacher", text, "its coefficients must be finite")
    if len(total) > _MAX_TERMS:
        raise ArgumentError("teacher", text, f"more than {_MAX_TERMS} terms when multiplied out")
    keys = sorted(total, key=lambda factors: [_order(f) for f in factors])
    return [Term(total[key], key) for key in keys if total[key] != 0]


def _terms(node: ast.expr, text: str) -> list[Term]:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _collect([Term(_number(value, text))], text)
        case ast.Name(id=name):
            return [Term(1.0, _factors(name, 0, text))]
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as index)):
            return [Term(1.0, _factors(name, index, text))]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [Term(-c, f) for c, f in _terms(operand, text)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _terms(operand, text)
        case ast.BinOp(left=left, op=op, right=right):
            return _collect(_combine(_terms(left, text), op, _terms(right, text), text), text)
    raise ArgumentError("teacher", text, f"{ast.unparse(node)!r} is not understood; {_EXAMPLE}")


def _combine(left: list[Term], op: ast.operator, right: list[Term], text: str) -> list[Term]:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left + [Term(-c, f) for c, f in right]
        case ast.Mult():
            return [Term(a * b, f + g) for a, f in left for b, g in right]
        case ast.Div() if len(right) == 1 and not right[0].factors:
            return [Term(c / right[0].coefficient, f) for c, f in left]
    raise ArgumentError("teacher", text, f"only +, -, * and division by a non-zero number are understood; {_EXAMPLE}")


def _number(value: float, text: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ArgumentError("teacher", text, "its coefficients must be finite") from error


def _factors(name: str, axis: int, text: str) -> tuple[Factor, ...]:
    """The factor of this name; none for ``h0``, which is one."""
    if isinstance(axis, bool) or not 0 <= axis < MAX_DIRECTIONS:
        raise ArgumentError("teacher", text, f"index {axis}: directions are numbered 0 to {MAX_DIRECTIONS - 1}")
    key = name.lower()
    match = _HERMITE.fullmatch(key)
    if match and int(match.group(1)) > MAX_DEGREE:
        raise ArgumentError("teacher", text, f"{name}: Hermite polynomials up to h{MAX_DEGREE} are known")
    if match:
        degree = int(match.group(1))
        return (Factor(f"h{degree}", axis),) if degree else ()
    if key not in ACTIVATIONS:
        raise ArgumentError("teacher", text, f"unknown name {name!r}; {closest_names(key, ACTIVATIONS)}; {_EXAMPLE}")
    return (Factor(key, axis),)
