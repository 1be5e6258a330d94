"""Spectra of activations without a linear part against networks."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.theory.covariance.pair_spectrum.model import is_outside, pair_model, quadratic_features
from polyspike.theory.covariance.pair_spectrum.outliers import PairParts
from polyspike.theory.covariance.pair_spectrum.predict_spectrum import separated
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.spectrum import as_commuting
from polyspike.theory.covariance.spectrum import separated as without_pairs
from polyspike.theory.finite_size.spectrum.outliers import upper_edge
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum

PROBLEM = Problem("cos", "h1", 400, 200, 500, step_exponent=0.1, gradient="target", inputs="power:0.7")


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": "power:0.5", "input_dim": 300, "readout": "constant", "step_exponent": 0.0},
        {"inputs": "spiked:10,1"},
        {"activation": "h2", "inputs": "two-level:0.3,1.7,0.5", "n_samples": 900, "width": 600, "step_exponent": 0.0},
        {"teacher": "h1 + h2", "inputs": "two-level:0.3,1.7,0.5", "readout": "gaussian", "step_exponent": 0.2},
    ],
)
def test_outliers_of_networks(changes: dict[str, str]) -> None:
    """Within three percent and four standard errors; without the pairs they are 6 to 25 % lower."""
    problem = PROBLEM.replace(**changes)
    runs = np.array([simulate(problem, seed=(6, k), n_test=2, eigenvalues=2).eigenvalues for k in range(12)])[:, 0]
    found = predict(problem).spectrum
    allowed = 4 * runs.std(ddof=1) / len(runs) ** 0.5 + 0.03 * runs.mean()
    assert abs(found.spikes[0].location - runs.mean()) < allowed
    features = quadratic_features(problem, nodes_of(problem))
    leading = solve_spectrum(without_pairs(as_commuting(features.model)))
    assert leading.spikes[0].location < found.spikes[0].location
    assert found.atom == max(0.0, 1 - problem.width / problem.n_samples)


def test_single_pairs_are_outliers_of_networks() -> None:
    """Of a power law, without a step that counts: the mean, and pairs of the strongest directions."""
    found = predict(PROBLEM).spectrum
    runs = np.array([simulate(PROBLEM, seed=(7, k), n_test=2, eigenvalues=8).eigenvalues for k in range(12)])
    assert len(found.spikes) == 3
    mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / len(runs) ** 0.5
    for k, spike in enumerate(found.spikes):
        assert abs(spike.location / mean[k] - 1) < found.error_estimate + 4 * error[k] / mean[k]
    beyond = (runs > found.edges[-1][1]).sum(axis=1)
    assert abs(beyond.mean() - 3) < 1


def test_features_without_noise_have_the_rank_of_the_products() -> None:
    problem = PROBLEM.replace(activation="h2", input_dim=20, n_samples=300, width=400, inputs="two-level:0.9,1.1,0.5")
    assert predict(problem).spectrum.atom == pytest.approx(1 - 210 / 300)


def test_bisection_finds_the_pairs_that_one_by_one_are_outside() -> None:
    features = quadratic_features(PROBLEM, nodes_of(PROBLEM))
    like, count = as_commuting(features.model), 0
    while True:
        model = pair_model(features, like, count + 1)
        if not is_outside(model, upper_edge(PairParts(model))[0].state):
            break
        count += 1
    assert count == len(separated(features, like).single) > 0
