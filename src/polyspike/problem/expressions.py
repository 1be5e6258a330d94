"""Teacher expressions such as ``"h1 + 0.7*h2"``, parsed into sums of products, never evaluated.

Grammar: sums, differences and products of numbers and factors; a factor is ``hK`` (Hermite polynomial) or the
name of an activation, with an optional index in brackets for teachers of several directions:
``"h1[0] + h1[0]*h1[1]"``. Division by a number is allowed.
"""

import ast
import re
from typing import NamedTuple

from polyspike.errors import ArgumentError
from polyspike.problem.activations import ACTIVATIONS
from polyspike.problem.names import closest_names

__all__ = ["Factor", "Term", "hermite_expression", "parse_expression"]

_HERMITE = re.compile(r"h(\d+)$")
_EXAMPLE = "write a sum such as 'h1 + 0.7*h2', or 'h1[0] + h1[0]*h1[1]' for several directions"


class Factor(NamedTuple):
    """A function of one index of the teacher: ``name`` is ``hK`` or an activation's."""

    name: str
    axis: int = 0


class Term(NamedTuple):
    """A coefficient times a product of factors."""

    coefficient: float
    factors: tuple[Factor, ...] = ()


def parse_expression(text: str) -> tuple[Term, ...]:
    """Terms of a teacher expression.

    Raises
    ------
    ArgumentError
        Not of the grammar above, or a name that is not known.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ArgumentError("teacher", text, f"cannot be parsed; {_EXAMPLE}") from error
    return _collect(_terms(tree.body, text))


def hermite_expression(coefficients: list[float]) -> str:
    """The expression of ``sum_k c_k H_k``: ``[0, 1, 0.7]`` is ``'h1 + 0.7*h2'``."""
    parts = []
    for k, c in enumerate(coefficients):
        if c != 0:
            head = "" if c == 1 and k else f"{c!r}*" if k else repr(c)
            parts.append(f"{head}h{k}" if k else head)
    return " + ".join(parts).replace("+ -", "- ") if parts else "0.0"


def _collect(terms: list[Term]) -> tuple[Term, ...]:
    """Equal products added up, in order of first appearance; a zero sum stays as an empty tuple."""
    total: dict[tuple[Factor, ...], float] = {}
    for term in terms:
        key = tuple(sorted(term.factors))
        total[key] = total.get(key, 0.0) + term.coefficient
    return tuple(Term(c, factors) for factors, c in total.items() if c != 0)


def _terms(node: ast.expr, text: str) -> list[Term]:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return [Term(float(value))]
        case ast.Name(id=name):
            return [Term(1.0, (Factor(_known(name, text)),))]
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as index)) if index >= 0:
            return [Term(1.0, (Factor(_known(name, text), index),))]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [Term(-c, f) for c, f in _terms(operand, text)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _terms(operand, text)
        case ast.BinOp(left=left, op=op, right=right):
            return _combine(_terms(left, text), op, _terms(right, text), text)
    raise ArgumentError("teacher", text, f"{ast.unparse(node)!r} is not understood; {_EXAMPLE}")


def _combine(left: list[Term], op: ast.operator, right: list[Term], text: str) -> list[Term]:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left + [Term(-c, f) for c, f in right]
        case ast.Mult():
            return [Term(a * b, f + g) for a, f in left for b, g in right]
        case ast.Div() if len(right) == 1 and not right[0].factors and right[0].coefficient != 0:
            return [Term(c / right[0].coefficient, f) for c, f in left]
    raise ArgumentError("teacher", text, f"only +, -, * and division by a number are understood; {_EXAMPLE}")


def _known(name: str, text: str) -> str:
    match = _HERMITE.match(name)
    if match and int(match.group(1)) <= 30:
        return name
    if name not in ACTIVATIONS:
        raise ArgumentError(
            "teacher", text, f"unknown name {name!r}; {closest_names(name, ACTIVATIONS)}; {_EXAMPLE}"
        )
    return name
