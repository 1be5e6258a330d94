"""What long samples add to the law of M where all neurons add up."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.finite_size.conditioning import StepScalars, condition
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.lengths import cumulants_with_lengths, eigenvalues_with_lengths
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law
from polyspike.theory.finite_size.gradient_matrix.rules import measures

BASE = Problem("relu", "h1 - 2", 400, 100, 600, step_size=10.0, noise=0.5, readout="constant")


def laws(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scalars = condition(problem)
    law = measures(problem, scalars, None)
    return law.nodes, eigenvalues_with_lengths(problem, scalars, law.nodes), law.bulk


@pytest.mark.parametrize("change", [{"readout": "rademacher"}, {"gradient": "target"}, {"activation": "tanh"}])
def test_all_others_are_as_they_were(change: dict[str, str]) -> None:
    plain, found, _ = laws(BASE.replace(**change))
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("teacher", ["h1 - 2", "h1 + 2", "-h1 + 0.3*h2 - 2"])
def test_the_moments_are_those_of_the_residuals_with_their_lengths(teacher: str) -> None:
    problem = BASE.replace(teacher=teacher)
    scalars = condition(problem)
    _, found, weights = laws(problem)
    k1, k2, *_ = cumulants_with_lengths(problem, scalars)
    mean = weights @ found
    # The tails beyond two deviations widen less: a fiftieth of the 10 % by which the bulk does.
    assert mean == pytest.approx(k1, rel=3e-3)
    assert weights @ (found - mean) ** 2 == pytest.approx(k2, rel=0.02)
    assert k2 == pytest.approx(problem.phi_gradient * scalars.matrix_moment, rel=1e-12)
    assert k1 == pytest.approx(problem.teacher.coefficients(0)[0] + scalars.trace_shift, rel=1e-12)
    shorter = scalars.trace_shift * problem.teacher.coefficients(0)[0] < 0
    assert (scalars.matrix_moment < scalars.residual_moment) == shorter


def test_an_outlier_keeps_its_theta() -> None:
    scalars = condition(BASE)
    mean, before, *_ = matrix_cumulants(gradient_law(BASE, scalars))
    new_mean, after, *_ = cumulants_with_lengths(BASE, scalars)
    for theta in (-9.0, 20.0):
        found = eigenvalues_with_lengths(BASE, scalars, np.array([mean + theta + before / theta]))
        assert found == pytest.approx(new_mean + theta + after / theta, rel=1e-9)


def test_the_order_of_eigenvalues_is_kept() -> None:
    scalars = condition(BASE)
    assert np.all(np.diff(eigenvalues_with_lengths(BASE, scalars, np.linspace(-30, 30, 2001))) > 0)


@pytest.mark.parametrize("dimension", [2, 3, 5, 20])
@pytest.mark.parametrize("mean", [-100.0, -1.0, 1.0, 100.0])
def test_all_moments_are_positive_in_few_dimensions(dimension: int, mean: float) -> None:
    for width in (2, 10, 1000, 10**6):
        scalars = condition(BASE.replace(teacher=[mean, 1.0], input_dim=dimension, width=width))
        assert scalars.matrix_moment > 0
        assert scalars.gradient_noise_variance > 0
        assert np.isreal(scalars.spike_strength)
        assert scalars.spike_strength >= 0


@pytest.mark.parametrize("energy", [1e-6, 0.1, 5.0])
def test_samples_of_little_energy_have_positive_moments(energy: float) -> None:
    """Few samples of the gradient, where a fuzz found a complex deviation: lengths change them by the usual share."""
    problem = BASE.replace(teacher=[3.0, 1.0], n_samples=2, input_dim=4, width=235)
    of_law, scalars = condition(problem), condition(problem, sample=StepScalars(energy, 1.0, -0.5, 1.0))
    assert scalars.matrix_moment == pytest.approx(of_law.matrix_moment, rel=1e-12)
    assert scalars.gradient_noise_variance == pytest.approx(energy * of_law.gradient_noise_variance, rel=1e-12)
    assert scalars.spike_strength > 0


def test_long_samples_have_their_share_of_the_energy_and_more_where_it_is_large() -> None:
    """``E[sum eps^2 (|x|^2/d - 1) | sum eps^2]`` of five samples: it falls with the energy faster than in proportion,
    so that a share that is the same at every energy is nearer than one that grows as the energy falls.
    """
    rng, d, shape = np.random.default_rng(3), 100, (100_000, 5)
    longer = rng.chisquare(d, shape) / d - 1
    squares = (1 + rng.standard_normal(shape) - 5 * longer) ** 2
    energy, shares = squares.mean(axis=1), (squares * longer).sum(axis=1) / squares.sum(axis=1)
    low, high = np.quantile(energy, [0.2, 0.8])
    below, above = (np.mean(shares[some]) for some in (energy < low, energy > high))
    assert above < np.mean(shares) < below < 0.02
