"""How results show themselves: by their numbers, on less than a screen."""

import re
from dataclasses import fields
from enum import Enum
from textwrap import fill
from typing import Any

import numpy as np

from polyspike.markup import table

__all__ = ["Readable", "duration"]

COLUMNS = 79
"""Of the narrowest usual terminal, less one."""

MOST_ITEMS = 6
"""Longer sequences are counted, not listed."""

MOST_NUMBERS = 4
"""That a result shows inside another one."""

_TIED = "\N{NO-BREAK SPACE}"


class Readable:
    """A dataclass whose repr fits a screen: numbers with six digits, arrays by their shape, absent values left out.

    The repr is for reading; every digit is in the attributes.
    """

    def _shown(self) -> dict[str, Any]:
        """What the repr shows, by name: the fields."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.repr}  # type: ignore[arg-type]

    def _picture(self) -> str:
        """A thumbnail as an ``<svg>`` element, where it helps; a picture of numbers that are there."""
        return ""

    def _repr_html_(self) -> str:
        """What a notebook shows: the same as the repr, as a table."""
        shown = {name: _in_a_cell(value) for name, value in _present(self).items()}
        return table(type(self).__name__, shown, self._picture())

    def __repr__(self) -> str:
        shown = ", ".join(_tied(f"{name}={_text(value)}") for name, value in _present(self).items())
        text = f"{type(self).__name__}({shown})"
        lines = fill(text, COLUMNS, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        return lines.replace(_TIED, " ")


def _tied(item: str) -> str:
    """An item that is broken after its commas only, unless it is a long text."""
    return re.sub(r"(?<!,) ", _TIED, item) if max(map(len, item.split(", "))) < COLUMNS // 2 else item


def _present(result: Readable) -> dict[str, Any]:
    """The entries that have a value to show."""
    return {name: value for name, value in result._shown().items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | tuple | list | dict) and not value)


def _text(value: Any) -> str:
    if isinstance(value, bool | Enum):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return f"<array of shape {value.shape}>" if value.size > MOST_ITEMS else f"array{_listed(value.tolist())}"
    if isinstance(value, tuple | list):
        return _listed(value) if len(value) <= MOST_ITEMS else f"<{len(value)} x {type(value[0]).__name__}>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_text(item)}" for name, item in value.items()) + "}"
    return _brief(value) if isinstance(value, Readable) else _own_words(value)


def _in_a_cell(value: Any) -> str:
    """The value as in the repr, but for quotes and signs that a page does not need."""
    return value if isinstance(value, str) else _text(value).replace("+/-", "±")


def _listed(values: Any) -> str:
    return f"({', '.join(map(_text, values))}{',' if len(values) == 1 else ''})"


def _own_words(value: Any) -> str:
    """The repr of a value of another kind; of one with an error bar, that."""
    return str(value) if hasattr(value, "standard_error") else repr(value)


def _brief(result: Readable) -> str:
    """A result inside another one: its first few numbers."""
    numbers = [f"{name}={_text(value)}" for name, value in _present(result).items() if _is_number(value)]
    return f"{type(result).__name__}({', '.join(numbers[:MOST_NUMBERS])})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_UNITS = ((90.0, 1.0, "s"), (5400.0, 60.0, "min"), (172_800.0, 3600.0, "h"), (6.3e7, 86_400.0, "days"))
_YEAR = 3.156e7


def duration(seconds: float) -> str:
    """A time in the unit that suits it, with no false precision."""
    for most, unit, name in _UNITS:
        if seconds < most:
            return f"{_round(seconds / unit)} {name}"
    return f"{_round(seconds / _YEAR)} years"


def _round(number: float) -> str:
    """Two digits of what is under a hundred; no fraction of what is not small."""
    return f"{float(f'{number:.2g}'):.0f}" if number >= 2 else f"{number:.1f}"
