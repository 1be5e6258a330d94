"""The bulk of quadratic features: its nodes, the norms of samples, and the largest eigenvalues of networks."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem, predict, simulate
from polyspike.theory.covariance.pair_spectrum.model import (
    is_outside,
    most_separated,
    norm_rule,
    pair_model,
    quadratic_features,
)
from polyspike.theory.covariance.pair_spectrum.outliers import PairParts
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.spectrum import as_commuting, separated
from polyspike.theory.finite_size.spectrum.outliers import upper_edge
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_spectrum

PROBLEM = Problem("cos", "h1", 400, 200, 500, step_exponent=0.1, gradient="target", inputs="power:0.5")


@pytest.mark.parametrize("inputs", ["isotropic", "power:0.7"])
def test_the_norm_has_the_moments_of_a_sum_of_squares(inputs: str) -> None:
    spectrum, d = nodes_of(PROBLEM.replace(inputs=inputs)), PROBLEM.input_dim
    nodes, weights = norm_rule(spectrum, d)
    cumulant = 8 * d * spectrum.moment(3) / (2 * d * spectrum.moment(2)) ** 1.5
    moments = [float(weights @ nodes**k) for k in range(4)]
    assert moments == pytest.approx([1, 0, 1, cumulant], abs=1e-12)
    assert weights @ nodes**4 == pytest.approx(3 + 1.5 * cumulant**2)


def test_the_nodes_have_all_pairs_and_their_strength() -> None:
    features = quadratic_features(PROBLEM, nodes_of(PROBLEM))
    like = as_commuting(features.model)
    for strongest in (0, 3):
        bulk, found = pair_model(features, like, strongest).model.bulk, features.pairs
        left = np.argsort(found.products @ features.model.grid.u_weights)[: len(found.counts) - strongest]
        assert bulk.mu_weights.sum() * features.count == pytest.approx(found.counts[left].sum())
        strength = found.counts[left] @ found.products[left]
        assert bulk.mu_weights @ bulk.weight_variance == pytest.approx(strength)


def test_only_pairs_of_single_eigenvalues_can_be_apart() -> None:
    few = PROBLEM.replace(inputs="spiked:10,1")
    assert most_separated(quadratic_features(few, nodes_of(few))) == 1
    none = PROBLEM.replace(inputs="two-level:0.5,1.5,0.5")
    assert most_separated(quadratic_features(none, nodes_of(none))) == 0


def test_a_pair_is_outside_where_its_form_is_singular_above_the_edge() -> None:
    problem = PROBLEM.replace(inputs="spiked:10,1")
    features = quadratic_features(problem, nodes_of(problem))
    like = as_commuting(features.model)
    strong = pair_model(features, like, 1)
    edge, _ = upper_edge(PairParts(strong))
    assert is_outside(strong, edge.state)
    weaker = features.pairs.products.copy()
    weaker[strong.single[0]] /= 20
    changed = replace(features, pairs=replace(features.pairs, products=weaker))
    assert not is_outside(replace(strong, features=changed), edge.state)


@pytest.mark.parametrize(("activation", "inputs"), [("cos", "two-level:0.3,1.7,0.5"), ("h2", "two-level:0.9,1.1,0.5")])
def test_the_bulk_ends_where_that_of_networks_does(activation: str, inputs: str) -> None:
    """The largest eigenvalue of a bulk is on average 1.2 scales of the Airy law below its edge, half a percent here. At
    leading order edges are 5 % too low.
    """
    problem = PROBLEM.replace(activation=activation, inputs=inputs, n_samples=900, width=600, step_exponent=0.0)
    features = quadratic_features(problem, nodes_of(problem))
    found = predict(problem).spectrum
    like = solve_spectrum(separated(as_commuting(features.model)))
    runs = [simulate(problem, seed=(4, k), n_test=2, eigenvalues=4).eigenvalues for k in range(6)]
    largest = np.mean([run[len(found.spikes)] for run in runs if run is not None])
    assert found.edges[-1][1] == pytest.approx(largest, rel=0.02)
    assert abs(found.edges[-1][1] - largest) < 0.3 * (largest - like.edges[-1][1])
