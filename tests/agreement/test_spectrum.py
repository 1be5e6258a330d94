"""The predicted spectrum against eigenvalues of simulated features: counts, edges, outliers and what they carry."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

from polyspike import Problem, Spectrum, Spike, predict, simulate
from polyspike.arraytypes import Array
from polyspike.theory.finite_size.spectrum import outliers
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

TEACHER = [0, 1, 1 / sqrt(2)]

# Outliers of F F'/N, target-only, n = N = 2000, d = 1000, noise 0.5: three draws, mean and spread of a single draw
# (docs/theory-finite-size.md).
TABLE = [
    ("tanh", 0.2, [(7.28, 0.31)]),
    ("tanh", 0.3, [(25.9, 1.3)]),
    ("tanh", 0.4, [(94.0, 4.2)]),
    ("relu", 0.3, [(13.5, 0.7)]),
    ("relu", 0.4, [(57.3, 3.3), (10.0, 0.8)]),
]
# Eight comparisons at a false-alarm probability of 1e-4 together; the spread is itself known from three draws only
# (a factor 2 covers Student's law down to that level for the sum of both terms).
Z_TABLE = 4.5


def spectrum_of(problem: Problem) -> Spectrum:
    found: Spectrum = predict(problem).spectrum
    return found


@pytest.mark.parametrize(("activation", "alpha", "measured"), TABLE)
def test_the_table_of_outliers(activation: str, alpha: float, measured: list[tuple[float, float]]) -> None:
    problem = Problem(
        activation, TEACHER, 2000, 1000, 2000, noise=0.5, step_exponent=alpha, gradient="target", ridge=0.01
    )
    spikes = spectrum_of(problem).spikes
    assert len(spikes) == len(measured)
    for spike, (mean, spread) in zip(spikes, measured, strict=True):
        assert abs(spike.location - mean) < Z_TABLE * spread / sqrt(3) + 0.02 * mean
    # The step of a fifth less in the exponent is rejected.
    other = spectrum_of(problem.replace(step_exponent=alpha - 0.05)).spikes[0]
    assert abs(other.location - measured[0][0]) > Z_TABLE * measured[0][1] / sqrt(3) + 0.02 * measured[0][0]


PROBLEMS: dict[str, dict[str, Any]] = {
    "wide": {"width": 1200, "step_exponent": 0.3},
    "tall, two spikes": {"activation": "relu", "width": 400, "step_exponent": 0.4, "gradient": "full"},
    "square": {"activation": "erf", "width": 600, "step_exponent": 0.4, "gradient": "full"},
    "signs": {"activation": "gelu", "readout": "rademacher", "step_exponent": 0.35, "gradient": "full"},
    "constant": {"activation": "tanh", "readout": "constant", "step_exponent": 0.4},
    "two indices": {"activation": "softplus", "teacher": "h1[0] + h1[0]*h1[1]", "step_exponent": 0.4},
}
SEEDS = 8
# Thirty-two comparisons at a false-alarm probability of 1 % together: Student's law of eight draws.
Z = 6.8
FINITE_SIZE = 10.0


def problem_of(name: str) -> Problem:
    base = Problem("tanh", TEACHER, 600, 300, 900, noise=0.5, step_exponent=0.3, gradient="target", ridge=0.01)
    return base.replace(**PROBLEMS[name])


def counted_below(spectrum: Spectrum, points: Array) -> Array:
    """Share of all eigenvalues below the points, by the trapezoid rule in the square root."""
    roots = np.linspace(0, sqrt(spectrum.edges[-1][1]), 20_001)[1:]
    values = 2 * roots * spectrum.density(roots**2)
    mass = spectrum.atom + np.cumsum(values) * (roots[1] - roots[0])
    found: Array = np.interp(points, roots**2, mass)
    return found


@pytest.mark.parametrize("name", PROBLEMS)
def test_simulated_spectra(name: str) -> None:
    """Count below every point within 12 eigenvalues of 600: each spike of rank one displaces one, a linear statistic of
    so few inputs has a bias of order one, and the fluctuations of the input norms and of beta move them all a little.
    """
    problem = problem_of(name)
    spectrum = spectrum_of(problem)
    runs = [simulate(problem, seed=k, n_test=2, eigenvalues="all", alignment_degree=4) for k in range(SEEDS)]
    values = [run.eigenvalues for run in runs]
    for found in values[:3]:
        assert found is not None
        bulk = np.sort(found[len(spectrum.spikes) :])
        zeros = problem.n_samples - len(found)
        counts = (zeros + np.arange(len(bulk)) + 0.5) / problem.n_samples
        assert np.abs(counts - counted_below(spectrum, bulk)).max() < 12 / problem.n_samples
    tops = np.array([found[:4] for found in values if found is not None])
    for j, spike in enumerate(spectrum.spikes):
        agree(tops[:, j], spike.location, FINITE_SIZE / problem.input_dim * spike.location)
    shares = np.array([run.alignment.overlaps[0] for run in runs if run.alignment is not None])
    for degree in range(1, 5):
        agree(shares[:, degree - 1], float(spectrum.spikes[0].overlaps[degree]), FINITE_SIZE / problem.input_dim)


def agree(measured: Array, predicted: float, finite_size: float) -> None:
    error = np.std(measured, ddof=1) / sqrt(len(measured))
    assert abs(np.mean(measured) - predicted) < Z * error + finite_size, (np.mean(measured), error, predicted)


def test_wrong_bulks_are_rejected() -> None:
    """The same count rejects the spectrum of another width, and that of a network without its linear part."""
    problem = problem_of("wide")
    found = simulate(problem, seed=0, n_test=2, eigenvalues="all").eigenvalues
    assert found is not None
    bulk = np.sort(found[1:])
    counts = (np.arange(len(bulk)) + 0.5) / problem.n_samples
    for wrong in (problem.replace(width=1000), problem.replace(input_dim=400)):
        assert np.abs(counts - counted_below(spectrum_of(wrong), bulk)).max() > 12 / problem.n_samples


def test_outliers_lie_beyond_the_simulated_edge_and_no_others() -> None:
    """At n = 1500 the largest eigenvalue of the bulk is where a Tracy-Widom variable about the predicted edge is."""
    problem = Problem("tanh", TEACHER, 1500, 750, 1000, noise=0.5, step_exponent=0.3, gradient="target", ridge=0.01)
    spectrum = spectrum_of(problem)
    found = simulate(problem, seed=3, n_test=2, eigenvalues="all").eigenvalues
    assert found is not None
    count = len(spectrum.spikes)
    (low, _), (_, high) = spectrum.edges[0], spectrum.edges[-1]
    # Next to the edge E the density is c sqrt(E - x); its last eigenvalue lies (pi c n)^(-2/3) (-1.2 +- 1.3) from it.
    scale = (spectrum.density(np.array([high * 0.999]))[0] / sqrt(0.001 * high) * np.pi * problem.n_samples) ** (-2 / 3)
    assert abs(found[count] - (high - 1.2 * scale)) < 4 * 1.3 * scale
    assert found[count - 1] > high + 10 * scale
    assert found[-1] == pytest.approx(low, rel=0.1)


def test_the_spikes_own_noise_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without zeta in U, the neurons' side of a spike, the outlier near the bulk moves off the simulated one."""
    problem = problem_of("wide")
    right = spectrum_of(problem).spikes[0]

    def without(model: Any, state: Any) -> Any:
        return np.eye(2 * len(state.zeta))

    monkeypatch.setattr(outliers, "neuron_cost", without)
    wrong: Spike = solve_spectrum(spectral_model(problem)).spikes[0]
    tops = [simulate(problem, seed=k, n_test=2, eigenvalues=1).eigenvalues for k in range(SEEDS)]
    found = np.array([top[0] for top in tops if top is not None])
    agree(found, right.location, FINITE_SIZE / problem.input_dim * right.location)
    assert wrong.location != pytest.approx(right.location, rel=0.02)


def test_a_spike_hides_in_the_gap_below_the_linear_part() -> None:
    """With few inputs the linear features lie far above the noise, and the cubic spike has left the noise only."""
    problem = Problem("tanh", TEACHER, 900, 80, 600, noise=0.5, step_exponent=0.45, gradient="target", ridge=0.01)
    spectrum = spectrum_of(problem)
    (_, low), (high, top) = spectrum.edges
    assert [spike.location > top for spike in spectrum.spikes] == [True, False]
    hidden = spectrum.spikes[1]
    assert low < hidden.location < high
    assert hidden.overlaps[3] > 0.5
    assert 3 not in spectrum.inside
    runs = [simulate(problem, seed=k, n_test=2, eigenvalues="all").eigenvalues for k in range(SEEDS)]
    between = [e[(e > 1.2 * low) & (e < 0.8 * high)] for e in runs if e is not None]
    assert [len(found) for found in between] == [1] * SEEDS
    agree(np.array([found[0] for found in between]), hidden.location, FINITE_SIZE / problem.input_dim * hidden.location)
    before = spectrum_of(problem.replace(step_exponent=0.25))
    assert [spike.location > top for spike in before.spikes] == [True]
