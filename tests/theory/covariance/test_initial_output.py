"""What the initial output makes of a full gradient, against the isotropic theory and against drawn gradients."""

from typing import Any

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.arraytypes import Array
from polyspike.theory.covariance.initial_output import initial_output
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.step import condition
from polyspike.theory.finite_size import conditioning
from polyspike.theory.finite_size.conditioning import activation_numbers

NEARLY = Problem("relu", "-1 + h1", 900, 300, 600, step_exponent=0.45, ridge=0.1, noise=0.5, inputs="power:1e-9")
NAMES = ("train_loss", "train_error", "test_error")


@pytest.mark.parametrize("readout", ["constant", "gaussian"])
def test_equal_eigenvalues_give_the_isotropic_numbers(readout: str) -> None:
    problem = NEARLY.replace(readout=readout, gradient="full")
    wanted = conditioning.condition(problem.replace(inputs="isotropic"))
    output, step = initial_output(problem, spectrum_of(problem)), condition(problem, spectrum_of(problem))
    assert output.variance == pytest.approx(wanted.gaussian_variance - problem.noise**2, rel=1e-8)
    assert output.coherent == pytest.approx(wanted.trace_shift, rel=1e-8)
    assert output.self_term == pytest.approx(wanted.self_term, rel=1e-8)
    assert 2 * output.with_length == pytest.approx(wanted.matrix_moment - wanted.residual_moment, rel=1e-7)
    assert step.scalars.gradient_noise_variance == pytest.approx(wanted.gradient_noise_variance, rel=1e-7)
    if readout == "gaussian":
        assert step.scalars.spike_tilt == pytest.approx(wanted.spike_tilt, rel=1e-7)
        assert step.scalars.spike_strength == pytest.approx(wanted.spike_strength, rel=1e-7)


def test_the_target_only_gradient_has_none_of_it() -> None:
    problem = NEARLY.replace(gradient="target")
    assert not any(initial_output(problem, spectrum_of(problem)))
    assert condition(problem, spectrum_of(problem)).scalars.spike_tilt == 0


@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("teacher", ["-1 + h1", "1 + h1", "h1 + 0.5*h2"])
@pytest.mark.parametrize(("readout", "apart"), [("gaussian", 0.004), ("rademacher", 0.005), ("constant", 0.012)])
def test_errors_hardly_jump_from_isotropic_inputs(gradient: str, teacher: str, readout: str, apart: float) -> None:
    """They were up to 3.6 % apart. The isotropic theory resolves what M does to single directions, this one does not;
    and a constant readout has ``M omega`` in its spike as a whole.
    """
    problem = NEARLY.replace(readout=readout, teacher=teacher, gradient=gradient)
    found, other = predict(problem), predict(problem.replace(inputs="isotropic"))
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(getattr(other, name), rel=apart)


def drawn_tilts(problem: Problem, draws: int) -> Array:
    """``e b . M omega/|b|^2`` of drawn gradients in the coordinates of the pre-activations."""
    n, d, width, rho = problem.gradient_samples, problem.input_dim, problem.width, problem.precondition
    values, counts = problem.inputs.eigenvalues(d)
    root = np.repeat(values, np.round(counts).astype(int)) ** 0.5
    numbers, mean = activation_numbers(problem.activation), float(problem.teacher.coefficients(0)[0])
    rng, found = np.random.default_rng(8), []
    for _ in range(draws):
        x, w, signal = rng.standard_normal((n, d)) * root, rng.standard_normal((width, d)), rng.standard_normal(d)
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        a = rng.standard_normal(width) / width**0.5
        label = mean + x @ signal / np.linalg.norm(root * signal) + problem.noise * rng.standard_normal(n)
        eps, omega = label - problem.activation(x @ w.T) @ a, a @ w
        moves: Array = np.stack([eps, eps * (x @ omega)]) @ x / n
        if rho is not None:
            moves = np.asarray((1 + rho) * np.linalg.solve(x.T @ x / n + rho * np.eye(d), moves.T).T)
        b = root * (omega + problem.step * numbers.c1 * moves[0])
        e = 2 * numbers.c2 * problem.step / width**0.5
        found.append(e * (b @ (root * moves[1])) / (b @ b))
    return np.array(found)


@pytest.mark.parametrize(("inputs", "precondition"), [("two-level:0.3,1.7,0.5", None), ("power:0.3", 0.5)])
def test_drawn_gradients_have_this_tilt(inputs: str, precondition: float | None) -> None:
    """Within three standard errors and 5 %; a preconditioned step explains some of what both have of a sample."""
    sizes: dict[str, Any] = {"n_samples": 500, "input_dim": 200, "width": 350, "step_exponent": 0.4, "noise": 0.3}
    problem = Problem("gelu", "3 + h1", **sizes, readout="gaussian", inputs=inputs, precondition=precondition)
    found = drawn_tilts(problem, 40)
    tilt = condition(problem, spectrum_of(problem)).scalars.spike_tilt
    assert abs(np.mean(found) - tilt) < 3 * np.std(found) / len(found) ** 0.5 + 0.05 * abs(tilt)
    assert abs(tilt) > 6 * np.std(found) / len(found) ** 0.5
