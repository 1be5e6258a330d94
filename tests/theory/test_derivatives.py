"""Derivatives by ridge and step against differences of the predictions themselves."""

import pytest

from polyspike import Derivatives, NumericalError, Problem, Slopes, Status, derivatives, predict

BASE = Problem(
    activation="tanh",
    teacher="h1 + 0.7*h2",
    n_samples=3000,
    input_dim=600,
    width=1000,
    ridge=0.01,
    noise=0.5,
    step_exponent=0.35,
)
CASES = [
    {},
    {"gradient": "target", "ridge": 1.0},
    {"activation": "relu", "step_exponent": 0.5},
    {"activation": "softplus", "teacher": "relu", "noise": 0.0},
    {"activation": "gelu", "readout": "rademacher", "step_exponent": 0.2, "ridge": 1e-5},
    {"readout": "constant", "gradient": "target", "step_exponent": 0.45},
    {"activation": "h3", "step_exponent": 0.3},
    {"teacher": "h1[0] + h1[0]*h1[1]", "activation": "leaky_relu"},
    {"step_size": 0.3, "ridge": 1e3},
    {"n_samples": 500, "ridge": 1e-4},
]


def numbers(problem: Problem) -> list[float]:
    found = predict(problem)
    return [found.train_loss, found.train_error, found.test_error]


def as_list(slopes: Slopes) -> list[float]:
    return [slopes.train_loss, slopes.train_error, slopes.test_error]


def fourth_order(problem: Problem, name: str, value: float) -> list[float]:
    """Central differences of fourth order: truncation and rounding both near 1e-8 of the value over its scale."""
    h = 0.02 * value
    low2, low, high, high2 = (numbers(problem.replace(**{name: value + k * h})) for k in (-2, -1, 1, 2))
    return [(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in zip(low2, low, high, high2, strict=True)]


@pytest.mark.parametrize("changes", CASES, ids=str)
def test_derivatives_are_the_limits_of_differences(changes: dict[str, object]) -> None:
    problem = BASE.replace(**changes)
    found = derivatives(problem)
    values = numbers(problem)
    for slopes, name, value in (
        (found.by_ridge, "ridge", problem.ridge),
        (found.by_step, "step_size", problem.step),
    ):
        for exact, difference, size in zip(as_list(slopes), fourth_order(problem, name, value), values, strict=True):
            assert exact == pytest.approx(difference, rel=2e-6, abs=2e-6 * size / value), name


def test_a_derivative_that_forgets_the_fixed_point_is_caught() -> None:
    """The explicit part alone, R and zeta held still, is what a wrong implementation would give."""
    from polyspike.theory.finite_size.bulk.fixed_point import BulkState
    from polyspike.theory.finite_size.solve import solve_problem
    from polyspike.theory.finite_size.spikes.errors import errors

    model, state = solve_problem(BASE)
    frozen = errors(model, BulkState(model.bulk, state.shift * (1 + 1e-20j), state.r, state.zeta))
    wrong = frozen.test_error.imag / 1e-20 / BASE.ridge
    difference = fourth_order(BASE, "ridge", BASE.ridge)[2]
    assert derivatives(BASE).by_ridge.test_error == pytest.approx(difference, rel=2e-6)
    assert wrong != pytest.approx(difference, rel=0.1)


@pytest.mark.parametrize("gradient", ["full", "target"])
def test_at_step_zero_the_derivative_is_one_sided(gradient: str) -> None:
    problem = BASE.replace(step_size=0.0, gradient=gradient)
    exact = derivatives(problem).by_step.test_error
    h = 1e-3
    here, one, two = (numbers(problem.replace(step_size=k * h))[2] for k in (0, 1, 2))
    assert exact == pytest.approx((4 * one - 3 * here - two) / (2 * h), abs=1e-4 * here)


def test_the_ridge_derivative_of_the_loss_is_the_penalty() -> None:
    """Envelope theorem: dL/d ridge = E |a|^2 = (train loss - train error)/ridge."""
    found = derivatives(BASE)
    penalty = (found.prediction.train_loss - found.prediction.train_error) / BASE.ridge
    assert found.by_ridge.train_loss == pytest.approx(penalty, rel=1e-9)


def test_ridge_zero_is_refused() -> None:
    assert isinstance(derivatives(BASE), Derivatives)
    with pytest.raises(NumericalError, match="one-sided") as caught:
        derivatives(BASE.replace(ridge=0.0))
    assert caught.value.status is Status.SINGULAR
