"""Linear and quadratic features fitted jointly: the ridge regression that it is, and simulation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import block_diag

from polyspike import Problem, simulate, z_threshold
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel, assemble
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.given_kappa.weights_along import WeightsAlong, products
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.linear_directions import Directions
from polyspike.theory.finite_size.spikes.quadratic_directions import Degree, FeatureStack

SMALL = Problem(
    "softplus",
    "h1 + 0.5*h2",
    n_samples=800,
    input_dim=100,
    width=2000,
    ridge=0.01,
    step_exponent=0.5,
    gradient="target",
    readout="constant",
)
joint = FeatureStack._difference


def separate(self: FeatureStack, degree: Degree) -> Any:
    """The same without the overlap of linear and quadratic features: each kind fitted as if the other were not."""
    found, size = joint(self, degree), degree.linear
    found[:size, size:] = 0.0
    found[size:, :size] = 0.0
    return found


def regression(model: FiniteSizeModel, state: BulkState, place: int) -> NDArray[np.float64]:
    """``(prior^-1 + E[R f f'])^-1`` of one degree, by the prior that isotropic weights have: one eigenvalue of M."""
    stack = Directions(model, state).stack
    degree, moved, variance = stack.degrees[place], model.bulk.sample_weights * state.r, model.norms.log_norm_variance
    average = degree.functions.T @ ((moved * degree.factor)[:, None] * degree.functions)
    average = average + variance * degree.by_log_norm.T @ (moved[:, None] * degree.by_log_norm)
    n, d = model.problem.n_samples, model.problem.input_dim
    zeta, chi = model.bulk.neuron_weights * state.zeta, model.quadratic[2]
    blocks = [n / d * model.bulk.chi.T @ ((zeta * model.bulk.weight_variance[0])[:, None] * model.bulk.chi)]
    if place == 0:
        blocks.append(2 * n * chi.T @ ((zeta * model.norms.neuron_variance)[:, None] * chi))
    share = [(d**2 - 1) / (d * (d + 2)), (d + 1) / (d + 2)][place]
    blocks.append(share * 2 * n / (d * (d + 1)) * chi.T @ (zeta[:, None] * chi))
    prior = block_diag(*blocks)
    return np.asarray(np.linalg.inv(np.eye(len(prior)) + prior @ average) @ prior)


@pytest.mark.parametrize("place", [0, 1], ids=["kappa", "kappa_perp"])
@pytest.mark.parametrize("readout", ["constant", "gaussian"])
def test_the_fit_is_one_regression_on_all_features(readout: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where M has one eigenvalue the cavity's prior and plain averages cancel. For c_2 = 0 there are quadratic
    features after the step alone. Here no weight is known by its overlap; test_known_overlaps.py has what that changes.
    """
    problem = SMALL.replace(activation="erf", readout=readout, step_exponent=0.4, n_gradient=10**9)
    scalars = condition(problem)
    model = _with_one_node(assemble(problem, choose_grid(problem, scalars), scalars))
    state = solve_bulk(model.bulk, shift_of(problem, model))[0]

    def fitted() -> NDArray[np.float64]:
        stack = Directions(model, state).stack
        own = stack.degrees[place].place
        return np.asarray(stack.t[own, own])

    expected = regression(model, state, place)
    size = float(np.abs(expected).max())
    np.testing.assert_allclose(fitted(), expected, atol=1e-11 * size)
    monkeypatch.setattr(FeatureStack, "_difference", separate)
    assert float(np.abs(fitted() - expected).max()) > 1e-3 * size


def _with_one_node(model: FiniteSizeModel) -> FiniteSizeModel:
    """The measures of the noise's covariance at their one mean, and isotropic weights."""
    bulk = model.bulk
    moves = (bulk.mu_weights @ bulk.weight_variance)[None]
    bulk = replace(bulk, weight_variance=moves, mu_weights=np.ones(1))
    count, d = model.direction_measures.shape[1], model.problem.input_dim
    covariance = np.zeros_like(model.along.covariance)
    covariance[:, 0, 0] = model.norms.neuron_variance * d * (d + 1)
    shares = [(d**2 - 1) / (d * (d + 2)) if i == j else (d + 1) / (d + 2) for i, j in products(count)]
    covariance[:, 1:, 1:] = np.diag(shares)
    along = WeightsAlong(np.zeros_like(model.along.mean), covariance)
    return replace(model, bulk=bulk, direction_measures=np.eye(count)[None], along=along)


def test_simulation_tells_the_joint_fit_from_two_separate_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """``h_2(kappa)`` is in the spike, in kappa times the slope, and in the quadratic features. Counted twice, it takes
    a tenth off the test error at n/D2 = 0.16.

    The stated finite-size term is (3/d)^2 + 3/n, of the order of what is left out.
    """
    values = np.array([simulate(SMALL, seed=(88, k), n_test=4000).test_error for k in range(16)])
    error = values.std(ddof=1) / np.sqrt(len(values))
    tolerance = z_threshold(1) * error + ((3 / 100) ** 2 + 3 / 800) * values.mean()
    assert abs(predict_finite_size(SMALL).test_error - values.mean()) < tolerance
    monkeypatch.setattr(FeatureStack, "_difference", separate)
    assert abs(predict_finite_size(SMALL).test_error - values.mean()) > tolerance
