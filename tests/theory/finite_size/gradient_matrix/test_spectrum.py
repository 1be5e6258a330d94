"""The limiting spectrum of the gradient matrix M against closed forms and against M itself."""

from math import pi, sqrt
from typing import Any

import numpy as np
import pytest

from polyspike import GradientSpectrum, Problem, gradient_matrix_spectrum
from polyspike.arraytypes import Array

BASE = Problem("relu", "tanh", 2000, 500, 500, noise=0.0, gradient="target", step_size=1.0, ridge=0.01)


def residual(problem: Problem, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Inputs, residuals and ``omega`` of a draw, written out."""
    n, d, width = problem.gradient_samples, problem.input_dim, problem.width
    x = rng.standard_normal((n, d))
    y = problem.teacher(x[:, 0]) + problem.noise * rng.standard_normal(n)
    w = rng.standard_normal((width, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    a = rng.standard_normal(width) / sqrt(width)
    if problem.gradient == "full":
        y = y - problem.activation(x @ w.T) @ a
    return x, y, w.T @ a


def distribution(spectrum: GradientSpectrum, points: Any) -> Array:
    low, high = spectrum.edges[0][0], spectrum.edges[-1][1]
    z = np.linspace(low, high, 1001)
    density = spectrum.density(z)
    mass = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(z))])
    found: Array = np.interp(points, z, mass)
    return found


def kolmogorov(problem: Problem, spectrum: GradientSpectrum, seed: int) -> float:
    """Largest distance between the eigenvalues counted below x and predicted below x, in eigenvalues."""
    x, eps, _ = residual(problem, np.random.default_rng(seed))
    values = np.linalg.eigvalsh((x.T * eps) @ x / len(eps))
    counts = np.arange(len(values)) + 0.5
    return float(np.abs(counts - len(values) * distribution(spectrum, values)).max())


BULKS: list[dict[str, Any]] = [
    {},
    {"teacher": "h1 + 0.7*h2", "noise": 0.5, "gradient": "full"},
    {"teacher": "relu", "noise": 0.3, "n_samples": 1000},
    {"teacher": "h1", "noise": 1.0, "activation": "tanh", "gradient": "full", "n_samples": 700},
]


@pytest.mark.slow
@pytest.mark.parametrize("changes", BULKS, ids=str)
def test_the_eigenvalues_of_m_are_counted(changes: dict[str, Any]) -> None:
    """Within 12 of 500: the mean of the residuals alone moves the whole spectrum by ``sqrt(E eps^2 / n_0)``, up to
    eight eigenvalues' spacing at two standard deviations, and an outlier or two of rank one add two each.
    """
    problem = BASE.replace(**changes)
    spectrum = gradient_matrix_spectrum(problem)
    distances = [kolmogorov(problem, spectrum, seed) for seed in (1, 2, 3)]
    assert np.median(distances) < 12
    assert kolmogorov(problem, gradient_matrix_spectrum(problem.replace(noise=problem.noise + 1)), 1) > 30


@pytest.mark.parametrize("changes", BULKS[1:], ids=str)
def test_mass_mean_and_variance(changes: dict[str, Any]) -> None:
    """``E tr M / d = E eps``, ``E tr M^2 / d = phi_0 E eps^2 + (E eps)^2``; what lies beyond the edges is 1/d of it."""
    problem = BASE.replace(**changes, input_dim=100_000, n_gradient=400_000)
    spectrum = gradient_matrix_spectrum(problem)
    z = np.linspace(spectrum.edges[0][0], spectrum.edges[-1][1], 1001)
    mass, mean, second = (float(np.trapezoid(z**k * spectrum.density(z), z)) for k in range(3))
    first = float(problem.teacher.coefficients(0)[0])
    energy = problem.label_second_moment
    if problem.gradient == "full":
        energy += problem.activation.second_moment
    assert mass == pytest.approx(1, abs=1e-3)
    assert mean == pytest.approx(first, abs=2e-3)
    assert second == pytest.approx(problem.phi_gradient * energy + first**2, rel=5e-3)


def test_small_ratio_gives_the_semicircle() -> None:
    """At phi_0 -> 0, M - E eps is a Wigner matrix of variance phi_0 E eps^2."""
    problem = BASE.replace(n_gradient=10**8, input_dim=100)
    spectrum = gradient_matrix_spectrum(problem)
    radius = 2 * sqrt(problem.phi_gradient * problem.label_second_moment)
    assert spectrum.edges[0] == pytest.approx((-radius, radius), rel=2e-3)
    z = radius * np.linspace(-0.95, 0.95, 21)
    semicircle = 2 / (pi * radius**2) * np.sqrt(radius**2 - z**2)
    assert spectrum.density(z) == pytest.approx(semicircle, rel=5e-3)


def test_a_bounded_residual_has_edges_and_an_unbounded_one_a_tail() -> None:
    bounded, noisy = gradient_matrix_spectrum(BASE), gradient_matrix_spectrum(BASE.replace(noise=0.2))
    assert (bounded.bounded, noisy.bounded) == (True, False)
    low, high = bounded.edges[0]
    assert np.array_equal(bounded.density(np.array([low - 1e-6, high + 1e-6])), [0, 0])
    near = bounded.density(high - np.array([1e-3, 4e-3]))
    assert near[1] / near[0] == pytest.approx(2, rel=0.1)  # a square-root edge
    ends = [
        np.linalg.eigvalsh((x.T * eps) @ x / len(eps))[[0, -1]]
        for x, eps, _ in (residual(BASE, np.random.default_rng(s)) for s in range(4))
    ]
    # The ends of 500 eigenvalues lie 1.2 Airy scales, here 0.02, inside, and move with the residuals' mean.
    assert np.mean(ends, axis=0) == pytest.approx([low, high], abs=0.06)


def test_an_outlier_carries_the_teacher() -> None:
    """A tanh-like label with a strong even part: ``E[eps (kappa*^2 - 1)]`` pulls one eigenvalue out along beta*."""
    problem = BASE.replace(teacher=lambda t: np.tanh(t) + 3 * np.tanh(t**2) - 1, n_samples=4000, input_dim=200)
    spectrum = gradient_matrix_spectrum(problem)
    assert spectrum.bounded
    assert len(spectrum.spikes) == 1
    spike = spectrum.spikes[0]
    found, shares, with_beta = [], [], []
    for seed in range(8):
        x, eps, _ = residual(problem, np.random.default_rng(seed))
        values, vectors = np.linalg.eigh((x.T * eps) @ x / len(eps))
        beta = x.T @ eps
        found.append(values[-1])
        shares.append(vectors[0, -1] ** 2)
        with_beta.append((vectors[:, -1] @ beta) ** 2 / (beta @ beta))
    for measured, predicted in (
        (found, spike.location),
        (shares, spike.teacher[0]),
        (with_beta, spike.beta),
    ):
        error = np.std(measured, ddof=1) / sqrt(8)
        assert abs(np.mean(measured) - predicted) < 5 * error + 0.02 * predicted
    # The same test rejects the outlier of twice the samples.
    other = gradient_matrix_spectrum(problem.replace(n_gradient=16_000)).spikes[0]
    assert abs(np.mean(shares) - other.teacher[0]) > 5 * np.std(shares, ddof=1) / sqrt(8) + 0.02 * other.teacher[0]


def test_no_residual_no_spectrum() -> None:
    nothing = gradient_matrix_spectrum(BASE.replace(teacher=lambda t: 0 * t))
    assert (nothing.edges, nothing.atom, nothing.spikes) == ((), 1.0, ())
