"""The matrix of the outliers: what is left of it without the fields is the linear part's own prior."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.averages import joined
from polyspike.theory.covariance.fixed_point import solve
from polyspike.theory.covariance.layer_spectrum.model import LayerModel, layer_model
from polyspike.theory.covariance.layer_spectrum.outliers import assembled, known_fields
from polyspike.theory.covariance.linear_directions import linear_block
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.state import CovarianceState

PROBLEM = Problem("relu", "h1 + h2", 600, 200, 400, step_exponent=0.4, noise=0.3, inputs="power:0.3")


def solved(problem: Problem) -> tuple[LayerModel, CovarianceState]:
    """At a positive shift."""
    layer = layer_model(problem, spectrum_of(problem))
    return layer, solve(layer.bulk, 0.1).state


@pytest.mark.parametrize("changes", [{}, {"gradient": "target"}, {"activation": "sin"}, {"teacher": "h1[0] + h2[1]"}])
def test_without_the_fields_it_is_the_prior_along_b(changes: dict[str, str]) -> None:
    layer, state = solved(PROBLEM.replace(**changes))
    parts = known_fields(layer, state)
    found = parts.prior + parts.coupling @ np.linalg.solve(parts.inner, parts.coupling.T)
    expected = linear_block(state, layer.whole.step.known)[0, 0]
    assert np.allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert not np.allclose(parts.prior, expected, rtol=1e-3) or changes == {"activation": "sin"}


@pytest.mark.parametrize("place", ["top", "weights:" + "1," * 199 + "5"])
def test_an_eigendirection_may_stay_in_the_matrix(place: str) -> None:
    """One node of Sigma in the bulk's sums, or as rows of its own: the same is left when these are eliminated. (The
    gradient's samples are many, so that beta is its mean, of which the directions know all.)
    """
    problem = PROBLEM.replace(gradient="target", inputs=f"spiked:10,1; teacher={place}", n_gradient=4 * 10**12)
    layer, state = solved(problem)
    node, whole = len(layer.whole.spectrum.values) - 1, layer.on_whole_laws(state)
    apart = layer.without(np.array([node]))
    alone = assembled(apart, replace(state, model=apart.bulk), whole)
    together, size, p = assembled(layer, state, whole), 2 * len(layer.whole.grid.u), len(state.v)
    assert len(alone) == len(together) + 4 * p
    found, expected = (_left(matrix, size) for matrix in (alone, together))
    assert np.allclose(found, expected, rtol=0, atol=1e-7 * np.abs(expected).max())
    assert not np.allclose(_left(_without_fields(alone, size, p), size), expected, atol=1e-4 * np.abs(expected).max())


def _without_fields(matrix: np.ndarray, size: int, p: int) -> np.ndarray:
    """A negative control: the fields that the samples know do not reach the eigendirection."""
    out = matrix.copy()
    fields = slice(size + 2 * p, len(matrix) - 4 * p)
    out[fields, -4 * p :], out[-4 * p :, fields] = 0.0, 0.0
    return out


def _left(matrix: np.ndarray, size: int) -> np.ndarray:
    inner = np.linalg.solve(matrix[size:, size:], matrix[size:, :size])
    return np.asarray(matrix[:size, :size] - matrix[:size, size:] @ inner)


def test_the_prior_of_several_directions_is_joined_in_the_order_of_the_frame() -> None:
    _, state = solved(PROBLEM)
    blocks = linear_block(state, np.eye(len(state.model.step.frame_measures)))
    assert joined(blocks).shape == (len(blocks) * len(state.v),) * 2
