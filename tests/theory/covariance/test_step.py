"""The scalars of the step against their closed forms, and against networks."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.step import condition
from polyspike.theory.finite_size.conditioning import condition as isotropic_condition

PROBLEM = Problem("relu", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.4, inputs="power:0.5")


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("readout", ["gaussian", "constant"])
def test_equal_eigenvalues_have_the_scalars_of_the_isotropic_theory(gradient: str, readout: str) -> None:
    problem = PROBLEM.replace(gradient=gradient, readout=readout, inputs="isotropic")
    ours, other = condition(problem, spectrum_of(problem)).scalars, isotropic_condition(problem)
    # What M makes of omega is in b for a constant readout, and not derived for a covariance.
    of_spike = ["spike_strength", "spike_cosine"] if other.moved_output == 0 else []
    for name in ("move_variance", "self_term", "residual_moment", "gradient_cosine", *of_spike):
        assert getattr(ours, name) == pytest.approx(getattr(other, name), rel=1e-12)


def test_the_measures_have_the_masses_of_their_directions() -> None:
    step = condition(PROBLEM, spectrum_of(PROBLEM))
    masses = step.frame_measures.sum(axis=2)
    assert masses[0, 0] == pytest.approx(1.0)
    assert masses[1, 1] == pytest.approx(1.0)
    assert np.all(np.linalg.eigvalsh(masses) > 0)
    known = step.direction_measures.sum(axis=2)
    assert np.allclose(known, np.eye(2), atol=1e-10)


def test_target_only_in_closed_form() -> None:
    problem = PROBLEM.replace(gradient="target")
    spectrum = spectrum_of(problem)
    found = condition(problem, spectrum).scalars
    noise = problem.phi_gradient * problem.label_second_moment * spectrum.moment(2)
    length = (spectrum.teacher_moment(2) + noise) ** 0.5
    assert found.spike_cosine == pytest.approx(spectrum.teacher_moment(1) / length)
    assert found.spike_strength == pytest.approx(problem.step * 0.5 * length / 600**0.5)


def test_weights_after_the_step_have_the_predicted_deviation() -> None:
    """``tr Sigma w w'`` of networks without the spike, as a share of ``avg tau^2``."""
    problem = PROBLEM.replace(gradient="target", readout="rademacher")
    model = assemble(problem, spectrum_of(problem))
    square = float(model.grid.u_weights @ (model.spectrum.weights @ model.bulk.weight_variance))
    strength = model.step.scalars.spike_strength
    found = [_second_moment(problem, seed) for seed in range(6)]
    allowed = float(4 * np.std(found) / 6**0.5 / np.mean(found))
    assert np.mean(found) == pytest.approx(square + strength**2, rel=allowed)
    assert square > 1.05


def _second_moment(problem: Problem, seed: int) -> float:
    draw = GaussianDraw.of(problem, (4, seed), 2)
    weights = draw.weights + problem.step * gradient_of(problem, draw).matrix
    return float((weights**2 @ problem.inputs.axes(problem.input_dim)).mean())


def test_the_cosines_are_bounded() -> None:
    for inputs in ("power:0.5; teacher=top", "two-level:0,2,0.5", "spiked:10,1"):
        step = condition(PROBLEM.replace(inputs=inputs), spectrum_of(PROBLEM.replace(inputs=inputs)))
        assert 0 < step.scalars.gradient_cosine <= step.lean + 1e-12 <= 1 + 2e-12


@pytest.mark.parametrize("mean", [0.3, -2.0])
def test_the_direction_of_the_readout_takes_its_share_of_a_variance(mean: float) -> None:
    """``tau^2`` is the whole over ``1 + u^2/N`` where all of it is a multiple of the initial weight along every
    eigendirection: with many samples of the gradient, of which M has its mean.
    """
    problem = PROBLEM.replace(teacher=f"h1 + {mean}", n_gradient=4 * 10**12, step_exponent=0.3)
    model = assemble(problem, spectrum_of(problem), finite_dimension=False)
    whole = model.spectrum.weights @ model.relative
    assert whole == pytest.approx(1 + model.grid.u**2 / problem.width, rel=1e-6)
