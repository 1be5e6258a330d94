"""The same problem at many seeds, and differences between problems that share them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from polyspike.errors import ArgumentError
from polyspike.experiments.statistics import SCALAR_FIELDS, estimate, estimate_each
from polyspike.experiments.threads import one_task, workers_that_fit
from polyspike.experiments.workers import as_done
from polyspike.pictures import dots_picture
from polyspike.problem import Problem
from polyspike.record import Result
from polyspike.results import Estimate, Measurement
from polyspike.scalars import as_integer, as_seed
from polyspike.simulation import simulate

__all__ = [
    "PairedDifference",
    "Replication",
    "Run",
    "as_replicates",
    "paired_difference",
    "paired_differences",
    "replicate",
    "rounds_of",
]


Run = Callable[..., list[Measurement]]
"""``run(problems, seed=..., **options)``: one measurement of each problem, all at the same seed."""


@dataclass(frozen=True, eq=False, repr=False)
class Replication(Result):
    """Replicates of one problem: what was measured, with error bars.

    Attributes
    ----------
    problem : Problem
    seed : tuple of int
        Base seed; ``measurements[k]`` is the run with seed ``(*seed, k)`` and can be made again alone.
    measurements : tuple of Measurement
    train_loss, train_error, test_error, test_error_se, cosine, spike_cosine, rank_one_fraction : Estimate
        Mean and standard error over the replicates.
    """

    problem: Problem
    seed: tuple[int, ...]
    measurements: tuple[Measurement, ...]
    train_loss: Estimate
    train_error: Estimate
    test_error: Estimate
    test_error_se: Estimate
    cosine: Estimate
    spike_cosine: Estimate
    rank_one_fraction: Estimate

    @classmethod
    def of(cls, measurements: Sequence[Measurement]) -> "Replication":
        """Replicates of one problem that were made elsewhere, by a sweep for example."""
        first = measurements[0]
        return cls(first.problem, first.seed[:-1], tuple(measurements), **estimate_each(measurements))

    def _picture(self) -> str:
        return dots_picture([run.test_error for run in self.measurements], *self.test_error)

    @property
    def replicates(self) -> int:
        """The number of replicates."""
        return len(self.measurements)

    @property
    def eigenvalues(self) -> tuple[Estimate, ...]:
        """The k-th largest eigenvalue of each replicate, k = 1, 2, ...; empty if none were asked for."""
        spectra = [m.eigenvalues for m in self.measurements if m.eigenvalues is not None]
        return tuple(estimate(column) for column in zip(*spectra)) if len(spectra) == self.replicates else ()

    @property
    def biased_cosine(self) -> Estimate | None:
        """Mean of the cosine between beta and ``Sigma beta*``; None where the covariance is the identity."""
        cosines = [m.biased_cosine for m in self.measurements if m.biased_cosine is not None]
        return estimate(cosines) if len(cosines) == self.replicates else None


@dataclass(frozen=True, eq=False, repr=False)
class PairedDifference(Result):
    """Mean of ``problem - baseline`` over seeds that both share; far less noisy than a difference of means.

    Attributes
    ----------
    problem, baseline : Problem
    train_loss, train_error, test_error, test_error_se, cosine, spike_cosine, rank_one_fraction : Estimate
        Mean and standard error of the differences.
    """

    problem: Problem
    baseline: Problem
    train_loss: Estimate
    train_error: Estimate
    test_error: Estimate
    test_error_se: Estimate
    cosine: Estimate
    spike_cosine: Estimate
    rank_one_fraction: Estimate

    @classmethod
    def of(cls, runs: Sequence[Measurement], baseline: Sequence[Measurement]) -> "PairedDifference":
        """Differences of runs that were made elsewhere.

        Raises
        ------
        ArgumentError
            If the seeds of the two do not match one by one.
        """
        if [m.seed for m in runs] != [m.seed for m in baseline]:
            raise ArgumentError("baseline", [m.seed for m in baseline], "give runs with the seeds of the others")
        differences = {
            name: estimate(getattr(a, name) - getattr(b, name) for a, b in zip(runs, baseline))
            for name in SCALAR_FIELDS
        }
        return cls(runs[0].problem, baseline[0].problem, **differences)


def replicate(
    problem: Problem,
    *,
    replicates: int = 20,
    seed: int | Sequence[int] = 0,
    workers: int = 1,
    run: Run = simulate,
    **options: Any,
) -> Replication:
    """Simulate a problem at many seeds; means and standard errors of everything measured.

    Parameters
    ----------
    problem : Problem
    replicates : int
        At least 2. Replicate k is the run with seed ``(*seed, k)``.
    seed : int or sequence of int
    workers : int
        Processes, each with one BLAS thread, at most one for every core; the results do not depend on it.
    run : callable
        Stand-in for :func:`polyspike.simulate`.
    **options
        Those of :func:`polyspike.simulate`: ``n_test``, ``eigenvalues``, ...

    Returns
    -------
    Replication

    Raises
    ------
    ArgumentError
        If there are fewer than 2 replicates, ``run`` is no function, or as :func:`polyspike.simulate` does.
    """
    rounds = rounds_of([problem], replicates, seed, workers, run, options)
    return Replication.of([runs[0] for runs in rounds])


def paired_difference(
    problem_a: Problem,
    problem_b: Problem,
    *,
    replicates: int = 20,
    seed: int | Sequence[int] = 0,
    workers: int = 1,
    run: Run = simulate,
    **options: Any,
) -> PairedDifference:
    """Mean of ``problem_a - problem_b`` in every measured field, over shared seeds.

    Problems of the same sizes see the same data, initial network and test set, so most of the noise cancels.
    Parameters as in :func:`replicate`.
    """
    shared: dict[str, Any] = {"replicates": replicates, "seed": seed, "workers": workers, "run": run}
    return paired_differences([problem_a], problem_b, **shared, **options)[0]


def paired_differences(
    problems: Sequence[Problem],
    baseline: Problem,
    *,
    replicates: int = 20,
    seed: int | Sequence[int] = 0,
    workers: int = 1,
    run: Run = simulate,
    **options: Any,
) -> list[PairedDifference]:
    """:func:`paired_difference` of many problems against one baseline; work that they share is done once."""
    rounds = rounds_of([*problems, baseline], replicates, seed, workers, run, options)
    *columns, reference = zip(*rounds)
    return [PairedDifference.of(column, reference) for column in columns]


def as_replicates(argument: str, value: Any) -> int:
    """A number of runs that have a standard error.

    Raises
    ------
    ArgumentError
    """
    return as_integer(argument, value, 2, ", else there is no standard error")


def rounds_of(
    problems: Sequence[Problem],
    replicates: int,
    seed: int | Sequence[int],
    workers: int,
    run: Run,
    options: dict[str, Any],
) -> list[list[Measurement]]:
    """Measurements ``[replicate][problem]``: one task for every replicate."""
    rounds, base = as_replicates("replicates", replicates), as_seed(seed)
    if not callable(run):
        raise ArgumentError("run", run, "give a function that is called as polyspike.simulate")
    make = partial(_one_round, run, problems, options)
    seeds, count = [(*base, k) for k in range(rounds)], workers_that_fit(workers)
    if count == 1:
        return [make(s) for s in seeds]
    found = {s: future.result() for s, future in as_done(make, seeds, count)}
    return [found[s] for s in seeds]


def _one_round(run: Run, problems: Sequence[Problem], options: dict[str, Any], seed: tuple[int, ...]) -> Any:
    return one_task(run, problems, seed, options)
