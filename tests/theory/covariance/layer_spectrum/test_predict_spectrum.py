"""Spectra where the gradient's samples are few, against networks and against the theories of both limits."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.arraytypes import Array
from polyspike.spectra import Spectrum
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import predict_layer_spectrum
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.spectrum import as_commuting, predict_covariance_spectrum, separated
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum
from polyspike.theory.finite_size.spectrum.spectral_model import COARSENESS

PROBLEM = Problem(
    "relu",
    "h1 + 0.5*h2",
    600,
    200,
    400,
    step_exponent=0.4,
    noise=0.3,
    gradient="target",
    readout="rademacher",
    inputs="two-level:0.3,1.7,0.5",
)


def at_the_means(problem: Problem) -> Spectrum:
    """With M and the covariance of the noise at their means."""
    model = assemble(problem, nodes_of(problem), finite_dimension=False, refine=COARSENESS, rank_tolerance=1e-4)
    return solve_spectrum(separated(as_commuting(model)))


def eigenvalues(problem: Problem, count: int, seed: int = 8) -> Array:
    runs = [simulate(problem, seed=(seed, k), n_test=2, eigenvalues="all").eigenvalues for k in range(count)]
    return np.array(runs)


def counts(spectrum: Spectrum, values: Array, above: int, n_samples: int) -> float:
    """The largest deviation of the number of eigenvalues beyond a point of the bulk, over that of the samples."""
    bulk = values[:, above:]
    points = np.quantile(bulk[bulk > 1e-9], np.linspace(0.1, 0.95, 12))
    found = np.zeros(len(points))
    for low, high in spectrum.edges:
        grid = (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, 20001))
        density = spectrum.density(grid)
        rising = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
        found += rising[-1] - np.interp(points, grid, rising)
    measured = (bulk[:, :, None] > points).sum(axis=1).mean(axis=0) / n_samples
    return float(np.abs(found - measured).max())


def check(problem: Problem, draws: int) -> None:
    """Outliers beyond 1.3 edges to 3 % or four standard errors, their number, where one within 5 % of that may count or
    not, and the bulk to two eigenvalues and the outliers that came or went, beside what finite dimension moves
    without a step.
    """
    spectrum, values = predict(problem).spectrum, eigenvalues(problem, draws)
    edge = spectrum.edges[-1][1]
    far = [spike.location for spike in spectrum.spikes if spike.location > 1.3 * edge]
    least, most = (sum(spike.location > 1.3 * edge * share for spike in spectrum.spikes) for share in (1.05, 0.95))
    assert least - 0.5 <= (values > 1.3 * edge).sum(axis=1).mean() <= most + 0.5
    error = values.std(axis=0, ddof=1) / draws**0.5
    for location, mean, se in zip(far, values.mean(axis=0), error, strict=False):
        assert abs(location - mean) < 4 * se + 0.03 * mean
    (off, above), (without_step, before) = (
        bulk_off(p, draws) for p in (problem, problem.replace(step_exponent=None, step_size=1e-6))
    )
    assert off < without_step + abs(above - before) + 2


def bulk_off(problem: Problem, draws: int) -> tuple[float, int]:
    """How many eigenvalues the bulk is off by, and the outliers above it."""
    spectrum = predict(problem).spectrum
    above = sum(spike.location > spectrum.edges[-1][1] for spike in spectrum.spikes)
    off = counts(spectrum, eigenvalues(problem, draws), above, problem.n_samples)
    return off * problem.n_samples, above


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gradient": "full", "readout": "gaussian"},
        {"gradient": "full", "readout": "constant", "activation": "softplus"},
        {"inputs": "spiked:10,1"},
        {"teacher": "-1*h1 + 0.5*h2", "inputs": "power:0.5", "width": 900},
    ],
)
def test_networks(changes: dict[str, object]) -> None:
    check(PROBLEM.replace(**changes), 12)


def test_noise_in_the_span_of_few_samples_is_no_isotropic_noise() -> None:
    """``c_2 = 0``, half as many samples of the gradient as dimensions: the largest eigenvalues of the bulk."""
    problem = PROBLEM.replace(activation="tanh", n_gradient=100)
    values = eigenvalues(problem, 8)[:, 1]
    found, other = (spectrum.edges[-1][1] for spectrum in (predict(problem).spectrum, at_the_means(problem)))
    # A few eigenvalues lie in the tail of the bulk, where the largest is below the edge.
    assert 0.6 * found < values.mean() < 1.05 * found
    assert other < 0.7 * values.mean()


@pytest.mark.slow
def test_of_larger_networks_m_at_its_mean_is_rejected() -> None:
    problem = PROBLEM.replace(n_samples=2400, input_dim=800, width=1600)
    values = eigenvalues(problem, 3)
    found, other = (counts(s, values, 2, 2400) for s in (predict(problem).spectrum, at_the_means(problem)))
    assert found < 7 / 2400
    assert other > 9 / 2400


def compare(found: Spectrum, other: Spectrum, of_edges: float, of_density: float, of_spikes: float) -> None:
    assert np.array(found.edges) == pytest.approx(np.array(other.edges), rel=of_edges)
    x = np.geomspace(1.05 * found.edges[0][0], 0.95 * found.edges[-1][1], 30)
    assert found.density(x) == pytest.approx(other.density(x), rel=of_density)
    assert len(found.spikes) == len(other.spikes)
    for one, two in zip(found.spikes, other.spikes, strict=True):
        assert one.location == pytest.approx(two.location, rel=of_spikes)
        assert one.overlaps == pytest.approx(two.overlaps, abs=of_spikes)


@pytest.mark.parametrize("changes", [{}, {"readout": "gaussian", "gradient": "full", "inputs": "spiked:10,1"}])
def test_of_many_samples_all_commutes(changes: dict[str, object]) -> None:
    """From 20 d samples on the other theory is used; what M knows of the teacher's square is left to this one."""
    problem = PROBLEM.replace(n_gradient=4 * 10**9, teacher="h1", **changes)
    other = predict(problem).spectrum
    found = predict_layer_spectrum(problem, nodes_of(problem))
    compare(found, other, of_edges=1e-5, of_density=1e-4, of_spikes=2e-3)


