"""What ``polyspike sweep`` reads: a grid over fields of a problem, written as TOML."""

from dataclasses import dataclass, fields
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.experiments.announce import Announce, announced
from polyspike.problem import Problem
from polyspike.problem.names import closest_names
from polyspike.problem.serialise import read_toml
from polyspike.scalars import as_integer, as_real, as_seed

__all__ = ["SweepSpec"]

_ENTRIES = ("name", "replicates", "seed", "base", "axes", "together", "options")
_RANGE = ("from", "to", "count", "scale")
_FIELDS = tuple(f.name for f in fields(Problem))
_WHOLE = ("n_samples", "input_dim", "width", "n_gradient")
"""Fields that are integers: their ranges are rounded, and a number that comes twice is taken once."""


@dataclass(frozen=True)
class SweepSpec:
    """A grid of problems and how often each is to be simulated.

    In TOML::

        name = "staircase"              # of the folder of the results; the name of the file when absent
        replicates = 8
        seed = 0

        [base]                          # fields that all problems share
        activation = "gelu"

        [axes]                          # every combination of these values
        step_exponent = { from = 0.0, to = 0.5, count = 11 }
        ridge = { from = 1e-3, to = 1.0, count = 4, scale = "log" }
        width = { from = 100, to = 1000, count = 5, scale = "log" }     # rounded; each once
        gradient = ["full", "target"]

        [[together]]                    # fields that change together: each table is one setting
        n_samples = 1000
        input_dim = 500
        [[together]]
        n_samples = 2000
        input_dim = 1000

        [options]                       # of simulate(): also dtype, device, streaming, ...
        n_test = 20000

    Attributes
    ----------
    name : str
    problems : tuple of Problem
        All combinations: settings outermost, then the axes in the order of the file.
    replicates : int
    seed : tuple of int
    options : dict
    """

    name: str
    problems: tuple[Problem, ...]
    replicates: int
    seed: tuple[int, ...]
    options: dict[str, Any]

    @classmethod
    def from_toml(cls, path: str | Path, announce: Announce | None = None) -> Self:
        """Read a file; ``announce`` hears how many problems it has before they are made, and how far that is.

        Raises
        ------
        UnreadableError
            If it cannot be read or is not TOML.
        ArgumentError
            Naming the entry, its value and the remedy.
        """
        return cls.from_dict(read_toml(Path(path)), Path(path).stem, announce)

    @classmethod
    def from_dict(cls, values: dict[str, Any], name: str = "sweep", announce: Announce | None = None) -> Self:
        """A specification from a dict; ``name`` is used where it has none."""
        for entry in values:
            if entry not in _ENTRIES:
                raise ArgumentError(entry, values[entry], closest_names(entry, _ENTRIES))
        base, axes, settings = _table("base", values), _table("axes", values), _settings(values.get("together", []))
        rest: dict[str, Any] = {
            "name": _folder_name(values.get("name", name)),
            "replicates": as_integer("replicates", values.get("replicates", 8), 1),
            "seed": as_seed(values.get("seed", 0)),
            "options": _table("options", values),
        }
        _check_once(base, axes, settings[0])
        return cls(problems=_problems(base, axes, settings, announce), **rest)


def _problems(
    base: dict[str, Any], axes: dict[str, Any], settings: list[dict[str, Any]], announce: Announce | None
) -> tuple[Problem, ...]:
    """All combinations, each once; their number is known, and announced, before the first is made."""
    columns = {name: _axis_values(name, axis) for name, axis in axes.items()}
    total = len(settings) * prod(map(len, columns.values()))
    points = ({**base, **setting, **dict(zip(columns, p))} for setting in settings for p in product(*columns.values()))
    return tuple(dict.fromkeys(announced(map(Problem.from_dict, points), "problems", total, announce)))


def _check_once(*places: dict[str, Any]) -> None:
    """Every field is known and given in one place only."""
    seen: set[str] = set()
    for place in places:
        for name, value in place.items():
            if name not in _FIELDS:
                raise ArgumentError(name, value, closest_names(name, _FIELDS))
            if name in seen:
                raise ArgumentError(name, value, "give it once: in [base], in [axes], or in every [[together]]")
        seen |= set(place)


def _settings(together: Any) -> list[dict[str, Any]]:
    """The tables of ``[[together]]``, which must have the same fields; one empty one when there are none."""
    if not isinstance(together, list) or not all(isinstance(t, dict) for t in together):
        raise ArgumentError("together", together, "write each setting as a table under [[together]]")
    for table in together[1:]:
        if set(table) != set(together[0]):
            remedy = f"every [[together]] must give the same fields: {', '.join(together[0])}"
            raise ArgumentError("together", table, remedy)
    return together or [{}]


def _axis_values(name: str, axis: Any) -> list[Any]:
    if isinstance(axis, dict):
        values = _range(f"axes.{name}", axis)
        return list(dict.fromkeys(map(round, values))) if name in _WHOLE else values
    if not isinstance(axis, list) or not axis:
        remedy = "give a list of values, or { from = ..., to = ..., count = ... }"
        raise ArgumentError(f"axes.{name}", axis, remedy)
    return axis


def _range(argument: str, axis: dict[str, Any]) -> list[float]:
    for entry in axis:
        if entry not in _RANGE:
            raise ArgumentError(f"{argument}.{entry}", axis[entry], closest_names(entry, _RANGE))
    for entry in ("from", "to", "count"):
        if entry not in axis:
            raise ArgumentError(argument, axis, f"{entry!r} is missing; give from, to and count")
    count, scale = as_integer(f"{argument}.count", axis["count"], 1), axis.get("scale", "linear")
    start, stop = (_end(f"{argument}.{entry}", axis[entry], scale) for entry in ("from", "to"))
    if scale not in ("linear", "log"):
        raise ArgumentError(f"{argument}.scale", scale, "give 'linear' or 'log'")
    values = np.linspace(start, stop, count) if scale == "linear" else np.geomspace(start, stop, count)
    # Twelve digits: 0.1 * 3 should be the 0.3 that somebody else's grid has.
    return [float(f"{value:.12g}") for value in values]


def _end(argument: str, value: Any, scale: str) -> float:
    number = as_real(argument, value)
    if scale == "log" and number <= 0:
        raise ArgumentError(argument, value, "a log scale needs a number > 0")
    return number


def _table(entry: str, values: dict[str, Any]) -> dict[str, Any]:
    table = values.get(entry, {})
    if not isinstance(table, dict):
        raise ArgumentError(entry, table, f"write it as a table [{entry}]")
    return table


def _folder_name(name: Any) -> str:
    if not isinstance(name, str) or not name or name != Path(name).name or name in (".", ".."):
        raise ArgumentError("name", name, "give the name of a folder, without any path")
    return name
