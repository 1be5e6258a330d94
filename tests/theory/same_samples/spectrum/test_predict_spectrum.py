"""The spectrum of the training features: limits, moments, and simulated networks."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest

from polyspike import NumericalError, Problem, Spectrum, TrainingSpike, predict
from polyspike.arraytypes import Array


@lru_cache
def spectrum_of(problem: Problem) -> Spectrum:
    return predict(problem).spectrum


def problem_of(
    activation: str, teacher: str, sizes: tuple[int, int, int], exponent: float, gradient: str, readout: str
) -> Problem:
    n, d, width = sizes
    return Problem(
        activation,
        teacher,
        n,
        d,
        width,
        step_exponent=exponent,
        noise=0.5,
        gradient=gradient,
        readout=readout,
        samples="same",
    )


BASE = problem_of("tanh", "h1", (300, 100, 240), 0.4, "target", "rademacher")


class Draws(NamedTuple):
    """Eigenvalues (draws, n), squared cosines (draws, 3, outliers) with label, residual and learned direction; and the
    largest eigenvalue of the features that as many fresh inputs have with the same weights.
    """

    eigenvalues: Array
    cosines: Array
    fresh: Array


def networks(problem: Problem, count: int, vectors: int = 2) -> Draws:
    """The features of networks after one step on their own sample, written down once more."""
    drawn = [_network(problem, np.random.default_rng([seed, 1])) for seed in range(count)]
    cosines = [
        [[float(v @ f) ** 2 / float(f @ f) for v in axes[:, :vectors].T] for f in functions]
        for _, axes, functions, _ in drawn
    ]
    return Draws(np.array([one[0] for one in drawn]), np.array(cosines), np.array([one[3] for one in drawn]))


def _network(problem: Problem, rng: np.random.Generator) -> tuple[Array, Array, tuple[Array, ...], float]:
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    x, w = rng.standard_normal((n, d)), rng.standard_normal((width, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    u = {
        "gaussian": lambda: rng.standard_normal(width),
        "rademacher": lambda: rng.choice([-1.0, 1.0], width),
        "constant": lambda: np.ones(width),
    }[problem.readout]()
    a = u / np.sqrt(width)
    y = problem.teacher(x[:, 0]) + problem.noise * rng.standard_normal(n)
    pre = x @ w.T
    eps = y - problem.activation(pre) @ a if problem.gradient == "full" else y
    after = w + problem.step * a[:, None] * ((problem.activation.derivative(pre) * eps[:, None]).T @ x) / n
    features = problem.activation(x @ after.T)
    c1 = float(problem.activation.coefficients(1)[1])
    learned = x @ ((w.T @ a if problem.gradient == "full" else 0.0) + problem.step * c1 * x.T @ eps / n)
    values, axes = np.linalg.eigh(features @ features.T / width)
    fresh = problem.activation(rng.standard_normal((n, d)) @ after.T)
    return values[::-1], axes[:, ::-1], (y, eps, learned), float(np.linalg.norm(fresh, 2) ** 2 / width)


def above(spectrum: Spectrum) -> list[TrainingSpike]:
    found = [spike for spike in spectrum.spikes if spike.location > spectrum.edges[-1][1]]
    assert all(isinstance(spike, TrainingSpike) for spike in found)
    return found  # type: ignore[return-value]


def moments(spectrum: Spectrum) -> tuple[float, float, float]:
    """Mass, mean and second moment of the bulk."""
    x, density = spectrum.curve(2001)
    parts = [np.split(f, len(spectrum.edges)) for f in (x, density)]
    mass, mean, square = (
        sum(float(np.trapezoid(density * x**k, x)) for x, density in zip(*parts, strict=True)) for k in range(3)
    )
    return mass, mean, square


def check(problem: Problem, count: int) -> None:
    """Outliers within 3 % or three standard errors, counts beyond 1.3 edges, overlaps, and moments of the bulk."""
    spectrum, drawn = spectrum_of(problem), networks(problem, count)
    spikes, edge = above(spectrum), spectrum.edges[-1][1]
    values, error = drawn.eigenvalues, drawn.eigenvalues.std(axis=0) / np.sqrt(count - 1)
    counts = (values > 1.3 * edge).sum(axis=1)
    assert np.mean(counts == sum(spike.location > 1.3 * edge for spike in spikes)) >= 0.9
    for k, spike in enumerate(spikes):
        mean = values[:, k].mean()
        assert abs(spike.location - mean) < max(0.03 * mean, 3 * error[k])
        if k == 0:
            cosines = drawn.cosines[:, :, k]
            spread = cosines.std(axis=0) / np.sqrt(count - 1)
            predicted = np.array([spike.label, spike.residual, spike.overlaps[1]])
            assert np.all(np.abs(predicted - cosines.mean(axis=0)) < 0.02 + 3 * spread)
    fresh = predict(problem).fresh_spectrum
    if fresh.spikes and fresh.spikes[0].location > 1.3 * fresh.edges[-1][1]:
        error_of_fresh = drawn.fresh.std() / np.sqrt(count - 1)
        assert abs(fresh.spikes[0].location - drawn.fresh.mean()) < max(0.03 * drawn.fresh.mean(), 3 * error_of_fresh)
    _, mean, square = moments(spectrum)
    rest = values[:, len(spikes) :]
    assert mean == pytest.approx((rest.sum(axis=1) / problem.n_samples).mean(), rel=0.03)
    assert square == pytest.approx(((rest**2).sum(axis=1) / problem.n_samples).mean(), rel=0.06)


def test_a_small_network() -> None:
    check(BASE, 24)


def test_fresh_samples_would_not_do() -> None:
    """Negative control."""
    values = networks(BASE, 24).eigenvalues[:, 0]
    fresh = predict(BASE.replace(samples="fresh")).spectrum.spikes[0].location
    assert abs(fresh - values.mean()) > 5 * values.std() / 24**0.5


def test_without_a_step_it_is_the_spectrum_of_random_features() -> None:
    problem = BASE.replace(step_size=0.0)
    same, fresh = predict(problem).spectrum, predict(problem.replace(samples="fresh")).spectrum
    assert np.array(same.edges) == pytest.approx(np.array(fresh.edges), rel=1e-6)
    x = np.geomspace(1.01 * same.edges[0][0], 0.99 * same.edges[-1][1], 40)
    assert same.density(x) == pytest.approx(fresh.density(x), rel=2e-3, abs=1e-4)
    assert (same.atom, same.spikes) == (fresh.atom, fresh.spikes)


@pytest.mark.slow
def test_masses_atoms_and_square_features() -> None:
    for width in (240, 300):
        spectrum = predict(BASE.replace(width=width)).spectrum
        mass, _, _ = moments(spectrum)
        assert spectrum.atom == pytest.approx(1 - width / 300)
        assert mass == pytest.approx(1 - spectrum.atom, abs=3e-3 if width == 240 else 2e-2)
        assert (spectrum.edges[0][0] == 0) == (width == 300)
        assert np.all(spectrum.density(np.array([1e-9, 100.0])) == 0) or width == 300


@pytest.mark.slow
def test_neither_ridge_nor_labels_of_the_other_sign_change_it() -> None:
    spectrum = spectrum_of(BASE)
    other = predict(BASE.replace(ridge=3.0, teacher="-h1")).spectrum
    assert np.array(other.edges) == pytest.approx(np.array(spectrum.edges), rel=1e-9)
    [one], [two] = above(spectrum), above(other)
    assert two.location == pytest.approx(one.location, rel=1e-9)
    assert two.overlaps == pytest.approx(one.overlaps, abs=1e-9)
    assert (two.label, two.residual) == pytest.approx((one.label, one.residual), rel=1e-9)


def test_fresh_inputs_have_the_spectrum_of_fresh_samples() -> None:
    fresh = predict(BASE.replace(samples="fresh"))
    assert predict(BASE).fresh_spectrum.edges == fresh.spectrum.edges
    assert fresh.fresh_spectrum is fresh.spectrum


def test_degrees_still_inside_means_and_what_is_not_predicted() -> None:
    spectrum = spectrum_of(BASE)
    assert 1 not in spectrum.inside
    assert 3 in spectrum.inside
    assert not spectrum.has_expectations
    assert spectrum.means == tuple(spike.location for spike in spectrum.spikes)
    with pytest.raises(NumericalError, match="fresh samples"):
        spectrum.localised(10.0)


def test_a_linear_activation_is_refused_at_once() -> None:
    prediction = predict(problem_of("h1", "h1", (300, 100, 200), 0.3, "target", "rademacher"))
    with pytest.raises(NumericalError, match="linear activation"):
        _ = prediction.spectrum
    assert len(prediction.fresh_spectrum.spikes) == 1


PROBLEMS = {
    name: problem_of(*values)
    for name, values in {
        "tanh a.3": ("tanh", "h1", (600, 200, 480), 0.3, "target", "rademacher"),
        "tanh gaussian a.5": ("tanh", "h1", (600, 200, 480), 0.5, "target", "gaussian"),
        "tanh cubic full": ("tanh", "h1 + 0.5*h3", (600, 200, 480), 0.4, "full", "rademacher"),
        "erf n=d": ("erf", "h1", (400, 400, 640), 0.5, "target", "rademacher"),
        "erf n=d/2 full": ("erf", "h1 + 0.5*h2", (300, 600, 500), 0.4, "full", "gaussian"),
        "relu a.45": ("relu", "h1 + 0.5*h2", (800, 250, 600), 0.45, "target", "rademacher"),
        "relu full": ("relu", "h1", (600, 200, 480), 0.3, "full", "gaussian"),
        "softplus constant": ("softplus", "h1 + 0.5*h2", (800, 250, 600), 0.45, "target", "constant"),
        "softplus full": ("softplus", "h1 + 0.5*h2", (600, 200, 480), 0.3, "full", "rademacher"),
        "silu gaussian": ("silu", "h1 + 0.5*h2", (600, 300, 300), 0.4, "target", "gaussian"),
        "silu n=N full": ("silu", "h1", (800, 200, 800), 0.35, "full", "rademacher"),
        "tanh n=4N full": ("tanh", "h1", (800, 200, 200), 0.2, "full", "gaussian"),
        "softplus n=N/4": ("softplus", "h1", (400, 100, 1600), 0.4, "target", "gaussian"),
        "erf a0": ("erf", "h1", (800, 200, 400), 0.0, "target", "constant"),
        "tanh constant a.5": ("tanh", "h1", (600, 200, 480), 0.5, "target", "constant"),
        "relu n=d/2": ("relu", "h1", (400, 800, 400), 0.25, "target", "constant"),
    }.items()
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_simulated_networks(name: str) -> None:
    check(PROBLEMS[name], 40)
