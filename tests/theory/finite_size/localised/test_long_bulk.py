"""The bulk of neurons of all their lengths: where it ends, against networks."""

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.theory.finite_size.localised.at_level import at_level
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.residual_tail import residual_tail
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths
from polyspike.theory.finite_size.spectrum.branches import above, find_edge
from polyspike.theory.finite_size.spectrum.spectral_model import spectral_model

# All neurons have moved by the same expected length, and few stand out: their lengths widen the bulk.
LONG = Problem(
    "h3", "tanh", 520, 380, 1100, n_gradient=1000, step_exponent=0.29, readout="rademacher", noise=0.3, ridge=0.1
)
SHORT = Problem("tanh", "h1 + 0.5*h2", 400, 300, 300, step_exponent=0.1, readout="gaussian", noise=0.3, ridge=0.1)


def long_bulk(problem: Problem) -> LongBulk:
    model = spectral_model(problem).model
    return LongBulk(model, WeightLengths(problem, model.conditioning, residual_tail(problem, model.conditioning)))


def edge(problem: Problem) -> float:
    """The edge of the bulk without half a neuron at either end."""
    long = long_bulk(problem)
    bulk, _, _ = long.without(0.5)
    return find_edge(above(bulk, 2 * long.strongest(bulk)), -1, 0.1)[0].z


@pytest.mark.slow
def test_lengths_widen_the_bulk_of_a_cubic() -> None:
    """Of 8 networks the fourth eigenvalue is nearer to this edge than to that of neurons of one length."""
    one_length = predict(LONG).spectrum.edges[-1][1]
    drawn = [simulate(LONG, seed=(61, k), n_test=2, eigenvalues=4).eigenvalues for k in range(8)]
    fourth = float(np.mean([np.asarray(values)[3] for values in drawn]))
    assert edge(LONG) > 1.3 * one_length
    assert abs(np.log(fourth / edge(LONG))) < 0.5 * abs(np.log(fourth / one_length))


def test_where_all_lengths_are_alike_the_bulk_is_that_of_the_spectrum() -> None:
    """Stated error: 1 %, that of the nodes of M and of the variance of the lengths."""
    assert edge(SHORT) == pytest.approx(predict(SHORT).spectrum.edges[-1][1], rel=0.01)


def test_the_longest_neurons_are_left_out_near_the_edge() -> None:
    long = long_bulk(LONG)
    weights = [float(long.without(least)[0].neuron_weights.sum()) for least in (0.5, 2.0, 8.0, 32.0)]
    assert weights[0] == pytest.approx(1.0)
    assert weights[1] > weights[2] > weights[3]
    solved = at_level(long, 1.2 * predict(LONG).spectrum.edges[-1][1])
    assert (solved.state.r < 0).all()
    assert solved.state.model.neuron_weights.sum() < 1
