"""Numbers of localised outliers above a level, against networks."""

from itertools import pairwise

import numpy as np
import pytest

from polyspike import ArgumentError, NumericalError, Problem, predict, simulate, z_threshold
from polyspike.arraytypes import Array
from polyspike.spectra import LocalisedOutliers

LONG_NEURONS = Problem(
    "h3", "h1 + 0.7*h2", 320, 110, 300, step_exponent=0.2, gradient="target", readout="gaussian", noise=0.3, ridge=0.1
)
HEAVY_LABELS = Problem(
    "silu",
    "h1 + 0.5*h2 + 0.3*h3",
    300,
    900,
    300,
    n_gradient=200,
    step_exponent=0.25,
    gradient="target",
    readout="rademacher",
    noise=0.0,
    ridge=0.1,
)
BOTH = Problem(lambda x: x + 0.3 * (x**3 - 3 * x), "h1 + 0.7*h2", 250, 230, 150, step_exponent=0.25, ridge=0.1)
BEYOND = 1.3


def beyond_spikes(problem: Problem, draws: int) -> tuple[LocalisedOutliers, Array]:
    """The prediction at 1.3 times the edge, and the simulated numbers there less the predicted spikes."""
    spectrum = predict(problem).spectrum
    level = BEYOND * spectrum.edges[-1][1]
    spikes = sum(mean > level for mean in spectrum.means)
    found = [simulate(problem, seed=(12, k), n_test=2, eigenvalues=60).eigenvalues for k in range(draws)]
    return spectrum.localised(level), np.array([np.sum(np.asarray(values) > level) - spikes for values in found])


@pytest.mark.slow
@pytest.mark.parametrize("problem", [LONG_NEURONS, HEAVY_LABELS, BOTH], ids=["neurons", "labels", "both"])
def test_numbers_are_those_of_networks(problem: Problem) -> None:
    """Means within a quarter and standard errors, spreads too; without localised outliers the mean is rejected."""
    localised, drawn = beyond_spikes(problem, 60)
    error = z_threshold(3) * drawn.std(ddof=1) / len(drawn) ** 0.5
    assert abs(localised.expected - drawn.mean()) < 0.25 * localised.expected + error
    assert drawn.mean() > error
    low, high = localised.interval(0.98)
    assert np.mean((drawn >= low) & (drawn <= high)) > 0.9
    assert high - low < 6 * (drawn.std() + 1)


def test_heavy_labels_make_outliers_and_light_ones_none() -> None:
    for teacher, some in (("h1 + 0.5*h2 + 0.3*h3", True), ("tanh", False)):
        spectrum = predict(HEAVY_LABELS.replace(teacher=teacher)).spectrum
        localised = spectrum.localised(BEYOND * spectrum.edges[-1][1])
        assert (localised.expected > 0.1) is some
        assert localised.weights @ localised.neurons == pytest.approx(0, abs=1e-3)


@pytest.mark.slow
def test_fewer_lie_above_a_higher_level() -> None:
    spectrum = predict(LONG_NEURONS).spectrum
    numbers = [spectrum.localised(factor * spectrum.edges[-1][1]).expected for factor in (1.3, 2.0, 5.0, 100.0)]
    assert numbers[0] > 1
    assert all(after < before for before, after in pairwise(numbers))
    assert numbers[-1] < numbers[0] / 20


def test_without_a_step_there_are_those_of_long_samples_alone() -> None:
    """Their number is held to networks in test_samples.py."""
    still = LONG_NEURONS.replace(step_exponent=None, step_size=0.0)
    spectrum = predict(still).spectrum
    localised = spectrum.localised(BEYOND * spectrum.edges[-1][1])
    assert localised.samples.max() == localised.of_largest.max() == 0.0
    assert localised.neurons.max() < 0.1 * localised.fitted.max()
    bounded = predict(still.replace(activation="tanh")).spectrum
    assert bounded.localised(BEYOND * bounded.edges[-1][1]).expected < 1e-6


@pytest.mark.parametrize(
    "problem",
    [
        Problem("tanh", "h1", 50, 2, 40, step_size=0.0, ridge=0.1),
        Problem("identity", "h1", 60, 30, 40, step_size=1.0, ridge=0.1),
        Problem("h2", "h2", 60, 30, 20, step_size=3.0, readout="constant", ridge=0.1),
    ],
    ids=["two dimensions", "linear", "few neurons"],
)
def test_small_networks_have_a_law_too(problem: Problem) -> None:
    spectrum = predict(problem).spectrum
    localised = spectrum.localised(BEYOND * spectrum.edges[-1][1])
    assert 0 <= localised.expected < problem.n_samples
    assert localised.weights.sum() == pytest.approx(1.0)


def test_a_level_in_the_bulk_is_refused() -> None:
    spectrum = predict(HEAVY_LABELS).spectrum
    with pytest.raises(ArgumentError, match="above the bulk"):
        spectrum.localised(0.9 * spectrum.edges[-1][1])


def test_inputs_of_a_covariance_are_refused() -> None:
    spectrum = predict(Problem("tanh", "h1", 300, 100, 200, inputs="power:0.5", step_size=1.0)).spectrum
    with pytest.raises(NumericalError, match="fresh samples of isotropic inputs only"):
        spectrum.localised(2 * spectrum.edges[-1][1])
