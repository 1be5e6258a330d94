"""The bulk's fixed point from far away: alternation, long strides of the shift, and an end where nothing falls."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem
from polyspike.status import Status
from polyspike.theory.finite_size.bulk import newton
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.solve import model_of, shift_of, solve_problem

BASE = Problem("tanh", "h1 + 0.7*h2", 300, 100, 200, step_exponent=0.4, ridge=0.01)
# Variances of the noise over a hundred decades: a long step of a polynomial of high degree, whose tail of readouts is
# all that it has there.
FAR = Problem("h8", "-h1", 300, 400, 50, step_size=2.0, ridge=0.01, gradient="target", n_gradient=1000)


def test_alternation_stays_at_a_solution() -> None:
    _, state = solve_problem(BASE)
    again = state.alternated()
    np.testing.assert_allclose(again.r, state.r, rtol=1e-9)
    np.testing.assert_allclose(again.zeta, state.zeta, rtol=1e-9)


def test_alternation_converges_where_half_steps_do_not() -> None:
    model = model_of(FAR)
    state = other = _cold(model.bulk, shift_of(FAR, model))
    for _ in range(12):
        state, other = state.alternated(), other.damped()
    assert np.ptp(np.log10(model.bulk.noise_variance)) > 30
    assert state.size_of_defect < 0.3
    assert other.size_of_defect > 3 * state.size_of_defect


def _cold(model: BulkModel, shift: float) -> BulkState:
    r = 1 / (shift + model.noise_variance @ model.neuron_weights)
    return BulkState(model, shift, r, np.ones(len(model.neuron_weights)))


@pytest.mark.parametrize("problem", [BASE, FAR], ids=["near", "far"])
def test_a_lowered_shift_leads_to_the_same_solution(problem: Problem) -> None:
    model = model_of(problem)
    shift = shift_of(problem, model)
    direct, _ = solve_bulk(model.bulk, shift)
    with np.errstate(all="ignore"):
        lowered, _ = newton._lower_shift(model.bulk, shift, 2e-11)
    np.testing.assert_allclose(lowered.r, direct.r, rtol=1e-8)
    np.testing.assert_allclose(lowered.zeta, direct.zeta, rtol=1e-8)


def test_far_starts_need_few_steps() -> None:
    model = model_of(FAR)
    assert solve_bulk(model.bulk, shift_of(FAR, model))[1] < 25


def test_an_attempt_ends_where_nothing_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(BASE)
    start = _cold(model.bulk, shift_of(BASE, model))
    monkeypatch.setattr(newton, "_next", lambda state, known, longest: (state, known))
    assert newton._newton(start, 2e-11, 100)[1] <= newton._STALLED + 2


def test_iterates_that_overflow_are_out_of_range() -> None:
    problem = FAR.replace(activation="h12", step_size=100.0, input_dim=24, n_gradient=20_000_000)
    with pytest.raises(NumericalError, match=r"leaves? double precision") as caught:
        solve_problem(problem)
    assert caught.value.status is Status.OUT_OF_RANGE


def test_long_strides_of_the_shift_are_announced(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Newton fails from its start, the time is not that of other predictions."""
    monkeypatch.setattr(newton, "_FIRST_ATTEMPT", 1)
    monkeypatch.setattr(newton, "step_seconds", lambda model: 0.1)
    model = model_of(BASE)
    with caplog.at_level("INFO", "polyspike.theory.announce"):
        solve_bulk(model.bulk, shift_of(BASE, model))
    assert caplog.messages == ["the fixed point of the bulk is far from its start: up to 20 s more"]
