"""Values of options: integers as people write them, and what a shell completes."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import typer

__all__ = ["as_integer", "complete_from"]

_DIGITS = 17
"""Exponent of the largest numbers: larger counts are slips, and beyond it a NumPy index overflows."""


def as_integer(value: Any) -> int:
    """The integer that a text such as ``1000000``, ``1_000_000`` or ``1e6`` stands for.

    Raises
    ------
    typer.BadParameter
        If it is no integer, or not below 10^18.
    """
    try:
        number = Decimal(str(value).replace("_", ""))
    except InvalidOperation as error:
        raise _refusal(value) from error
    if not number.is_finite() or number.adjusted() > _DIGITS or number != number.to_integral_value():
        raise _refusal(value)
    return int(number)


def _refusal(value: Any) -> typer.BadParameter:
    return typer.BadParameter(f"{str(value)[:40]!r} is no integer below 10^18; write it as 1000000 or 1e6")


def complete_from(*names: str) -> Callable[[str], list[str]]:
    """Completion out of a list of names; others may be valid, too."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete
