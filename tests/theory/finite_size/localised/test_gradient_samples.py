"""A single sample of the gradient with a given residual: where its eigenvalue is."""

import numpy as np

from polyspike import Problem, predict
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.features import step_features
from polyspike.simulation.gradient import gradient_step
from polyspike.simulation.spectrum import eigenvalues
from polyspike.theory.finite_size.localised.at_level import at_level
from polyspike.theory.finite_size.localised.gradient_samples import HeavySamples
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.neurons import LongNeurons
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

PROBLEM = Problem(
    "erf", "h1 + 0.3*h3", 400, 500, 300, n_gradient=250, step_exponent=0.3, gradient="target", readout="rademacher"
)
BEYOND = 1.4


def heavy(problem: Problem, level: float) -> HeavySamples:
    model = spectral_model(problem).model
    law = WeightLengths(problem, model.conditioning, residual_tail(problem, model.conditioning))
    return HeavySamples(LongNeurons(at_level(LongBulk(model, law), level), law))


def with_heavy_label(problem: Problem, label: float, seed: int) -> Array:
    """The eigenvalues of a network whose first sample of the gradient has this label, the largest."""
    draw = GaussianDraw.of(problem, (51, seed), 2)
    sample, inputs = draw.gradient_sample, draw.ridge_sample.inputs
    labels = np.clip(sample.labels(problem), -label / 2, label / 2)
    labels[0] = label
    readout = draw.readout(problem.readout)
    step = gradient_step(sample.inputs, labels, draw.weights, readout, problem.activation, problem.gradient)
    features = step_features(inputs @ draw.weights.T, inputs @ step.matrix.T, problem.step, problem.activation)
    return np.array(eigenvalues(features, "all"))


def test_a_sample_of_the_critical_residual_has_its_eigenvalue_at_the_level() -> None:
    """Stated finite-size term: 15 % of the level, and four standard errors over the draws; half more of a residual
    moves it further.
    """
    spectrum = predict(PROBLEM).spectrum
    level = BEYOND * spectrum.edges[-1][1]
    spikes = sum(mean > level for mean in spectrum.means)
    samples = heavy(PROBLEM, level)
    sizes = np.abs(samples.neurons.law.residual.values)
    label = float(sizes[samples.by_value > 0].min())
    first, more = (np.array([with_heavy_label(PROBLEM, y, k)[spikes] for k in range(12)]) for y in (label, 1.5 * label))
    error = 0.15 * level + 4 * first.std(ddof=1) / 12**0.5
    assert abs(first.mean() - level) < error
    assert abs(more.mean() - level) > error


def test_larger_residuals_make_more_and_the_numbers_add_up() -> None:
    samples = heavy(PROBLEM, BEYOND * predict(PROBLEM).spectrum.edges[-1][1])
    residual = samples.neurons.law.residual
    order = np.argsort(np.abs(residual.values))
    assert samples.by_value[order][0] == 0
    assert samples.by_value[order][-1] >= 1
    largest = float(residual.values[order][-1])
    assert samples.of_largest(largest) == samples.by_value[order][-1]
    assert samples.expected(largest) <= residual.count * residual.weights @ samples.by_value + 1e-12
    assert samples.expected(1e-3 + float(np.abs(residual.values[order][0]))) == 0