@pytest.mark.parametrize("changes", [{}, {"readout": "gaussian", "gradient": "full"}, {"activation": "gelu"}])
def test_of_nearly_isotropic_inputs_it_is_the_isotropic_spectrum(changes: dict[str, object]) -> None:
    """The two hold M and the noise in different ways, which differ by the order 1/n_0."""
    problem = PROBLEM.replace(n_samples=3000, input_dim=1000, width=2000, step_exponent=0.35, **changes)
    found = predict(problem.replace(inputs="two-level:0.9999,1.0001,0.5")).spectrum
    other = predict(problem.replace(inputs="isotropic")).spectrum
    compare(found, other, of_edges=1e-3, of_density=2e-3, of_spikes=5e-3)


def test_a_light_band_is_not_passed_over() -> None:
    """Four equal eigenvalues of Sigma make a band of 4 of 1,865 eigenvalues above the others; what the step does along
    them leaves one outlier in the gap below, in networks instead of one in the band.
    """
    problem = Problem(
        "erf",
        "relu",
        1865,
        756,
        815,
        step_exponent=0.3,
        noise=1.0,
        readout="rademacher",
        n_gradient=1769,
        inputs="spiked:5,4",
    )
    spectrum = predict(problem).spectrum
    (_, end), (low, high) = spectrum.edges
    grid = np.linspace(low, high, 4001)
    assert 1865 * np.trapezoid(spectrum.density(grid), grid) == pytest.approx(4, abs=0.05)
    values = eigenvalues(problem, 1)[0]
    assert len(spectrum.spikes) == 2
    assert end < spectrum.spikes[1].location < low
    assert ((values > 1.02 * low) & (values < 1.1 * high)).sum() == 3
    assert values[4] == pytest.approx(spectrum.spikes[1].location, rel=0.06)


