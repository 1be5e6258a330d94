"""At Sigma = I the theory for a covariance is the isotropic one at leading order."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Prediction, Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.seen import index_measures
from polyspike.theory.covariance.solution import solve_errors
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.given_kappa.overlaps import with_overlaps
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

ONE = Eigenvalues(np.ones(1), np.ones(1), np.ones(1))
ONE_OF_TWO = replace(ONE, indices=np.eye(2)[:, :, None])
PROBLEM = Problem("tanh", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3, gradient="target")


def isotropic_leading_order(problem: Problem) -> Errors:
    """The isotropic theory without the norms of samples and neurons (sections 10 to 12)."""
    scalars = condition(problem)
    grid = with_overlaps(choose_grid(problem, scalars), problem, scalars)
    model = assemble(problem, grid, scalars, finite_dimension=False)
    norms = replace(model.norms, sample_covariance=0 * model.norms.sample_covariance)
    along = replace(model.along, covariance=0 * model.along.covariance)
    model = replace(model, norms=norms, along=along)
    state, _ = solve_bulk(model.bulk, shift_of(problem, model))
    return errors(model, state)


def one_eigenvalue(problem: Problem) -> Eigenvalues:
    return replace(ONE, indices=index_measures(problem)) if problem.teacher.n_indices > 1 else ONE


def deviation(problem: Problem) -> float:
    """The largest relative deviation of an error."""
    ours = solve_errors(problem, one_eigenvalue(problem), finite_dimension=False).errors
    return largest(ours, isotropic_leading_order(problem))


def largest(ours: Errors, other: Errors | Prediction) -> float:
    names = ("train_loss", "train_error", "test_error")
    return max(abs(getattr(ours, name) / getattr(other, name) - 1) for name in names)


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("n_gradient", [900, 150])
def test_without_c2_the_errors_are_the_same(gradient: str, n_gradient: int, readout: str) -> None:
    for exponent in (0.0, 0.45):
        problem = PROBLEM.replace(
            gradient=gradient, n_gradient=n_gradient, step_exponent=exponent, readout=readout, step_size=None
        )
        # Of the little that a gain adds along omega, the isotropic theory knows in which directions C has it.
        assert deviation(problem) < (2e-8 if gradient == "full" else 1e-8)


@pytest.mark.parametrize("readout", ["gaussian", "constant"])
@pytest.mark.parametrize(("gradient", "allowed"), [("target", 1e-7), ("full", 4e-6)])
def test_weights_that_move_along_themselves_are_the_same(gradient: str, allowed: float, readout: str) -> None:
    """Where they move by up to a half: what a gain adds along omega is the difference, as above."""
    problem = PROBLEM.replace(activation="sin", gradient=gradient, readout=readout, step_exponent=0.5)
    problem = problem.replace(n_samples=600, input_dim=60, width=300)
    assert deviation(problem) < allowed


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["full", "target"])
def test_with_c2_they_meet_where_the_gradient_has_many_samples(gradient: str) -> None:
    """The isotropic theory projects the covariance of the noise on polynomials of M; here both are exact."""
    problem = PROBLEM.replace(activation="relu", gradient=gradient, step_exponent=0.45)
    few, many, most = (deviation(problem.replace(n_gradient=count)) for count in (900, 10**6, 10**7))
    assert few < 3e-3
    assert many < few / 300
    assert most < many / 9


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize(
    ("teacher", "allowed"), [("h1[0] + 0.5*h2[1]", 1e-8), ("tanh[0] + 0.5*h1[1] + h1[0]*h1[2]", 2e-6)]
)
def test_several_indices_are_those_of_the_isotropic_theory(teacher: str, allowed: float, gradient: str) -> None:
    """Without c_2, at leading order and with all of finite dimension; the quadratic parts of the label count.

    The law of a label that is no sum over its indices has fewer nodes there than here.
    """
    problem = PROBLEM.replace(teacher=teacher, gradient=gradient, step_exponent=0.4)
    assert deviation(problem) < allowed
    whole = predict_finite_size(problem)
    assert largest(solve_errors(problem, one_eigenvalue(problem)).errors, whole) < 3e-4
    assert largest(solve_errors(problem.replace(teacher="h1[0] + 0.5*h1[1]"), ONE_OF_TWO).errors, whole) > 0.05


def test_with_c2_several_indices_are_near_the_isotropic_theory() -> None:
    problem = PROBLEM.replace(activation="relu", teacher="h1[0] + 0.5*h2[1] + 0.5*h1[1]*h1[2]")
    whole = predict_finite_size(problem)
    assert largest(solve_errors(problem, one_eigenvalue(problem)).errors, whole) < 3e-3


def test_step_zero_with_c2_is_the_same() -> None:
    assert deviation(PROBLEM.replace(activation="relu", step_size=0.0)) < 1e-8
