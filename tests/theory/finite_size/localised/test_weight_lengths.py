"""Lengths of the neurons' weights after a step, against networks."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths

PROBLEMS = [
    Problem("h3", "h1", 200, 90, 300, step_exponent=0.4, gradient="target", readout="rademacher", noise=1.0),
    Problem("h2", "h1 + 0.5*h2", 200, 90, 300, step_exponent=0.3, gradient="target", readout="gaussian", noise=0.3),
    Problem("h3", "relu", 150, 90, 300, step_exponent=0.25, gradient="full", readout="gaussian", noise=0.3),
    Problem("tanh", "h1 + 0.5*h2 + 0.3*h3", 200, 90, 300, step_exponent=0.5, readout="gaussian", noise=0.3),
    Problem("h2", "h1 + 1", 200, 90, 300, step_size=3.0, gradient="full", readout="gaussian", noise=0.3),
    Problem("h2", "tanh", 200, 100, 240, step_size=3.3, gradient="full", readout="constant", noise=0.3),
    Problem("relu", "h1 + 2", 200, 90, 300, step_size=12.0, gradient="target", readout="constant", noise=0.3),
]
SQUARES = np.geomspace(1.5, 60, 12)
DRAWS = 40


def drawn_squares(problem: Problem, seed: int) -> Array:
    """``|w|^2`` of every neuron across b."""
    draw = GaussianDraw.of(problem, (8, seed), 2)
    step = gradient_of(problem, draw)
    weights = draw.weights + problem.step * step.matrix
    b = step.spike_direction(problem.step)
    along = weights @ b / (np.linalg.norm(b) or 1.0)
    found: Array = (weights**2).sum(axis=1) - along**2
    return found


def expected_beyond(problem: Problem) -> Array:
    """The expected number of neurons with more than each of the squares."""
    scalars = condition(problem)
    residual, grid = residual_tail(problem, scalars), choose_grid(problem, scalars, 0.6)
    first, second = (residual.weights @ residual.values**k for k in (1, 2))
    total = np.zeros(len(SQUARES))
    for x, share in zip(*gauss_hermite(1 if problem.readout == "gaussian" else 7), strict=True):
        law = WeightLengths(problem, scalars, residual, x * ((second - first**2) / residual.count) ** 0.5)
        for node in residual.largest((0.0, 0.2, 0.4, 0.6, 0.8, 1.0)):
            for u, weight in zip(grid.u, grid.u_weights, strict=True):
                total += share * node.weight * weight * law.beyond(float(u), SQUARES, node.value, np.ones(1))[0]
    return problem.width * total


@pytest.mark.slow
@pytest.mark.parametrize("problem", PROBLEMS, ids=["h3", "h2", "full", "tanh", "mean", "all", "large"])
def test_lengths_have_the_tails_of_networks(problem: Problem) -> None:
    """Expected numbers of long neurons; stated error: 10 % and half a neuron, and four standard errors over draws."""
    counts = np.array([[(drawn_squares(problem, k) > t).sum() for t in SQUARES] for k in range(DRAWS)])
    mean, error = counts.mean(axis=0), counts.std(axis=0, ddof=1) / DRAWS**0.5
    found = expected_beyond(problem)
    assert (np.abs(found - mean) < 0.1 * mean + 0.5 + 4 * error).all()
    assert found[0] > 5
    assert found[-1] < found[0] / 10


def test_no_step_moves_no_neuron() -> None:
    problem = PROBLEMS[0].replace(step_exponent=None, step_size=0.0)
    scalars = condition(problem)
    residual = residual_tail(problem, scalars)
    law = WeightLengths(problem, scalars, residual)
    found = law.beyond(1.0, np.array([0.9, 1.1]), residual.largest((0.0, 1.0))[0].value, np.ones(1))
    np.testing.assert_allclose(found, [[1.0, 0.0]], atol=1e-12)
    assert law.longest(1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("readout", ["constant", "rademacher", "gaussian"])
@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("activation", ["relu", "h2", "softplus", "h4"])
def test_a_weight_moves_along_itself_as_the_matrix_and_its_own_output_say(
    activation: str, gradient: str, readout: str
) -> None:
    """By the mean of M, which the output of all neurons shifts, and by delta (eq-self): derived without one another."""
    problem = Problem(
        activation, "h1 - 0.7*h2 + 0.4", 200, 90, 300, step_size=2.5, gradient=gradient, readout=readout, noise=0.3
    )
    scalars = condition(problem)
    law, mean = WeightLengths(problem, scalars, residual_tail(problem, scalars)), problem.teacher.coefficients(0)[0]
    for u in (1.0,) if readout == "constant" else (-1.7, 1.0):
        found = law._expected_move(u)
        wanted = scalars.quadratic_step * u * (mean + scalars.trace_shift) - scalars.self_term * u**2
        assert found == pytest.approx(wanted, rel=2e-2, abs=1e-4)
