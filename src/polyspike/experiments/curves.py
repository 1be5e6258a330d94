"""A sweep as tables: means with error bars against the step, and the theory beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyspike.errors import NumericalError
from polyspike.experiments.compare import COMPARED_FIELDS
from polyspike.experiments.statistics import mean_columns
from polyspike.experiments.sweep.run import SweepResult
from polyspike.experiments.sweep.store import aligned, problem_columns
from polyspike.problem import Problem
from polyspike.problem.serialise import ADDED
from polyspike.theory import predict

__all__ = ["curve_label", "step_field", "summary", "theory_curves", "varying_fields"]

_STEPS = ("step_exponent", "step_size")
_POINTS = 61


def varying_fields(problems: Sequence[Problem]) -> list[str]:
    """Names of the fields in which the problems differ."""
    plain = [problem.to_dict() for problem in problems]
    names = dict.fromkeys(name for values in plain for name in values)
    return [name for name in names if len({str(values.get(name)) for values in plain}) > 1]


def step_field(problems: Sequence[Problem]) -> str | None:
    """Whether the problems differ in their "step_exponent" or their "step_size"; None for neither or both."""
    found = [name for name in _STEPS if name in varying_fields(problems)]
    return found[0] if len(found) == 1 else None


def curve_label(problem: Problem, fields: Sequence[str]) -> str:
    """What sets this problem apart from the others of a sweep, its step aside."""
    plain = problem.to_dict()
    return ", ".join(f"{name} = {plain.get(name, ADDED.get(name))}" for name in fields if name not in _STEPS)


def summary(result: SweepResult) -> list[dict[str, Any]]:
    """One record for every problem: its fields, the replicates that succeeded, means and standard errors.

    A mean is None where no replicate succeeded, a standard error where fewer than two did.
    """
    fields = varying_fields(result.problems)
    runs = result.measurements()
    return aligned([_record(p, m, curve_label(p, fields)) for p, m in zip(result.problems, runs)])


def _record(problem: Problem, runs: Sequence[Any], label: str) -> dict[str, Any]:
    return {"curve": label, **problem_columns(problem), "replicates": len(runs), **mean_columns(runs)}


def theory_curves(
    problems: Sequence[Problem], *, points: int = _POINTS, method: str = "finite-size"
) -> list[dict[str, Any]]:
    """Predictions on a fine grid of steps for every curve of a sweep, as records like those of :func:`summary`.

    A step at which the theory gives no answer has a status other than "ok" and no numbers.

    Parameters
    ----------
    problems : sequence of Problem
        They differ in one of ``step_exponent`` and ``step_size``, and in anything else.
    points : int
        Steps on each curve, evenly spaced over the range of the problems.
    method : str
        See :func:`polyspike.predict`.
    """
    field = step_field(problems)
    if field is None:
        return []
    fields = varying_fields(problems)
    ends = [getattr(p, field) for p in problems if getattr(p, field) is not None]
    steps = np.linspace(min(ends), max(ends), points)
    curves = {curve_label(p, fields): p for p in problems}
    rows = [(problem.replace(**{field: float(step)}), label) for label, problem in curves.items() for step in steps]
    return aligned([_predicted(problem, label, method) for problem, label in rows])


def _predicted(problem: Problem, label: str, method: str) -> dict[str, Any]:
    record: dict[str, Any] = {"curve": label, **problem_columns(problem), "method": method}
    try:
        found = predict(problem, method=method)
    except NumericalError as error:
        return {**record, "status": error.status.value, **dict.fromkeys(COMPARED_FIELDS)}
    return {**record, "status": found.status.value, **{name: getattr(found, name) for name in COMPARED_FIELDS}}
