"""A sample of benchmarks/agreement: fresh simulations, and the committed summary against today's theory.

Tolerances are z standard errors, z from the number of comparisons (the suite's false-alarm budget), plus the theory's
own ``error_estimate``; a theory with a term taken away is rejected by the same test.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark_scripts import AGREEMENT, script
from polyspike import Problem, predict, simulate, z_threshold
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.solve import model_of, shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

LARGE_STEP = Problem(
    "relu",
    "h1 + h2",
    n_samples=600,
    input_dim=300,
    width=300,
    ridge=1e-3,
    noise=0.0,
    step_exponent=0.5,
    gradient="target",
)
FULL_GRADIENT = Problem(
    "tanh", "h1", n_samples=800, input_dim=200, width=300, ridge=0.01, noise=0.3, step_exponent=0.3, gradient="full"
)


class Numbers(NamedTuple):
    """Train loss and test error after the step, and their differences from step 0."""

    train_loss: Any
    test_error: Any
    train_change: Any
    test_change: Any


def untrained(problem: Problem) -> Problem:
    return problem.replace(step_size=0.0)


def numbers(after: Any, before: Any) -> Numbers:
    return Numbers(
        after.train_loss, after.test_error, after.train_loss - before.train_loss, after.test_error - before.test_error
    )


@lru_cache
def simulated(problem: Problem, replicates: int) -> NDArray[np.float64]:
    """One row a draw; the pair of a draw shares it."""
    pairs = [simulate([problem, untrained(problem)], seed=(313, k), n_test=3000) for k in range(replicates)]
    return np.array([numbers(*pair) for pair in pairs])


def agrees(problem: Problem, replicates: int, theory: Numbers) -> bool:
    """Whether all four numbers lie within z standard errors and the error estimate."""
    measured = simulated(problem, replicates)
    mean, error = measured.mean(axis=0), measured.std(axis=0, ddof=1) / np.sqrt(replicates)
    estimate = predict_finite_size(problem).error_estimate
    assert estimate is not None
    tolerance = z_threshold(4) * error + estimate * np.tile(mean[:2], 2)
    return bool(np.all(np.abs(np.array(theory) - mean) < tolerance))


def finite_size(problem: Problem) -> Numbers:
    return numbers(predict_finite_size(problem), predict_finite_size(untrained(problem)))


def window(problem: Problem) -> Numbers:
    cases = ((problem, 1), (untrained(problem), 0))
    after, before = (predict(p, method="window", window=window) for p, window in cases)
    return numbers(after, before)


def without_quadratic_gradient(problem: Problem) -> Errors:
    """The gradient's remainder as isotropic noise: its quadratic part, the matrix M, is left out."""
    scalars = condition(problem)
    scalars = replace(scalars, quadratic_step=0 * scalars.quadratic_step, gradient_noise_variance=scalars.move_variance)
    model = assemble(problem, choose_grid(problem, scalars), scalars)
    moves = np.broadcast_to(model.bulk.mu_weights @ model.bulk.weight_variance, model.bulk.weight_variance.shape)
    model = replace(model, bulk=replace(model.bulk, weight_variance=moves))
    return errors(model, solve_bulk(model.bulk, shift_of(problem, model))[0])


def leading_order(problem: Problem) -> Errors:
    """Without the terms of finite dimension."""
    model = model_of(problem)
    model = replace(model, bulk=replace(model.bulk, next_order=None))
    return errors(model, solve_bulk(model.bulk, shift_of(problem, model))[0])


def without_initial_output(problem: Problem) -> Numbers:
    """As the paper's statement has it: the gradient sees the labels alone."""
    return finite_size(problem.replace(gradient="target"))


@pytest.mark.parametrize(
    ("problem", "replicates", "wrong"),
    [
        (LARGE_STEP, 30, (window,)),
        (FULL_GRADIENT, 36, (without_initial_output,)),
    ],
    ids=["large step", "full gradient"],
)
def test_fresh_simulations(problem: Problem, replicates: int, wrong: tuple[Any, ...]) -> None:
    assert agrees(problem, replicates, finite_size(problem))
    for theory in wrong:
        assert not agrees(problem, replicates, theory(problem)), theory.__name__


@pytest.fixture(scope="module")
def agreement() -> Any:
    return script("comparison")


def test_the_committed_summary_against_the_theory_of_today(agreement: Any) -> None:
    """Every comparison that the table calls good is still good, and the averages are what it says."""
    summary = agreement.load_summary(AGREEMENT / "summary.json")
    assert len(summary) >= 60
    rows, outliers = agreement.error_rows(summary), agreement.outlier_rows(summary)
    count = agreement.comparisons(summary)
    assert [(row.problem, row.quantity) for row in rows if row.verdict(count) == "off"] == []
    # This one is 2.3 % low: a third spike inside the bulk is not known to repel it, and the place at which the law of M
    # is cut moves it by some 0.3 % (docs/agreement.md).
    assert {(row.problem, row.quantity) for row in outliers if row.verdict(count) == "off"} <= {(2, "outlier 2")}
    assert len(outliers) > 50
    deviations = np.array([row.deviation for row in rows])
    assert abs(deviations.mean()) < 0.003


@pytest.mark.parametrize("theory", [leading_order, without_quadratic_gradient])
def test_a_wrong_theory_is_rejected_by_the_summary(agreement: Any, theory: Any) -> None:
    """The same comparisons with a term taken away: some of them fail beyond doubt."""
    summary = agreement.load_summary(AGREEMENT / "summary.json")
    count, design = agreement.comparisons(summary), agreement.problems()
    rows = [row for row in agreement.error_rows(summary) if row.quantity == "test_error"]
    wrong = [replace(row, predicted=float(theory(design[row.problem]).test_error)) for row in rows]
    assert any(row.verdict(count) == "off" for row in wrong)


def test_the_error_estimate_covers_the_deviations(agreement: Any) -> None:
    """Nine in ten, counting two standard errors of the measurement."""
    summary = agreement.load_summary(AGREEMENT / "summary.json")
    rows = [row for row in agreement.error_rows(summary) if row.quantity == "test_error"]
    covered = []
    for row in rows:
        found = predict(agreement.problems()[row.problem])
        assert found.error_estimate is not None
        covered.append(abs(row.deviation) <= found.error_estimate + 2 * row.relative_error)
    assert np.mean(covered) >= 0.9
