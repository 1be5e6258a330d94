"""NumPy's kernels against plain expressions."""

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.simulation.host import HOST

RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((30, 12))


def symmetric(lower: np.ndarray) -> np.ndarray:
    """The matrix of which the lower triangle is given."""
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)


@pytest.mark.parametrize("shifts", [[0.3], [0.1, 0.2, 5.0], list(np.geomspace(0.01, 10, 20))])
def test_a_ridge_solution_solves_its_equations(shifts: list[float]) -> None:
    gram, target = ROWS.T @ ROWS, RNG.standard_normal(12)
    found = HOST.ridge_solve(np.asfortranarray(gram), target, np.array(shifts))
    for column, shift in zip(found.T, shifts, strict=True):
        np.testing.assert_allclose((gram + shift * np.eye(12)) @ column, target, rtol=1e-8, atol=1e-9)


def test_products_are_those_of_numpy() -> None:
    gram = HOST.gram(ROWS)
    np.testing.assert_allclose(symmetric(gram), ROWS @ ROWS.T, atol=1e-12)
    np.testing.assert_allclose(symmetric(HOST.add_gram(gram.copy(order="F"), ROWS)), 2 * ROWS @ ROWS.T, atol=1e-12)
    vectors = RNG.standard_normal((3, 12))
    np.testing.assert_allclose(HOST.normal_product(ROWS, vectors), vectors @ ROWS.T @ ROWS, atol=1e-12)
    assert HOST.squared_norm(ROWS) == pytest.approx((ROWS**2).sum())


def test_elementwise_maps_are_those_of_the_activation() -> None:
    tanh, readout, residual = as_activation("tanh"), RNG.standard_normal(12), RNG.standard_normal(30)
    np.testing.assert_allclose(HOST.outputs(ROWS, readout, tanh), np.tanh(ROWS) @ readout, atol=1e-13)
    expected = residual[:, None] / np.cosh(ROWS) ** 2
    np.testing.assert_allclose(HOST.slopes(ROWS.copy(), residual, tanh), expected, atol=1e-13)
