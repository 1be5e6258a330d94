"""Hundreds of random hard problems: finite numbers in their order, or a clear refusal; never NaN, never a crash."""

from collections import Counter
from contextlib import suppress
from math import isfinite
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, FailedPrediction, NumericalError, Prediction, Problem, Status, predict
from polyspike.theory.finite_size.bulk import newton
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.solve import in_order, model_of, solve_errors, solve_problem
from polyspike.theory.finite_size.spikes.errors import Errors

ACTIVATIONS = (
    *("tanh", "erf", "sigmoid", "sin", "cos"),  # bounded
    *("relu", "leaky_relu", "uncentred relu"),  # kinked
    *("gelu", "softplus", "silu"),  # unbounded
    *("identity", "h2", "h3", "h4"),  # polynomial
)
TEACHERS = ("h1", "h1+0.7*h2", "h2", "h3", "relu", "tanh", "h1+0.3*h4", "h1[0]+h1[0]*h1[1]", "cos", "0.1*h1+h2")


def hard_problem(rng: np.random.Generator) -> Problem:
    def size() -> int:
        return int(rng.choice([2, 3, 5, 30, 10**3, 10**6])) if rng.random() < 0.4 else int(np.exp(rng.uniform(0.7, 14)))

    step: dict[str, Any] = {"step_size": float(rng.choice([0, 1e-6, 1, 30, 1e3, 1e5, 1e9]))}
    if rng.random() < 0.7:
        step = {"step_exponent": float(rng.choice([0, 0.1, 0.25, 0.3, 0.45, 0.5]))}
    return Problem(
        activation=str(rng.choice(ACTIVATIONS)),
        teacher=str(rng.choice(TEACHERS)),
        n_samples=size(),
        input_dim=size(),
        width=size(),
        n_gradient=size() if rng.random() < 0.3 else None,
        ridge=float(rng.choice([0, 1e-10, 1e-6, 1e-3, 0.1, 1, 1e3, 1e10])),
        noise=float(rng.choice([0, 0.1, 1, 10])),
        gradient=str(rng.choice(["full", "target"])),
        readout=str(rng.choice(["gaussian", "rademacher", "constant"])),
        **step,
    )


def is_in_order(found: Prediction) -> bool:
    null, slack = found.null_error, 1 + 1e-6
    numbers = [found.train_loss, found.train_error, found.test_error, found.cosine, found.spike_strength]
    return bool(
        np.isfinite(numbers).all()
        and 0 <= found.train_error <= found.train_loss * slack
        and found.train_loss <= null * slack
        and found.test_error >= found.problem.noise**2 / slack - 1e-11 * null
        and abs(found.cosine) <= slack
    )


def hard_problems(rng: np.random.Generator, n: int) -> list[Problem]:
    """The first n that a Problem accepts."""
    problems: list[Problem] = []
    while len(problems) < n:
        try:
            problems.append(hard_problem(rng))
        except ArgumentError:
            continue
    return problems


def attempt(problem: Problem) -> Prediction | NumericalError:
    try:
        return predict(problem)
    except NumericalError as error:
        return error


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)), 3])
def test_random_hard_problems_give_ordered_numbers_or_a_refusal(seed: int) -> None:
    outcomes: Counter[Status] = Counter()
    for problem in hard_problems(np.random.default_rng((20261125, seed)), 50):
        found = attempt(problem)
        outcomes[found.status] += 1
        assert found.status.advice if isinstance(found, NumericalError) else is_in_order(found), problem
    # Steps up to 1e9 and uncentred activations are among them; most problems are answered all the same.
    assert outcomes[Status.OK] >= 35, outcomes
    assert outcomes[Status.NOT_CONVERGED] <= 3, outcomes


@pytest.mark.slow
def test_the_vectorised_call_gives_the_same_answers_and_refusals() -> None:
    problems = hard_problems(np.random.default_rng(11), 40)
    for problem, row in zip(problems, predict(problems), strict=True):
        single = attempt(problem)
        if isinstance(single, NumericalError):
            assert isinstance(row, FailedPrediction)
            assert row.status is single.status
        else:
            assert isinstance(row, Prediction)
            assert row.test_error == pytest.approx(single.test_error, rel=1e-7)


BASE = Problem(
    teacher="h1 + 0.7*h2", n_samples=300, input_dim=100, width=200, step_exponent=0.4, ridge=0.01, activation="tanh"
)


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("activation", ["tanh", "relu", "h3"])
def test_the_smallest_widths_are_answered(width: int, activation: str) -> None:
    for gradient in ("full", "target"):
        found = predict(BASE.replace(width=width, activation=activation, gradient=gradient, step_exponent=0.2))
        assert is_in_order(found)


def test_a_width_of_one_is_refused_when_the_problem_is_built() -> None:
    with pytest.raises(ArgumentError, match="width = 1"):
        BASE.replace(width=1)


def test_three_neurons_that_turn_round_are_answered_and_not_trusted() -> None:
    found = predict(
        BASE.replace(activation="softplus", width=3, n_samples=5, input_dim=3, step_exponent=0.5, n_gradient=10**6)
    )
    assert isfinite(found.test_error)
    assert not found.trusted


def test_an_iterate_outside_of_the_domain_is_no_complex_number() -> None:
    """Rounding makes R negative where 10^12 times tanh meets labels and steps of 10^-9."""
    model, state = solve_problem(BASE)
    with np.errstate(invalid="ignore"):
        outside = BulkState(model.bulk, state.shift, -state.r, state.zeta).alternated()
    assert outside.r.dtype == float
    assert outside.size_of_defect == np.inf
    problem = Problem(lambda x: 1e12 * np.tanh(x), "h1", 2, 139663, 2, step_size=1e-9, ridge=6.5e-4, noise=1e-9)
    problem = problem.replace(gradient="target", readout="rademacher")
    with suppress(NumericalError):
        assert isfinite(predict(problem).test_error)


def test_errors_out_of_order_are_refused_with_the_numbers() -> None:
    """What a broken quadratic form would give must not get out."""
    model, state = solve_problem(BASE)

    good = solve_errors(model, state)
    assert in_order(BASE, good) == good
    for change in (
        {"train_error": good.train_loss * 1.01},
        {"train_error": -1e-3},
        {"train_loss": 1.001 * BASE.label_second_moment},
        {"test_error": 0.2},
    ):
        broken = Errors(**{**vars(good), **change})
        with pytest.raises(NumericalError, match="not in their order") as caught:
            in_order(BASE, broken)
        assert caught.value.partial is broken
    with pytest.raises(NumericalError, match="overflow"):
        in_order(BASE, Errors(good.train_loss, good.train_error, np.inf))


def test_a_fixed_point_that_is_not_found_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(newton, "_FIRST_ATTEMPT", 1)
    monkeypatch.setattr(newton, "_MAX_ITERATIONS", 1)
    with pytest.raises(NumericalError, match=r"residual \d.* after \d+ Newton steps.*Increase the ridge") as caught:
        solve_problem(BASE)
    assert caught.value.status is Status.NOT_CONVERGED
    state = caught.value.partial
    assert state.r.shape == model_of(BASE).grid.kappa.shape
    assert np.isfinite(state.r).all()
