"""The spectrum of Sigma as few nodes."""

import numpy as np
import pytest

from polyspike.theory.covariance.eigenvalues import Eigenvalues, eigenvalues, grouped_eigenvalues


def power_law(exponent: float, d: int) -> tuple[np.ndarray, np.ndarray]:
    values = np.arange(1, d + 1.0) ** -exponent
    return values * d / values.sum(), np.full(d, 1 / d)


@pytest.mark.parametrize(("exponent", "nodes"), [(0.5, 14), (1.0, 20), (1.5, 20)])
def test_averages_of_rational_functions_are_kept(exponent: float, nodes: int) -> None:
    values, weights = power_law(exponent, 400)
    energies = np.random.default_rng(1).dirichlet(np.ones(400))
    found = eigenvalues(values, weights, energies)
    assert len(found.values) == nodes
    for pole in (0.1, 1.0, 10.0):
        exact = weights @ (values / (pole + values)), energies @ (values**2 / (pole + values))
        kept = found.weights @ (found.values / (pole + found.values))
        assert abs(kept / exact[0] - 1) < 1e-8
        assert abs(found.teacher @ (found.values**2 / (pole + found.values)) / exact[1] - 1) < 1e-5


def test_few_values_are_exact_in_any_order() -> None:
    values = np.array([1.7, 0.3, 1.7, 0.3])
    weights, energies = np.full(4, 0.25), np.array([0.1, 0.2, 0.3, 0.4])
    found = eigenvalues(values, weights, energies)
    assert found.values.tolist() == [0.3, 1.7]
    assert np.allclose(found.teacher, [0.6, 0.4])
    order = np.array([2, 0, 3, 1])
    again = eigenvalues(values[order], weights[order], energies[order])
    assert np.allclose(found.teacher, again.teacher, atol=1e-15)
    assert found.moment(1) == pytest.approx(1.0)


def test_an_eigenvalue_of_zero_stays_one() -> None:
    values = np.concatenate([np.zeros(100), np.linspace(0.5, 2, 200)])
    for count in (20, 30, 34):
        found = eigenvalues(values, np.full(300, 1 / 300), np.full(300, 1 / 300), count)
        assert found.values.min() >= 0
        assert found.weights[found.values.argmin()] == pytest.approx(1 / 3, rel=1e-3)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 3.0])
def test_groups_of_a_density_keep_the_top_and_grow_with_what_is_above(exponent: float) -> None:
    """Up to a step of 0.2 in the logarithm; means, and second moments to one in ten thousand."""
    d = 2000
    values, weights = power_law(exponent, d)
    energies = weights * values
    found = grouped_eigenvalues(values, weights, energies, d)
    assert np.array_equal(found.values[::-1][:64], values[:64])
    counts = found.weights[::-1] * d
    before = np.cumsum(counts) - counts
    assert np.all(counts <= np.maximum(1, before / 16) + 1e-9)
    assert np.ptp(found.weights[:-64] * d) > 10
    assert np.abs(np.diff(np.log(found.values[:-64] + 1e-3))).max() < 0.2
    assert found.moment(1) == pytest.approx(1)
    assert found.moment(2) == pytest.approx(weights @ values**2, rel=1e-4)
    assert found.teacher.sum() == pytest.approx(1)


def test_groups_of_few_values_are_these() -> None:
    values, counts = np.array([0.5, 2.0]), np.array([800.0, 400.0])
    found = grouped_eigenvalues(values[::-1], counts[::-1] / 1200, np.array([0.75, 0.25]), 1200)
    assert found.values.tolist() == [0.5, 2.0]
    assert np.allclose(found.weights * 1200, counts)
    assert found.teacher.tolist() == [0.25, 0.75]


def test_the_length_of_the_teacher_is_that_of_all_eigenvalues() -> None:
    """Of many eigenvalues beside many zeros, too, where a rule has nodes that are nearly zero."""
    values = np.concatenate([np.zeros(40), np.arange(1, 61.0) ** -0.6])
    energies = values / values.sum()
    found = eigenvalues(values, np.full(100, 0.01), energies)
    assert len(found.values) <= 20
    assert found.teacher_inverse == pytest.approx(60 / values.sum())
    assert grouped_eigenvalues(values, np.full(100, 0.01), energies, 100).teacher_inverse == found.teacher_inverse


def test_moments() -> None:
    found = Eigenvalues(np.array([0.5, 1.5]), np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    assert found.moment(2) == pytest.approx(1.25)
    assert found.teacher_moment(2) == pytest.approx(2.25)
