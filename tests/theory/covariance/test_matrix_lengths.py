"""Lengths through the gradient's matrix against the isotropic theory and against drawn weights."""

from typing import Any

import numpy as np
import pytest

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.theory.covariance import model as covariance_model
from polyspike.theory.covariance.matrix_lengths import MatrixLengths
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import norms

SIZES: dict[str, Any] = {"n_samples": 900, "input_dim": 300, "width": 600, "step_exponent": 0.45, "noise": 0.5}
SPECTRA = ("power:1e-9", "two-level:0.3,1.7,0.5")


def lengths_of(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> tuple[MatrixLengths, Array, Array]:
    """The lengths that a model asks for, the means of the weights' squares (L, A) and tau (A,)."""
    found: list[Any] = []
    plain = covariance_model.with_matrix

    def recorded(*arguments: Any) -> Any:
        found.append(arguments[1:4])
        return plain(*arguments)

    monkeypatch.setattr(covariance_model, "with_matrix", recorded)
    assemble(problem, spectrum_of(problem))
    return found[-1]


@pytest.mark.parametrize("activation", ["relu", "gelu", "cos", "h4"])
@pytest.mark.parametrize("teacher", ["-1 + h1", "h1 + 0.5*h2"])
@pytest.mark.parametrize("readout", ["constant", "gaussian"])
def test_equal_eigenvalues_give_the_isotropic_fluctuations(
    activation: str, teacher: str, readout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem(activation, teacher, **SIZES, readout=readout, gradient="target", inputs="power:1e-9")
    lengths, relative, tau = lengths_of(problem, monkeypatch)
    alone = problem.replace(inputs="isotropic")
    u = lengths.readouts
    wanted = norms(alone, condition(alone), u, tau, None)
    square, twice = np.outer(tau, tau) ** 2, 2 * problem.input_dim
    of_means = np.mean(relative, axis=0)
    found = (np.outer(of_means, of_means) + lengths.of_samples / square) / twice
    # The rule for the residuals' law and that of the isotropic theory's moments.
    np.testing.assert_allclose(found, wanted.sample_covariance, rtol=1e-4)
    np.testing.assert_allclose(lengths.of_neurons / tau**4 / twice, wanted.neuron_variance, rtol=1e-3)


def drawn(problem: Problem, draws: int, neurons: int) -> Array:
    """``d/2`` times the variance of ``w' Sigma w`` over neurons, and ``d tr S^2``, of weights without what the label
    and ``c_1`` make of them, at u = 1; one row a draw.
    """
    d, n0 = problem.input_dim, problem.gradient_samples
    values, counts = problem.inputs.eigenvalues(d)
    root = np.repeat(values, np.round(counts).astype(int)) ** 0.5
    mean, c1 = float(problem.teacher.coefficients(0)[0]), activation_numbers(problem.activation).c1
    rng, found = np.random.default_rng(3), []
    for _ in range(draws):
        x, w = rng.standard_normal((n0, d)) * root, rng.standard_normal((neurons, d))
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        eps = mean + problem.noise * rng.standard_normal(n0)
        slopes = (problem.activation.derivative(w @ x.T) - c1) * eps
        moved = (w + problem.step / problem.width**0.5 * slopes @ x / n0) * root
        halves = [half.T @ half / len(half) for half in np.split(moved, 2)]
        found.append([d / 2 * np.var(np.sum(moved**2, axis=1)), d * np.sum(halves[0] * halves[1])])
    return np.array(found)


@pytest.mark.parametrize("inputs", SPECTRA)
@pytest.mark.parametrize("activation", ["gelu", "cos"])
@pytest.mark.parametrize("mean", [-1.0, 0.5])
def test_drawn_weights_have_these_lengths(
    inputs: str, activation: str, mean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means over samples of the gradient, within three standard errors and what is of relative order 5/d."""
    sizes: dict[str, Any] = {"n_samples": 500, "input_dim": 240, "width": 400, "n_gradient": 360, "step_exponent": 0.4}
    problem = Problem(activation, f"{mean} + 1e-4*h1", **sizes, readout="constant", gradient="target", inputs=inputs)
    lengths, relative, tau = lengths_of(problem, monkeypatch)
    simulated = drawn(problem, 6, 2000)
    of_means = float(spectrum_of(problem).weights @ relative[:, 0] ** 2) * tau[0] ** 4
    wanted = np.array([lengths.of_neurons[0], of_means + lengths.of_samples[0, 0]])
    error = np.std(simulated, axis=0, ddof=1) / len(simulated) ** 0.5
    assert np.all(np.abs(np.mean(simulated, axis=0) - wanted) < 3 * error + 5 / problem.input_dim * wanted)
    # What the eigenvalues alone would have is told from it.
    assert wanted[1] > 1.05 * of_means


def test_labels_that_are_zero_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem("relu", "0*h1", **{**SIZES, "noise": 0.0}, gradient="target", inputs="power:0.5")
    lengths, _, _ = lengths_of(problem, monkeypatch)
    assert not lengths.of_samples.any()
    np.testing.assert_allclose(lengths.of_neurons, lengths.of_neurons[0], rtol=1e-12)
