"""Problems at the end of double precision, and a sample of the fuzz of benchmarks/fuzz.py."""

from typing import Any

import numpy as np
import pytest

from benchmark_scripts import script
from polyspike import FailedPrediction, NumericalError, Prediction, Problem, as_activation
from polyspike.status import Status
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.predict import mean_errors
from polyspike.theory.finite_size.solve import model_of
from polyspike.theory.finite_size.spikes.errors import Errors, _at_minimum

BASE = Problem("tanh", "h1", 2000, 1000, 2000, step_size=1.0, ridge=0.01, gradient="target")


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_nothing_to_learn_and_no_noise_is_nothing_left(activation: str) -> None:
    for gradient in ("full", "target"):
        found = predict_finite_size(BASE.replace(activation=activation, teacher="0", noise=0, gradient=gradient))
        assert (found.train_loss, found.train_error, found.test_error) == (0, 0, 0)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_tiny_noise_is_as_good_as_none(activation: str) -> None:
    problem = BASE.replace(activation=activation, noise=0.0)
    none = predict_finite_size(problem)
    for noise in (1e-30, 1e-12, 1e-9, 1e-6, 1e-5):
        found = predict_finite_size(problem.replace(noise=noise))
        assert found.test_error == pytest.approx(none.test_error, rel=1e-6)


@pytest.mark.parametrize(
    "changes",
    [{"noise": 1e-200}, {"noise": 1e200}, {"ridge": 1e-200}, {"step_size": 1e300}, {"teacher": "1e200*h1"}],
    ids=str,
)
def test_numbers_that_leave_double_precision_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NumericalError, match="what is not 0 must be from 1e-30 to 1e") as caught:
        predict_finite_size(BASE.replace(**changes))
    assert caught.value.status is Status.OUT_OF_RANGE


def test_a_bare_error_becomes_one_with_a_status() -> None:
    for fail in (lambda: 1 / 0, lambda: 10.0**400, lambda: np.linalg.inv(np.zeros((2, 2))), lambda: np.exp(1e4)):
        with pytest.raises(NumericalError, match="leave double precision"), within_double_precision():
            fail()
    with pytest.raises(ValueError, match="mine"), within_double_precision():
        raise ValueError("mine")


def test_a_row_that_fails_leaves_the_others_alone() -> None:
    bad = [
        BASE.replace(teacher="0", noise=0.0, ridge=0.0),
        BASE.replace(noise=1e200),
        BASE.replace(activation=as_activation(np.exp), step_size=100.0),
        BASE.replace(teacher="h12"),
    ]
    good = [BASE.replace(ridge=ridge, step_size=step) for ridge in (0.01, 0.1) for step in (1.0, 2.0)]
    rows = predict_many([row for pair in zip(bad, good, strict=True) for row in pair])
    assert all(isinstance(row, FailedPrediction) for row in rows[2::2])
    for row, problem in zip(rows[1::2], good, strict=True):
        assert isinstance(row, Prediction)
        assert row.test_error == pytest.approx(predict_finite_size(problem).test_error, rel=1e-9)


def test_advice_fits_the_cause() -> None:
    """Heavy labels are not cured by moving away from the interpolation peak."""
    with pytest.raises(NumericalError, match="few samples carry the gradient") as caught:
        predict_finite_size(BASE.replace(teacher="h12"))
    assert "peak" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_sample_of_the_fuzz_keeps_every_promise() -> None:
    report = script("fuzz").fuzz(100, seed=2026, batches=0.2)
    assert not report.broken, report.table()
    assert report.statuses["ok"] > 55


def test_an_average_of_errors_at_their_bound_is_at_the_bound() -> None:
    """Weights sum to one up to rounding."""
    null = BASE.label_second_moment
    found = Errors(null, null, null)
    weights = [1 / 3, 1 / 3, 1 / 3 + 3e-16]
    assert sum(weights) > 1
    mean = mean_errors(BASE, [(weight, found) for weight in weights])
    assert (mean.train_loss, mean.train_error) == (null, null)


def test_a_form_without_a_minimum_says_how_far_it_ranges() -> None:
    with pytest.raises(NumericalError, match=r"ranges from 1e\+00 to 4e\+00: rounding leaves it no minimum") as caught:
        _at_minimum(np.array([[4.0, 2.0], [2.0, 1.0]]), np.ones(2))
    assert caught.value.status is Status.OUT_OF_RANGE
    np.testing.assert_allclose(_at_minimum(np.diag([2.0, 4.0]), np.ones(2)), [0.5, 0.25])


def test_the_quadratic_part_of_a_linear_activation_is_rounding() -> None:
    problem = BASE.replace(activation="h1", n_samples=600, input_dim=150, width=300)
    assert model_of(problem).quadratic[0].shape[1] == 0
    assert model_of(problem.replace(activation="h2")).quadratic[0].shape[1] > 0
    exact = predict_finite_size(problem.replace(activation="identity"))
    assert predict_finite_size(problem).test_error == pytest.approx(exact.test_error, rel=1e-10)


def test_the_fuzz_sees_a_broken_promise() -> None:
    """Negative control: an answer out of order."""
    found = predict_finite_size(BASE)
    promises = script("fuzz").promises
    assert promises(BASE, found) is None
    assert "order" in promises(BASE.replace(noise=0.0, teacher="0"), found)
