"""How long samples of the fit are for the neurons, against networks and against a chi-square."""

import numpy as np
import pytest
from scipy.stats import chi2

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.theory.finite_size.localised.sample_lengths import SampleLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

LINEAR_AND_CUBIC = Problem(
    lambda x: x + 0.3 * (x**3 - 3 * x), "tanh", 600, 150, 400, n_gradient=100, step_exponent=0.35, gradient="target"
).replace(readout="constant", noise=0.3)
SQUARE = Problem("h2", "relu", 600, 150, 400, step_exponent=0.3, gradient="target", readout="constant", noise=0.5)
DRAWS = 12


def drawn_squares(problem: Problem, seed: int) -> Array:
    """The variance of the pre-activations over the neurons, for every sample of the fit."""
    draw = GaussianDraw.of(problem, (14, seed), 2)
    weights = draw.weights + problem.step * gradient_of(problem, draw).matrix
    found: Array = (draw.ridge_sample.inputs @ weights.T).var(axis=1)
    return found / found.mean()


def expected_beyond(problem: Problem, squares: Array) -> Array:
    """The share of the samples that are longer."""
    model = spectral_model(problem).model
    law, grid = SampleLengths(model), model.grid
    return sum((w * law.beyond(squares, k) for k, w in zip(grid.kappa, grid.kappa_weights)), np.zeros(len(squares)))


def test_without_a_step_it_is_a_chi_square() -> None:
    problem = SQUARE.replace(step_exponent=None, step_size=0.0)
    law, squares = SampleLengths(spectral_model(problem).model), np.array([0.9, 1.0, 1.1, 1.2, 1.3])
    for kappa in (0.0, 3.0):
        rest = 150 * squares - kappa**2
        np.testing.assert_allclose(law.beyond(squares, kappa), chi2.sf(rest, 149), rtol=0.03, atol=1e-4)
    np.testing.assert_allclose(law.loading(np.zeros(2)), 1.0)
    middle = np.exp(2 * law.quantiles(np.array([0.5]), np.array([2.0])))
    assert middle[0, 0] == pytest.approx((chi2.ppf(0.5, 149) + 4) / 150, rel=3e-3)


@pytest.mark.parametrize("problem", [LINEAR_AND_CUBIC, SQUARE], ids=["noise", "matrix"])
def test_after_a_step_it_has_the_tails_of_networks(problem: Problem) -> None:
    """Stated errors: that of ``N`` neurons, whose mean has the relative variance 2/N, and four standard errors over
    draws; a chi-square is rejected.
    """
    squares = np.array([1.2, 1.35, 1.5])
    found = np.array([[(drawn_squares(problem, k) > t).mean() for t in squares] for k in range(DRAWS)])
    low, high = (expected_beyond(problem, squares * (1 + sign * (2 / problem.width) ** 0.5)) for sign in (1, -1))
    error = 4 * found.std(axis=0, ddof=1) / DRAWS**0.5
    assert (found.mean(axis=0) > low - error).all()
    assert (found.mean(axis=0) < high + error).all()
    assert found.mean(axis=0)[0] > chi2.sf(150 * 1.2, 150) + error[0]
