"""How the spike varies from draw to draw."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.layer_spectrum.draws_of_spike import components, moved_by_single, variance_of_others
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import above_bulk
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.step import condition
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance

PROBLEM = Problem("gelu", "h1", 900, 200, 500, step_exponent=0.3, noise=0.3, inputs="spiked:8,1", readout="rademacher")


def test_components_are_all_of_b() -> None:
    spectrum = nodes_of(PROBLEM)
    found = components(PROBLEM, spectrum, condition(PROBLEM, spectrum))
    assert (found.mean + found.rest).sum() == pytest.approx(1, rel=1e-9)
    assert (found.mean >= 0).all()
    assert (found.rest >= 0).all()


@pytest.mark.parametrize("gradient", ["full", "target"])
def test_isotropic_inputs_have_their_own_variance(gradient: str) -> None:
    problem, point = PROBLEM.replace(inputs="isotropic", gradient=gradient), Eigenvalues(*np.ones((3, 1)))
    found = components(problem, point, condition(problem, point))
    assert variance_of_others(problem, found, np.empty(0, dtype=int)) == pytest.approx(strength_variance(problem))


def test_outliers_move_by_a_single_component_as_when_it_is_drawn() -> None:
    """Draws of it, at the same derivatives by the strength; and a component that does not vary moves nothing."""
    layer, path = above_bulk(PROBLEM, nodes_of(PROBLEM))
    found = components(PROBLEM, layer.whole.spectrum, layer.whole.step)
    node = int(layer.single[0])
    assert found.variances[node] > 0.01
    here = Outliers(layer, path, 0).locations_above()
    by_strength = np.zeros((2, len(here)))
    moved = moved_by_single(layer, path, found, by_strength)
    assert moved.weights.sum() == pytest.approx(1)
    shifts = moved.weights @ (moved.places - here)
    x = np.random.default_rng(4).standard_normal(60)
    x = np.concatenate([x, -x])
    square = (found.mean[node] ** 0.5 + found.rest[node] ** 0.5 * x) ** 2
    whole = 1 + square - layer.mean_shares[0]
    drawn = [Outliers(replace(layer, shares=np.array([s])), path, 0).locations_above()[:2] for s in square / whole]
    error = np.std(drawn, axis=0) / 60**0.5
    assert (np.abs(np.mean(drawn, axis=0) - here[:2] - shifts[:2]) < 4 * error).all()
    assert (np.abs(shifts[:2]) > 0.003 * here[:2]).any()
    fixed = found._replace(rest=0 * found.rest)
    assert len(moved_by_single(layer, path, fixed, by_strength).weights) == 0
