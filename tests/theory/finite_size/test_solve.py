"""From a problem to its errors: the shift, and the order of errors."""

import pytest

from polyspike import NumericalError, Problem
from polyspike.status import Status
from polyspike.theory.finite_size.solve import in_order, model_of, shift_of, solve_errors, solve_problem
from polyspike.theory.finite_size.spikes.errors import Errors

BASE = Problem("tanh", "h1 + 0.7*h2", 1000, 300, 600, step_exponent=0.3, ridge=0.02, noise=0.5)


def test_the_shift_is_the_ridge_in_the_scale_of_the_features() -> None:
    assert shift_of(BASE, model_of(BASE)) == pytest.approx(0.02 * 1000 / 600)
    assert 0 < shift_of(BASE.replace(ridge=0.0), model_of(BASE)) < 1e-6


def test_errors_are_ordered() -> None:
    found = solve_errors(*solve_problem(BASE)[:2])
    assert 0 < found.train_error < found.train_loss < BASE.label_second_moment
    assert found.test_error > BASE.noise**2


@pytest.mark.parametrize("wrong", [Errors(1.0, 1.1, 2.0), Errors(1.0, 0.5, 0.1), Errors(9.0, 0.5, 2.0)])
def test_disorder_is_refused(wrong: Errors) -> None:
    with pytest.raises(NumericalError) as caught:
        in_order(BASE, wrong)
    assert caught.value.status is Status.OUT_OF_RANGE


def test_rounding_is_put_in_order() -> None:
    assert in_order(BASE, Errors(1.0, 1.0 + 1e-9, 2.0)) == Errors(1.0, 1.0, 2.0)
