"""Where outliers are on average over networks."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate, z_threshold
from polyspike.spectra import Spectrum

BESIDE_THE_SPIKE = Problem(
    "gelu", "-1*h1", 2000, 300, 400, step_exponent=0.26, noise=0.3, readout="rademacher", inputs="power:0.5"
)
POWER = Problem(
    "relu", "-1*h1", 800, 300, 1200, step_exponent=0.18, gradient="target", readout="constant", inputs="power:0.75"
)
ODD = Problem("erf", "tanh", 3000, 200, 400, step_exponent=0.1, gradient="target", noise=1.0, inputs="power:0.5")


def above(spectrum: Spectrum) -> list[int]:
    edge = spectrum.edges[-1][1]
    return [k for k, spike in enumerate(spectrum.spikes) if spike.location > 1.05 * edge]


@pytest.mark.slow
@pytest.mark.parametrize("problem", [BESIDE_THE_SPIKE, POWER, ODD], ids=["beside the spike", "power law", "odd"])
def test_networks_have_them_there(problem: Problem) -> None:
    """Stated finite-size term: 1/n + 1/d_eff + 1/N, of that order as what is left out. The limits are farther off."""
    draws, spectrum = 60, predict(problem).spectrum
    values = np.array([simulate(problem, seed=(17, k), n_test=2, eigenvalues=12).eigenvalues for k in range(draws)])
    kept = above(spectrum)
    mean, error = values.mean(axis=0)[kept], values.std(axis=0, ddof=1)[kept] / draws**0.5
    d_eff = problem.inputs.effective_dimension(problem.input_dim)
    left = (1 / problem.n_samples + 1 / d_eff + 1 / problem.width) * mean
    found = np.array(spectrum.means)[kept]
    assert (np.abs(found - mean) < z_threshold(24) * error + left).all()
    limits = np.array([spectrum.spikes[k].location for k in kept])
    assert np.square((found - mean) / error).sum() < np.square((limits - mean) / error).sum()


def test_nearly_isotropic_inputs_have_the_isotropic_means() -> None:
    problem = BESIDE_THE_SPIKE.replace(inputs="isotropic", step_exponent=0.3)
    expected, found = (predict(problem.replace(inputs=i)).spectrum for i in ("isotropic", "two-level:0.99,1.01,0.5"))
    assert found.has_expectations
    assert len(found.means) == len(expected.means)
    assert found.means[0] == pytest.approx(expected.means[0], rel=5e-3)


def test_features_without_a_linear_part_have_none() -> None:
    spectrum = predict(POWER.replace(activation="cos")).spectrum
    assert not spectrum.has_expectations
    assert spectrum.means == tuple(spike.location for spike in spectrum.spikes)
