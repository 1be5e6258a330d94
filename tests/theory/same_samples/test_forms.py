"""Forms: the constraint of the gradient's samples against a law without it, and errors against differences."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.same_samples.fit import Columns, Fit
from polyspike.theory.same_samples.fixed_point import solve_pencil, states
from polyspike.theory.same_samples.forms import fit_errors, form_at, solve_form
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.sample_state import SampleState

BASE = Problem(
    "tanh",
    "h1 + 0.5*h2",
    900,
    300,
    720,
    step_exponent=0.4,
    noise=0.5,
    ridge=0.1,
    gradient="target",
    readout="rademacher",
    samples="same",
)
COHERENT = BASE.replace(activation="softplus", gradient="full", readout="constant", teacher="0.3 + h1 + 0.5*h2")
PROBLEMS = [
    BASE,
    BASE.replace(gradient="full"),
    BASE.replace(activation="softplus"),
    BASE.replace(teacher="h1 - h3"),
    COHERENT,
]


def shift_of(problem: Problem) -> float:
    return problem.ridge * problem.n_samples / problem.width


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p.activation.name}-{p.gradient}-{p.readout}")
def test_the_train_error_is_the_derivative_by_the_ridge(problem: Problem) -> None:
    model = build(problem)
    shift, change = shift_of(problem), 1e-4
    values = []
    for d in (shift * (1 + change), shift * (1 - change)):
        found = solve_pencil(model.fit.neurons, model.fit.populations, d)
        parts = states(model.fit.neurons, model.fit.populations, found.state, d)
        values.append(solve_form(model.fit, found.state, parts)[0])
    at = fit_errors(model.fit, solve_pencil(model.fit.neurons, model.fit.populations, shift).state, shift)
    assert at.train_error == pytest.approx(-shift * (values[0] - values[1]) / (2 * change), rel=1e-6)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p.activation.name}-{p.gradient}-{p.readout}")
def test_the_coefficients_are_stationary(problem: Problem) -> None:
    """The form at fixed coefficients has the value of the linear system, and no slope in any of them."""
    model = build(problem)
    state = solve_pencil(model.fit.neurons, model.fit.populations, shift_of(problem)).state
    parts = states(model.fit.neurons, model.fit.populations, state, shift_of(problem))
    value, found = solve_form(model.fit, state, parts)
    assert form_at(model.fit, state, parts, found) == pytest.approx(value, rel=1e-9)
    for k in np.random.default_rng(0).integers(0, len(found), 6):
        step = 1e-3 * np.eye(len(found))[k] * (abs(found[k]) + 1e-3)
        high, low = (form_at(model.fit, state, parts, found + sign * step) for sign in (1, -1))
        assert abs(high - low) < 1e-9 * value + 1e-4 * abs(high + low - 2 * value)


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_for_fresh_samples_it_is_leave_one_out(gradient: str) -> None:
    """The two formulas of the test error know nothing of each other."""
    problem = BASE.replace(samples="fresh", gradient=gradient)
    model = build(problem.replace(samples="same", overlap=0.0), pairs=False)
    found = solve_pencil(model.fit.neurons, model.fit.populations, shift_of(problem))
    errors = fit_errors(model.fit, found.state, shift_of(problem))
    assert errors.test_error == pytest.approx(errors.leave_one_out, rel=1e-5)


def test_a_free_sample_is_a_constrained_one_and_a_direction() -> None:
    """A Gaussian matrix is one with ``X' eps = 0`` and the direction of ``X' eps`` besides, along which a sample has
    ``g + eps sqrt(phi/E eps^2)``: for functions that do not know that direction both forms agree.
    """
    model, shift = build(BASE.replace(teacher="h1"), pairs=False), shift_of(BASE)
    fit = model.fit
    # Features that depend on the residual alone, so that R does.
    population = fit.populations[0]
    flat: dict[str, Any] = {
        name: np.repeat(getattr(population, name).mean(axis=1, keepdims=True), population.weights.shape[1], axis=1)
        for name in ("along_w", "along_t", "own", "noise")
    }
    population = replace(population, **flat)
    state = solve_pencil(fit.neurons, [population], shift).state
    part = SampleState(fit.neurons, population, state, shift)
    columns = fit.columns[0]
    function = np.sin(population.residual)[:, None]
    first, second = columns.first.copy(), columns.second.copy()
    # The function in the label's place.
    second[..., 0, :] = second[..., :, 0] = function[..., None] * first
    second[..., 0, 0] = function**2 * population.weights
    first[..., 0] = function * population.weights
    nothing = np.zeros_like(columns.learned)
    values = []
    for constrained, kept in ((True, [0, 1, 2, 3]), (False, [0, 1, 2])):
        alone = Columns(nothing, None, first[..., kept], second[..., kept, :][..., kept], constrained)
        fresh = fit.fresh
        few = replace(
            fresh,
            coordinates=fresh.coordinates[:, : len(kept) - 2],
            label_coordinates=fresh.label_coordinates[:, : len(kept) - 2],
            products=fresh.products[:, : len(kept) - 2, : len(kept) - 2],
        )
        alone_fit = Fit(fit.neurons, (population,), (alone,), few, None, 0.0, fit.n_samples)
        values.append(solve_form(alone_fit, state, [part])[0])
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_without_the_constraint_the_train_loss_is_wrong() -> None:
    """Simulated: 0.1837 with a standard error of 1.25 %."""
    problem = BASE.replace(teacher="h1", step_exponent=0.5, readout="gaussian")
    model, shift = build(problem), shift_of(problem)
    state = solve_pencil(model.fit.neurons, model.fit.populations, shift).state
    free = replace(model.fit, columns=(replace(model.fit.columns[0], constrained=False),))
    with_it, without = (fit_errors(fit, state, shift).train_loss for fit in (model.fit, free))
    assert abs(with_it / 0.1837 - 1) < 0.0125
    assert without / 0.1837 - 1 < -0.0375
