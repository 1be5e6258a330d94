"""Random problems with nasty corners, to see that ``predict`` keeps its promises on all of them.

Every answer is a prediction without NaN, with ``0 <= train error <= train loss <= E y^2`` and
``noise^2 <= test error``, or one of this package's errors with a status. Alone it comes within two seconds of one
processor, or before these are over it was said to be long; and in a batch it is the same answer, whatever is beside it.

    python benchmarks/fuzz.py --count 100000            # one process; the table at the end
    python benchmarks/fuzz.py --count 1000 --seed 7 --spectra 0.02 --batches 0.2
    python benchmarks/fuzz.py --count 1000 --announced 0.05     # most of the time goes to what is announced
    python benchmarks/fuzz.py --count 1000 --same 1             # samples that both stages have, all or some
"""

import argparse
import logging
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polyspike import ACTIVATIONS, FailedPrediction, PolyspikeError, Prediction, Problem, as_activation, as_teacher
from polyspike.errors import NumericalError
from polyspike.theory.announce import announce, log
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.same_samples.predict import predict_many_same, predict_same_samples

BATCH = 50
SLOW = 2.0
# A batch starts where its neighbours ended: both solve the same equations to 1e-10 or better.
AGREEMENT = 1e-6

CALLABLES = (
    as_activation(np.arctan, derivative=lambda x: 1 / (1 + x * x)),
    as_activation(lambda x: np.tanh(20 * (x - 0.3))),
    as_activation(np.exp),
    as_activation(lambda x: np.clip(x, -1, 1), derivative=lambda x: 1.0 * (np.abs(x) < 1), kinks=(-1.0, 1.0)),
    as_activation(lambda x: x + 0.1 * x**3),
    as_activation(lambda x: 1e-12 * np.sin(x)),
    as_activation(lambda x: 1e12 * np.tanh(x)),
)
TEACHERS = (
    "0",
    "3",
    "h1",
    "-h1",
    "1e-9*h1",
    "1e9*h1",
    "h2",
    "h12",
    "h1 + 1e-6*h2",
    "h1 + 0.7*h2",
    "-h1 - h3",
    "relu",
    "abs_like",
    "tanh",
    "h1[0]*h1[1]",
    "h1[0] + h1[0]*h1[1]",
    "h1[0] - h2[1]*h1[2]",
    "h1[1] + tanh[0]*h2[1]",
    "relu[0] + relu[1]",
    "h1[0] + h1[1]*h1[2] + h2[3]",
)
NAMED_TEACHERS = {
    "abs_like": as_teacher(lambda t: np.abs(t - 1), kinks=(1.0,)),
    "exp_like": as_teacher(lambda t: np.exp(t / 2)),
}


@dataclass
class Report:
    """What was found."""

    count: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    spectra: Counter[str] = field(default_factory=Counter)
    announced: int = 0
    left_out: int = 0

    def table(self) -> str:
        lines = [f"{self.count} problems", "status          share"]
        lines += [f"{name:14s} {100 * n / self.count:6.2f} %" for name, n in self.statuses.most_common()]
        lines += ["reasons:", *(f"  {100 * n / self.count:6.2f} %  {text}" for text, n in self.reasons.most_common(12))]
        lines += [f"spectrum {name}: {n}" for name, n in self.spectra.most_common()]
        lines += [f"over {SLOW:g} s, as announced: {self.announced}; announced and left out: {self.left_out}"]
        lines += ["slowest:", *(f"  {seconds:.2f} s  {text}" for seconds, text in sorted(self.slowest)[::-1][:5])]
        lines += [f"broken promises: {len(self.broken)}", *(f"  {text}" for text in self.broken[:40])]
        return "\n".join(lines)


def random_problem(rng: np.random.Generator) -> Problem:
    """One problem: in half of all cases of ordinary sizes, in the others with anything at its end."""
    nasty = rng.random() < 0.5
    activation = _activation(rng)
    teacher = _teacher(rng)
    sizes = [int(10 ** rng.uniform(0.31, 6 if nasty else 4)) for _ in range(3)]
    if nasty and rng.random() < 0.15:
        sizes[int(rng.integers(3))] = int(rng.choice([2, 10**9, 10**15]))
    if rng.random() < 0.1:
        sizes[2] = sizes[0]
    n_gradient = int(10 ** rng.uniform(0.31, 9)) if rng.random() < 0.3 else None
    return Problem(
        activation,
        teacher,
        *(max(size, 2) for size in (sizes[0], max(sizes[1], _indices(teacher)), sizes[2])),
        step_size=_amount(rng, nasty, (0.0, 1e-9, 1e4), (-2, 2)),
        ridge=_amount(rng, nasty, (0.0, 1e-12, 1e6), (-6, 1)),
        noise=_amount(rng, nasty, (0.0, 1e-9, 1e-6, 1e3), (-2, 0.5)),
        gradient=str(rng.choice(["full", "target"])),
        readout=str(rng.choice(["gaussian", "rademacher", "constant"], p=[0.6, 0.2, 0.2])),
        n_gradient=None if n_gradient is None else max(n_gradient, 2),
    )


