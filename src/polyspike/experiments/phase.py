"""The phase map: predicted test error over step and ridge or sample ratio, with the best step of every row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.record import Result
from polyspike.results import FailedPrediction, Prediction
from polyspike.scalars import as_reals
from polyspike.spectra import Spectrum, Spike
from polyspike.theory import best_step, predict
from polyspike.theory.announce import seconds_of, spectrum_seconds
from polyspike.theory.long_work import tell
from polyspike.theory.same_samples.spectrum.predict_spectrum import training_outliers

__all__ = ["AGAINST", "PhaseMap", "phase_map", "visible_spikes"]

Record = dict[str, Any]

_FEWEST = 2
"""Samples of a problem."""

# Predictions of a search for the best step, at many of which a factor is shared.
_SEARCHED = 30

# A spike counts as visible from this multiple of the bulk's upper edge.
_VISIBLE = 1.01


def _with_ridge(problem: Problem, value: float) -> Problem:
    return problem.replace(ridge=value)


def _with_ratio(problem: Problem, value: float) -> Problem:
    n_samples = round(value * problem.input_dim)
    if n_samples < _FEWEST:
        least = _FEWEST / problem.input_dim
        raise ArgumentError("values", value, f"give ratios n/d of at least {_FEWEST}/d = {least:g}")
    return problem.replace(n_samples=n_samples)


AGAINST: dict[str, Callable[[Problem, float], Problem]] = {"ridge": _with_ridge, "sample_ratio": _with_ratio}
"""What the rows of a map differ in: the ridge, or ``n/d`` (the input dimension and the width stay)."""


@dataclass(frozen=True, eq=False, repr=False)
class PhaseMap(Result):
    """A phase map as two tables.

    Attributes
    ----------
    against : str
        A key of :data:`AGAINST`.
    cells : list of dict
        Row by row, exponents increasing: ``step_exponent``, ``ridge``, ``sample_ratio``, ``n_samples``, the errors,
        ``spikes`` (outliers of F F'/N above the bulk), ``status`` and ``message``; None where there is no number.
    best : list of dict
        One for each row: ``ridge``, ``sample_ratio``, the best ``step_size`` in [0, sqrt(n)] and its ``step_exponent``
        (None below ``n^0``), ``test_error``, ``step_end``, and ``overall`` for the lowest of all rows.
    """

    against: str
    cells: list[Record]
    best: list[Record]


def phase_map(
    problem: Problem,
    exponents: Sequence[float],
    values: Sequence[float],
    *,
    against: str = "ridge",
    count_spikes: bool = True,
) -> PhaseMap:
    """Predict a map by the finite-size theory.

    Parameters
    ----------
    problem : Problem
        What all cells share; its own step, and its own ridge or sample size, are replaced.
    exponents : sequence of float
        Step exponents alpha in [0, 1/2], the columns.
    values : sequence of float
        Ridges > 0, or sample ratios ``n/d``, the rows.
    against : str
        A key of :data:`AGAINST`.
    count_spikes : bool
        Whether to count the visible spikes, which takes a spectrum for every step and size.

    Raises
    ------
    ArgumentError
        What is no problem, an unknown ``against``, no exponents or values, or one that no problem accepts.
    """
    if not isinstance(problem, Problem):
        raise ArgumentError("problem", problem, "give one Problem")
    if against not in AGAINST:
        raise ArgumentError("against", against, f"give one of {', '.join(AGAINST)}")
    columns = _several("exponents", exponents, "give a list of numbers in [0, 1/2], such as [0.1, 0.3]")
    rows = [AGAINST[against](problem, value) for value in _several("values", values, "give a list of numbers > 0")]
    problems = [row.replace(step_exponent=exponent) for row in rows for exponent in columns]
    _announce(problems, rows, len({p.replace(ridge=1.0) for p in problems}) if count_spikes else 0)
    found = predict(problems)
    counts = _Counts(count_spikes)
    cells = [_cell(answer, counts) for answer in found]
    best = [_best(row) for row in rows]
    errors = [row["test_error"] for row in best if row["test_error"] is not None]
    for row in best:
        row["overall"] = bool(errors) and row["test_error"] == min(errors)
    return PhaseMap(against, cells, best)


def _announce(problems: list[Problem], rows: list[Problem], spectra: int) -> None:
    """Say how long all of a map takes: its cells, so many spectra, and the best step of every row."""
    of_spectra = spectra * spectrum_seconds(problems[len(problems) // 2])
    middle = [problems[k] for k in range(len(problems) // len(rows) // 2, len(problems), len(problems) // len(rows))]
    of_best = _SEARCHED * sum(seconds_of([one]) for one in middle)
    tell(seconds_of(problems) + of_spectra + of_best, f"about %s for a map of {len(problems)} cells")


def _several(argument: str, values: Any, remedy: str) -> list[float]:
    numbers = as_reals(argument, values, remedy)
    if not numbers:
        raise ArgumentError(argument, numbers, remedy)
    return numbers


class _Counts:
    """The number of visible spikes, which does not depend on the ridge."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._known: dict[Problem, int | None] = {}

    def __call__(self, answer: Prediction) -> int | None:
        key = answer.problem.replace(ridge=1.0)
        if self._wanted and key not in self._known:
            self._known[key] = _count(answer)
        return self._known.get(key)


def _count(answer: Prediction) -> int | None:
    """The visible spikes; None where the theory has no spectrum."""
    try:
        if answer.problem.shared_samples:
            return _visible(*training_outliers(answer.problem))
        return visible_spikes(answer.spectrum)
    except (ArgumentError, NumericalError):
        return None


def visible_spikes(spectrum: Spectrum) -> int:
    """The number of outliers above the bulk, further from it than an eye can tell.

    Parameters
    ----------
    spectrum : Spectrum

    Returns
    -------
    int
    """
    return _visible(max((high for _, high in spectrum.edges), default=0.0), spectrum.spikes)


def _visible(edge: float, spikes: Sequence[Spike]) -> int:
    return sum(spike.location > _VISIBLE * edge for spike in spikes)


def _cell(answer: Any, counts: _Counts) -> Record:
    problem = answer.problem
    ok = isinstance(answer, Prediction)
    return {
        "step_exponent": problem.step_exponent,
        **_place(problem),
        "train_loss": answer.train_loss,
        "train_error": answer.train_error,
        "test_error": answer.test_error,
        "spikes": counts(answer) if ok else None,
        "status": answer.status.value,
        "message": answer.message if isinstance(answer, FailedPrediction) else "",
    }


def _place(problem: Problem) -> Record:
    return {
        "ridge": problem.ridge,
        "sample_ratio": problem.n_samples / problem.input_dim,
        "n_samples": problem.n_samples,
    }


def _best(problem: Problem) -> Record:
    try:
        found = best_step(problem)
    except NumericalError as error:
        nothing = dict.fromkeys(("step_size", "step_exponent", "test_error", "step_end"))
        return {**_place(problem), **nothing, "message": str(error)}
    step = found.problem.step
    return {
        **_place(problem),
        "step_size": step,
        "step_exponent": log(step) / log(problem.n_samples) if step >= 1 else None,
        "test_error": found.prediction.test_error,
        "step_end": found.step_end or "",
        "message": "",
    }
