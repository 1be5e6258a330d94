"""Results as plain values, by name: numbers, texts, lists and dicts, which JSON and every language can hold."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any

import numpy as np

from polyspike.display import Readable

__all__ = ["Result", "plain"]


class Result(Readable):
    """A frozen dataclass that shows itself on a screen and writes itself down."""

    def _recorded(self) -> dict[str, Any]:
        """What :meth:`to_dict` holds, by name: the fields, but for those that are computed on demand."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.repr}  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Every field by name as plain values, which ``json.dumps`` writes as they are.

        Arrays and tuples are lists, a status its value, results inside results dicts, and a problem is what
        :meth:`polyspike.Problem.to_dict` says. A number that is not finite is the text "Infinity", "-Infinity" or
        "NaN", which ``float`` reads. What is computed on demand, as a spectrum, has a ``to_dict`` of its own.

        Raises
        ------
        ArgumentError
            If the problem holds a callable, which has no text form but by a dotted name.
        """
        return {name: plain(value) for name, value in self._recorded().items()}


def plain(value: Any) -> Any:
    """A value as JSON holds it; see :meth:`Result.to_dict`.

    Raises
    ------
    TypeError
        For a value that has no plain form.
    """
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if isfinite(value) else _NOT_FINITE[str(value)]
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _of_object(value)


_NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def _of_object(value: Any) -> Any:
    """What the ``to_dict`` of an object gives; else its fields."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    raise TypeError(f"no plain form of {type(value).__name__}")
