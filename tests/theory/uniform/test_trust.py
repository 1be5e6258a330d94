"""The error estimate and the flag; their coverage is tested in tests/agreement."""

import pytest

from polyspike import Prediction, Problem, predict
from polyspike.theory.uniform import predict_uniform
from polyspike.theory.uniform.trust import BENT, COVERED, amplification, trust

TABLE = Problem("tanh", "h1 + 0.7*h2", n_samples=2000, input_dim=1000, width=1000, ridge=0.01, noise=0.5, step_size=0.0)


def test_the_amplification_of_least_squares() -> None:
    """Over-determined, all noise: train error 1 - N/n, test error 1/(1 - N/n), train loss the train error."""
    assert amplification(0.75, 0.75, 1 / 0.75) == pytest.approx(1 / 0.75)
    assert amplification(1.0, 1.0, 1.0) == 1.0
    assert amplification(0.0, 0.0, 2.0) == 1.0


def test_it_grows_towards_the_interpolation_peak_and_the_flag_says_why() -> None:
    ridges = (1.0, 1e-2, 1e-4, 1e-7)
    found = [predict_uniform(TABLE.replace(n_samples=1000, ridge=ridge)) for ridge in ridges]
    estimates = [p.error_estimate for p in found if p.error_estimate is not None]
    assert estimates == sorted(estimates)
    assert [p.trusted for p in found] == [True, True, True, False]
    assert "interpolation peak" in found[-1].trust_reason
    assert "ridge 1e-07" in found[-1].trust_reason
    # Away from the peak a vanishing ridge is harmless.
    assert predict_uniform(TABLE.replace(ridge=1e-7)).trusted


def test_small_sizes_are_not_trusted() -> None:
    small = TABLE.replace(n_samples=15, input_dim=15, width=8)
    found = trust(small, 1.0, 1.0, 1.0)
    assert not found.trusted
    assert "sizes are small" in found.reason
    assert trust(TABLE, 1.0, 1.0, 1.0).reason == ""


def test_the_estimate_is_its_formula() -> None:
    x = 2 * (1 / 2000 + 1 / 1000 + 1 / 1000)
    assert trust(TABLE, 1.0, 1.0, 4.0).error_estimate == pytest.approx(COVERED * x / (1 + x / BENT))


def test_every_road_carries_it() -> None:
    single, many = predict(TABLE), predict([TABLE, TABLE.replace(ridge=0.1)])
    assert isinstance(single, Prediction)
    for found in (single, *many):
        assert isinstance(found, Prediction)
        errors = (found.train_loss, found.train_error, found.test_error)
        assert found.error_estimate == pytest.approx(trust(found.problem, *errors).error_estimate)
