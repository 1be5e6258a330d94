"""Weights that move along ``Sigma w``: against networks, and nothing where Sigma is the identity."""

from typing import Any

import numpy as np
import pytest

from polyspike import Problem
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.covariance import step as covariance_step
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import _model, solve_errors

PROBLEM = Problem(
    "sin", "h1", 800, 60, 20_000, step_size=100.0, gradient="target", readout="constant", inputs="power:0.5"
)


def model_of(problem: Problem) -> CovarianceModel:
    return assemble(problem, spectrum_of(problem))


def after_step(problem: Problem, seed: int) -> tuple[Any, Any, Any, Any]:
    """The variances of the inputs' coordinates, initial weights, gradient and beta of a network."""
    draw = GaussianDraw.of(problem, (5, seed), 2)
    gradient = gradient_of(problem, draw)
    return problem.inputs.axes(problem.input_dim), draw.weights, gradient.matrix, gradient.beta


def test_neurons_are_long_where_they_overlap_with_the_gradient() -> None:
    """The slope of ``w' Sigma w`` by g, of the weights without their spike; with ``w' w`` moved alike it is another."""
    lam, weights, gradient, beta = after_step(PROBLEM, 0)
    spike = np.outer(np.full(len(weights), len(weights) ** -0.5), beta) * PROBLEM.activation.coefficients(1)[1]
    moved = weights + PROBLEM.step * (gradient - spike)
    g = weights @ beta * PROBLEM.input_dim**0.5 / np.linalg.norm(beta)
    growth = (moved**2 - weights**2) @ lam
    slope = g @ growth / len(g)
    error = float(np.std(g * growth)) / len(g) ** 0.5
    model = model_of(PROBLEM)
    predicted = 2 * model.step.scalars.cubic_step * model.spectrum.moment(2)
    assert slope == pytest.approx(predicted, abs=4 * error + 0.05 * abs(predicted))
    assert abs(slope - 2 * model.step.scalars.cubic_step) > 10 * error


def test_the_spike_turns_to_sigma_beta() -> None:
    """The mean move of the neurons is ``c_1 beta + (6 c_3/d) Sigma beta``."""
    found = []
    for seed in range(4):
        lam, _, gradient, beta = after_step(PROBLEM, seed)
        mean = gradient.sum(axis=0) / len(gradient) ** 0.5
        across = lam * beta - (beta @ (lam * beta)) / (beta @ beta) * beta
        found.append(PROBLEM.step * float(mean @ across) / float(across @ across))
    turn = model_of(PROBLEM).step.turn
    assert np.mean(found) == pytest.approx(turn, abs=4 * float(np.std(found, ddof=1)) / 2)
    assert float(np.std(found, ddof=1)) < abs(turn) / 4


def test_equal_eigenvalues_turn_and_vary_as_without_a_covariance() -> None:
    problem = PROBLEM.replace(width=500, step_size=10.0)
    own = model_of(problem.replace(inputs="isotropic")).own_moves
    other = model_of(problem).own_moves
    assert own is not None
    assert other is not None
    for name in ("in_spike", "in_square", "length", "with_length"):
        assert np.allclose(getattr(own, name), 0.0, atol=1e-12)
    assert np.allclose(own.squares[:, 0, 0], -((own.mean[own.mean != 0] / overlaps(problem)) ** 2))
    assert np.abs(other.in_spike).max() > 0.01


def overlaps(problem: Problem) -> Any:
    grid = model_of(problem.replace(inputs="isotropic")).grid
    return grid.overlap[grid.overlap != 0]


@pytest.mark.parametrize("changes", [{"activation": "relu"}, {"activation": "h3"}, {"precondition": 0.1}])
def test_what_does_not_move(changes: dict[str, Any]) -> None:
    model = model_of(PROBLEM.replace(width=500, **changes))
    assert model.own_moves is None
    assert model.step.turn == 0
    assert np.ndim(model.grid.overlap) == 0


def test_gaussian_readouts_have_moments_for_nodes() -> None:
    """The mean square of ``1 + s lambda`` over that of isotropic inputs, which multiplies the gain."""
    model = model_of(PROBLEM.replace(width=500, step_size=10.0, readout="gaussian"))
    assert np.ndim(model.grid.overlap) == 0
    square = (model.step.scalars.cubic_step * model.grid.u) ** 2
    values = model.spectrum.values[:, None]
    assert np.allclose(model.gains**2, (1 + square * values**2) / (1 + square))
    assert model.own_moves is not None
    assert model.own_moves.length.max() > 0


@pytest.mark.parametrize("readout", ["gaussian", "constant"])
def test_short_steps_tend_to_none(readout: str) -> None:
    problem = PROBLEM.replace(width=500, readout=readout, n_samples=400, noise=0.5)
    spectrum = spectrum_of(problem)
    none, short = (solve_errors(problem.replace(step_size=s), spectrum).errors.test_error for s in (0.0, 1e-6))
    assert none == pytest.approx(short, rel=1e-6)


@pytest.mark.slow
def test_the_difference_that_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with the gradient as it is and without the term, paired, within 1 % of their test error."""
    problem = Problem(
        "erf",
        "h1 + 0.3*h3",
        800,
        300,
        500,
        step_exponent=0.5,
        ridge=0.1,
        noise=0.5,
        gradient="target",
        readout="constant",
        inputs="power:0.7",
    )
    errors = np.array([paired_errors(problem, seed) for seed in range(12)])
    difference = errors[:, 0] - errors[:, 1]
    error = float(np.std(difference, ddof=1)) / len(errors) ** 0.5
    spectrum = spectrum_of(problem)
    with_term = solve_errors(problem, spectrum).errors.test_error
    # The model of a problem is kept from one ridge to the next.
    _model.cache_clear()
    monkeypatch.setattr(covariance_step, "_turning_share", lambda *_: 0.0)
    predicted = with_term - solve_errors(problem, spectrum).errors.test_error
    _model.cache_clear()
    assert np.mean(difference) == pytest.approx(predicted, abs=4 * error + 0.01 * with_term)
    assert np.mean(difference) < -4 * error - 0.01 * with_term


def paired_errors(problem: Problem, seed: int) -> tuple[float, float]:
    """Test errors with and without the moves along ``Sigma w``, of one network."""
    draw = GaussianDraw.of(problem, (6, seed), 4000)
    readout, weights, gradient = draw.readout(problem.readout), draw.weights, gradient_of(problem, draw)
    size = 6 * float(problem.activation.coefficients(3)[3])
    overlap = readout * (weights @ gradient.beta)
    own = size * overlap[:, None] * weights * problem.inputs.axes(problem.input_dim)
    moves = (gradient.matrix, gradient.matrix - own)
    found = [error_of(problem, draw, weights + problem.step * move) for move in moves]
    return found[0], found[1]


def error_of(problem: Problem, draw: GaussianDraw, weights: Any) -> float:
    sample, n, width = draw.ridge_sample, problem.n_samples, problem.width
    features = problem.activation(sample.inputs @ weights.T)
    gram = features.T @ features / n + problem.ridge * np.eye(width)
    readout = np.linalg.solve(gram, features.T @ sample.labels(problem) / n)
    left = [b.labels(problem) - problem.activation(b.inputs @ weights.T) @ readout for b in draw.test_blocks()]
    return float(np.mean(np.concatenate(left) ** 2))
