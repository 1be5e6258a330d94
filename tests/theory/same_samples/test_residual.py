"""The energy of what the gradient sees, against draws of an initial output."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.same_samples.residual import output_by_norm, residual_energy

BASE = Problem("relu", "0.5 + h1", 4000, 60, 240, step_exponent=0.4, noise=0.5, samples="same")


def test_only_neurons_that_add_up_have_the_norm_in_their_output() -> None:
    assert output_by_norm(BASE.replace(readout="constant")) > 0
    for changes in ({"readout": "gaussian"}, {"gradient": "target"}, {"activation": "tanh"}):
        assert output_by_norm(BASE.replace(**({"readout": "constant"} | changes))) == pytest.approx(0.0, abs=1e-14)
    assert residual_energy(BASE.replace(gradient="target")) == BASE.label_second_moment


@pytest.mark.parametrize("readout", ["constant", "rademacher"])
def test_against_networks(readout: str) -> None:
    """The mean square of the output, and its covariance with the norm, over 200 networks and as many inputs each."""
    problem, rng = BASE.replace(readout=readout), np.random.default_rng(0)
    d, width = problem.input_dim, problem.width
    squares, with_norm = [], []
    for _ in range(200):
        w = rng.standard_normal((width, d))
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        a = (np.ones(width) if readout == "constant" else rng.choice([-1.0, 1.0], width)) / np.sqrt(width)
        x = rng.standard_normal((200, d))
        output = problem.activation(x @ w.T) @ a
        squares.append(np.mean(output**2))
        with_norm.append(np.mean(output * np.sqrt(d / 2) * (np.sum(x**2, axis=1) / d - 1)))
    energy = residual_energy(problem) - problem.label_second_moment
    for values, expected in ((squares, energy), (with_norm, output_by_norm(problem))):
        se = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values) - expected) < 4 * se + 2 / d * energy
