"""Averages of a teacher over the other inputs, factor by factor, against a grid."""

import numpy as np
import pytest

from polyspike import as_teacher
from polyspike.theory.finite_size.labels.label_law import rotation
from polyspike.theory.finite_size.labels.separable import is_separable, other_averages

SEPARABLE = [
    "h1[0] + h1[0]*h1[1]",
    "h1[0] + h2[1]*h1[2] + 0.3*h3[0]*h1[1]",
    "0.5*h1[0] - h1[1] + h2[0]*h1[1] + h3[2]",
    "-h1[0] + tanh[1]*h2[2]*h1[0] + tanh[0]*h1[1]",
    "h1[0]*h1[0]*h2[1] - 2*h1[1]",
]


@pytest.mark.parametrize("expression", SEPARABLE)
def test_averages_factor_by_factor_are_those_of_a_grid(expression: str) -> None:
    teacher = as_teacher(expression)
    assert is_separable(teacher)
    frame, y, p = rotation(teacher), np.linspace(-3, 3, 7), teacher.n_indices
    x, w = np.polynomial.hermite_e.hermegauss(60)
    w = w / w.sum()
    grid = np.stack([g.ravel() for g in np.meshgrid(*([x] * (p - 1)), indexing="ij")], axis=-1)
    weights = np.prod(np.stack([g.ravel() for g in np.meshgrid(*([w] * (p - 1)), indexing="ij")]), axis=0)
    value = np.asarray(teacher(y[:, None, None] * frame[0] + grid @ frame[1:]))
    s = (grid**2).sum(axis=1) - (p - 1)
    found = other_averages(teacher, y, frame)
    # The grid errs by 1e-7 on tanh; polynomials are exact on both.
    error = 1e-6 if "tanh" in expression else 1e-11
    np.testing.assert_allclose(found.mean, value @ weights, rtol=error, atol=error)
    np.testing.assert_allclose(found.square, value**2 @ weights, rtol=error, atol=error)
    np.testing.assert_allclose(found.slopes, (value @ (grid * weights[:, None])).T, rtol=error, atol=error)
    pairs = np.einsum("yg,gi,gj,g->ijy", value, grid, grid, weights) - np.eye(p - 1)[:, :, None] * (value @ weights)
    np.testing.assert_allclose(found.products, pairs, rtol=error, atol=error)
    np.testing.assert_allclose(found.radial[0], value @ (s * weights), rtol=error, atol=error)
    np.testing.assert_allclose(
        found.radial[1], (value @ (grid * ((s - 2) * weights)[:, None])).T, rtol=error, atol=error
    )
    np.testing.assert_allclose(found.radial[2], value**2 @ (s * weights), rtol=error, atol=error)


def test_factors_that_mix_along_the_direction_are_not_separable() -> None:
    assert not is_separable(as_teacher("tanh[0] + h1[1]"))
    assert not is_separable(as_teacher(np.tanh))