def reused(problem: Problem, rng: np.random.Generator) -> Problem:
    """The same with samples that both stages have, all or some."""
    overlap = None if rng.random() < 0.5 else float(rng.uniform())
    same = problem.replace(samples="same", overlap=overlap)
    return same if same.shared_samples else problem.replace(samples="same")


def _activation(rng: np.random.Generator) -> Any:
    if rng.random() < 0.15:
        return CALLABLES[int(rng.integers(len(CALLABLES)))]
    name = str(rng.choice(ACTIVATIONS))
    return f"uncentred {name}" if rng.random() < 0.1 else name


def _teacher(rng: np.random.Generator) -> Any:
    chance = rng.random()
    if chance < 0.3:
        return [float(c) for c in rng.normal(size=int(rng.integers(1, 8)))]
    if chance < 0.4:
        return str(rng.choice(ACTIVATIONS))
    if chance < 0.43:
        return NAMED_TEACHERS["exp_like"]
    name = str(rng.choice(TEACHERS))
    return NAMED_TEACHERS.get(name, name)


def _indices(teacher: Any) -> int:
    return as_teacher(teacher).n_indices


def _amount(rng: np.random.Generator, nasty: bool, corners: Sequence[float], decades: tuple[float, float]) -> float:
    if nasty and rng.random() < 0.3:
        return float(rng.choice(corners))
    return float(10 ** rng.uniform(*decades))


def promises(problem: Problem, answer: Prediction) -> str | None:
    """The first promise that an answer breaks."""
    values = {name: getattr(answer, name) for name in ("train_loss", "train_error", "test_error", "cosine")}
    values |= {"spike_cosine": answer.spike_cosine, "error_estimate": answer.error_estimate}
    for name, value in values.items():
        if value is None or not math.isfinite(value):
            return f"{name} = {value}"
    if not 0 <= answer.train_error <= answer.train_loss <= problem.label_second_moment:
        return f"order: {answer.train_error!r}, {answer.train_loss!r}, {problem.label_second_moment!r}"
    if answer.test_error < problem.noise**2:
        return f"test error {answer.test_error!r} < noise^2"
    return None


