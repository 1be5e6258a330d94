"""What the mean of M does to weights along a strong direction: their lengths, and the errors of networks."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.covariance.known_block import KnownBlock
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.predict import spectrum_of

STRONG = Problem(
    "relu",
    "h1 - h2",
    800,
    250,
    500,
    step_exponent=0.4,
    ridge=0.05,
    noise=0.3,
    gradient="target",
    readout="rademacher",
    inputs="spiked:4,1; teacher=top",
)


def weights_of(problem: Problem, seed: int) -> np.ndarray:
    """``Sigma^(1/2)`` times the weights after the step, in the eigendirections of Sigma."""
    draw = GaussianDraw.of(problem, (31, seed), 2)
    weights = draw.weights + problem.step * gradient_of(problem, draw).matrix
    return np.asarray(weights * problem.inputs.axes(problem.input_dim) ** 0.5)


def test_a_weight_is_longer_by_what_the_mean_of_the_matrix_adds_to_it() -> None:
    """Without a linear part there is no spike along the label, and ``tau^2`` is the mean square of all but the noise
    of b; the eigenvalues alone would have less.
    """
    problem = STRONG.replace(teacher="h2", step_exponent=0.4, n_samples=400, input_dim=125, width=200)
    model = assemble(problem, spectrum_of(problem))
    spike = model.step.scalars.spike_strength**2
    found = [float((weights_of(problem, seed) ** 2).sum(axis=1).mean()) - spike for seed in range(120)]
    tau_squared = float((model.bulk.weight_variance / model.relative)[0] @ model.grid.u_weights)
    allowed = 4 * float(np.std(found, ddof=1)) / len(found) ** 0.5
    assert tau_squared == pytest.approx(np.mean(found), abs=allowed)
    by_eigenvalue = float(model.spectrum.weights @ model.bulk.weight_variance @ model.grid.u_weights)
    assert by_eigenvalue < np.mean(found) - 2 * allowed


def test_the_block_is_what_the_matrix_has_beyond_its_eigenvalues() -> None:
    rng = np.random.default_rng(5)
    one, two = (x @ x.T for x in rng.normal(size=(2, 3, 3)))
    block = KnownBlock((one + two)[None], one[None])
    assert np.allclose(block.beyond, two)
    assert np.allclose(block.square_beyond, (one + two) @ (one + two) - one @ one)
    assert block.mean(np.ones(1), np.ones((1, 1)), 10) == pytest.approx(1 + np.trace(two) / 10)
    # Of weights that are alike in all directions none is longer than others.
    alike = KnownBlock(np.eye(3)[None] * 2.0, np.eye(3)[None] * 2.0)
    assert alike.length_variance(np.ones(1), np.full((1, 1), 2.0), 10) == pytest.approx(0.0)


def test_nothing_is_beyond_without_a_step() -> None:
    model = assemble(STRONG.replace(step_size=0.0), spectrum_of(STRONG))
    assert np.abs(model.known.beyond).max() < 1e-12


@pytest.mark.parametrize("teacher", ["h1 - h2", "-0.5*h1 + h2"])
def test_networks_along_a_strong_direction(teacher: str) -> None:
    """Neurons that are long there count as such; with the lengths of the eigenvalues errors were 10 % and more too low.
    Beside four standard errors the square of the share of that direction in ``tau^2`` may be missing.
    """
    problem = STRONG.replace(teacher=teacher)
    errors = [simulate(problem, seed=(33, k), n_test=6000).test_error for k in range(20)]
    mean, error = float(np.mean(errors)), float(np.std(errors, ddof=1)) / len(errors) ** 0.5
    model = assemble(problem, spectrum_of(problem))
    share = float(model.grid.u_weights @ np.linalg.eigvalsh(model.known.moments)[:, -1]) / problem.input_dim
    assert 0.05 < share < 0.2
    assert predict(problem).test_error == pytest.approx(mean, abs=4 * error + share**2 * mean)
