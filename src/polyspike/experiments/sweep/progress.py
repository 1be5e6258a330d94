"""How far a sweep is: rows, rate, and the time that is left."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from time import monotonic

from polyspike.experiments.sweep.tasks import Task
from polyspike.problem import Problem

__all__ = ["Progress", "work"]


@dataclass(frozen=True)
class Progress:
    """A moment of a sweep.

    Attributes
    ----------
    total : int
        Rows that were asked for.
    skipped : int
        Of them, rows that were in the store already.
    made : int
        Of them, rows made by this sweep, those that failed included.
    failed : int
        Of all rows that were asked for, those whose status is not ok, found or made.
    workers : int or None
        None: those of a cluster.
    seconds : float
        Since the start, by a clock that never jumps.
    work, work_made : float
        Arithmetic of the rows to make, and of those made; rows of different sizes take different time.
    """

    total: int
    skipped: int = 0
    made: int = 0
    failed: int = 0
    workers: int | None = 1
    seconds: float = 0.0
    work: float = 0.0
    work_made: float = 0.0
    started: float = field(default_factory=monotonic, repr=False)

    def after(self, task: Task, failed: int) -> "Progress":
        """The next moment: a task was done, and some of its rows failed."""
        return replace(
            self,
            made=self.made + len(task.problems),
            failed=self.failed + failed,
            seconds=monotonic() - self.started,
            work_made=self.work_made + work(task.problems),
        )

    def found(self, tasks: Iterable[Task]) -> "Progress":
        """The next moment: another process stored these."""
        done = [problem for task in tasks for problem in task.problems]
        return replace(self, skipped=self.skipped + len(done), work=self.work - work(done))

    @property
    def done(self) -> int:
        """Rows that are in the store: skipped or made."""
        return self.skipped + self.made

    @property
    def rate(self) -> float:
        """Rows made in a second; 0.0 before the first."""
        return self.made / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest will take at the speed so far; None before the first row."""
        if self.work_made == 0:
            return None if self.work > 0 else 0.0
        return self.seconds * max(self.work - self.work_made, 0.0) / self.work_made

    def __str__(self) -> str:
        workers = "on a cluster" if self.workers is None else f"by {self.workers} workers"
        text = f"{self.made} made in {self.seconds:.1f} s {workers} ({self.rate:.3g} rows/s)"
        return f"{self.done} of {self.total} rows are stored: {text}, {self.skipped} found, {self.failed} failed"


def work(problems: Iterable[Problem]) -> float:
    """Multiplications of these rows, roughly: features, Gram matrix, factorisation."""
    return sum(_multiplications(p.n_samples, p.input_dim, p.width) for p in problems)


def _multiplications(n: int, d: int, width: int) -> float:
    return float(n * d * width + n * width * min(n, width) / 2 + min(n, width) ** 3 / 3)
