"""What n samples, N neurons and n_0 residuals reach."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.fixed_point import solve
from polyspike.theory.covariance.layer_spectrum.model import layer_model, norms_of
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.finite_size.spectrum.spectral_model import in_sampled_range

PROBLEM = Problem("relu", "h1 + h2", 600, 200, 400, step_exponent=0.4, noise=0.3, inputs="power:0.3")


def test_residuals_further_out_than_so_many_samples_reach_stand_at_the_ends() -> None:
    layer = layer_model(PROBLEM, spectrum_of(PROBLEM))
    whole, reached = layer.whole.law, layer.bulk.law
    assert np.abs(reached.eps).max() < np.abs(whole.eps).max()
    assert reached.energy == pytest.approx(whole.energy)
    assert np.array_equal(reached.weights, whole.weights)
    drawn = PROBLEM.teacher(np.random.default_rng(1).standard_normal((400, 600)))
    # The noise and the initial output are of both signs; the label's own tail is long above.
    assert reached.eps.max() < 2.5 * np.median(drawn.max(axis=1))
    assert layer_model(PROBLEM, spectrum_of(PROBLEM), 5.0).bulk.law.eps.max() < reached.eps.max()


def test_on_the_whole_laws_a_solution_is_its_own_continuation() -> None:
    layer = layer_model(PROBLEM, spectrum_of(PROBLEM))
    state = solve(layer.bulk, 0.1).state
    whole = layer.on_whole_laws(state)
    kappa, u = in_sampled_range(layer.whole)
    assert np.allclose(whole.r[kappa], state.r, rtol=1e-8)
    assert np.allclose(whole.zeta[u], state.zeta, rtol=1e-8)
    assert kappa.sum() < len(whole.r)


def test_norms_fluctuate_as_drawn_ones_do() -> None:
    """``log |Sx|`` over samples and ``log |Sw|`` over neurons of length one, without a step."""
    problem = PROBLEM.replace(step_size=0.0, step_exponent=None, gradient="target")
    model = layer_model(problem, spectrum_of(problem)).whole
    norms = norms_of(model)
    rng = np.random.default_rng(2)
    values, counts = problem.inputs.eigenvalues(200)
    spread = np.repeat(values, counts.astype(int))
    w = rng.standard_normal((20_000, 200))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    x = rng.standard_normal((20_000, 200))
    over_neurons = np.log(w**2 @ spread).var() / 4
    # tau at a sample: the mean square of w . x over weights.
    over_samples = np.log(x**2 @ spread).var() / 4
    assert norms.neuron_variance[0] == pytest.approx(over_neurons, rel=0.06)
    assert norms.sample_covariance[0, 0] == pytest.approx(over_samples, rel=0.06)