class Announcements(logging.Handler):
    """When long work was announced, in seconds of processor time."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.times: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.times.append(time.process_time())

    def between(self, start: float, end: float) -> bool:
        """Whether there was one from the start to the end."""
        return any(start <= one <= end for one in self.times)


ANNOUNCEMENTS = Announcements()


def is_announced(problem: Problem) -> bool:
    before = len(ANNOUNCEMENTS.times)
    announce([problem])
    return len(ANNOUNCEMENTS.times) > before


def alone(problem: Problem, announced: bool, report: Report) -> Prediction | str | None:
    """The answer or the status by itself; None when it raised what it must not."""
    start = time.process_time()
    try:
        answer = predict_same_samples(problem) if problem.samples == "same" else predict_finite_size(problem)
    except NumericalError as error:
        status = error.status.value
        report.statuses[status] += 1
        report.reasons[re.sub(r"[-\d.e+]+", "#", error.message)[:70]] += 1
        return status
    except PolyspikeError as error:
        report.statuses[type(error).__name__] += 1
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 (to find those is what this is for)
        report.broken.append(f"{type(error).__name__}: {error}: {problem!r}")
        return None
    finally:
        seconds = time.process_time() - start
        if seconds > SLOW / 4:
            report.slowest.append((seconds, repr(problem)))
        if seconds > SLOW:
            _too_slow(problem, seconds, announced or ANNOUNCEMENTS.between(start, start + SLOW), report)
    report.statuses["ok"] += 1
    broken = promises(problem, answer)
    if broken:
        report.broken.append(f"{broken}: {problem!r}")
    return answer


def _too_slow(problem: Problem, seconds: float, announced: bool, report: Report) -> None:
    """A broken promise, unless it was announced."""
    if announced:
        report.announced += 1
    else:
        report.broken.append(f"{seconds:.1f} s without a word: {problem!r}")


_MANY = (predict_many, predict_many_same)
"""For fresh samples, and for those that both stages have."""


def beside(problems: Sequence[Problem], answers: Sequence[Prediction | str | None], report: Report) -> None:
    """The same problems in one call give the same answers."""
    places = [[k for k, one in enumerate(problems) if one.samples == samples] for samples in ("fresh", "same")]
    try:
        found = [predict_all([problems[k] for k in of]) for predict_all, of in zip(_MANY, places, strict=True)]
    except Exception as error:  # noqa: BLE001
        report.broken.append(f"batch: {type(error).__name__}: {error}")
        return
    rows = {k: row for of, those in zip(places, found, strict=True) for k, row in zip(of, those, strict=True)}
    for k, (problem, answer) in enumerate(zip(problems, answers, strict=True)):
        row = rows[k]
        known = answer if isinstance(answer, str) else ("ok" if answer is not None else None)
        status = row.status.value if isinstance(row, FailedPrediction) else "ok"
        if known is not None and status != known:
            report.broken.append(f"batch: {status}, alone: {known}: {problem!r}")
        elif isinstance(row, Prediction) and isinstance(answer, Prediction):
            gap = abs(row.test_error - answer.test_error) / max(answer.test_error, 1e-300)
            if gap > AGREEMENT:
                report.broken.append(f"batch: {row.test_error}, alone: {answer.test_error}: {problem!r}")


def spectrum(answer: Prediction, report: Report) -> None:
    """The spectrum comes, or one of this package's errors."""
    try:
        _ = answer.spectrum
        report.spectra["ok"] += 1
    except NumericalError as error:
        report.spectra[error.status.value] += 1
    except Exception as error:  # noqa: BLE001
        report.broken.append(f"spectrum: {type(error).__name__}: {error}: {answer.problem!r}")


def fuzz(
    count: int,
    seed: int = 0,
    spectra: float = 0.0,
    seconds: float = math.inf,
    batches: float = 1.0,
    announced: float = 1.0,
    same: float = 0.0,
) -> Report:
    """Try so many problems, or as many as the time allows; a share of them in batches of ``BATCH``, too, of those that
    are announced to be long only a share, and a share with the ``same`` samples for both stages.
    """
    rng = np.random.default_rng(seed)
    report, end = Report(), time.monotonic() + seconds
    with _listening():
        while report.count < count and time.monotonic() < end:
            problems = [random_problem(rng) for _ in range(min(BATCH, count - report.count))]
            if same:
                problems = [reused(one, rng) if rng.random() < same else one for one in problems]
            _try(problems, rng, report, spectra, batches, announced)
    return report


@contextmanager
def _listening() -> Iterator[None]:
    level, propagate = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(ANNOUNCEMENTS)
    try:
        yield
    finally:
        log.removeHandler(ANNOUNCEMENTS)
        log.setLevel(level)
        log.propagate = propagate


def _try(
    problems: list[Problem], rng: np.random.Generator, report: Report, spectra: float, batches: float, announced: float
) -> None:
    long = [is_announced(problem) for problem in problems]
    tried = [
        (problem, is_long)
        for problem, is_long in zip(problems, long, strict=True)
        if not is_long or rng.random() < announced
    ]
    report.count += len(problems)
    report.left_out += len(problems) - len(tried)
    answers = [alone(problem, is_long, report) for problem, is_long in tried]
    if rng.random() < batches:
        beside([problem for problem, _ in tried], answers, report)
    for answer in answers:
        if isinstance(answer, Prediction) and rng.random() < spectra:
            spectrum(answer, report)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spectra", type=float, default=0.0, help="share of the answers whose spectrum is asked for")
    parser.add_argument(
        "--batches", type=float, default=1.0, help="share of the problems that are tried in batches too"
    )
    parser.add_argument(
        "--announced", type=float, default=1.0, help="share of the problems announced to be long that are tried"
    )
    parser.add_argument("--same", type=float, default=0.0, help="share of the problems with one sample for both stages")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so long")
    given = parser.parse_args()
    report = fuzz(given.count, given.seed, given.spectra, given.seconds, given.batches, given.announced, given.same)
    print(report.table())
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
