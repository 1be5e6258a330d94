"""Results as one table: a row for each, the columns that a store exports for what both know."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from polyspike.answers import PredictionFields
from polyspike.errors import ArgumentError
from polyspike.experiments.replicate import PairedDifference, Replication
from polyspike.experiments.statistics import MEAN_FIELDS, mean_columns
from polyspike.experiments.sweep.store import Row, aligned, problem_columns, run_columns, seed_columns
from polyspike.experiments.sweep.tables import frame
from polyspike.problem import Problem
from polyspike.record import Result, plain
from polyspike.results import Derivatives, Estimate, FailedPrediction, Measurement, Prediction, Slopes

__all__ = ["records", "table"]

Record = dict[str, Any]

_UNKNOWN = ("options", "version", "finished_at", "key")
"""What a store knows of a run and a measurement alone does not."""


def table(rows: Iterable[Result | Mapping[str, Any]] | Result) -> Any:
    """Many results as a ``pandas.DataFrame``, one row each.

    Parameters
    ----------
    rows : iterable of results
        Predictions of any kind, optima, measurements, replications, paired differences, rows of a sweep, comparisons,
        ...; also dicts, such as the cells of a phase map.

    Returns
    -------
    pandas.DataFrame
        The columns of :meth:`polyspike.Store.to_pandas`, all of them for measurements and rows of a sweep: the problem
        by its fields, with ``step``, ``phi`` and ``psi``; ``seed`` and ``replicate``; the errors; ``status`` and
        ``message``. A mean has its standard error beside it, in ``test_error_se``; a prediction has its own fields and
        extras. What is no single number or text (spectra, results inside results) is left out;
        ``to_dict`` of the result has it.

    Raises
    ------
    ArgumentError
        Something that is no result; a problem that holds a callable, which has no text form.
    MissingPackageError
        If pandas is not installed (extra ``tables``).

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem(step_exponent=0.3)
    >>> table(ps.predict([problem.replace(ridge=ridge) for ridge in (0.01, 0.1)]))["ridge"].tolist()
    [0.01, 0.1]
    """
    return frame(records(rows))


def records(rows: Iterable[Result | Mapping[str, Any]] | Result) -> list[Record]:
    """The rows of the table as flat dicts, without pandas."""
    listed = [rows] if isinstance(rows, Result) else list(rows)
    longest = max((len(row.seed) for row in listed if isinstance(row, Row | Measurement)), default=2)
    return aligned([_record(row, longest) for row in listed])


def _record(row: Any, longest: int) -> Record:
    if isinstance(row, Row):
        return run_columns(row, longest)
    if isinstance(row, Measurement):
        return run_columns(Row(row.problem, row.seed, {}, row), longest) | dict.fromkeys(_UNKNOWN)
    if isinstance(row, Prediction | PredictionFields):
        return _of_prediction(row)
    if isinstance(row, Derivatives):
        return _of_prediction(row.prediction) | _slopes("ridge", row.by_ridge) | _slopes("step", row.by_step)
    if isinstance(row, Replication | PairedDifference):
        return _of_means(row)
    if isinstance(row, Mapping):
        return _flat(row)
    if isinstance(row, Result):
        return _flat(row._recorded())
    raise ArgumentError("rows", row, "give results, such as predict and simulate return; of a dict of them its values")


def _of_prediction(row: Any) -> Record:
    """Its own fields and extras; of an edge or an optimum those of the prediction that it stands for."""
    fields = row._recorded()
    message = row.message if isinstance(row, FailedPrediction) else ""
    own = _flat(fields | {"notes": "; ".join(row.notes)})
    return {**own, "message": message, **row.extras}


def _slopes(by: str, slopes: Slopes) -> Record:
    return {f"{name}_by_{by}": value for name, value in slopes.to_dict().items()}


def _of_means(row: Replication | PairedDifference) -> Record:
    """Means and standard errors."""
    columns = problem_columns(row.problem)
    if isinstance(row, PairedDifference):
        return columns | {"baseline": repr(row.baseline)} | _flat({name: getattr(row, name) for name in MEAN_FIELDS})
    seed = seed_columns((*row.seed, row.replicates), len(row.seed) + 1)
    count = seed.pop("replicate")
    return columns | seed | {"replicates": count} | mean_columns(row.measurements)


def _flat(values: Mapping[str, Any]) -> Record:
    """Numbers and texts by name, a mean with its standard error, a problem by its fields; the rest is left out."""
    found: Record = {}
    for name, value in values.items():
        if isinstance(value, Problem):
            found |= problem_columns(value)
        elif isinstance(value, Estimate):
            found |= {name: value.mean, f"{name}_se": value.standard_error}
        elif value is None or isinstance(value, str | int | float | Enum | np.generic):
            found[name] = plain(value) if isinstance(value, Enum | np.generic) else value
    return found
