"""Three ways to spend labelled samples on a step and a fit, each at its own best step and ridge."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.experiments.replicate import Run, as_replicates, rounds_of
from polyspike.experiments.statistics import estimate
from polyspike.problem import Problem
from polyspike.record import Result
from polyspike.results import Estimate, FailedPrediction, Prediction
from polyspike.scalars import as_integer, as_reals, as_seed
from polyspike.simulation import simulate
from polyspike.theory import predict

__all__ = ["PROTOCOLS", "Protocol", "SampleReuse", "sample_reuse"]

_EXPONENTS = (0.1, 0.2, 0.3, 0.4, 0.5)
_RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_PILOT, _JUDGED = 0, 1
"""Seeds that choose, and seeds that judge."""

PROTOCOLS: dict[str, Callable[[Problem], Problem]] = {
    "fresh": lambda problem: problem.replace(samples="fresh", n_gradient=None),
    "same": lambda problem: problem.replace(samples="same", n_gradient=None, overlap=None),
    "split": lambda problem: problem.replace(
        samples="fresh", n_gradient=problem.n_samples // 2, n_samples=problem.n_samples - problem.n_samples // 2
    ),
}
"""The problem that each protocol makes of one with n samples: n for the step and n more for the fit; the same n for
both; one half for each.
"""


@dataclass(frozen=True, eq=False, repr=False)
class Protocol(Result):
    """One way to spend the samples, at its best step and ridge.

    Attributes
    ----------
    name : str
        "fresh", "same" or "split".
    problem : Problem
        At the step and ridge of the least mean test error of the pilot runs.
    n_labels : int
        Labelled samples that it takes: 2n, n and n.
    test_error : Estimate
        Mean over runs whose seeds had no part in the choice.
    minus_same : Estimate
        The same less that of "same", run by run.
    at_an_end : bool
        Whether step or ridge lies at an end of the grid (a step of zero aside), so that a better one may lie beyond.
    prediction : Prediction or None
        The least predicted test error on the grid; None where the theory has no answer anywhere on it.
    """

    name: str
    problem: Problem
    n_labels: int
    test_error: Estimate
    minus_same: Estimate
    at_an_end: bool
    prediction: Prediction | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SampleReuse(Result):
    """Fresh samples, the same samples, and a split beside each other; see :func:`polyspike.sample_reuse`.

    Attributes
    ----------
    problem : Problem
        Whose ``n_samples`` is n.
    seed : tuple of int
    replicates : int
    protocols : tuple of Protocol
        "fresh", "same", "split".
    """

    problem: Problem
    seed: tuple[int, ...]
    replicates: int
    protocols: tuple[Protocol, ...]

    def __getitem__(self, name: str) -> Protocol:
        """The protocol of a name."""
        for protocol in self.protocols:
            if protocol.name == name:
                return protocol
        raise ArgumentError("name", name, f"give one of {', '.join(PROTOCOLS)}")

    def records(self) -> list[dict[str, Any]]:
        """One row for every protocol, for tables and :func:`polyspike.plot.reuse`."""
        return [self._record(protocol) for protocol in self.protocols]

    def _record(self, protocol: Protocol) -> dict[str, Any]:
        predicted = protocol.prediction
        return {
            "protocol": protocol.name,
            "n_samples": self.problem.n_samples,
            "n_labels": protocol.n_labels,
            "step": protocol.problem.step,
            "ridge": protocol.problem.ridge,
            "test_error": protocol.test_error.mean,
            "test_error_se": protocol.test_error.standard_error,
            "minus_same": protocol.minus_same.mean,
            "minus_same_se": protocol.minus_same.standard_error,
            "predicted_test_error": None if predicted is None else predicted.test_error,
            "at_an_end": protocol.at_an_end,
        }


def sample_reuse(
    problem: Problem,
    *,
    exponents: Iterable[float] = _EXPONENTS,
    ridges: Iterable[float] = _RIDGES,
    pilot: int = 3,
    replicates: int = 10,
    seed: int | Sequence[int] = 0,
    n_test: int = 4000,
    workers: int = 1,
    run: Run = simulate,
    theory: Callable[[Iterable[Problem]], Sequence[Any]] | None = predict,
) -> SampleReuse:
    """May the ridge regression have the samples of the gradient? Three protocols, each at its own best step and ridge.

    With n labelled samples one can take both stages on all of them ("same"), or each on a half ("split"); "fresh", the
    setting of the paper, has a second sample of n for the fit. Pilot runs choose step and ridge of each protocol on a
    grid; other runs measure the choice, at seeds that the protocols share.

    Parameters
    ----------
    problem : Problem
        Its ``n_samples`` is n; step, ridge, ``samples``, ``overlap`` and ``n_gradient`` are those of the protocols.
    exponents : iterable of float
        Steps ``n^alpha``, alpha in [0, 1/2], the same numbers for all protocols; no step is always among them.
    ridges : iterable of float
        Each > 0.
    pilot : int
        Runs of every protocol at every place of the grid, at least 2.
    replicates : int
        Runs of every protocol at its choice, at least 2.
    seed : int or sequence of int
        Run k of the pilot has the seed ``(*seed, 0, k)``, run k of the measurement ``(*seed, 1, k)``.
    n_test, workers : int
        As in :func:`polyspike.replicate`.
    run : callable
        Stand-in for :func:`polyspike.simulate`.
    theory : callable
        Stand-in for :func:`polyspike.predict`; a row without an answer counts for nothing. None: predict nothing.

    Returns
    -------
    SampleReuse

    Raises
    ------
    ArgumentError
        What is no problem, fewer than 4 samples, exponents that are not in [0, 1/2], no ridge > 0, a ``theory`` that is
        no function, or as :func:`polyspike.replicate` does; before anything is simulated.

    Examples
    --------
    >>> found = sample_reuse(
    ...     Problem("tanh", "h1", 120, 40, 90, step_exponent=0.0),
    ...     exponents=[0.3], ridges=[0.03, 0.3], pilot=2, replicates=4, n_test=500,
    ... )
    >>> [protocol.n_labels for protocol in found.protocols]
    [240, 120, 120]
    >>> found["fresh"].test_error < found["same"].test_error < found["split"].test_error
    True
    """
    grids = _grids(problem, exponents, ridges)
    pilot, replicates = as_replicates("pilot", pilot), as_replicates("replicates", replicates)
    base, options = as_seed(seed), {"n_test": as_integer("n_test", n_test, 2)}
    if theory is not None and not callable(theory):
        raise ArgumentError("theory", theory, "give a function that is called as polyspike.predict, or None")
    every = [place for grid in grids.values() for place in grid]
    tried = _test_errors(every, pilot, (*base, _PILOT), workers, run, options)
    chosen = dict(zip(grids, _best(list(grids.values()), tried.mean(axis=0))))
    judged = _test_errors(list(chosen.values()), replicates, (*base, _JUDGED), workers, run, options)
    errors = dict(zip(chosen, judged.T))
    return SampleReuse(
        problem=problem,
        seed=base,
        replicates=replicates,
        protocols=tuple(
            Protocol(
                name=name,
                problem=chosen[name],
                n_labels=_labels_of(chosen[name]),
                test_error=estimate(errors[name]),
                minus_same=estimate(errors[name] - errors["same"]),
                at_an_end=_at_an_end(chosen[name], grid),
                prediction=None if theory is None else _least(theory(grid)),
            )
            for name, grid in grids.items()
        ),
    )


def _grids(problem: Problem, exponents: Iterable[float], ridges: Iterable[float]) -> dict[str, list[Problem]]:
    """The problems of every protocol, step by step and ridge by ridge."""
    if not isinstance(problem, Problem):
        raise ArgumentError("problem", problem, "give one Problem")
    if problem.n_samples < 4:
        raise ArgumentError("n_samples", problem.n_samples, "give at least 4, two for each half")
    of_steps, of_ridges = "give a list of numbers in [0, 1/2], such as [0.1, 0.3]", "give numbers > 0 as a list, [0.1]"
    alphas, values = as_reals("exponents", exponents, of_steps), as_reals("ridges", ridges, of_ridges)
    if not all(0 <= alpha <= 0.5 for alpha in alphas):
        raise ArgumentError("exponents", alphas, of_steps)
    if not values or min(values) <= 0:
        raise ArgumentError("ridges", values, of_ridges)
    steps = [0.0, *(problem.n_samples**alpha for alpha in alphas)]
    return {
        name: [make(problem).replace(step_size=step, ridge=ridge) for step in steps for ridge in values]
        for name, make in PROTOCOLS.items()
    }


def _test_errors(
    problems: list[Problem], count: int, seed: tuple[int, ...], workers: int, run: Run, options: dict[str, Any]
) -> Any:
    """Shape (count, problems)."""
    runs = rounds_of(problems, count, seed, workers, run, options)
    return np.array([[one.test_error for one in row] for row in runs])


def _best(grids: list[list[Problem]], means: Any) -> list[Problem]:
    """The problem of the least mean in each grid; the means are those of all grids one after the other."""
    found, start = [], 0
    for grid in grids:
        found.append(grid[int(np.argmin(means[start : start + len(grid)]))])
        start += len(grid)
    return found


def _labels_of(problem: Problem) -> int:
    return problem.n_samples + problem.gradient_samples - problem.shared_samples


def _at_an_end(problem: Problem, grid: list[Problem]) -> bool:
    steps, ridges = ({getattr(one, name) for one in grid} for name in ("step", "ridge"))
    return problem.ridge in (min(ridges), max(ridges)) or (problem.step == max(steps) and len(steps) > 1)


def _least(rows: Iterable[Prediction | FailedPrediction]) -> Prediction | None:
    """The prediction of the least test error; None if there is none."""
    answers = [row for row in rows if isinstance(row, Prediction)]
    return min(answers, key=lambda row: row.test_error) if answers else None
