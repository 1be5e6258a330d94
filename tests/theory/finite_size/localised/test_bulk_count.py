"""The number of eigenvalues of a bulk above a level inside it, against an integral of the density."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.theory.finite_size.localised.bulk_count import number_above, share_above
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

PROBLEM = Problem("tanh", "h1 + 0.5*h2", 400, 300, 300, step_exponent=0.1, readout="gaussian", noise=0.3, ridge=0.1)


@pytest.mark.parametrize("width", [300, 120])
def test_the_share_above_is_the_integral_of_the_density(width: int) -> None:
    problem = PROBLEM.replace(width=width)
    bulk, spectrum = spectral_model(problem).bulk, predict(problem).spectrum
    edge = spectrum.edges[-1][1]
    for level in (0.5, 0.8, 0.95):
        x = np.linspace(level * edge, edge, 4000)
        expected = np.trapezoid(spectrum.density(x), x)
        assert share_above(bulk, level * edge, edge) == pytest.approx(expected, abs=1e-5)
    assert share_above(bulk, 1.2 * edge, edge) == pytest.approx(0.0, abs=1e-5)


def test_numbers_are_those_of_all_samples_and_none_above_the_edge() -> None:
    model, edge = spectral_model(PROBLEM).model, predict(PROBLEM).spectrum.edges[-1][1]
    law = WeightLengths(PROBLEM, model.conditioning, residual_tail(PROBLEM, model.conditioning))
    long = LongBulk(model, law)
    assert number_above(long, 0.8 * edge) == pytest.approx(400 * 0.0156, rel=0.1)
    assert number_above(long, 1.2 * edge) == 0.0
