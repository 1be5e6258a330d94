"""A single sample of the fit of a given length, put into a network: where its eigenvalue is."""

import numpy as np

from polyspike import Problem, predict
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.features import step_features
from polyspike.simulation.gradient import gradient_of
from polyspike.simulation.spectrum import eigenvalues
from polyspike.theory.finite_size.localised.at_level import AtLevel, at_level
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.neurons import averaged
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.samples import LongSamples
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

CUBIC = Problem("h3", "h1", 400, 200, 400, step_size=0.0, gradient="target", readout="gaussian", noise=0.3)
BOUNDED = CUBIC.replace(activation="tanh")
BEYOND = 1.6


def solved(problem: Problem, beyond: float = BEYOND) -> AtLevel:
    model = spectral_model(problem).model
    law = WeightLengths(problem, model.conditioning, residual_tail(problem, model.conditioning))
    return at_level(LongBulk(model, law), beyond * predict(problem).spectrum.edges[-1][1])


def with_long_sample(problem: Problem, length: float, seed: int) -> Array:
    """The eigenvalues of a network in which the first sample of the fit has this length."""
    draw = GaussianDraw.of(problem, (42, seed), 2)
    step, inputs = gradient_of(problem, draw), draw.ridge_sample.inputs.copy()
    inputs[0] *= length * problem.input_dim**0.5 / np.linalg.norm(inputs[0])
    features = step_features(inputs @ draw.weights.T, inputs @ step.matrix.T, problem.step, problem.activation)
    return np.array(eigenvalues(features, "all"))


def test_a_sample_of_the_critical_length_has_its_eigenvalue_at_the_level() -> None:
    """Stated finite-size term: 5 % of the level, and four standard errors over the draws; 10 % more length moves it."""
    level = BEYOND * predict(CUBIC).spectrum.edges[-1][1]
    log_lengths = np.linspace(-0.2, 1.5, 80)
    forms = solved(CUBIC).sample_forms(np.zeros(1), log_lengths)[0]
    length = float(np.exp(np.interp(1.0, forms, log_lengths)))
    first, more = (np.array([with_long_sample(CUBIC, t, k)[0] for k in range(16)]) for t in (length, 1.1 * length))
    error = 0.05 * level + 4 * first.std(ddof=1) / 4
    assert abs(first.mean() - level) < error
    assert more.mean() > first.mean() + 0.1 * level


def test_a_bounded_activation_lets_no_sample_out() -> None:
    level = solved(BOUNDED)
    assert level.sample_forms(np.zeros(1), np.linspace(0, 3, 20)).max() < 1
    assert LongSamples(level).expected < 1e-100


def test_expected_numbers_are_those_of_networks() -> None:
    """Above 1.3 times the edge in 30 networks without a step, whose eigenvalues there are those of long samples; stated
    error: a quarter, and four standard errors.
    """
    level = solved(CUBIC, 1.3)
    drawn = np.array([(with_long_sample(CUBIC, 1.0, k) > -level.state.shift).sum() for k in range(30)])
    found = LongSamples(level).expected
    assert abs(found - drawn.mean()) < 0.25 * found + 4 * drawn.std(ddof=1) / 30**0.5
    assert drawn.mean() > 1
    assert LongSamples(solved(CUBIC, 2.0)).expected < found / 3


def test_averages_over_tails_are_those_of_their_law() -> None:
    """Linear between the nodes, whose middle the rule takes."""
    nodes = np.linspace(0, 3, 400)
    assert averaged(nodes, np.exp(-nodes)) == np.float64(averaged(nodes, np.exp(-nodes)[None])[0])
    assert abs(averaged(nodes, np.exp(-nodes)) - (1 - np.exp(-3))) < 1e-3
    assert averaged(np.ones(3), np.array([0.9, 0.5, 0.1])) == 1.0
