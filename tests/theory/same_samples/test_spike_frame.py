"""The spike of reused samples beside that of fresh ones."""

from math import sqrt

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.same_samples.spike_frame import spike_frame

BASE = Problem("tanh", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, noise=0.5, samples="same")


@pytest.mark.parametrize(
    "changes",
    [{"gradient": "target"}, {"gradient": "target", "readout": "constant", "activation": "relu"}, {"step_size": 0.0}],
    ids=str,
)
def test_the_spike_of_the_target_is_that_of_fresh_samples(changes: dict[str, str]) -> None:
    problem = BASE.replace(**{"gradient": "target", **changes})
    assert spike_frame(problem).strength == pytest.approx(condition(problem).spike_strength, rel=1e-12)


@pytest.mark.parametrize("changes", [{}, {"activation": "relu", "readout": "rademacher"}], ids=str)
def test_with_the_full_gradient_omega_is_the_rest_of_it(changes: dict[str, str]) -> None:
    problem = BASE.replace(gradient="full", **changes)
    frame = spike_frame(problem)
    moved = frame.strength * frame.coordinates + np.array([0, 1, 0]) / sqrt(problem.width)
    assert np.linalg.norm(moved) == pytest.approx(condition(problem).spike_strength, rel=1e-12)
