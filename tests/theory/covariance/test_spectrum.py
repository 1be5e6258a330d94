"""Spectra for a covariance against the eigenvalues of networks."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.spectra import Spectrum
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.spectrum import predict_covariance_spectrum

PROBLEM = Problem(
    "tanh", "h1 + 0.5*h2", 600, 200, 400, step_exponent=0.4, gradient="target", inputs="two-level:0.3,1.7,0.5"
)


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


POWER_LAW = PROBLEM.replace(
    n_samples=1200, input_dim=120, width=360, step_exponent=None, step_size=4.0, inputs="power:0.5"
)


def test_a_power_law_has_the_outliers_of_networks() -> None:
    """Four single eigenvalues of Sigma and the spike lie above the bulk, one eigenvalue in its gap: in networks the
    same, within one. The rule with which errors are made has too few nodes at the top, and two outliers less.
    """
    runs = np.array([simulate(POWER_LAW, seed=(5, k), n_test=10, eigenvalues="all").eigenvalues for k in range(6)])
    found, coarse = predict(POWER_LAW).spectrum, predict_covariance_spectrum(POWER_LAW, spectrum_of(POWER_LAW))
    (_, end), (start, top) = found.edges
    above = [spike.location for spike in found.spikes if spike.location > top]
    inside = [spike for spike in found.spikes if end < spike.location < start]
    measured_above = (runs > top).sum(axis=1).mean()
    assert abs(len(above) - measured_above) <= 1
    assert abs(sum(spike.location > coarse.edges[-1][1] for spike in coarse.spikes) - measured_above) > 1
    assert abs(len(inside) - ((runs > end) & (runs < start)).sum(axis=1).mean()) <= 1
    error = runs.std(axis=0, ddof=1) / 6**0.5
    for location, measured, se in zip(above, runs.mean(axis=0), error, strict=False):
        assert abs(location - measured) < 4 * se + 0.03 * measured
    # The linear part has an eigenvalue a dimension.
    assert eigenvalues_in(found, start, top, POWER_LAW) + len(above) == pytest.approx(120, abs=0.5)


def eigenvalues_in(spectrum: Spectrum, low: float, high: float, problem: Problem) -> float:
    grid = np.linspace(low, high, 4001)
    return float(np.trapezoid(spectrum.density(grid), grid)) * problem.n_samples


def test_several_equal_strong_directions_are_an_interval() -> None:
    problem = PROBLEM.replace(step_size=0.0, step_exponent=None, inputs="spiked:10,3")
    found = predict(problem).spectrum
    assert not found.spikes
    assert eigenvalues_in(found, *found.edges[-1], problem) == pytest.approx(3, abs=0.05)


def test_what_the_commuting_walk_does_not_find_the_layer_does() -> None:
    """Three equal strong directions and a bulk that begins near zero; the interval of the three holds those of networks
    but for their fluctuations of order ``n^(-2/3)``.
    """
    problem = Problem("leaky_relu", "h1", 600, 200, 400, step_size=0.0, ridge=0.01, inputs="spiked:10,3; teacher=top")
    found = predict(problem).spectrum
    assert len(found.edges) == 2
    values = np.array([simulate(problem, seed=(6, k), n_test=2, eigenvalues=4).eigenvalues for k in range(8)])
    (low, high), margin = found.edges[1], problem.n_samples ** (-2 / 3)
    assert low * (1 - 8 * margin) < values[:, 2].min() < values[:, 0].max() < high * (1 + 8 * margin)
    assert values[:, 3].max() < found.edges[0][1] * (1 + 8 * margin)


def test_a_band_of_few_equal_eigenvalues_is_found() -> None:
    """Three of 4000, far above all others; no path of the commuting theory begins there."""
    problem = Problem("tanh", "h2", 4000, 200, 400, step_exponent=0.09, n_gradient=8000, inputs="spiked:5,3")
    edges = predict(problem).spectrum.edges
    assert len(edges) == 3
    assert edges[-1] == pytest.approx((33.4, 45.7), rel=0.03)
