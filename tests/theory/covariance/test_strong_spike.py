"""Spikes along strong eigendirections."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.strong_spike import strong_share

PROBLEM = Problem(
    "erf", "h1", 800, 200, 600, step_exponent=0.3, gradient="target", readout="gaussian", inputs="spiked:12,1"
)


def leading(problem: Problem) -> CovarianceModel:
    return assemble(problem, nodes_of(problem), finite_dimension=False)


def share(problem: Problem) -> np.ndarray:
    model = leading(problem)
    return strong_share(model.known, model.spectrum.weights @ model.relative, problem.input_dim)


def test_isotropic_inputs_have_none() -> None:
    for gradient in ("target", "full"):
        assert np.allclose(share(PROBLEM.replace(inputs="two-level:1,1,0.5", gradient=gradient)), 0, atol=1e-12)
    assert share(PROBLEM.replace(inputs="spiked:12,1; teacher=top")).max() > 0.03


@pytest.mark.parametrize("exponent", [0.0, 0.3])
def test_drawn_neurons_have_the_mean_square_of_the_slope(exponent: float) -> None:
    """Each neuron with its own weight along b^ and its own Gaussian readout; kappa is averaged over."""
    problem = PROBLEM.replace(inputs="spiked:12,1; teacher=top", step_exponent=exponent)
    model, kappa = leading(problem), np.linspace(-6, 6, 401)
    weights = np.exp(-(kappa**2) / 2) / np.exp(-(kappa**2) / 2).sum()
    found = float(model.grid.kappa_weights @ model.averages.slope**2 @ model.grid.u_weights)
    rng = np.random.default_rng(1)
    u = rng.standard_normal(20_000)
    square = np.interp(np.abs(u), *_by_size(model, model.spectrum.weights @ model.bulk.weight_variance))
    part = square * np.interp(np.abs(u), *_by_size(model, share(problem)))
    along = model.step.scalars.spike_strength * u + np.sqrt(part) * rng.standard_normal(len(u))
    rest = 1 + 2 * (square - part)
    slopes = (4 / np.pi / rest)[:, None] * np.exp(-2 * along[:, None] ** 2 * kappa**2 / rest[:, None])
    expected = float((slopes @ weights).mean())
    assert found == pytest.approx(expected, rel=0.03)


def _by_size(model: CovarianceModel, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(np.abs(model.grid.u))
    return np.abs(model.grid.u)[order], values[order]
