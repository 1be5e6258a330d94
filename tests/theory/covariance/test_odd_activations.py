"""Half of the grid for an odd activation: the same errors as on the whole, and not for another activation."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.problem.activations import as_activation, is_odd
from polyspike.theory.covariance.errors import errors
from polyspike.theory.covariance.fixed_point import solve
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.odd_activations import odd_and_even, upper_half
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import shift_of
from polyspike.theory.finite_size.given_kappa.grids import Grid

PROBLEM = Problem(
    "tanh", "h1 + 0.5*h2", 400, 150, 300, step_exponent=0.35, inputs="power:0.5", ridge=0.05, gradient="full"
)


def found(problem: Problem, halved: bool) -> list[float]:
    model = assemble(problem, spectrum_of(problem), halved=halved)
    of_half = errors(solve(model, shift_of(problem, model)))
    return [of_half.train_loss, of_half.train_error, of_half.test_error]


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("teacher", ["h1 + 0.5*h2", "relu", "h1[0] + h2[1]"])
def test_half_of_the_grid_has_the_errors_of_the_whole(readout: str, teacher: str) -> None:
    problem = PROBLEM.replace(readout=readout, teacher=teacher)
    assert found(problem, True) == pytest.approx(found(problem, False), rel=1e-9)


def test_it_has_not_for_an_activation_that_is_not_odd() -> None:
    problem = PROBLEM.replace(activation="softplus")
    assert found(problem, True)[2] != pytest.approx(found(problem, False)[2], rel=1e-3)


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "identity", "h1", "h3"])
def test_odd_activations_are_known(name: str) -> None:
    assert is_odd(as_activation(name))


@pytest.mark.parametrize("name", ["relu", "softplus", "h2", "cos", "sigmoid", "uncentred sigmoid"])
def test_others_are_not_odd(name: str) -> None:
    assert is_odd(as_activation(name)) == (name == "sigmoid")


def test_the_half_keeps_averages_of_even_functions() -> None:
    kappa, weights = np.array([-2.0, -1, 0, 1, 2]), np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    half = upper_half(Grid(kappa, weights, kappa[[1, 3]], np.array([0.5, 0.5])))
    assert half.kappa.tolist() == [0, 1, 2]
    assert half.u.tolist() == [1]
    assert half.kappa_weights @ half.kappa**4 == pytest.approx(weights @ kappa**4)
    assert half.u_weights.sum() == pytest.approx(1)


def test_neurons_of_one_sign_and_overlaps_of_no_readout_stay() -> None:
    kappa, weights = np.array([-1.0, 0, 1]), np.full(3, 1 / 3)
    assert upper_half(Grid(kappa, weights, np.ones(1), np.ones(1))).u.tolist() == [1]
    pairs = np.repeat(kappa, 2), np.full(6, 1 / 6)
    assert len(upper_half(Grid(kappa, weights, *pairs, overlap=np.tile([-1.0, 1], 3))).u) == 6
    signs = np.repeat([-1.0, 1], 2), np.full(4, 1 / 4)
    assert upper_half(Grid(kappa, weights, *signs, overlap=np.tile([-1.0, 1], 2))).overlap.tolist() == [-1, 1]


def test_odd_and_even_add_up_and_have_their_signs() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5))
    odd, even = odd_and_even(values, np.array([1.0, -1.0]))
    assert np.allclose(odd + even, values[:, 2:])
    assert odd[0, 0] == even[1, 0] == 0
