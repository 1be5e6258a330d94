"""A single neuron of a given length, put into a network: where its eigenvalue is."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.features import step_features
from polyspike.simulation.gradient import gradient_of
from polyspike.simulation.spectrum import eigenvalues
from polyspike.theory.finite_size.localised.at_level import at_level
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.neurons import LongNeurons
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

PROBLEMS = [
    Problem("relu", "h1", 500, 200, 300, step_exponent=0.1, gradient="target", readout="rademacher", noise=0.3),
    Problem("tanh", "h1", 300, 200, 500, step_size=0.0, gradient="target", readout="gaussian", noise=0.3),
    Problem("h3", "h1", 400, 200, 400, step_size=0.0, gradient="target", readout="gaussian", noise=0.3),
]
BEYOND = 1.6


def long_bulk(problem: Problem) -> LongBulk:
    model = spectral_model(problem).model
    return LongBulk(model, WeightLengths(problem, model.conditioning, residual_tail(problem, model.conditioning)))


def critical_length(problem: Problem, level: float) -> float:
    """The length at which a neuron without a readout has an eigenvalue at the level; infinite where none has."""
    solved = at_level(long_bulk(problem), level)
    lengths = np.geomspace(0.5, 12, 120)
    forms = solved.forms(solved.lengths(np.zeros(1), lengths))[0]
    return float(np.interp(1.0, forms, lengths)) if forms[-1] > 1 else np.inf


def with_long_neuron(problem: Problem, length: float, seed: int) -> Array:
    """The eigenvalues of a network in which the first neuron has this length in a direction of its own."""
    draw = GaussianDraw.of(problem, (41, seed), 2)
    step, inputs = gradient_of(problem, draw), draw.ridge_sample.inputs
    features = step_features(inputs @ draw.weights.T, inputs @ step.matrix.T, problem.step, problem.activation)
    features[:, 0] = problem.activation(length * (inputs @ draw.weights[0]))
    return np.array(eigenvalues(features, "all"))


@pytest.mark.parametrize("problem", [PROBLEMS[0], PROBLEMS[2]], ids=["relu", "h3"])
def test_a_neuron_of_the_critical_length_has_its_eigenvalue_at_the_level(problem: Problem) -> None:
    """Stated finite-size term: 5 % of the level, and four standard errors over the draws; 10 % more length moves it."""
    spectrum = predict(problem).spectrum
    level = BEYOND * spectrum.edges[-1][1]
    spikes = sum(mean > level for mean in spectrum.means)
    length = critical_length(problem, level)
    found = [np.array([with_long_neuron(problem, t, k)[spikes] for k in range(16)]) for t in (length, 1.1 * length)]
    errors = [0.05 * level + 4 * values.std(ddof=1) / 4 for values in found]
    assert abs(found[0].mean() - level) < errors[0]
    assert found[1].mean() - level > found[0].mean() - level + 0.1 * level


def test_a_bounded_activation_lets_no_neuron_out() -> None:
    problem = PROBLEMS[1]
    assert critical_length(problem, BEYOND * predict(problem).spectrum.edges[-1][1]) == np.inf


def test_expected_numbers_grow_with_the_residuals() -> None:
    problem = PROBLEMS[2].replace(step_size=4.0)
    level, long = 1.3 * predict(problem).spectrum.edges[-1][1], long_bulk(problem)
    neurons = LongNeurons(at_level(long, level), long.law)
    by_energy = neurons.expected(3.0, np.array([0.8, 1.0, 1.2]))
    assert (np.diff(by_energy) > 0).all()
    assert neurons.expected(6.0, np.ones(1)) > by_energy[1] > 0
