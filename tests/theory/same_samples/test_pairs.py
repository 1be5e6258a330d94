"""Pairs of samples and moves of weights along themselves: their moments, and the errors of simulated networks."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem, as_activation
from polyspike.arraytypes import Array
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.fixed_point import solve_pencil
from polyspike.theory.same_samples.forms import FitErrors, fit_errors
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.pairs import pair_moments
from polyspike.theory.same_samples.sample_law import sample_law
from polyspike.theory.same_samples.steps import STANDARD, rules_of, step_of


def moved(activation: str, eps: Array, inputs: Array, count: int, seed: int) -> tuple[Array, Array]:
    """``w . t`` and ``|t|^2`` of so many neurons with weights on the sphere."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(count, inputs.shape[1]))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    act = as_activation(activation)
    v = act.derivative(w @ inputs.T) - activation_numbers(act).c1
    t = (v * eps) @ inputs / len(inputs)
    return (w * t).sum(axis=1), (t**2).sum(axis=1)


@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_the_moments_are_those_of_drawn_neurons(activation: str) -> None:
    """Residuals with a third moment: that of neurons' overlap with their move, of its square, and of both."""
    teacher, n, d = "h2", 600, 200
    problem = Problem(activation, teacher, n, d, 300, step_size=1.0, gradient="target", noise=0.0, readout="constant")
    problem = problem.replace(samples="same")
    law = sample_law(problem, step_of(problem, 9).frame, rules_of(problem))
    known = pair_moments(problem, np.ones(1), law)[0] / n
    draws = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        along, inputs = rng.normal(size=n), rng.normal(size=(n, d))
        # Labels on a direction that no neuron knows.
        overlap, square = moved(activation, along**2 - 1, inputs, 4000, seed)
        draws.append([overlap.var(), np.cov(overlap, square)[0, 1] / 2, square.var() / 4])
    found = np.mean(draws, axis=0)
    expected = np.array([known[0, 0], known[0, 2], known[2, 2]])
    # For ReLU the square of v is a number.
    assert found == pytest.approx(expected, rel=0.2, abs=0.01 * expected[0])


def errors(problem: Problem, pairs: bool = True, own_moves: bool = True) -> FitErrors:
    fit = build(problem, STANDARD, pairs).fit
    if not own_moves:
        fit = replace(fit, own_moves=None)
    shift = problem.ridge * problem.n_samples / problem.width
    return fit_errors(fit, solve_pencil(fit.neurons, fit.populations, shift).state, shift)


def test_pairs_with_a_quadratic_part() -> None:
    """GELU, a cubic label and the full gradient: simulated train loss 0.982 with a standard error of 2.8 %."""
    problem = Problem(
        "gelu",
        "-0.8*h1 + 0.5*h3",
        1200,
        300,
        600,
        step_size=1200**0.5,
        ridge=0.01,
        noise=1.0,
        readout="rademacher",
        samples="same",
    )
    simulated = 0.9816
    assert abs(errors(problem).train_loss / simulated - 1) < 0.056
    assert errors(problem, pairs=False).train_loss / simulated - 1 < -0.1


def bent(z: Array) -> Array:
    """An activation with a large cubic part."""
    return z - 0.15 * (z**3 - 3 * z)


@pytest.mark.parametrize("readout", ["rademacher", "gaussian"])
def test_moves_of_weights_along_themselves(readout: str) -> None:
    """With one size of readouts the simulated test error is 0.978 with a standard error of 1.4 %."""
    problem = Problem(
        as_activation(bent),
        "h1",
        2400,
        600,
        1200,
        step_size=33.4,
        ridge=0.1,
        noise=0.5,
        gradient="target",
        readout=readout,
        samples="same",
    )
    found, without = errors(problem).test_error, errors(problem, own_moves=False).test_error
    if readout == "rademacher":
        assert abs(found / 0.978 - 1) < 0.045
        assert without / 0.978 - 1 < -0.1
    with_them, alone = (errors(problem, own_moves=kept) for kept in (True, False))
    assert with_them.own_moves == pytest.approx(abs(alone.train_loss / with_them.train_loss - 1))
    assert alone.own_moves == 0


def test_on_fresh_inputs_weights_have_stretched() -> None:
    """The covariance over neurons of their mean features on the gradient's samples and on fresh inputs, where a mean of
    -1.3 has halved all weights: n times that is ``P' K_u P``, and would be 1.7 times as large for weights of length 1.
    """
    problem = Problem("h2", "-1.3", 400, 100, 800, step_size=6.0, noise=0.4, gradient="target", readout="constant")
    problem = problem.replace(samples="same")
    fit = build(problem).fit
    columns, fresh = fit.columns[0], fit.pairs
    assert fresh is not None
    assert columns.pairs is not None
    seen = np.einsum("eb,ebp->p", fit.populations[0].weights, columns.pairs)
    moments, unseen = np.linalg.inv(fresh.cost[0]), fit.fresh.weights @ fresh.fresh
    stretched = step_of(problem).of_sample.stretch
    found = np.mean([_covariance_of_means(problem, seed) for seed in range(6)])
    # At d = 100, to a twentieth.
    assert found == pytest.approx(seen @ moments @ unseen, rel=0.07)
    assert seen @ moments @ (unseen / np.array([1 + stretched, 1, 1, 1, 1])) > 1.5 * found


def _covariance_of_means(problem: Problem, seed: int) -> float:
    rng, n, d = np.random.default_rng(seed), problem.n_samples, problem.input_dim
    seen, unseen, w = rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.normal(size=(6000, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    labels = float(problem.teacher.coefficients(0)[0]) + problem.noise * rng.normal(size=n)
    act = problem.activation
    after = w + problem.step / np.sqrt(problem.width) / n * (act.derivative(w @ seen.T) * labels) @ seen
    return float(n * np.cov(act(after @ seen.T).mean(axis=1), act(after @ unseen.T).mean(axis=1))[0, 1])
