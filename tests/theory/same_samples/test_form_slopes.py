"""The closed derivatives of the form against infinitesimal imaginary parts of the form itself."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.same_samples.fixed_point import solve_pencil, states
from polyspike.theory.same_samples.form_slopes import form_slopes
from polyspike.theory.same_samples.forms import form_at, solve_form
from polyspike.theory.same_samples.model import Model, build
from polyspike.theory.same_samples.sample_state import SampleState

BASE = Problem("tanh", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, noise=0.5, gradient="target", samples="same")
MODELS = {
    "own moves and pairs": build(BASE),
    "full gradient": build(BASE.replace(gradient="full", readout="rademacher")),
    "c_2": build(BASE.replace(activation="softplus", gradient="full")),
    "output by the norm": build(BASE.replace(activation="softplus", gradient="full", readout="constant", overlap=0.7)),
    "two populations": build(BASE.replace(samples="same", overlap=0.0, activation="softplus"), pairs=False),
}
SHIFT, H = 0.2, 1e-30


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_against_the_form(model: Model) -> None:
    fit = model.fit
    state = solve_pencil(fit.neurons, fit.populations, SHIFT).state
    parts = states(fit.neurons, fit.populations, state, SHIFT)
    found = solve_form(fit, state, parts)[1]
    slopes = form_slopes(fit, state, parts, found)
    along = np.random.default_rng(1).normal(size=len(slopes.by_state))
    along[: -len(state.zeta)] *= float(np.abs(state.gamma).mean())
    moved = state.moved(1j * H * along)
    nearby = [SampleState(fit.neurons, population, moved, SHIFT) for population in fit.populations]
    assert slopes.by_state @ along == pytest.approx(np.imag(form_at(fit, moved, nearby, found)) / H, rel=1e-11)
    shifted = [SampleState(fit.neurons, population, state, SHIFT + 1j * H) for population in fit.populations]
    by_shift = np.imag(form_at(fit, state, shifted, found)) / H
    assert sum(float(slope.sum()) for slope in slopes.by_shift) == pytest.approx(by_shift, rel=1e-11)
