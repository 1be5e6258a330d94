"""Stand-ins for the simulation: quick, deterministic, and able to fail in every way a worker can."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyspike import Alignment, Measurement, NumericalError, Problem, Status
from polyspike.experiments.statistics import SCALAR_FIELDS


def fake_measurement(problem: Problem, seed: tuple[int, ...], eigenvalues: int | None = None) -> Measurement:
    """Numbers that depend on the problem and the seed as a real run's do, noise shared between problems."""
    noise = np.random.default_rng(seed).normal(size=3)
    train = 1 / (1 + problem.step) + problem.ridge
    spectrum = None if eigenvalues is None else problem.step + np.arange(eigenvalues, 0, -1) + noise[0] / 7
    learned = np.array([[0.9, 0.1]]) / (1 + problem.ridge)
    return Measurement(
        problem=problem,
        seed=seed,
        train_loss=train + 0.1 * noise[0],
        train_error=train / 2 + 0.1 * noise[0],
        test_error=train + 1 + 0.1 * noise[1],
        test_error_se=0.01,
        cosine=problem.step / (1 + problem.step) * np.cos(0.1 * noise[2]),
        spike_cosine=0.5 + 0.01 * noise[2],
        rank_one_fraction=0.5,
        n_test=20,
        eigenvalues=spectrum,
        alignment=None if eigenvalues is None else Alignment(1, learned[0], learned[0], learned),
        seconds=0.25,
    )


@dataclass(frozen=True)
class Fake:
    """A run function with a log of what it did, one line for every row, and faults on demand."""

    log: str | None = None
    raise_at: float | None = None
    """Ridge at which a row raises."""
    die_at: float | None = None
    """Ridge at which a row kills its process."""
    die_once: str | None = None
    """A file: the first row to find it missing makes it and kills its process."""
    seconds: float = 0.0
    """Time of every call that has anything to do."""

    def __call__(
        self, problems: Sequence[Problem], /, seed: tuple[int, ...], eigenvalues: int | None = None
    ) -> list[Measurement]:
        time.sleep(self.seconds if problems else 0.0)
        return [self.one(problem, seed, eigenvalues) for problem in problems]

    def one(self, problem: Problem, seed: tuple[int, ...], eigenvalues: int | None) -> Measurement:
        if problem.ridge == self.raise_at:
            raise NumericalError(Status.SINGULAR, f"no inverse at ridge {problem.ridge}")
        if problem.ridge == self.die_at or (self.die_once is not None and first_time(self.die_once)):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.log is not None:
            with open(self.log, "a", encoding="utf-8") as file:  # one short write: appended whole
                file.write(f"{problem.width} {problem.step!r} {problem.ridge!r} {seed}\n")
        return fake_measurement(problem, seed, eigenvalues)


def first_time(path: str) -> bool:
    """Whether the file was missing; it is there afterwards."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def lines(path: Path | str) -> list[str]:
    """Rows that a :class:`Fake` with this log has run."""
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def same(a: Measurement | None, b: Measurement | None) -> bool:
    """Bit for bit, but for the time it took."""
    return a is not None and b is not None and _numbers(a) == _numbers(b)


def _numbers(m: Measurement) -> tuple[Any, ...]:
    spectrum = None if m.eigenvalues is None else m.eigenvalues.tolist()
    return (m.problem, m.seed, *(getattr(m, name) for name in SCALAR_FIELDS), m.n_test, spectrum)
