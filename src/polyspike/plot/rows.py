"""Results as rows: whatever a user gives to a figure is read here, once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from math import log, sqrt
from typing import Any

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.estimate import Estimate

__all__ = ["FIELDS", "STEPS", "Row", "as_rows", "averaged", "position"]

FIELDS = (
    "activation", "teacher", "n_samples", "input_dim", "width", "step_exponent", "step_size", "ridge", "noise",
    "gradient", "readout", "n_gradient", "samples", "inputs", "precondition", "overlap",
)  # fmt: skip
"""Of a problem."""

STEPS = ("step_exponent", "step_size")
"""Fields that say the step."""

_ACCEPTED = "give results (Prediction, Measurement, Replication, SweepResult, ...), a table's rows, or a DataFrame"


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes
    ----------
    fields : mapping
        Those of its problem, or the columns of a table's row.
    result : object
        The result itself; None for the row of a table.
    is_run : bool
        Whether it is one run of possibly many, so that its error bar comes from the others.
    """

    fields: Mapping[str, Any]
    result: Any = None
    is_run: bool = False
    estimates: Mapping[str, Estimate] = field(default_factory=dict)

    def number(self, name: str) -> tuple[float | None, float | None]:
        """A value and its standard error, None where there is none."""
        if name in self.estimates:
            return self.estimates[name].mean, self.estimates[name].standard_error
        value = self._value(name)
        if isinstance(value, Estimate):
            return value.mean, value.standard_error
        error = None if self.is_run or self.result is not None else _number(self.fields.get(f"{name}_se"))
        return _number(value), error

    def has(self, name: str) -> bool:
        """Whether this row knows of such a number, be it None."""
        found = name in self.fields or name in self.estimates or hasattr(self.result, name)
        return found or name in getattr(self.result, "extras", {})

    def _value(self, name: str) -> Any:
        if self.result is None or name in self.fields:
            return self.fields.get(name)
        return getattr(self.result, name, getattr(self.result, "extras", {}).get(name))


def as_rows(results: Any, argument: str) -> list[Row]:
    """The rows of results of any kind, in their order; of nested sequences too.

    Raises
    ------
    ArgumentError
        Something that is no result.
    """
    if results is None:
        return []
    if isinstance(results, Row):
        return [results]
    if isinstance(results, Mapping):
        return [_of_table(results)]
    if hasattr(results, "columns") and hasattr(results, "to_dict"):
        return [_of_table(record) for record in results.to_dict("records")]
    if hasattr(results, "records"):
        return [_of_table(record) for record in results.records()]
    if hasattr(results, "problem"):
        return _of_result(results)
    if is_dataclass(results) and not isinstance(results, type):
        return [Row({part.name: getattr(results, part.name) for part in fields(results)})]
    if isinstance(results, str) or not isinstance(results, Iterable):
        raise ArgumentError(argument, results, _ACCEPTED)
    return [row for one in results for row in as_rows(one, argument)]


def _of_table(record: Mapping[str, Any]) -> Row:
    return Row({str(name): _plain(value) for name, value in record.items()}, is_run="replicate" in record)


def _plain(value: Any) -> Any:
    """None for what a data frame writes where there is nothing."""
    return None if isinstance(value, float | np.floating) and np.isnan(value) else value


def _of_result(found: Any) -> list[Row]:
    """A result with a problem; of a row of the store, its measurement, if it has one."""
    if hasattr(found, "measurement"):
        return [] if found.measurement is None else _of_result(found.measurement)
    problem = found.problem
    known = {name: getattr(problem, name) for name in FIELDS} | {
        "activation": problem.activation.label,
        "teacher": problem.teacher.expression,
        "sample_ratio": problem.n_samples / problem.input_dim,
        "step": problem.step,
        "exponent": problem.exponent,
        "phi": problem.phi,
        "psi": problem.psi,
        "problem": problem,
    }
    known |= {"method": found.method} if hasattr(found, "method") else {}
    return [Row(known, found, is_run=hasattr(found, "seed") and not hasattr(found, "measurements"))]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) and np.isfinite(value) else None


def position(row: Row, x: str) -> float | None:
    """Where a row stands on the axis of a field; minus infinity for no step on an axis of exponents."""
    value = row.fields.get(x)
    if value is None and x == "step_exponent":
        return _exponent(row.fields)
    if value is None and x == "step_size":
        value = row.fields.get("step")
    return _number(row.number(x)[0] if value is None else value)


def _exponent(fields: Mapping[str, Any]) -> float | None:
    step = next((fields[name] for name in ("step", "step_size") if fields.get(name) is not None), None)
    if step is None:
        return None
    if step == 0:
        return float("-inf")
    samples = fields.get("n_samples")
    return None if samples is None else log(step) / log(samples)


def averaged(rows: Sequence[Row], y: str, extra: Sequence[str] = ()) -> list[Row]:
    """The rows, runs of the same problem as one row with mean and standard error of ``y``.

    Parameters
    ----------
    rows : sequence of Row
    y : str
    extra : sequence of str
        Columns beside those of a problem that tell rows of a table apart.
    """
    groups: dict[Any, list[Row]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(_identity(row, extra) if row.is_run else place, []).append(row)
    return [_mean(group, y) for group in groups.values()]


def _identity(row: Row, extra: Sequence[str]) -> tuple[Any, ...]:
    return tuple(str(row.fields.get(name)) for name in (*FIELDS, "problem", *extra))


def _mean(group: Sequence[Row], y: str) -> Row:
    values = [value for row in group if (value := row.number(y)[0]) is not None]
    if not group[0].is_run or len(values) < 2:
        return next((row for row in group if row.number(y)[0] is not None), group[0])
    spread = float(np.std(values, ddof=1)) / sqrt(len(values))
    return Row(group[0].fields, estimates={y: Estimate(float(np.mean(values)), spread, len(values))})
