"""The fixed point: residual, tangents against differences, and refinement."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.eigenvalues import eigenvalues
from polyspike.theory.covariance.errors import label_form
from polyspike.theory.covariance.fixed_point import derivative, solve
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import shift_of, solve_errors

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.4, inputs="power:0.5")


def model(problem: Problem = PROBLEM) -> CovarianceModel:
    return assemble(problem, spectrum_of(problem))


def test_the_defect_vanishes_and_the_layer_is_its_own() -> None:
    whole = model()
    state = solve(whole, shift_of(whole.problem, whole)).state
    assert np.abs(state.defect).max() < 1e-8
    assert np.abs(state.samples.t - state.t).max() < 1e-8 * np.abs(state.t).max()


@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_few_steps_are_needed(alpha: float) -> None:
    whole = model(PROBLEM.replace(step_exponent=alpha))
    assert solve(whole, shift_of(whole.problem, whole)).iterations <= 5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_derivative_by_the_shift_is_that_of_a_difference(activation: str) -> None:
    whole = model(PROBLEM.replace(activation=activation))
    shift = shift_of(whole.problem, whole)
    found = derivative(label_form(solve(whole, shift).moved(np.ones((1, len(whole.grid.kappa))), 0.0)).value)
    h = 1e-4 * shift
    values = [label_form(solve(whole, shift + s * h).state).value for s in (-1, 1)]
    assert found == pytest.approx((values[1] - values[0]) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_tangents_taken_together_are_those_taken_one_by_one(activation: str) -> None:
    whole = model(PROBLEM.replace(activation=activation, gradient="full", readout="gaussian"))
    solved = solve(whole, shift_of(whole.problem, whole))
    by_r, by_zeta = np.ones((2, len(solved.state.r))), np.ones((2, len(solved.state.zeta)))
    by_r[1] += whole.grid.kappa**2
    both = label_form(solved.moved(by_r, by_zeta))
    for k in range(2):
        moved = solved.moved(by_r[k : k + 1], by_zeta[k : k + 1])
        one = label_form(replace(moved, r=moved.r[0], zeta=moved.zeta[0], t=moved.t[0]))
        assert derivative(both.value)[k] == pytest.approx(derivative(one.value), rel=1e-9)
        assert both.covariance == pytest.approx(one.covariance, rel=1e-9)


@pytest.mark.slow
def test_finer_grids_and_more_eigenvalues_change_little() -> None:
    d = PROBLEM.input_dim
    values, counts = PROBLEM.inputs.eigenvalues(d)
    arguments = values, counts / d, PROBLEM.inputs.teacher_energies(d)
    found = solve_errors(PROBLEM, eigenvalues(*arguments)).errors
    nodes = solve_errors(PROBLEM, eigenvalues(*arguments, 30)).errors
    grid = solve_errors(PROBLEM, eigenvalues(*arguments), refine=1.4).errors
    for other, allowed in ((nodes, 1e-7), (grid, 1e-6)):
        assert other.test_error == pytest.approx(found.test_error, rel=allowed)
        assert other.train_error == pytest.approx(found.train_error, rel=allowed)
