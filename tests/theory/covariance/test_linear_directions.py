"""The features along b and beta* against random matrices; with the layer taken as generic there, rejected."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.fixed_point import CovarianceState, solve
from polyspike.theory.covariance.linear_directions import linear_block
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import shift_of

PROBLEM = Problem(
    "softplus",
    "0.5*h1 + h2",
    500,
    80,
    300,
    step_size=25.0,
    gradient="target",
    noise=0.1,
    n_gradient=240,
    inputs="two-level:0.3,1.7,0.5",
)
DRAWS = 120


@pytest.fixture(scope="module")
def state() -> CovarianceState:
    """At a fiftieth of the fixed point's R, where the features are not so well determined that all directions are
    alike; T is the layer's own there.
    """
    model = assemble(PROBLEM, spectrum_of(PROBLEM), finite_dimension=False, rank_tolerance=1e-2)
    found = solve(model, shift_of(model.problem, model)).state
    found = replace(found, r=found.r / 50)
    for _ in range(100):
        found = found.with_layer()
    return found


def drawn(state: CovarianceState, seed: int) -> Any:
    """``G`` between b^ and e^ of one sample of the gradient, shape (2, 2, p, p)."""
    model, rng, d, n0 = state.model, np.random.default_rng(seed), PROBLEM.input_dim, PROBLEM.gradient_samples
    values = np.repeat(model.spectrum.values, d // 2)
    g = rng.standard_normal((n0, d))
    target = np.sqrt(values / d)
    eps = np.asarray(PROBLEM.teacher(g @ target)) + PROBLEM.noise * rng.standard_normal(n0)
    m, c = (values[:, None] * (g.T @ (x[:, None] * g)) / n0 * values for x in (eps, eps**2 / model.law.energy))
    parts, chi, e_u = state.coefficients, model.bulk.chi, model.step.scalars.quadratic_step * model.grid.u
    mixed = chi.T @ ((state.weighted_zeta * e_u)[:, None] * chi)
    plain = chi.T @ (state.weighted_zeta[:, None] * chi)
    q = np.kron(plain, np.diag(values)) + np.kron(parts.noise, c)
    q += np.kron(mixed, 2 * m) + np.kron(parts.tilt, m @ (m / values[:, None]))
    v = np.kron(model.bulk.samples_per_dim * state.v, np.eye(d))
    p = len(mixed)
    gam = (q @ np.linalg.inv(np.eye(len(q)) + v @ q)).reshape(p, d, p, d)
    frame = np.stack([target, values * (g.T @ eps) / n0])
    return np.einsum("ai,ik,xkyl,jl,bj->abxy", model.step.known, frame, gam, frame, model.step.known)


@pytest.mark.slow
def test_random_matrices(state: CovarianceState) -> None:
    """Along e^ within the error; along b^, whose own length is random, but for some 1/d (2 to 4 % at d = 600)."""
    found = linear_block(state, state.model.step.known)
    phi = state.model.bulk.phi[len(state.model.bulk.phi) // 2]
    draws = np.array([phi @ drawn(state, seed) @ phi for seed in range(DRAWS)])
    mean, error = draws.mean(axis=0), draws.std(axis=0, ddof=1) / DRAWS**0.5
    finite = np.array([[15, 15], [15, 1]]) * np.sqrt(np.outer(np.diag(mean), np.diag(mean))) / PROBLEM.input_dim
    assert np.all(np.abs(phi @ found @ phi - mean) < 4 * error + finite)
    # M is larger along beta* than elsewhere, by 2 c*_2: the same without that is off along e^.
    generic = np.einsum("abl,lxy->abxy", state.model.direction_measures, state.blocks.gam)
    assert abs(phi @ generic[1, 1] @ phi - mean[1, 1]) > 4 * error[1, 1] + finite[1, 1]


def test_the_block_is_symmetric(state: CovarianceState) -> None:
    found = linear_block(state, state.model.step.known)
    assert np.allclose(found, found.transpose(1, 0, 3, 2), atol=1e-12)
