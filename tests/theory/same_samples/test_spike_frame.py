"""The spike of reused samples beside that of fresh ones."""

import pytest

from polyspike import Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.same_samples.spike_frame import spike_frame

BASE = Problem("tanh", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, noise=0.5, samples="same")


@pytest.mark.parametrize("teacher", ["h1 - 1.3", "1.3 + 0.5*h1"])
def test_the_spike_of_neurons_that_add_up_is_that_of_fresh_samples(teacher: str) -> None:
    """Lengths of samples that the residual knows, and what M makes of omega along the noise: 2 % without them."""
    problem = BASE.replace(activation="relu", readout="constant", teacher=teacher, gradient="full")
    assert spike_frame(problem).strength == pytest.approx(condition(problem).spike_strength, rel=1e-3)


@pytest.mark.parametrize(
    "changes", [{}, {"gradient": "target"}, {"activation": "relu", "readout": "rademacher"}], ids=str
)
def test_elsewhere_it_is_the_same(changes: dict[str, str]) -> None:
    problem = BASE.replace(**changes)
    assert spike_frame(problem).strength == pytest.approx(condition(problem).spike_strength, rel=1e-12)
