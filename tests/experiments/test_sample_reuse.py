"""Fresh samples, the same, or a split: the choice and its judges are kept apart, and real networks order the three."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from polyspike import (
    ArgumentError,
    Estimate,
    FailedPrediction,
    Measurement,
    Prediction,
    Problem,
    SampleReuse,
    Status,
    predict,
    sample_reuse,
    simulate,
    table,
)
from polyspike.experiments.sample_reuse import PROTOCOLS

BASE = Problem("tanh", "h1", 120, 40, 90, step_exponent=0.0, gradient="target")
LARGE = BASE.replace(n_samples=1000, input_dim=200, width=300)
GRID: dict[str, Any] = {"exponents": [0.2, 0.4], "ridges": [0.01, 0.1, 1.0]}
COST = {"fresh": 1.0, "same": 1.2, "split": 2.0}


def protocol_of(problem: Problem) -> str:
    if problem.samples == "same":
        return "same"
    return "fresh" if problem.n_gradient is None else "split"


class Fake:
    """A valley in the ridge and the step, with noise that its seed has; keeps what it was asked."""

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise
        self.asked: list[tuple[tuple[int, ...], list[Problem]]] = []

    def __call__(self, problems: Sequence[Problem], seed: tuple[int, ...], n_test: int) -> list[Measurement]:
        self.asked.append((seed, list(problems)))
        return [self.measured(problem, seed, n_test) for problem in problems]

    def measured(self, problem: Problem, seed: tuple[int, ...], n_test: int) -> Measurement:
        at = abs(np.log10(problem.ridge / 0.1)) + abs(problem.step - 120**0.2)
        shared = np.random.default_rng(seed).standard_normal()
        error = float(COST[protocol_of(problem)] + 0.1 * at + self.noise * shared)
        return Measurement(problem, seed, error, error, error, 0.0, 0.5, 0.5, 0.5, n_test)


def test_the_protocols_spend_their_labels() -> None:
    problem = BASE.replace(n_samples=121, n_gradient=500)
    sizes = {name: (made := make(problem), made.n_samples, made.gradient_samples) for name, make in PROTOCOLS.items()}
    assert {name: size[1:] for name, size in sizes.items()} == {
        "fresh": (121, 121),
        "same": (121, 121),
        "split": (61, 60),
    }
    found = sample_reuse(problem, **GRID, replicates=2, run=Fake(), theory=None)
    assert [(one.name, one.n_labels) for one in found.protocols] == [("fresh", 242), ("same", 121), ("split", 121)]


def test_each_is_at_its_own_best_place() -> None:
    found = sample_reuse(BASE, **GRID, replicates=3, run=Fake(), theory=None)
    for one in found.protocols:
        assert one.problem.ridge == 0.1
        assert one.problem.step == pytest.approx(120**0.2)
        assert one.test_error.mean == pytest.approx(COST[one.name])
        assert not one.at_an_end
    assert found["split"].minus_same.mean == pytest.approx(0.8)
    assert found["same"].minus_same.mean == 0


def test_a_best_place_at_an_end_says_so() -> None:
    found = sample_reuse(BASE, exponents=[0.2], ridges=[0.1, 1.0], replicates=2, run=Fake(), theory=None)
    assert all(one.at_an_end for one in found.protocols)
    no_step = sample_reuse(
        BASE.replace(n_samples=30), exponents=[0.5], ridges=[0.01, 0.1, 1.0], replicates=2, run=Fake(), theory=None
    )
    assert [(one.problem.step, one.at_an_end) for one in no_step.protocols] == [(0.0, False)] * 3


def test_who_chooses_does_not_judge() -> None:
    """The seeds of the pilot and of the measurement have nothing in common, and protocols share theirs."""
    run = Fake(noise=0.1)
    found = sample_reuse(BASE, **GRID, pilot=2, replicates=3, seed=(7, 1), run=run, theory=None)
    seeds = [seed for seed, _ in run.asked]
    assert seeds == [(7, 1, 0, 0), (7, 1, 0, 1), (7, 1, 1, 0), (7, 1, 1, 1), (7, 1, 1, 2)]
    assert all({protocol_of(one) for one in problems} == set(PROTOCOLS) for _, problems in run.asked)
    assert found["fresh"].minus_same.mean == pytest.approx(-0.2)
    assert found["fresh"].minus_same.standard_error < 1e-12 < found["fresh"].test_error.standard_error


def test_the_least_prediction_is_kept_and_refusals_count_for_nothing() -> None:
    def theory(problems: Iterable[Problem]) -> list[Any]:
        """Predicts the half of the grid with the smaller steps, and has no answer for the same samples."""
        rows = predict([problem.replace(samples="fresh") for problem in problems])
        kept = [problem.samples == "fresh" and problem.step < 10 for problem in problems]
        refused = [FailedPrediction(row.problem, "finite-size", Status.OUT_OF_RANGE, "no") for row in rows]
        return [row if keep else other for row, other, keep in zip(rows, refused, kept, strict=True)]

    found = sample_reuse(LARGE, **GRID, replicates=2, run=Fake(), theory=theory)
    steps = [0.0, 1000**0.2]
    rows = predict([LARGE.replace(step_size=step, ridge=ridge) for step in steps for ridge in GRID["ridges"]])
    least = min(row.test_error for row in rows if row.test_error is not None)
    fresh = found["fresh"].prediction
    assert fresh is not None
    assert fresh.test_error == pytest.approx(least, rel=1e-9)
    assert found["same"].prediction is None


def test_it_takes_a_theory_of_the_same_samples_when_there_is_one() -> None:
    def theory(problems: Iterable[Problem]) -> list[Prediction | FailedPrediction]:
        return list(predict([problem.replace(samples="fresh") for problem in problems]))

    found = sample_reuse(LARGE, **GRID, replicates=2, run=Fake(), theory=theory)
    assert all(isinstance(one.prediction, Prediction) for one in found.protocols)


def test_no_answer_anywhere_is_none() -> None:
    def theory(problems: Iterable[Problem]) -> list[FailedPrediction]:
        return [FailedPrediction(problem, "finite-size", Status.OUT_OF_RANGE, "no") for problem in problems]

    found = sample_reuse(BASE, **GRID, replicates=2, run=Fake(), theory=theory)
    assert [one.prediction for one in found.protocols] == [None] * 3


NOISY = BASE.replace(n_samples=200, input_dim=200, width=200, noise=1.0)


@pytest.mark.parametrize(("problem", "other", "sign"), [(BASE, "split", 1), (NOISY, "fresh", -1)])
def test_real_networks_prefer_fresh_samples_to_the_same_and_these_to_a_split(
    problem: Problem, other: str, sign: int
) -> None:
    """Paired over runs that had no part in the choice."""
    found: SampleReuse = sample_reuse(problem, **GRID, pilot=2, replicates=10, n_test=1000, theory=None)
    difference = found[other].minus_same
    assert sign * difference.mean > 3 * difference.standard_error
    runs = [simulate(found["same"].problem, seed=(0, 1, k), n_test=1000).test_error for k in range(10)]
    assert found["same"].test_error.mean == pytest.approx(np.mean(runs), rel=1e-9)


def test_a_table_of_it_has_a_row_for_every_protocol() -> None:
    found = sample_reuse(BASE, **GRID, replicates=2, run=Fake(), theory=None)
    assert table(found.records())["protocol"].tolist() == ["fresh", "same", "split"]
    written = found.to_dict()
    assert [one["name"] for one in written["protocols"]] == ["fresh", "same", "split"]
    assert isinstance(found["same"].test_error, Estimate)
    assert "protocols=" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridges": []}, "ridges = .*: give numbers > 0"),
        ({"ridges": [0.0, 0.1]}, "ridges = .*: give numbers > 0"),
        ({"replicates": 1}, "replicates = 1"),
        ({"replicates": 0}, "replicates = 0"),
        ({"replicates": float("nan")}, "replicates = nan"),
        ({"pilot": 1}, "pilot = 1"),
        ({"pilot": "3"}, "pilot = '3'"),
        ({"n_test": 0}, "n_test = 0"),
        ({"n_test": 100.5}, "n_test = 100.5"),
        ({"theory": 3}, "theory = 3: give a function"),
        ({"run": 3}, "run = 3: give a function"),
        ({"seed": -1}, "seed = -1"),
        ({"workers": 0}, "workers = 0"),
        ({"exponents": 0.3}, "exponents = 0.3: give a list"),
        ({"exponents": None}, "exponents = None: give a list"),
        ({"exponents": "0.3"}, "exponents = '0.3': give a list"),
        ({"exponents": [400]}, r"exponents = \[400.0\]: give a list of numbers in \[0, 1/2\]"),
        ({"exponents": [0.1, -1]}, r"exponents = \[0.1, -1.0\]: give a list of numbers in \[0, 1/2\]"),
        ({"exponents": [None]}, "exponents = .*: give a list"),
        ({"ridges": 0.1}, "ridges = 0.1: give numbers > 0 as a list"),
        ({"ridges": None}, "ridges = None: give numbers > 0 as a list"),
        ({"ridges": "0.1"}, "ridges = '0.1': give numbers > 0 as a list"),
        ({"ridges": [0.1, float("inf")]}, "ridges = .*: give numbers > 0 as a list"),
        ({"problem": None}, "problem = None: give one Problem"),
        ({"problem": [BASE]}, "problem = .*: give one Problem"),
    ],
)
def test_what_is_refused_before_any_work(options: dict[str, Any], message: str) -> None:
    run = Fake()
    with pytest.raises(ArgumentError, match=f"^{message}"):
        sample_reuse(**{"problem": BASE, **GRID, "run": run, "theory": None, **options})
    assert not run.asked


def test_counts_are_integers_however_they_are_written() -> None:
    found = sample_reuse(BASE, **GRID, pilot=2.0, replicates=np.float64(3), n_test=1e3, run=Fake(), theory=None)  # type: ignore[arg-type]
    assert found.replicates == 3
    assert type(found.replicates) is int


def test_no_sample_is_too_small_to_halve_and_no_name_unknown() -> None:
    with pytest.raises(ArgumentError, match="n_samples = 3"):
        sample_reuse(BASE.replace(n_samples=3), run=Fake())
    with pytest.raises(ArgumentError, match="name = 'half'"):
        sample_reuse(BASE, **GRID, replicates=2, run=Fake(), theory=None)["half"]
