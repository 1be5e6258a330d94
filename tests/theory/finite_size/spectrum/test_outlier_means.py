"""Outliers at a finite size: what their means owe to fluctuations, against draws."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate, z_threshold
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance

# Two outliers that are nearer to each other than they fluctuate.
CLOSE = Problem("gelu", "h1 + 0.7*h2", 250, 1000, 250, step_exponent=0.5, ridge=1.0, noise=0.5, gradient="target")
STEPS = [
    Problem("relu", "h1 + 0.5*h2", 800, 400, 600, step_exponent=0.4, noise=0.5, gradient="target", ridge=0.01),
    Problem("tanh", "relu", 800, 400, 600, step_exponent=0.25, noise=0.3, ridge=0.01),
    Problem("tanh", "h1", 800, 400, 600, step_size=0.5, noise=0.3, ridge=0.01),
    # Here the overlap of omega and beta* is most of it.
    Problem("tanh", "2*h1", 1500, 40, 300, step_size=1.0, noise=0.3, ridge=0.01),
]


@pytest.mark.slow
def test_close_outliers_repel_each_other() -> None:
    """The gap between two limits is far from the mean gap between two eigenvalues. Stated finite-size term: 10/n."""
    spectrum = predict(CLOSE).spectrum
    drawn = [simulate(CLOSE, seed=(91, k), n_test=2, eigenvalues=2).eigenvalues for k in range(200)]
    gaps = np.array([values[0] - values[1] for values in drawn if values is not None])
    error = z_threshold(1) * gaps.std(ddof=1) / np.sqrt(len(gaps)) + 10 / 250 * gaps.mean()
    assert abs(spectrum.means[0] - spectrum.means[1] - gaps.mean()) < error
    limits = spectrum.spikes[0].location - spectrum.spikes[1].location
    assert abs(limits - gaps.mean()) > 3 * error


def squared_length(problem: Problem, seed: int) -> float:
    """``|b|^2`` of one draw."""
    draw = GaussianDraw.of(problem, (5, seed), 2)
    readout, step = draw.readout(problem.readout), gradient_of(problem, draw)
    b = problem.step * float(problem.activation.coefficients(1)[1]) * step.beta
    if problem.gradient == "full":
        b = b + draw.weights.T @ readout
    return float(b @ b)


@pytest.mark.slow
@pytest.mark.parametrize("problem", STEPS, ids=["target", "full", "short step", "overlap"])
def test_the_strength_varies_as_said(problem: Problem) -> None:
    """Stated finite-size term: 100/n_0 of the variance, heavy labels having large fourth moments."""
    found = np.array([squared_length(problem, k) for k in range(150)])
    centred = found - found.mean()
    variance = found.var(ddof=1) / found.mean() ** 2
    error = variance * np.sqrt(((centred**4).mean() / found.var() ** 2 - 1) / len(found))
    expected = strength_variance(problem)
    tolerance = z_threshold(len(STEPS)) * error + 100 / problem.gradient_samples * variance
    assert abs(expected - variance) < tolerance
    assert abs(2 * expected - variance) > tolerance


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("alpha", [0.1, 0.35, 0.5])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_means_are_finite_and_near_their_locations(activation: str, alpha: float, readout: str) -> None:
    problem = Problem(activation, "h1 + 0.5*h2", 3000, 1000, 1500, step_exponent=alpha, readout=readout, ridge=0.01)
    spectrum = predict(problem).spectrum
    assert len(spectrum.means) == len(spectrum.spikes)
    for mean, spike in zip(spectrum.means, spectrum.spikes, strict=True):
        assert mean == pytest.approx(spike.location, rel=0.05)


def test_corrections_vanish_with_the_size() -> None:
    """As 1/n: at alpha = 1/2 and fixed ratios all spikes keep their strengths relative to each other."""
    shifts = []
    for factor in (4, 16):
        sizes = {name: factor * getattr(CLOSE, name) for name in ("n_samples", "input_dim", "width")}
        spectrum = predict(CLOSE.replace(**sizes)).spectrum
        shifts.append(spectrum.means[0] / spectrum.spikes[0].location - 1)
    assert shifts[0] / shifts[1] == pytest.approx(4, rel=0.25)
