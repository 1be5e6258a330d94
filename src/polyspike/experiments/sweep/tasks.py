"""Pieces of work that can be done anywhere: the problems that share one draw, at one seed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from polyspike.errors import NumericalError
from polyspike.experiments.sweep.store import Row
from polyspike.experiments.threads import BLAS_THREADS, one_task
from polyspike.problem import Problem
from polyspike.status import Status

__all__ = ["Task", "plan", "sizes_of"]

_LONGEST_MESSAGE = 2000


@dataclass(frozen=True, eq=False)
class Task:
    """Rows that one worker makes in one go.

    Attributes
    ----------
    run : callable
        Makes the measurements; see :class:`polyspike.experiments.replicate.Run`.
    problems : tuple of Problem
        They share a draw, so that what they have in common is computed once.
    seed : tuple of int
    options : dict
        Handed to ``run``.
    threads : int
        BLAS threads; the order of every sum depends on them, so they are part of the plan.
    """

    run: Callable[..., Any] = field(repr=False)
    problems: tuple[Problem, ...]
    seed: tuple[int, ...]
    options: dict[str, Any]
    threads: int = BLAS_THREADS

    def rows(self) -> list[Row]:
        """Do the work. A row that raises is marked with its status, the others are made without it."""
        try:
            measurements = one_task(self.run, self.problems, self.seed, self.options, self.threads)
        # Whatever one row of thousands raises, in anybody's code, must end that row and not the sweep; it is kept
        # in the row, and the exit code of the sweep tells.
        except Exception as error:  # noqa: BLE001
            if len(self.problems) > 1:
                return [row for half in self.halves() for row in half.rows()]
            return self.failed(_status(error), f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE])
        return [self._row(p, m) for p, m in zip(self.problems, measurements, strict=True)]

    def halves(self) -> tuple[Self, Self]:
        """Two tasks with the problems of this one."""
        middle = len(self.problems) // 2
        return self.only(self.problems[:middle]), self.only(self.problems[middle:])

    def only(self, problems: Iterable[Problem]) -> Self:
        """The same task for some of its problems."""
        return replace(self, problems=tuple(problems))

    def failed(self, status: Status, message: str) -> list[Row]:
        """Rows that say that this task could not be done."""
        return [Row(p, self.seed, self.options, None, status, message) for p in self.problems]

    def by_key(self) -> dict[str, Problem]:
        """Problems by the key of their row."""
        return {Row(p, self.seed, self.options, None).key: p for p in self.problems}

    def _row(self, problem: Problem, measurement: Any) -> Row:
        row = Row(problem, self.seed, self.options, measurement)
        return row if row.is_finite else self._not_finite(problem)

    def _not_finite(self, problem: Problem) -> Row:
        message = "a measured number is not finite"
        return Row(problem, self.seed, self.options, None, Status.OUT_OF_RANGE, message)


def plan(
    run: Callable[..., Any],
    problems: Sequence[Problem],
    seeds: Iterable[tuple[int, ...]],
    options: dict[str, Any],
    chunk: int,
    threads: int = BLAS_THREADS,
) -> Iterator[Task]:
    """Tasks of at most ``chunk`` problems, seed by seed: all problems have some replicates before any has all.

    The plan depends on the request alone, never on workers, time or what is stored.
    """
    groups: dict[tuple[Any, ...], list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        groups.setdefault(sizes_of(problem), []).append(problem)
    parts = [tuple(g[i : i + chunk]) for g in groups.values() for i in range(0, len(g), chunk)]
    return (Task(run, part, seed, options, threads) for seed in seeds for part in parts)


def sizes_of(problem: Problem) -> tuple[Any, ...]:
    """Problems that agree in these see the same data and the same initial network at the same seed."""
    return (problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples, problem.inputs)


def _status(error: Exception) -> Status:
    return error.status if isinstance(error, NumericalError) else Status.WORKER_FAILED
