"""The pencil with two populations is the finite-size theory of fresh samples to leading order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyspike import Problem, as_activation, predict
from polyspike.theory.same_samples import model as module
from polyspike.theory.same_samples.derivatives import ridge_slopes_same
from polyspike.theory.same_samples.fixed_point import solve_pencil
from polyspike.theory.same_samples.forms import FitErrors, fit_errors
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.predict import Family
from polyspike.theory.same_samples.steps import STANDARD, Accuracy

SCALE = 100
# A step of order sqrt(n), so that nothing but 1/d vanishes with the scale.
BASE = Problem(
    "tanh",
    "h1",
    900 * SCALE,
    300 * SCALE,
    720 * SCALE,
    step_size=0.9 * (900 * SCALE) ** 0.5,
    noise=0.5,
    ridge=0.1,
    gradient="target",
    readout="rademacher",
)


def of_pencil(problem: Problem) -> FitErrors:
    model = build(problem.replace(samples="same", overlap=0.0), STANDARD, pairs=False)
    shift = problem.ridge * problem.n_samples / problem.width
    state = solve_pencil(model.fit.neurons, model.fit.populations, shift).state
    return fit_errors(model.fit, state, shift)


@pytest.mark.parametrize(
    ("problem", "tolerance"),
    [
        (BASE, 1e-4),
        (BASE.replace(n_gradient=300 * SCALE), 5e-4),
        (BASE.replace(gradient="full"), 1e-3),
        (BASE.replace(teacher=[0.4, 1.0, 0.5]), 3e-4),
        (BASE.replace(readout="constant", teacher="-0.8*h1 + 0.3*h3"), 1e-3),
        # For c_2 != 0 the pencil holds the noise's covariance and M together, which changes the fourth digit.
        (BASE.replace(activation="softplus", teacher="h1 + 0.5*h2"), 4e-3),
    ],
    ids=["target", "n0", "full", "mean", "constant", "softplus"],
)
def test_fresh_samples_are_predicted_alike(problem: Problem, tolerance: float) -> None:
    found, expected = of_pencil(problem), predict(problem)
    assert found.train_loss == pytest.approx(expected.train_loss, rel=tolerance)
    assert found.train_error == pytest.approx(expected.train_error, rel=2 * tolerance)
    assert found.test_error == pytest.approx(expected.test_error, rel=tolerance)


@pytest.mark.slow
def test_the_covariance_of_the_noise_is_no_function_of_the_matrix() -> None:
    """For ReLU, where c_2 is large, the difference is 7e-4, and does not vanish with the size."""
    problem = BASE.replace(activation="relu", teacher="h1 + 0.5*h2", step_size=0.7 * (900 * SCALE) ** 0.5)
    assert 4e-4 < of_pencil(problem).test_error / predict(problem).test_error - 1 < 2e-3


def test_features_without_a_linear_part() -> None:
    """An even activation whose step makes no spike: neither z nor the move has a coefficient."""
    problem = BASE.replace(activation="cos", teacher="h2", readout="gaussian", samples="same", step_size=1.0)
    model = build(problem)
    assert model.fit.neurons.chi.shape[1] == 1
    found = predict(problem)
    assert 0 < found.train_error < found.train_loss < found.test_error


NORMAL = BASE.replace(n_samples=900, input_dim=300, width=720, step_size=20.0, readout="gaussian", samples="same")


def energies(problem: Problem, ranks: tuple[int, int]) -> np.ndarray:
    """Of the features of every sample without the learned functions, at zeta = 1 (eq-same-mean)."""
    fit = build(problem, Accuracy(ranks=ranks)).fit
    nn, pop = fit.neurons, fit.populations[0]
    v, phi = nn.noise_energy, problem.phi
    known = problem.label_second_moment
    own_moves = phi * known + (phi * pop.residual[:, None]) ** 2
    cross = 2 * phi * pop.residual[:, None] * (pop.along_t * (pop.own @ (nn.weights[:, None] * nn.xi))).sum(axis=-1)
    noise = (pop.noise + v * pop.own**2) @ nn.weights
    found = noise + (pop.along_w**2).sum(axis=-1) + v * (own_moves * (pop.along_t**2).sum(axis=-1) + cross)
    return np.asarray(found)


def test_what_the_factors_lack_is_noise() -> None:
    """Whatever their number, every sample's features keep their energy."""
    few, many = (energies(NORMAL, ranks) for ranks in ((1, 1), (6, 6)))
    assert few == pytest.approx(many, rel=1e-9)


def test_few_factors_do() -> None:
    few, many = (Family(NORMAL, Accuracy(ranks=ranks)).solve(NORMAL)[:3] for ranks in ((3, 3), (6, 6)))
    assert few == pytest.approx(many, rel=3e-4)
    assert few != pytest.approx(many, rel=1e-8)


SHIFTED = as_activation(lambda x: np.tanh(x + 0.5), derivative=lambda x: 1 / np.cosh(x + 0.5) ** 2)


@pytest.mark.parametrize(
    ("activation", "changes"),
    [
        ("tanh", {"readout": "constant"}),
        ("tanh", {"gradient": "full"}),
        ("relu", {"gradient": "full", "step_exponent": 0.5}),
        ("gelu", {"readout": "rademacher", "gradient": "full"}),
        ("softplus", {"teacher": "h1"}),
        # With c_2 and c_3: neurons move along themselves as well.
        (SHIFTED, {"gradient": "target"}),
    ],
    ids=["tanh, constant", "tanh, full", "relu, full", "gelu, one size", "softplus, h1", "tanh(x + 1/2)"],
)
def test_half_of_the_samples_of_an_odd_label(
    activation: Any, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of positive residuals have all averages, once what is not symmetric is left out."""
    problem = Problem(activation, "h1 - 0.3*h3", 900, 300, 720, step_exponent=0.4, noise=0.5, ridge=0.1, samples="same")
    problem = problem.replace(**changes)
    half = Family(problem)
    whole = module.sample_law
    monkeypatch.setattr(module, "sample_law", lambda *arguments: replace(whole(*arguments), odd=False))
    full = Family(problem)
    residuals, others = (len(family.model.residual) for family in (half, full))
    assert residuals == (others + 1) // 2
    assert half.solve(problem) == pytest.approx(full.solve(problem), rel=1e-8)
    slopes, of_full = (ridge_slopes_same(family, problem) for family in (half, full))
    assert slopes.test_error == pytest.approx(of_full.test_error, rel=1e-6)
