"""The error estimate of a spectrum for a covariance."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.spectrum_trust import strength_variance, trust_covariance_spectrum
from polyspike.theory.covariance.step import condition

PROBLEM = Problem("relu", "h1", 1200, 400, 800, step_exponent=0.2, inputs="two-level:0.5,1.5,0.5")


def strength(problem: Problem) -> float:
    spectrum = nodes_of(problem)
    return strength_variance(problem, spectrum, condition(problem, spectrum))


def test_a_spectrum_says_what_the_estimate_says() -> None:
    found, expected = predict(PROBLEM).spectrum, trust_covariance_spectrum(PROBLEM, nodes_of(PROBLEM))
    assert (found.error_estimate, found.trusted, found.trust_reason) == tuple(expected)
    assert expected.trusted
    assert 0.01 < expected.error_estimate < 0.05


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"inputs": "power:1"}, "effective dimension"),
        ({"inputs": "spiked:40,1", "gradient": "full", "step_exponent": 0.3}, "strength of the spike"),
        ({"step_exponent": 0.5, "n_gradient": 300}, "matrix of the gradient's samples"),
        ({"activation": "cos", "step_exponent": 0.5, "n_gradient": 300, "readout": "gaussian"}, "matrix of the"),
        ({"activation": "cos", "step_exponent": 0.0, "inputs": "power:0.7"}, "pairs of strong eigendirections"),
        ({"n_samples": 120, "input_dim": 100, "width": 90}, "sizes are small"),
    ],
)
def test_the_largest_part_is_the_reason(changes: dict[str, int | float | str], part: str) -> None:
    problem = PROBLEM.replace(**changes)
    found = trust_covariance_spectrum(problem, nodes_of(problem))
    assert not found.trusted
    assert part in found.reason


@pytest.mark.parametrize("gradient", ["full", "target"])
def test_strengths_of_networks_vary_as_much(gradient: str) -> None:
    """The relative variance of ``|Sigma^(1/2) b|^2`` over draws, along a strong eigendirection: of a chi-square in the
    main, so that 400 draws know it to a fifth. What isotropic inputs have is a tenth of it.
    """
    problem = PROBLEM.replace(
        n_samples=300, input_dim=100, width=120, gradient=gradient, step_exponent=0.4, inputs="spiked:10,1"
    )
    lengths = _lengths(problem, 400)
    assert strength(problem) == pytest.approx(lengths.var(ddof=1) / lengths.mean() ** 2, rel=0.35)
    assert strength(problem.replace(inputs="two-level:0.99,1.01,0.5")) < 0.2 * strength(problem)


def _lengths(problem: Problem, draws: int) -> np.ndarray:
    """``|Sigma^(1/2) b|^2`` of the gradient as it is, in a basis of eigendirections."""
    rng = np.random.default_rng(3)
    distinct, counts = problem.inputs.eigenvalues(problem.input_dim)
    values = np.repeat(distinct, counts.astype(int))
    c1, d, n = 0.5, problem.input_dim, problem.gradient_samples
    found = []
    for _ in range(draws):
        g = rng.standard_normal((n, d))
        label = g @ (values**0.5 / d**0.5 * rng.choice([-1, 1], d))
        omega = rng.standard_normal(d) / d**0.5
        residual = label + problem.noise * rng.standard_normal(n)
        if problem.gradient == "full":
            residual = residual - c1 * (g @ (values**0.5 * omega)) - rng.standard_normal(n) * 0.3
        beta = values**0.5 * (g.T @ residual) / n
        b = problem.step * c1 * beta + (omega if problem.gradient == "full" else 0.0)
        found.append(values @ b**2)
    return np.array(found)


def test_where_it_is_trusted_networks_are_within_it() -> None:
    found = predict(PROBLEM).spectrum
    runs = np.array([simulate(PROBLEM, seed=(2, k), n_test=2, eigenvalues=1).eigenvalues for k in range(8)])[:, 0]
    deviation = abs(found.spikes[0].location / runs.mean() - 1)
    assert found.trusted
    assert deviation < found.error_estimate + 4 * runs.std(ddof=1) / runs.mean() / len(runs) ** 0.5
