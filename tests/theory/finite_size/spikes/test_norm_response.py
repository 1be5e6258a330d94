"""The norm of a sample: derivatives of the averages, the freedom of the spike at step 0, and simulation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, as_activation, simulate, z_threshold
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.bulk import assemble as model
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.finite_dimension import NextOrder
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

LABELS = [("erf", "h1 + 0.5*h2 + 0.3*h3"), ("relu", "relu"), ("tanh", "h1"), ("gelu", "h1 + 0.7*h2")]


def leading(problem: Problem) -> Errors:
    """The errors without what finite dimension adds."""
    scalars = condition(problem)
    arrays = assemble(problem, choose_grid(problem, scalars), scalars, finite_dimension=False)
    return errors(arrays, solve_bulk(arrays.bulk, shift_of(problem, arrays))[0])


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "gelu", "h3"])
def test_the_turns_are_derivatives_by_the_deviation(name: str) -> None:
    """Central differences in log tau, at deviations that differ from row to row."""
    x = np.array([0.3, -1.1, 2.0])[:, None] * np.array([-1.5, 0.2, 0.9])
    tau = np.array([0.97, 1.0, 1.05])[:, None] * np.array([1.0, 1.2, 0.9])
    found, h = activation_averages(as_activation(name), x, tau), 1e-5
    ahead, behind = (activation_averages(as_activation(name), x, tau * np.exp(step)) for step in (h, -h))
    slopes = [(a - b) / (2 * h) for a, b in zip(ahead[:4], behind[:4], strict=True)]
    for turn, slope in zip(
        (found.mean_by_log_norm, found.slope_by_log_norm, 2 * found.noise_by_log_square, found.mean_by_log_norm_twice),
        slopes,
        strict=True,
    ):
        np.testing.assert_allclose(turn, slope, atol=1e-8 * float(np.abs(slope).max()) + 1e-9)


@pytest.mark.parametrize(("activation", "teacher"), LABELS)
def test_at_step_0_any_direction_may_be_the_spike(activation: str, teacher: str) -> None:
    """The target-only gradient takes its own direction for b, correlated with the teacher; the full one takes omega.

    No network knows of either, and what depends on the choice is of the second order in 1/d: the coordinate along b is
    integrated over, the others enter by their derivatives. A term of order 1/d missing from one of the two would show.
    """

    def gap(dimension: int) -> NDArray[np.float64]:
        sizes = (4 * dimension, dimension, 8 * dimension)
        problem = Problem(activation, teacher, *sizes, n_gradient=8 * dimension, step_size=0.0, noise=0.1)
        own, other = (predict_finite_size(problem.replace(gradient=form)) for form in ("target", "full"))
        assert abs(condition(problem.replace(gradient="target")).spike_cosine) > 0.8
        assert abs(condition(problem.replace(gradient="full")).spike_cosine) < 1e-12
        pairs = ((own.train_loss, other.train_loss), (own.test_error, other.test_error))
        return np.array([a / b - 1 for a, b in pairs])

    gaps = [gap(dimension) for dimension in (400, 1600)]
    np.testing.assert_allclose(gaps[0] / gaps[1], 16, rtol=0.1)


def still(*, phi_by_log_norm: Any, **rest: Any) -> NextOrder:
    """Quadratic features that do not change with the norm."""
    return NextOrder(phi_by_log_norm=0 * phi_by_log_norm, **rest)


def test_simulation_tells_turning_quadratic_features_from_still_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise of softplus is all quadratic, n/D2 = 0.25 and the ridge small: what the other samples know of it is a
    quarter of what a sample's diagonal turns by.

    The stated finite-size term is (3/d)^2 + 3/n, of the order of what is left out.
    """
    problem = Problem("softplus", "h1", 258, 45, 1032, ridge=1e-4, noise=0.3, step_size=0.0, gradient="target")
    measured = [simulate(problem, seed=(78, k), n_test=4000) for k in range(40)]
    found = predict_finite_size(problem)
    monkeypatch.setattr(model, "NextOrder", still)
    wrong = predict_finite_size(problem)
    for name in ("train_loss", "test_error"):
        values = np.array([getattr(m, name) for m in measured])
        error = values.std(ddof=1) / np.sqrt(len(values))
        tolerance = z_threshold(2) * error + ((3 / 45) ** 2 + 3 / 258) * values.mean()
        assert abs(getattr(found, name) - values.mean()) < tolerance
        assert abs(getattr(wrong, name) - values.mean()) > tolerance


@pytest.mark.slow
def test_simulation_tells_the_terms_from_their_absence() -> None:
    """The stated finite-size term is (3/d)^2 + 3/n, of the order of what is left out."""
    problem = Problem("erf", "relu", 240, 60, 960, ridge=0.01, noise=1.0, step_size=0.0, gradient="target")
    measured = [simulate(problem, seed=(77, k), n_test=4000) for k in range(60)]
    found, wrong = predict_finite_size(problem), leading(problem)
    for name in ("train_loss", "train_error"):
        values = np.array([getattr(m, name) for m in measured])
        error = values.std(ddof=1) / np.sqrt(len(values))
        tolerance = z_threshold(2) * error + ((3 / 60) ** 2 + 3 / 240) * values.mean()
        assert abs(getattr(found, name) - values.mean()) < tolerance
        assert abs(float(getattr(wrong, name)) - values.mean()) > tolerance
