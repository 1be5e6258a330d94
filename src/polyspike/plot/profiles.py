"""Profiles of singular vectors, measured and predicted, as one kind of table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.plot.rows import Row
from polyspike.spectra import Spectrum

__all__ = ["Profile", "measured_profile", "predicted_profile", "share_rows"]

_DEGREES = 7
"""Degrees 0 to 6 of a predicted spike."""

_NO_ALIGNMENT = "it has no alignment; simulate with alignment_degree=3, for example"


@dataclass(frozen=True)
class Profile:
    """Squared cosines of vectors with Hermite functions.

    Attributes
    ----------
    overlaps : dict
        ``(value, standard error)`` by ``(vector, degree)``, vectors counted from 1; the error is 0 where there is none.
    places : tuple of float
        Eigenvalues of the vectors, where they are known.
    """

    overlaps: dict[tuple[int, int], tuple[float, float]]
    places: tuple[float, ...] = ()

    @property
    def vectors(self) -> list[int]:
        """The numbers of the vectors."""
        return sorted({vector for vector, _ in self.overlaps})

    @property
    def degrees(self) -> list[int]:
        """The degrees of the functions."""
        return sorted({degree for _, degree in self.overlaps})

    def value(self, vector: int, degree: int) -> float:
        """A squared cosine."""
        return self.overlaps[vector, degree][0]

    def error(self, vector: int, degree: int) -> float:
        """The standard error of the share."""
        return self.overlaps[vector, degree][1]


def measured_profile(run: Any) -> Profile:
    """The profile of a run, of several, or of the rows of a table."""
    runs = getattr(run, "measurements", run)
    several = [runs] if hasattr(runs, "problem") or isinstance(runs, Mapping) else _listed(runs)
    if several and all(isinstance(one, Mapping) for one in several):
        return _of_table(several)
    for one in several:
        if getattr(one, "alignment", None) is None:
            raise ArgumentError("run", one, _NO_ALIGNMENT)
    if not several:
        raise ArgumentError("run", run, "give at least one run")
    stack = np.array([one.alignment.overlaps for one in several])
    spread = np.std(stack, axis=0, ddof=1) / np.sqrt(len(stack)) if len(stack) > 1 else np.zeros(stack.shape[1:])
    return Profile(_cells(np.mean(stack, axis=0), spread, first=1))


def _listed(runs: Any) -> list[Any]:
    if hasattr(runs, "columns") and hasattr(runs, "to_dict"):
        return list(runs.to_dict("records"))
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        raise ArgumentError("run", runs, "give a Measurement, a Replication, several runs, or the rows of a table")
    return list(runs)


def _cells(values: Any, errors: Any, first: int) -> dict[tuple[int, int], tuple[float, float]]:
    return {
        (j + 1, k + first): (float(values[j][k]), float(errors[j][k]))
        for j in range(len(values))
        for k in range(len(values[j]))
    }


def _of_table(rows: Sequence[Mapping[str, Any]]) -> Profile:
    return Profile(
        {
            (int(row["vector"]), int(row["degree"])): (float(row["overlap"]), float(row.get("overlap_se", 0.0)))
            for row in rows
        }
    )


def predicted_profile(theory: Any) -> Profile:
    """The profile of the spikes of a prediction or a spectrum; of a table's rows as they stand."""
    found = getattr(theory, "spectrum", theory)
    if isinstance(found, Spectrum):
        values = [spike.overlaps for spike in found.spikes]
        places = tuple(spike.location for spike in found.spikes)
        return Profile(_cells(values, np.zeros_like(values) if values else [], first=0), places)
    rows = _listed(theory) if not hasattr(theory, "problem") else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ArgumentError("theory", theory, "give a Prediction or its spectrum")
    return _of_table(rows)


def share_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows with columns h1, h2, ... for the shares of the Hermite functions in the top vectors.

    A simulation looks at as many vectors as its step's window has spikes, at least one; of a prediction as many are
    added up. Of replicates there is one row for each run.
    """
    return [row for one in rows for row in _with_shares(one)]


def _with_shares(row: Row) -> list[Row]:
    found = row.result
    runs = getattr(found, "measurements", [found] if getattr(found, "alignment", None) is not None else [])
    if runs:
        return [
            Row({**row.fields, **_named(run.alignment.hermite, 1)}, run, is_run=True)
            for run in runs
            if run.alignment is not None
        ]
    if isinstance(getattr(found, "spectrum", None), Spectrum):
        overlaps = [spike.overlaps for spike in found.spectrum.spikes[: max(1, found.problem.window or 1)]]
        return [replace(row, fields={**row.fields, **_named(sum(overlaps, np.zeros(_DEGREES)), 0)})]
    return [row]


def _named(values: Any, first: int) -> dict[str, float]:
    return {f"h{k}": float(value) for k, value in enumerate(values, start=first)}
