"""The Gaussian covariate model: exact on Gaussian features, and a second opinion on the theory on data."""

import numpy as np
import pytest

from polyspike import ArgumentError, predict_data, simulate_data
from polyspike.simulation.covariate import covariate_curve, ridge_curve


def test_gaussian_features_follow_the_equivalent() -> None:
    """A population of 40,000 rows, fits on 120 of fresh ones; means over 60 fits within five standard errors."""
    rng = np.random.default_rng(0)
    scale, theta = np.linspace(0.2, 2, 40), rng.standard_normal(40) / 6

    def draw(rows: int) -> tuple[np.ndarray, np.ndarray]:
        f = rng.standard_normal((rows, 40)) * scale
        return f, f @ theta + 0.3 * rng.standard_normal(rows)

    found = ridge_curve(*draw(40_000), [120], [0.05])
    test, train = [], []
    fresh, labels = draw(20_000)
    for _ in range(60):
        f, y = draw(120)
        a = np.linalg.solve(f.T @ f + 0.05 * 120 * np.eye(40), f.T @ y)
        test.append(np.mean((labels - fresh @ a) ** 2))
        train.append(np.mean((y - f @ a) ** 2))
    for errors, predicted in ((test, found.test_error), (train, found.train_error)):
        bar = np.std(errors, ddof=1) / np.sqrt(60)
        assert abs(np.mean(errors) - predicted[0, 0]) < 5 * bar + 0.01 * predicted[0, 0]


def test_more_rows_are_better_and_a_ridge_of_zero_is_refused() -> None:
    rng = np.random.default_rng(1)
    f = rng.standard_normal((5000, 30))
    y = f[:, 0] + rng.standard_normal(5000)
    curve = ridge_curve(f, y, [40, 80, 400], [0.1, 1.0])
    assert np.all(np.diff(curve.test_error[:, 0]) < 0)
    with pytest.raises(ArgumentError, match="ridges = 0"):
        ridge_curve(f, y, [40], [0.0])
    with pytest.raises(ArgumentError, match="n_samples = 1"):
        ridge_curve(f, y, [1], [0.1])


def test_the_two_roads_to_a_network_on_data_meet() -> None:
    """Gaussian rows, many beyond the fit: the covariate model of networks, and their mean by the theory."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4000, 20))
    y = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.3 * rng.standard_normal(4000)
    found = predict_data(x, y, activation="tanh", width=100, n_samples=150, n_gradient=200, step_exponent=0.3)
    roads = [covariate_curve(found.problem, x, y, seed=k, split_seed=0).test_error[0, 0] for k in range(6)]
    networks = [simulate_data(found.problem, x, y, seed=k, split_seed=0).test_error for k in range(6)]
    print(found.test_error, np.mean(roads), np.mean(networks))
    assert np.mean(roads) == pytest.approx(found.test_error, rel=0.08)
    assert np.mean(networks) == pytest.approx(found.test_error, rel=0.05)