def without_linear_part(activation: str, n_samples: int, inputs: str) -> Problem:
    return Problem(
        activation,
        "h2",
        n_samples,
        n_samples // 3,
        2 * n_samples // 3,
        step_size=5.0,
        noise=0.3,
        gradient="target",
        readout="constant",
        inputs=inputs,
    )


@pytest.mark.parametrize("activation", ["h2", "h4", "cos"])
def test_without_linear_features_there_is_no_layer(activation: str) -> None:
    """Even activations, the target alone and one readout for all: what the samples of the gradient know has rank zero.
    Of nearly isotropic inputs it is the isotropic spectrum, to which those of pairs of eigendirections tend as n grows.
    """
    off = []
    for n_samples in (6000, 24000):
        problem = without_linear_part(activation, n_samples, "two-level:0.9999,1.0001,0.5")
        found, other = (predict(p).spectrum for p in (problem, problem.replace(inputs="isotropic")))
        edges = np.abs(np.array(found.edges) / np.array(other.edges) - 1).max()
        x = np.geomspace(1.05 * found.edges[0][0], 0.95 * found.edges[-1][1], 30)
        densities = np.abs(found.density(x) / other.density(x) - 1).max()
        spikes = [abs(one.location / two.location - 1) for one, two in zip(found.spikes, other.spikes, strict=False)]
        off.append([edges, densities, *spikes])
    if activation == "h4":
        assert max(off[0][:2] + off[1][:2]) < 1e-3
        return
    assert len(off[0]) == len(off[1]) == 3
    assert all(after < 0.6 * before < 0.06 for before, after in zip(*off, strict=True))


def test_networks_without_linear_features() -> None:
    problem = without_linear_part("h2", 2400, "two-level:0.5,1.5,0.5")
    spectrum = predict(problem).spectrum
    runs = [simulate(problem, seed=(3, k), n_test=2, eigenvalues=2).eigenvalues for k in range(6)]
    measured = np.array(runs)
    [outlier, largest], error = measured.mean(axis=0), measured[:, 0].std(ddof=1) / 6**0.5
    [spike], [(_, edge)] = spectrum.spikes, spectrum.edges
    assert abs(spike.location - outlier) < 4 * error + spectrum.error_estimate * outlier
    assert largest == pytest.approx(edge, rel=0.06)


def test_neither_the_ridge_nor_the_sign_of_an_odd_label_changes_it() -> None:
    problem = PROBLEM.replace(teacher="h1")
    one, two = predict(problem).spectrum, predict(problem.replace(teacher="-1*h1", ridge=3.0)).spectrum
    assert np.array(one.edges) == pytest.approx(np.array(two.edges), rel=1e-8)
    assert [s.location for s in one.spikes] == pytest.approx([s.location for s in two.spikes], rel=1e-8)


def test_a_step_of_nothing_is_the_spectrum_of_the_initial_features() -> None:
    small = predict(PROBLEM.replace(step_size=1e-6, step_exponent=None)).spectrum
    none = predict_covariance_spectrum(PROBLEM.replace(step_size=0.0, step_exponent=None), nodes_of(PROBLEM))
    assert np.array(small.edges) == pytest.approx(np.array(none.edges), rel=1e-5)
    assert len(small.spikes) == len(none.spikes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": "power:0.5; teacher=top", "readout": "gaussian"},
        {"activation": "softplus", "teacher": "0.8*h2", "width": 900, "input_dim": 250, "readout": "gaussian"},
        {"activation": "gelu", "n_samples": 500, "input_dim": 700, "width": 300, "gradient": "full"},
        {"activation": "silu", "inputs": "power:0.7", "gradient": "full", "step_exponent": 0.2},
        {"activation": "leaky_relu", "inputs": "spiked:10,3; teacher=top", "step_exponent": 0.3},
        {"activation": "tanh", "inputs": "power:0.5", "n_gradient": 150, "readout": "constant"},
        {"n_gradient": 1800, "inputs": "two-level:0.1,4,0.2", "width": 600},
    ],
)
def test_more_networks(changes: dict[str, object]) -> None:
    check(PROBLEM.replace(**changes), 16)
