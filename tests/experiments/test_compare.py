import math

import numpy as np
import pytest

from experiments.fakes import Fake
from polyspike import ArgumentError, Estimate, Prediction, Problem
from polyspike.experiments.compare import (
    COMPARED_FIELDS,
    Comparison,
    compare,
    compare_differences,
    disagreements,
)
from polyspike.experiments.replicate import paired_difference, replicate

PROBLEM = Problem("relu", "h1 + 0.7*h2", 60, 30, 50, step_exponent=0.25, ridge=0.1)


def predicted(problem: Problem, shift: float = 0.0) -> Prediction:
    """What the fake runs have as their mean, and ``shift`` more."""
    train = 1 / (1 + problem.step) + problem.ridge
    return Prediction(
        problem=problem,
        method="fake",
        train_loss=train + shift,
        train_error=train / 2 + shift,
        test_error=train + 1 + shift,
        cosine=0.5,
        spike_cosine=0.5 + shift,
        spike_strength=0.0,
        regime="",
        null_error=1.0,
        linear_error=1.0,
    )


def test_a_comparison_is_a_subtraction() -> None:
    found = Comparison("test_error", 2.0, Estimate(2.1, 0.05, 8), 2.0)
    assert found.difference == pytest.approx(0.1, rel=1e-14)
    assert found.z == pytest.approx(2.0, rel=1e-14)
    assert found.relative == pytest.approx(0.05, rel=1e-14)
    assert found.relative_error == 0.025
    assert found.agrees(2.5)
    assert not found.agrees(1.5)
    assert found.agrees(1.5, finite_size=0.02)


def test_no_noise_and_no_scale_are_not_nan() -> None:
    exact = Comparison("cosine", 0.0, Estimate(0.0, 0.0, 8), 0.0)
    assert (exact.z, exact.relative) == (0.0, 0.0)
    off = Comparison("cosine", 0.0, Estimate(-0.1, 0.0, 8), 0.0)
    assert (off.z, off.relative) == (-math.inf, -math.inf)


def test_every_shared_field_is_compared() -> None:
    measured = replicate(PROBLEM, replicates=4, run=Fake())
    found = compare(predicted(PROBLEM), measured)
    assert tuple(found) == COMPARED_FIELDS
    assert found["test_error"].difference == measured.test_error.mean - predicted(PROBLEM).test_error


def test_a_right_theory_passes_and_a_wrong_one_is_rejected_by_the_same_test() -> None:
    measured = replicate(PROBLEM, replicates=12, run=Fake())
    fields = [c for name, c in compare(predicted(PROBLEM), measured).items() if name != "cosine"]
    assert disagreements(fields, false_alarm=1e-4) == []
    wrong = compare(predicted(PROBLEM, shift=0.5), measured)
    names = {c.field for c in disagreements(wrong.values(), false_alarm=1e-4)}
    assert names >= {"train_loss", "train_error", "test_error", "spike_cosine"}


def test_false_alarms_are_as_rare_as_promised() -> None:
    families, size, promised = 800, 12, 0.1
    sample = np.random.default_rng(5).normal(size=(families, size, 6))
    alarms = 0
    for family in sample:
        errors = family.std(axis=1, ddof=1) / np.sqrt(6)
        comparisons = [Comparison("x", 0.0, Estimate(m, e, 6), 1.0) for m, e in zip(family.mean(axis=1), errors)]
        alarms += bool(disagreements(comparisons, false_alarm=promised))
    spread = np.sqrt(promised * (1 - promised) / families)
    assert abs(alarms / families - promised) < 4 * spread


def test_the_worst_comes_first_and_nothing_is_no_disagreement() -> None:
    family = [Comparison("x", 0.0, Estimate(m, 0.1, 9), 1.0) for m in (1.0, -3.0, 0.0, 2.0)]
    assert [c.measured.mean for c in disagreements(family)] == [-3.0, 2.0, 1.0]
    assert disagreements([]) == []


def test_a_paired_difference_against_two_predictions() -> None:
    other = PROBLEM.replace(step_size=0.0)
    measured = paired_difference(PROBLEM, other, replicates=5, run=Fake())
    found = compare_differences(predicted(PROBLEM), predicted(other), measured)["test_error"]
    assert found.predicted == predicted(PROBLEM).test_error - predicted(other).test_error
    assert found.scale == predicted(other).test_error
    assert abs(found.difference) < 1e-12  # the noise of the fake runs cancels


def test_predictions_of_other_problems_are_refused() -> None:
    other = PROBLEM.replace(ridge=0.2)
    with pytest.raises(ArgumentError, match=r"prediction = .*give a prediction of Problem"):
        compare(predicted(other), replicate(PROBLEM, replicates=2, run=Fake()))
    measured = paired_difference(PROBLEM, other, replicates=2, run=Fake())
    with pytest.raises(ArgumentError, match="baseline = "):
        compare_differences(predicted(PROBLEM), predicted(PROBLEM), measured)
