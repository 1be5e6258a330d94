"""What the page asks for, answered with numbers and texts only.

A question about many predictions is answered within a budget of time: as many of them as were done, in their order, and
the page asks for the rest. So no answer holds up the next question for long, however slow a teacher is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from time import perf_counter
from typing import Any

from polyspike.errors import PolyspikeError
from polyspike.experiments.phase import visible_spikes
from polyspike.explore.questions import changed, changes_of, numbers_of, problem_of
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, FailedPrediction, Prediction
from polyspike.spectra import Spectrum
from polyspike.theory import best_step, predict
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.spectrum.predict_spectrum import predict_spectrum
from polyspike.theory.scope import theory_of

__all__ = ["BUDGET", "REPLIES", "WINDOWS", "best", "limits", "means", "predictions", "spectrum", "spikes"]

Reply = dict[str, Any]

BUDGET = 0.045
"""Seconds after which no further prediction is begun in one answer."""

WINDOWS = 6
"""How many windows show their limit; those beyond lie closer than an eye can tell to alpha = 1/2."""

_KNOWN = 64


def predictions(
    question: Mapping[str, Any],
    clock: Callable[[], float] = perf_counter,
    waited_for: Callable[[], bool] = lambda: False,
) -> Reply:
    """Errors of variations of a problem: ``points``, in the order of ``changes``, as many as the budget allows.

    Parameters
    ----------
    question : mapping
        ``problem``, and ``changes``: objects of ``step_exponent``, ``step_size`` and ``ridge``. Neighbours that differ
        in the ridge alone share their work.
    clock : callable
        Stand-in for the time.
    waited_for : callable
        Whether another question waits, for which no further prediction is begun.

    Raises
    ------
    Refusal, ArgumentError
        See :mod:`polyspike.explore.questions`.
    """
    problem, end = problem_of(question), clock() + BUDGET
    points: list[Reply] = []
    for family in _families([changed(problem, change) for change in changes_of(question)]):
        points += [point(answer) for answer in predict(family)]
        if clock() >= end or waited_for():
            break
    return {"points": points}


def _families(problems: Sequence[Problem]) -> Iterator[list[Problem]]:
    """Neighbours of one step, which differ in the ridge alone and share most of their work."""
    for _, family in groupby(problems, key=_shares):
        yield list(family)


def _shares(problem: Problem) -> tuple[object, ...]:
    """What neighbours have in common; where one ridge alone takes long, each answers for itself."""
    return (problem.step,) if theory_of(problem) == "isotropic" else (problem.step, problem.ridge)


def point(answer: Prediction | EdgePrediction | FailedPrediction) -> Reply:
    """What the page shows of one prediction; of a failed one its message."""
    problem = answer.problem
    place = {"step_exponent": problem.step_exponent, "step": problem.step, "ridge": problem.ridge}
    if isinstance(answer, FailedPrediction):
        return {**place, "message": answer.message}
    names = ("train_loss", "train_error", "test_error", "cosine", "spike_cosine", "biased_cosine")
    worth = ("null_error", "linear_error", "error_estimate", "trusted", "trust_reason")
    return {
        **place,
        **{name: getattr(answer, name) for name in (*names, *worth)},
        "notes": list(answer.notes),
        "message": "",
    }


def limits(question: Mapping[str, Any]) -> Reply:
    """The limit in each window: ``windows``, of ``low`` and ``high`` exponents, ``train_error`` and ``test_error``."""
    problem = problem_of(question)
    rows = [(window, _limit(problem, window)) for window in range(1, WINDOWS + 1)]
    return {"windows": [_window(window, answer) for window, answer in rows if answer is not None]}


def _limit(problem: Problem, window: int) -> Prediction | EdgePrediction | FailedPrediction | None:
    inside = problem.replace(step_exponent=(_start(window) + _start(window + 1)) / 2)
    answer = predict([inside], method="window", window=window)[0]
    return None if isinstance(answer, FailedPrediction) else answer


def _window(window: int, answer: Any) -> Reply:
    ends = {"low": _start(window), "high": _start(window + 1)}
    return {"window": window, **ends, "train_error": answer.train_error, "test_error": answer.test_error}


def _start(window: int) -> float:
    """The exponent ``(l-1)/(2l)`` from which on l spikes grow."""
    return (window - 1) / (2 * window)


def spectrum(question: Mapping[str, Any]) -> Reply:
    """The predicted spectrum of a problem: bulk, spikes, what each has learned and its trust, or ``message``."""
    problem = problem_of(question)
    try:
        return _spectrum(_known(_without_ridge(problem)))
    except PolyspikeError as error:
        return {"message": str(error)}


def means(question: Mapping[str, Any]) -> Reply:
    """Where the spikes are on average at this size: ``means``, in the order of the spikes, or ``message``; None where
    the theory has no more than their locations.
    """
    problem = problem_of(question)
    try:
        found = _known(_without_ridge(problem))
        return {"means": list(found.means) if found.has_expectations else None, "message": ""}
    except PolyspikeError as error:
        return {"message": str(error)}


def spikes(question: Mapping[str, Any], clock: Callable[[], float] = perf_counter) -> Reply:
    """How many spikes lie above the bulk at some ``steps``: ``spikes``, as many as the budget allows.

    Each has ``step_exponent`` and ``spikes``, None where no spectrum is predicted; they are those of
    :func:`polyspike.phase_map`, and do not depend on the ridge.
    """
    problem, end = problem_of(question), clock() + BUDGET
    rows: list[Reply] = []
    for step in numbers_of(question, "steps"):
        rows.append({"step_exponent": step, "spikes": _count(problem.replace(step_exponent=step))})
        if clock() >= end:
            break
    return {"spikes": rows}


def _count(problem: Problem) -> int | None:
    try:
        return visible_spikes(_known(_without_ridge(problem)))
    except PolyspikeError:
        return None


def _without_ridge(problem: Problem) -> Problem:
    """One of the problems that share their features; the spectrum does not depend on the ridge of the fit."""
    return problem.replace(ridge=1.0)


@lru_cache(maxsize=_KNOWN)
def _known(problem: Problem) -> Spectrum:
    """The spectrum of a problem, solved once, and without its errors where it does not take them."""
    if theory_of(problem) == "isotropic":
        with within_double_precision():
            return predict_spectrum(problem)
    answer = predict(problem)
    assert isinstance(answer, Prediction)
    return answer.spectrum


def _spectrum(found: Spectrum) -> Reply:
    x, density = found.curve()
    return {
        "x": x.tolist(),
        "density": (density / (1 - found.atom)).tolist(),
        "edges": [list(edge) for edge in found.edges],
        "atom": found.atom,
        "spikes": [{"location": s.location, "overlaps": s.overlaps.tolist()} for s in found.spikes],
        "inside": list(found.inside),
        "error_estimate": found.error_estimate,
        "trusted": found.trusted,
        "trust_reason": found.trust_reason,
        "message": "",
    }


def best(question: Mapping[str, Any], clock: Callable[[], float] = perf_counter) -> Reply:
    """The step of least predicted test error for each of some ``ridges``: ``best``, as many as the budget allows."""
    problem, end = problem_of(question), clock() + BUDGET
    rows: list[Reply] = []
    for ridge in numbers_of(question, "ridges"):
        rows.append(_best(problem.replace(ridge=ridge)))
        if clock() >= end:
            break
    return {"best": rows}


def _best(problem: Problem) -> Reply:
    try:
        found = best_step(problem)
    except PolyspikeError as error:
        return {"ridge": problem.ridge, "message": str(error)}
    ends = {"step_end": found.step_end or "", "message": ""}
    place = {"step": found.problem.step, "step_exponent": _exponent(found.problem)}
    return {"ridge": problem.ridge, **place, "test_error": found.test_error, **ends}


def _exponent(problem: Problem) -> float | None:
    """The alpha of a step; None below one, ``n^0``."""
    return problem.exponent if problem.step >= 1 else None


REPLIES: dict[str, Callable[[Mapping[str, Any]], Reply]] = {
    "predictions": predictions,
    "limits": limits,
    "spectrum": spectrum,
    "means": means,
    "spikes": spikes,
    "best": best,
}
"""What can be asked of the theory, by the last part of its address."""
