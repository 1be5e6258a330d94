"""One model along its ridges: extrapolated starts lead where a cold start leads."""

import numpy as np

from polyspike import Problem
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.continuation import ShiftContinuation
from polyspike.theory.finite_size.solve import model_of, shift_of

BASE = Problem("tanh", "h1 + 0.7*h2", 1000, 300, 600, step_exponent=0.3)


def test_every_ridge_has_the_solution_of_a_cold_start() -> None:
    model = model_of(BASE)
    along = ShiftContinuation(model)
    for ridge in (3.0, 1.0, 0.3, 0.01, 10.0):
        problem = BASE.replace(ridge=ridge)
        _, state, _ = along.solve(problem)
        cold = solve_bulk(model.bulk, shift_of(problem, model))[0]
        np.testing.assert_allclose(state.r, cold.r, rtol=1e-8)
        np.testing.assert_allclose(state.zeta, cold.zeta, rtol=1e-8)


def test_a_start_from_another_model_leads_to_the_same() -> None:
    first = ShiftContinuation(model_of(BASE))
    first.solve(BASE)
    assert first.first is not None
    near = BASE.replace(noise=0.6)
    found = ShiftContinuation(model_of(near), [first.first]).solve(near)[1]
    cold = ShiftContinuation(model_of(near)).solve(near)[1]
    np.testing.assert_allclose(found.r, cold.r, rtol=1e-8)
