"""Spectra for a covariance against the eigenvalues of networks."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem, Status, predict, simulate

PROBLEM = Problem(
    "tanh", "h1 + 0.5*h2", 600, 200, 400, step_exponent=0.4, gradient="target", inputs="two-level:0.3,1.7,0.5"
)


def test_a_step_with_c2_and_few_samples_is_refused() -> None:
    with pytest.raises(NumericalError, match="does not commute") as error:
        _ = predict(PROBLEM.replace(activation="relu")).spectrum
    assert error.value.status is Status.OUT_OF_RANGE


@pytest.mark.parametrize("gradient", ["full", "target"])
def test_two_levels(gradient: str) -> None:
    """Edges, counts inside the bulk, and the outlier; a spectrum without the covariance is rejected."""
    problem = PROBLEM.replace(gradient=gradient)
    runs = np.array([simulate(problem, seed=(8, k), n_test=10, eigenvalues="all").eigenvalues for k in range(4)])
    found, isotropic = (predict(p).spectrum for p in (problem, problem.replace(inputs="isotropic")))
    assert len(found.spikes) == 1
    outlier = runs[:, 0]
    assert abs(found.spikes[0].location - outlier.mean()) < 4 * outlier.std(ddof=1) / 2 + 0.03 * outlier.mean()
    assert found.edges[-1][1] == pytest.approx(runs[:, 1].mean(), rel=0.05)
    gaps = [counts(spectrum, runs, problem.n_samples) for spectrum in (found, isotropic)]
    assert gaps[0] < 2.5e-3
    assert gaps[1] > 2e-2


def counts(spectrum: object, runs: np.ndarray, n: int) -> float:
    """The largest deviation of the share of eigenvalues above a point of the bulk."""
    grid = np.linspace(0.05, 12.0, 20001)
    density = spectrum.density(grid)  # type: ignore[attr-defined]
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    points = np.linspace(0.5, 4.5, 9)
    measured = ((runs[:, 1:, None] > points).sum(axis=1) / n).mean(axis=0)
    return float(np.abs(below[-1] - np.interp(points, grid, below) - measured).max())


def test_a_single_strong_direction_makes_an_outlier() -> None:
    problem = PROBLEM.replace(activation="relu", step_size=0.0, step_exponent=None, inputs="spiked:10,1")
    found = predict(problem).spectrum
    tops = np.array([simulate(problem, seed=(9, k), n_test=10, eigenvalues=2).eigenvalues for k in range(6)])
    allowed = 4 * tops[:, 0].std(ddof=1) / 6**0.5 + 0.02 * tops[:, 0].mean()
    assert abs(found.spikes[0].location - tops[:, 0].mean()) < allowed
    assert found.edges[-1][1] == pytest.approx(tops[:, 1].mean(), rel=0.06)
