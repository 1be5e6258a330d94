"""Nodes of a sample of the gradient: moments in closed form, for both gradients and two indices."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.hermite import gauss_hermite
from polyspike.theory.same_samples import sample_law as module
from polyspike.theory.same_samples.residual import residual_energy
from polyspike.theory.same_samples.sample_law import Rules, sample_law
from polyspike.theory.same_samples.spike_frame import spike_frame

BASE = Problem("tanh", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, noise=0.5, samples="same")
RULES = Rules(16, 8)


@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("teacher", ["h1 + 0.5*h2", "-0.8*h1 + 0.3*h3", "h1[0] + 0.5*h1[1] + 0.4*h1[0]*h1[1]"])
def test_moments_of_the_hidden_vector(gradient: str, teacher: str) -> None:
    problem = BASE.replace(gradient=gradient, teacher=teacher)
    frame = spike_frame(problem)
    # A square is no polynomial of the bounded function by which a cubic label's residuals are resolved.
    law = sample_law(problem, frame, RULES._replace(residual=30) if "h3" in teacher else RULES)
    moments = law.second.sum(axis=(0, 1))
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    energy, phi = residual_energy(problem), problem.phi
    assert law.mean_over_residuals(law.residual**2) == pytest.approx(energy, rel=1e-9)
    assert moments[0, 0] == pytest.approx(problem.label_second_moment, rel=1e-12)
    assert moments[0, 2] == pytest.approx(signal, rel=1e-12)
    # Along the noise of beta a sample of the gradient has g and its share of eps.
    assert moments[3, 3] == pytest.approx(1 + phi, rel=1e-12)
    assert moments[0, 3] == pytest.approx(problem.label_second_moment * np.sqrt(phi / energy), rel=1e-12)
    if gradient == "full":
        c1 = float(problem.activation.coefficients(1)[1])
        assert moments[1, 1] == pytest.approx(problem.activation.residual_strength, rel=1e-12)
        assert moments[3, 4] == pytest.approx(-c1 * np.sqrt(phi / energy), rel=1e-12)


@pytest.mark.parametrize("teacher", ["0.3 + h1 + 0.5*h2", "h1[0] + 0.5*h1[1] + 0.4*h1[0]*h1[1]"])
def test_the_norm_of_a_sample_is_in_the_output_of_neurons_that_add_up(teacher: str) -> None:
    problem = BASE.replace(activation="relu", readout="constant", teacher=teacher)
    law = sample_law(problem, spike_frame(problem), RULES)
    c2 = float(problem.activation.coefficients(2)[2])
    slope = c2 * np.sqrt(2 * problem.width / problem.input_dim)
    others = BASE.replace(activation="relu", teacher=teacher)
    without = sample_law(others, spike_frame(others), RULES)
    assert law.first.shape[-1] == without.first.shape[-1] + 1
    assert residual_energy(problem) == pytest.approx(residual_energy(others) + slope**2, rel=1e-12)
    assert law.mean_over_residuals(law.residual**2) == pytest.approx(residual_energy(problem), rel=1e-9)
    norm = law.second[..., -1, :].sum(axis=(0, 1))
    expected = [0.0] * 3 + [-slope * np.sqrt(problem.phi / residual_energy(problem))] + [0.0] * (len(norm) - 5) + [1.0]
    assert norm == pytest.approx(expected, rel=1e-10, abs=1e-12)
    assert law.residual @ law.first[..., -1].sum(axis=1) == pytest.approx(-slope, rel=1e-9)


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_kappa_is_standard_and_overlaps_the_residual_as_a_fresh_sample_does(gradient: str) -> None:
    problem = BASE.replace(gradient=gradient)
    frame = spike_frame(problem)
    law = sample_law(problem, frame, RULES)
    mean_gradient = np.array([1.0, -float(problem.activation.coefficients(1)[1]) * (gradient == "full"), 0.0])
    assert law.mean(law.kappa**2 + 0 * law.weights) == pytest.approx(1, rel=1e-12)
    expected = float(frame.coordinates @ mean_gradient)
    assert law.mean(law.kappa * law.residual[:, None]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_averages_of_smooth_functions(noise: float) -> None:
    """Against a plain rule over (kappa*, nu, g), to 1e-6 by refinement; with too few nodes they are off."""
    problem = BASE.replace(gradient="target", noise=noise, teacher="h1 + 0.5*h2 + 0.3*h3")
    frame = spike_frame(problem)
    x, w = gauss_hermite(100)
    star, nu, g = x[:, None, None], noise * x[:, None], x
    eps = problem.teacher(star) + nu
    kappa = frame.coordinates[0] * star + frame.coordinates[2] * g
    values = np.tanh(0.7 * eps + 0.4 * kappa) * np.stack(np.broadcast_arrays(1 + 0 * eps, star, eps * star))
    expected = np.einsum("kabc,a,b,c->k", values, w, w, w)
    errors = []
    for rules in (Rules(40, 40, 100, 40), Rules(5, 5)):
        law = sample_law(problem, frame, rules)
        function = np.tanh(0.7 * law.residual[:, None] + 0.4 * law.kappa)
        moments = (law.weights, law.first[..., 2], law.second[..., 0, 2])
        errors.append(np.abs([(function * m).sum() for m in moments] - expected).max())
    assert errors[0] < 1e-6
    assert errors[1] > 1e-3


@pytest.mark.parametrize("teacher", ["h1", "h1 - 0.5*h3"])
@pytest.mark.parametrize("gradient", ["target", "full"])
def test_odd_labels_from_half_of_the_atoms(teacher: str, gradient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The law of an odd label is its own mirror image; all atoms, of which nothing is assumed, give the same."""
    problem = BASE.replace(teacher=teacher, gradient=gradient)
    half = sample_law(problem, spike_frame(problem), RULES)
    monkeypatch.setattr(module, "_is_odd", lambda weights, sources: False)
    monkeypatch.setattr(module, "_residuals", module._residuals.__wrapped__)
    full = sample_law(problem, spike_frame(problem), RULES)
    assert half.odd
    assert not full.odd
    assert np.allclose(half.residual, full.residual, rtol=0, atol=1e-10)
    for name in ("weights", "first", "second"):
        assert np.allclose(getattr(half, name), getattr(full, name), rtol=0, atol=1e-10), name


@pytest.mark.parametrize(("teacher", "odd"), [("h1", True), ("h1 + 0.1*h2", False), ("h2", False)])
def test_only_odd_labels_are_halved(teacher: str, odd: bool) -> None:
    problem = BASE.replace(teacher=teacher)
    law = sample_law(problem, spike_frame(problem), RULES)
    assert law.odd == odd
    assert len(law.upper_half.residual) == (len(law.residual) + 1) // 2


def test_nodes_without_a_weight_are_left_out() -> None:
    """Of a label that is a number and noise the outermost nodes have weights that are no number: it divided by zero."""
    problem = BASE.replace(teacher="-1.11", noise=0.47, gradient="target")
    law = sample_law(problem, spike_frame(problem), Rules(40, 8, noise=40))
    assert law.mean_over_residuals(law.residual) == pytest.approx(-1.11, rel=1e-9)
    assert law.mean_over_residuals(law.residual**2) == pytest.approx(problem.label_second_moment, rel=1e-9)
    relu = Problem("relu", "-1.11", 412, 677, 457, step_exponent=0.48, noise=0.47, samples="same")
    assert 0 < predict(relu).train_loss < predict(relu).test_error < relu.label_second_moment
