"""What the initial output does to the spike: its algebra, and a simulation that tells three theories apart."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from gallery import constant
from polyspike import ArgumentError, Prediction, Problem, as_activation, predict, z_threshold
from polyspike.theory.finite_size.initial_output import condition_without_output, predict_without_output

# The simulation of examples/plot_initial_output.py.
COLUMNS = ("alpha", "cosine", "cosine_se", "change", "change_se")
MEASURED = [dict(zip(COLUMNS, row, strict=True)) for row in constant("plot_initial_output", "MEASURED")]
REPLICATES = constant("plot_initial_output", "REPLICATES")
START = Problem("tanh", "h1", n_samples=1500, input_dim=300, width=500, ridge=0.01, noise=0.5, step_size=0.0)


def finite_size(problem: Problem) -> Prediction:
    return predict(problem)


def published(problem: Problem) -> Prediction:
    return finite_size(problem.replace(gradient="target"))


def misfits(theory: Callable[[Problem], Prediction], field: str) -> list[float]:
    """Differences from the simulation over what is allowed: z standard errors and a finite-size term.

    z for 9 comparisons at a false alarm of 1e-4 together; the finite-size term is 1/d, of the untrained network's error
    for the test error and of 1 for the cosine.
    """
    z = z_threshold(len(MEASURED), false_alarm=1e-4, degrees_of_freedom=REPLICATES - 1)
    scale = {"change": theory(START).test_error, "cosine": 1.0}[field] / START.input_dim
    out = []
    for row in MEASURED:
        found = theory(START.replace(step_exponent=row["alpha"]))
        value = found.test_error - theory(START).test_error if field == "change" else found.spike_cosine
        out.append(abs(value - row[field]) / (z * row[f"{field}_se"] + scale))
    return out


@pytest.mark.parametrize("field", ["change", "cosine"])
def test_the_theory_with_it_is_the_simulated_one(field: str) -> None:
    assert max(misfits(finite_size, field)) <= 1


@pytest.mark.parametrize("field", ["change", "cosine"])
@pytest.mark.parametrize("theory", [published, predict_without_output])
def test_the_theories_without_it_are_rejected(theory: Callable[[Problem], Prediction], field: str) -> None:
    assert max(misfits(theory, field)) > 1.2


@pytest.mark.parametrize("activation", ["tanh", "relu", "erf"])
def test_the_best_alignment_is_where_the_initial_output_cancels(activation: str) -> None:
    problem = START.replace(activation=activation)
    strength = problem.activation.linear_strength
    energy = problem.label_second_moment + problem.activation.second_moment
    best = finite_size(problem.replace(step_size=1 / strength)).spike_cosine
    assert best == pytest.approx(1 / sqrt(1 + problem.phi_gradient * energy), rel=1e-12)
    for factor in (0.8, 1.25):
        assert finite_size(problem.replace(step_size=factor / strength)).spike_cosine < best
    half = problem.replace(step_size=0.5 / strength)
    assert finite_size(half).spike_cosine == pytest.approx(predict_without_output(half).spike_cosine, rel=1e-12)


def test_at_huge_steps_only_the_residual_is_left() -> None:
    """Omega in the spike is a correction of order 1/eta."""
    gaps = []
    for n in (10**8, 10**12, 10**16):
        problem = START.replace(n_samples=n, input_dim=n // 5, width=n // 3, step_exponent=0.4)
        gaps.append(abs(finite_size(problem).test_error - predict_without_output(problem).test_error))
    assert gaps[1] < 0.1 * gaps[0]
    assert gaps[2] < 0.1 * gaps[1]


def test_only_the_spike_is_changed() -> None:
    problem = START.replace(step_exponent=0.3, activation="relu")
    without = condition_without_output(problem)
    assert without.spike_cosine == pytest.approx(finite_size(problem).cosine, rel=1e-12)
    falling = as_activation(lambda x: -np.maximum(x, 0), derivative=lambda x: -1.0 * (x > 0), kinks=(0.0,))
    minus = predict_without_output(problem.replace(activation=falling))
    assert minus.spike_cosine == pytest.approx(-predict_without_output(problem).spike_cosine, rel=1e-6)


def test_the_target_only_gradient_has_none() -> None:
    with pytest.raises(ArgumentError, match="gradient = 'target'"):
        predict_without_output(START.replace(gradient="target"))
