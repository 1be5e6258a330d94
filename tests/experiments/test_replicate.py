from collections.abc import Sequence
from typing import Any

import pytest

from experiments.fakes import Fake, fake_measurement, same
from polyspike import ArgumentError, Measurement, Problem, simulate
from polyspike.experiments.replicate import (
    PairedDifference,
    Replication,
    paired_difference,
    paired_differences,
    replicate,
)
from polyspike.experiments.statistics import SCALAR_FIELDS, estimate

PROBLEM = Problem("relu", "h1 + 0.7*h2", 60, 30, 50, step_exponent=0.25, ridge=0.1)


def test_means_and_errors_are_those_of_the_single_runs() -> None:
    found = replicate(PROBLEM, replicates=4, seed=7, n_test=500)
    alone = [simulate([PROBLEM], seed=(7, k), n_test=500)[0] for k in range(4)]
    assert [m.seed for m in found.measurements] == [(7, 0), (7, 1), (7, 2), (7, 3)]
    assert all(same(a, b) for a, b in zip(found.measurements, alone))
    for name in SCALAR_FIELDS:
        assert getattr(found, name) == estimate(getattr(m, name) for m in alone)
    assert (found.problem, found.seed, found.replicates) == (PROBLEM, (7,), 4)


def test_the_number_of_workers_changes_no_bit() -> None:
    one = replicate(PROBLEM, replicates=3, workers=1, n_test=500)
    two = replicate(PROBLEM, replicates=3, workers=2, n_test=500)
    assert all(same(a, b) for a, b in zip(one.measurements, two.measurements))


def test_a_tuple_of_integers_is_a_base_seed() -> None:
    found = replicate(PROBLEM, replicates=2, seed=(4, 5), run=Fake())
    assert [m.seed for m in found.measurements] == [(4, 5, 0), (4, 5, 1)]


def test_eigenvalues_have_estimates_too() -> None:
    found = replicate(PROBLEM, replicates=3, run=Fake(), eigenvalues=2)
    spectra = [m.eigenvalues for m in found.measurements]
    assert found.eigenvalues == tuple(estimate(column) for column in zip(*spectra))
    assert replicate(PROBLEM, replicates=3, run=Fake()).eigenvalues == ()


def test_a_paired_difference_is_the_mean_of_the_differences() -> None:
    other = PROBLEM.replace(ridge=0.3)
    found = paired_difference(PROBLEM, other, replicates=5, seed=1, run=Fake())
    pairs = [[fake_measurement(p, (1, k)) for p in (PROBLEM, other)] for k in range(5)]
    for name in SCALAR_FIELDS:
        assert getattr(found, name) == estimate(getattr(a, name) - getattr(b, name) for a, b in pairs)
    assert (found.problem, found.baseline) == (PROBLEM, other)


def test_shared_seeds_cancel_most_of_the_noise() -> None:
    other = PROBLEM.replace(ridge=0.12)
    shared = paired_difference(other, PROBLEM, replicates=6, n_test=500)
    alone = [replicate(p, replicates=6, seed=s, n_test=500) for s, p in ((0, other), (1, PROBLEM))]
    apart = sum(r.test_error.standard_error**2 for r in alone) ** 0.5
    assert shared.test_error.standard_error < apart / 3


def test_many_problems_share_one_baseline_and_one_call_for_each_seed() -> None:
    calls: list[tuple[int, tuple[int, ...]]] = []

    def run(problems: Sequence[Problem], seed: tuple[int, ...], **options: Any) -> list[Measurement]:
        calls.append((len(problems), seed))
        return [fake_measurement(p, seed) for p in problems]

    steps = [PROBLEM.replace(step_size=s) for s in (1.0, 2.0, 3.0)]
    found = paired_differences(steps, PROBLEM.replace(step_size=0.0), replicates=2, run=run)
    assert calls == [(4, (0, 0)), (4, (0, 1))]
    assert [d.problem for d in found] == steps
    alone = paired_difference(steps[1], PROBLEM.replace(step_size=0.0), replicates=2, run=run)
    assert found[1].test_error == alone.test_error


def test_runs_of_different_seeds_are_no_pairs() -> None:
    runs = [fake_measurement(PROBLEM, (0, k)) for k in range(3)]
    with pytest.raises(ArgumentError, match=r"baseline = .*give runs with the seeds of the others"):
        PairedDifference.of(runs, runs[::-1])


def test_bad_input_is_refused_before_any_work() -> None:
    with pytest.raises(ArgumentError, match="replicates = 1: give an integer >= 2, else there is no standard error"):
        replicate(PROBLEM, replicates=1)
    with pytest.raises(ArgumentError, match="run = 3: give a function"):
        replicate(PROBLEM, run=3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="workers = 0"):
        replicate(PROBLEM, workers=0)
    with pytest.raises(ArgumentError, match="seed = -1"):
        paired_difference(PROBLEM, PROBLEM, seed=-1)
    with pytest.raises(ArgumentError, match="replicates = 1: give at least 2, "):
        Replication.of([fake_measurement(PROBLEM, (0,))])
