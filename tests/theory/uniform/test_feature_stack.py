"""Linear and quadratic features fitted jointly: the ridge regression that it is, and simulation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, simulate, z_threshold
from polyspike.theory.uniform import predict_uniform
from polyspike.theory.uniform.bulk import BulkState
from polyspike.theory.uniform.directions import Directions
from polyspike.theory.uniform.feature_stack import Degree, FeatureStack
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.predict_uniform import solve_problem

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
    found, size = joint(self, degree), degree.functions.shape[1] - self._phi2.shape[1]
    found[:size, size:] = 0.0
    found[size:, :size] = 0.0
    return found


def regression(model: UniformModel, state: BulkState, place: int) -> NDArray[np.float64]:
    """``(prior^-1 + E[R f f'])^-1`` of one degree, from the model's own arrays: one eigenvalue of M."""
    grid, terms = model.grid, state.next_order
    assert terms is not None
    weights = model.bulk.sample_weights * state.r
    kappa, response = grid.kappa, Directions(model, state).response
    slope, variance = response.leant(model.phi, model.phi_turn), response.variance
    linear = [kappa[:, None] * (slope - 2 * variance * model.phi_turn), slope][place]
    turned = [kappa[:, None] * model.phi_turn, model.phi_turn][place]
    alone = [(kappa[:, None] ** 2 - 1) / np.sqrt(2), kappa[:, None]][place]
    quadratic, turning = alone * response.leant(terms.arrays.phi, terms.arrays.turned), alone * terms.arrays.turned
    f, turned = np.concatenate([linear, quadratic], axis=1), np.concatenate([turned, turning], axis=1)
    sizes = linear.shape[1], quadratic.shape[1]
    average = f.T @ ((weights * [np.ones_like(kappa), response.factor][place])[:, None] * f)
    average += variance * turned.T @ (weights[:, None] * turned)
    n, d = model.problem.n_samples, model.problem.input_dim
    zeta = model.bulk.neuron_weights * state.zeta
    prior = np.zeros_like(average)
    prior[: sizes[0], : sizes[0]] = n / d * model.bulk.q.T @ ((zeta * model.bulk.moves[0])[:, None] * model.bulk.q)
    count = [(d**2 - 1) / (d * (d + 2)), (d + 1) / (d + 2)][place]
    prior[sizes[0] :, sizes[0] :] = (
        count * 2 * n / (d * (d + 1)) * terms.arrays.chi.T @ (zeta[:, None] * terms.arrays.chi)
    )
    return np.asarray(np.linalg.inv(np.eye(len(prior)) + prior @ average) @ prior)


@pytest.mark.parametrize("place", [0, 1], ids=["kappa", "kappa_perp"])
@pytest.mark.parametrize("readout", ["constant", "gaussian"])
def test_the_fit_is_one_regression_on_all_features(readout: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where M has one eigenvalue the cavity's prior and plain averages cancel. For c_2 = 0 there are quadratic
    features after the step alone.
    """
    problem = SMALL.replace(activation="erf", readout=readout, step_exponent=0.4, n_gradient=10**9)
    model, state = solve_problem(problem)
    model = _with_one_node(model)
    state = BulkState(model.bulk, state.shift, state.r, state.zeta)

    def fitted() -> NDArray[np.float64]:
        stack = Directions(model, state).stack
        own = stack.degrees[place].place
        return np.asarray(stack.t[own, own])

    expected = regression(model, state, place)
    size = float(np.abs(expected).max())
    np.testing.assert_allclose(fitted(), expected, atol=1e-11 * size)
    monkeypatch.setattr(FeatureStack, "_difference", separate)
    assert float(np.abs(fitted() - expected).max()) > 1e-3 * size


def _with_one_node(model: UniformModel) -> UniformModel:
    """The measures of the noise's covariance at their one mean."""
    bulk = model.bulk
    moves = (bulk.mu_weights @ bulk.moves)[None]
    bulk = replace(bulk, moves=moves, mu_weights=np.ones(1))
    return replace(model, bulk=bulk, directions=np.eye(model.directions.shape[1])[None])


def test_simulation_tells_the_joint_fit_from_two_separate_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """``h_2(kappa)`` is in the spike, in kappa times the slope, and in the quadratic features. Counted twice, it takes
    a tenth off the test error at n/D2 = 0.16.

    The stated finite-size term is (3/d)^2 + 3/n, of the order of what is left out.
    """
    values = np.array([simulate(SMALL, seed=(88, k), n_test=4000).test_error for k in range(16)])
    error = values.std(ddof=1) / np.sqrt(len(values))
    tolerance = z_threshold(1) * error + ((3 / 100) ** 2 + 3 / 800) * values.mean()
    assert abs(predict_uniform(SMALL).test_error - values.mean()) < tolerance
    monkeypatch.setattr(FeatureStack, "_difference", separate)
    assert abs(predict_uniform(SMALL).test_error - values.mean()) > tolerance


def test_the_priors_are_the_variances_of_the_weights() -> None:
    """Of ``w' D w`` over neurons on the unit sphere, for ``D = b^b^``, ``b^e^`` and ``e^e^``; 1/D2 is rejected."""
    problem = SMALL.replace(input_dim=12, n_samples=19, step_size=0.0)
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((400_000, 12))
    b, e = (weights / np.linalg.norm(weights, axis=1, keepdims=True)).T[:2]
    forms = np.stack([b**2, np.sqrt(2) * b * e, e**2])
    squares = (forms - forms.mean(axis=1, keepdims=True)) ** 2 * 12 * 13 / 2
    mean, error = squares.mean(axis=1), squares.std(axis=1) / np.sqrt(squares.shape[1])
    expected = Directions(*solve_problem(problem)).stack._shares[:, 0, 0]
    assert (np.abs(mean - expected) < z_threshold(3) * error).all()
    assert (np.abs(mean - 1) > z_threshold(3) * error).all()
