"""Solutions along the real axis: their derivatives off the solution, and limits far above and below the bulk."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.layer_spectrum.model import layer_model
from polyspike.theory.covariance.layer_spectrum.point import LayerPoint, RealLayerPoint, above, below
from polyspike.theory.covariance.predict import spectrum_of

PROBLEM = Problem("relu", "h1 + h2", 600, 200, 400, step_exponent=0.4, noise=0.3, inputs="power:0.3")


@pytest.mark.parametrize("changes", [{}, {"activation": "tanh", "gradient": "target"}])
def test_the_jacobian_of_a_complex_solution(changes: dict[str, str]) -> None:
    """By differences along every unknown and along log z; matrices have no imaginary part that is infinitesimal."""
    problem = PROBLEM.replace(**changes)
    layer = layer_model(problem, spectrum_of(problem))
    far = above(layer.bulk, 500.0).as_complex
    rng = np.random.default_rng(1)
    shape = len(far.defect)
    point = LayerPoint(
        far.model, far.at(0.1 * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))), 2.0 + 0.4j
    )
    direction = rng.standard_normal(shape) * (1 + 0.3j)
    step = 1e-5
    ahead, behind = (LayerPoint(far.model, point.at(s * step * direction), point.log_z) for s in (1, -1))
    along = (ahead.defect - behind.defect) / (2 * step)
    assert np.allclose(point.by_unknowns[:, :-1] @ direction, along, rtol=0, atol=1e-7 * np.abs(along).max())
    ahead, behind = (LayerPoint(far.model, point.state, point.log_z + s * step) for s in (1, -1))
    by_z = (ahead.defect - behind.defect) / (2 * step)
    assert np.allclose(point.by_unknowns[:, -1], by_z, rtol=0, atol=1e-7 * np.abs(by_z).max())


def test_far_above_the_bulk_the_trace_is_that_of_the_features() -> None:
    """``E R = -1/z - E[sigma^2 - m^2]/z^2``, where the whole energy is that of the bulk's own model."""
    layer = layer_model(PROBLEM, spectrum_of(PROBLEM))
    bulk, model = layer.bulk.bulk, layer.bulk
    means = []
    for z in (2e4, 4e4):
        point = above(model, z)
        means.append(-(z**2) * (float(point.mean_r) + 1 / z))
        assert point.state.zeta == pytest.approx(np.ones(len(model.grid.u)), abs=100 / z)
        assert point.is_outside
    variance = bulk.weight_variance.T @ model.spectrum.weights
    energy = float(
        bulk.sample_weights @ (bulk.noise_variance + (bulk.phi @ bulk.chi.T) ** 2 * variance) @ bulk.neuron_weights
    )
    # M and its noise are averaged over the residuals that n_0 samples reach.
    assert 2 * means[1] - means[0] == pytest.approx(energy, rel=2e-2)


@pytest.mark.parametrize("width", [400, 900])
def test_below_the_bulk_is_another_branch(width: int) -> None:
    problem = PROBLEM.replace(width=width)
    layer = layer_model(problem, spectrum_of(problem))
    point = below(layer.bulk, problem.activation.second_moment, width < problem.n_samples)
    assert np.abs(point.defect).max() < 1e-7
    assert (np.sign(point.state.r) == (-1 if width < problem.n_samples else 1)).all()
    assert point.is_outside


def test_a_complex_point_has_a_real_one() -> None:
    layer = layer_model(PROBLEM, spectrum_of(PROBLEM))
    point = above(layer.bulk, 500.0)
    again = point.as_complex.as_real
    assert isinstance(again, RealLayerPoint)
    assert np.array_equal(again.state.t, point.state.t)
    assert again.z == pytest.approx(500.0)
    # The imaginary parts of the logarithms are the limits from the upper half-plane.
    assert np.allclose(point.as_complex.unknowns[: len(point.state.r)].imag, np.pi)
    turned = replace(
        point.as_complex, state=replace(point.state, r=point.state.r * np.exp(-0.1j), zeta=-1j * point.state.zeta)
    )
    assert turned.is_physical()
    assert not replace(turned, state=replace(turned.state, zeta=1j * point.state.zeta)).is_physical()
