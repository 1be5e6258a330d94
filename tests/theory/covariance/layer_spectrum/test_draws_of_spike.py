"""How the spike varies from draw to draw."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

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
    """Sizes of it at the quantiles of its law; and a component that does not vary moves nothing."""
    spectrum = nodes_of(PROBLEM)
    layer, path = above_bulk(PROBLEM, spectrum)
    found = components(PROBLEM, spectrum, layer.whole.step)
    node, here = int(layer.single[0]), Outliers(layer, path, 0).locations_above()[:2]
    assert found.variances[node] > 0.01
    moved = moved_by_single(PROBLEM, spectrum, layer.single, found, here)
    assert moved.weights.sum() == pytest.approx(1)
    places = [drawn(spectrum, node, energy) for energy in quantiles(found.mean[node], found.rest[node])]
    error = np.std(places, axis=0) / len(places)
    assert (np.abs(np.mean(places, axis=0) - moved.weights @ moved.places) < error + 0.003 * here).all()
    fixed = found._replace(rest=0 * found.rest)
    assert len(moved_by_single(PROBLEM, spectrum, layer.single, fixed, here).weights) == 0


def quantiles(mean: float, rest: float) -> np.ndarray:
    """Energies at 24 quantiles."""
    x = ndtri((np.arange(24) + 0.5) / 24)
    return np.asarray((mean**0.5 + rest**0.5 * x) ** 2)


def drawn(spectrum: Eigenvalues, node: int, energy: float) -> np.ndarray:
    """The two outliers where b has this energy along a single eigendirection."""
    whole = 1 + energy - float(condition(PROBLEM, spectrum).direction_measures[0, 0, node])
    layer, path = above_bulk(PROBLEM, spectrum, whole**0.5)
    found = Outliers(replace(layer, shares=np.array([energy / whole])), path, 0).locations_above()
    return np.append(found, path[-1].z)[:2]
