"""The linear features along b without the known part of the weights."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem, as_activation
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.solve import solve_problem
from polyspike.theory.finite_size.spikes.errors import quadratic_form
from polyspike.theory.finite_size.spikes.known_overlaps import KnownAlongB

SINE = as_activation(lambda z: np.sin(2 * z))
PROBLEM = Problem(SINE, "h1 + 0.3*h3", 400, 60, 200, step_size=15.0, ridge=0.1, noise=0.5, readout="rademacher")


def test_the_prior_is_the_plain_one_with_the_known_part_taken_out() -> None:
    """``(P_0 - Delta)(1 + V (P_0 - Delta))^-1`` along b, where the noise has one eigenvalue and b and e^ do not mix."""
    model, state = solve_problem(PROBLEM.replace(gradient="target"))
    moves = (model.bulk.mu_weights @ model.bulk.weight_variance)[None]
    bulk = replace(model.bulk, weight_variance=moves, mu_weights=np.ones(1))
    model = replace(model, bulk=bulk, direction_measures=np.eye(model.direction_measures.shape[1])[None])
    state = BulkState(bulk, state.shift, state.r, state.zeta)
    known, c = KnownAlongB(model, state), model.bulk.samples_per_dim
    assert model.overlaps is not None
    chi, wz = model.bulk.chi, model.bulk.neuron_weights * state.zeta
    prior = c * chi.T @ ((wz * bulk.weight_variance[0])[:, None] * chi)
    delta = PROBLEM.n_samples * chi.T @ ((wz * model.overlaps.square)[:, None] * chi)
    rest = prior - delta
    expected = rest @ np.linalg.inv(np.eye(len(rest)) + state.v @ rest)
    size = np.abs(prior @ np.linalg.inv(np.eye(len(rest)) + state.v @ prior)).max()
    np.testing.assert_allclose(known.prior[0, :, 0, :], expected, atol=1e-10 * size)
    assert 1e-3 * size < np.abs(expected).max() < 0.5 * size


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_the_explicit_derivatives_of_the_form_are_its_differences(gradient: str) -> None:
    model, state = solve_problem(PROBLEM.replace(gradient=gradient))
    form, rng = quadratic_form(model, state), np.random.default_rng(1)
    move_r, move_zeta = rng.standard_normal(len(state.r)), rng.standard_normal(len(state.zeta))
    h = 1e-5
    values = [
        quadratic_form(
            model,
            BulkState(
                model.bulk, state.shift, state.r * np.exp(k * h * move_r), state.zeta * np.exp(k * h * move_zeta)
            ),
        ).value
        for k in (1, -1)
    ]
    slope = (values[0] - values[1]) / (2 * h)
    assert slope == pytest.approx(form.by_log_r @ move_r + form.by_log_zeta @ move_zeta, rel=1e-6)
