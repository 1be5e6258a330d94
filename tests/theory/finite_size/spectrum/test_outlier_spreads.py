"""How far outliers spread over draws, against draws."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate, z_threshold
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance
from polyspike.theory.finite_size.spectrum.outlier_spreads import move_covariance, outlier_spreads

PROBLEMS = {
    # Two outliers that are nearer to each other than they fluctuate.
    "close": Problem("gelu", "h1 + 0.7*h2", 250, 1000, 250, step_exponent=0.5, ridge=1.0, noise=0.5, gradient="target"),
    # As much of the outlier are the neurons' own weights along b as what they have learned.
    "own weights": Problem(
        "silu", "h1", 400, 60, 300, n_gradient=1200, step_exponent=0.33, ridge=0.1, noise=0.3
    ).replace(gradient="target", readout="rademacher"),
    # Everything grows with the mean square of the residuals.
    "energy": Problem(
        "h2", "h1 + 0.5*h2", 300, 250, 250, step_exponent=0.2, ridge=0.1, noise=0.3, readout="rademacher"
    ),
}
DRAWS = 150


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("own weights", "energy")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["close", *SLOW])
def test_outliers_spread_as_said(name: str) -> None:
    """Standard deviations over 150 draws; stated finite-size term: 15 %. Half of it is rejected."""
    problem = PROBLEMS[name]
    (spread, *_) = outlier_spreads(problem, predict(problem).spectrum.spikes)
    drawn = [simulate(problem, seed=(91, k), n_test=2, eigenvalues=1).eigenvalues for k in range(DRAWS)]
    found = np.array([values[0] for values in drawn if values is not None])
    centred = found - found.mean()
    error = found.std() / 2 * np.sqrt(((centred**4).mean() / found.var() ** 2 - 1) / len(found))
    tolerance = z_threshold(len(PROBLEMS)) * error + 0.15 * found.std()
    assert abs(spread - found.std(ddof=1)) < tolerance
    assert abs(spread / 2 - found.std(ddof=1)) > tolerance


def test_the_moves_have_a_covariance() -> None:
    covariance = move_covariance(PROBLEMS["close"])
    assert covariance[0, 0] == strength_variance(PROBLEMS["close"])
    assert np.linalg.eigvalsh(covariance)[0] >= 0
    np.testing.assert_array_equal(covariance, covariance.T)


def test_spikes_that_are_not_above_the_bulk_have_no_spread() -> None:
    problem = Problem("tanh", "h1", 300, 100, 200, step_exponent=0.4, ridge=0.1)
    spikes = predict(problem).spectrum.spikes
    assert np.isnan(outlier_spreads(problem, (*spikes, spikes[-1]))[-1])
