"""Quadrature and Hermite polynomials against closed forms, each with a rule that is not good enough."""

from math import erfc, exp, factorial, pi, prod, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyspike import hermite
from polyspike.arraytypes import Array

EPS = np.finfo(float).eps


def moment(power: int) -> float:
    """``E z^p``: the double factorial (p - 1)!! for even p."""
    return float(prod(range(power - 1, 0, -2))) if power % 2 == 0 else 0.0


@pytest.mark.parametrize("n_nodes", [1, 2, 5, 12, 30])
def test_gauss_hermite_is_exact_to_its_degree_and_not_beyond(n_nodes: int) -> None:
    nodes, weights = hermite.gauss_hermite(n_nodes)
    for power in range(2 * n_nodes):
        size = float(weights @ np.abs(nodes) ** power)
        # A sum of n terms, each with an error of about `power` units in the last place.
        assert abs(weights @ nodes**power - moment(power)) <= 4 * (n_nodes + power) * EPS * size
    beyond = 2 * n_nodes
    # The error at the next degree is known, E H_n^2 = n!; the rounding of both moments is far below it.
    rounding = 4 * (n_nodes + beyond) * EPS * moment(beyond)
    assert rounding < 0.1 * factorial(n_nodes)
    assert abs(moment(beyond) - weights @ nodes**beyond - factorial(n_nodes)) <= rounding


def test_the_split_rule_is_exact_far_beyond_what_is_needed() -> None:
    nodes, weights = hermite.split_gauss_legendre()
    for power in range(61):
        size = float(weights @ np.abs(nodes) ** power)
        assert abs(weights @ nodes**power - moment(power)) <= 1e-13 * size


def test_the_split_rule_needs_its_nodes() -> None:
    nodes, weights = hermite.split_gauss_legendre((), 4)
    assert abs(weights @ nodes**20 / moment(20) - 1) > 1e-12
    assert abs(weights @ np.ones_like(nodes) - 1) < 1e-6


@given(st.floats(-4, 4))
def test_a_declared_kink_is_integrated_to_rounding(kink: float) -> None:
    nodes, weights = hermite.gaussian_rule((kink,))
    density = exp(-(kink**2) / 2) / sqrt(2 * pi)
    exact = density - kink * erfc(kink / sqrt(2)) / 2
    # Absolute: both terms of the closed form are of order one, and it cancels for large kinks.
    assert abs(weights @ np.maximum(nodes - kink, 0) - exact) < 1e-14


def test_an_undeclared_kink_is_not_and_gauss_hermite_is_worse() -> None:
    kink = 0.3
    exact = exp(-(kink**2) / 2) / sqrt(2 * pi) - kink * erfc(kink / sqrt(2)) / 2
    errors = [
        abs(weights @ np.maximum(nodes - kink, 0) - exact)
        for nodes, weights in (hermite.gaussian_rule((kink,)), hermite.gaussian_rule(), hermite.gauss_hermite(64))
    ]
    assert errors[0] < 1e-14
    assert errors[1] > 1e-6
    assert errors[2] > 1e-4


def test_the_cached_rules_cannot_be_changed() -> None:
    for array in (*hermite.gauss_hermite(5), *hermite.gaussian_rule((0.5,))):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def test_a_shorter_reach_is_the_same_rule_cut_off() -> None:
    for nodes, cut in zip(hermite.split_gauss_legendre((0.3, 9.4), 12), hermite.split_gauss_legendre((0.3,), 12, 9.0)):
        inside = np.abs(hermite.split_gauss_legendre((0.3, 9.4), 12)[0]) < 9
        np.testing.assert_array_equal(nodes[inside], cut)
    _, weights = hermite.split_gauss_legendre((), 12, hermite.RANGE)
    assert abs(1 - weights.sum()) < 1e-14
    assert abs(1 - hermite.split_gauss_legendre((), 12, 3.0)[1].sum() - erfc(3 / sqrt(2))) < 1e-14


def test_panels_end_at_the_kinks_inside() -> None:
    assert hermite.panel_corners((0.25, 5.0, -2.0), 2.0, 1.0).tolist() == [-2, -1, 0, 0.25, 1, 2]


def test_gauss_legendre_is_exact_to_its_degree_on_panels_of_any_width() -> None:
    corners = np.array([[0.0, 0.5, 0.5, 2.0], [-1.0, 0.0, 1.0, 3.0]])
    nodes, weights = hermite.gauss_legendre(corners, 3)
    assert nodes.shape == weights.shape == (2, 9)
    for power in range(6):
        exact = (corners[:, -1] ** (power + 1) - corners[:, 0] ** (power + 1)) / (power + 1)
        np.testing.assert_allclose((weights * nodes**power).sum(axis=1), exact, rtol=1e-14)
    beyond = (corners[:, -1] ** 7 - corners[:, 0] ** 7) / 7
    assert np.all(np.abs((weights * nodes**6).sum(axis=1) / beyond - 1) > 1e-6)


def test_a_tensor_rule_is_the_product_of_its_rules() -> None:
    first, second = hermite.gauss_hermite(3), hermite.gauss_hermite(2)
    nodes, weights = hermite.tensor_rule([first, second])
    assert nodes[:2].tolist() == [[first[0][0], second[0][0]], [first[0][0], second[0][1]]]
    np.testing.assert_allclose(weights, np.outer(first[1], second[1]).ravel(), rtol=1e-15)
    assert weights @ (nodes[:, 0] ** 4 * nodes[:, 1] ** 2) == pytest.approx(3, rel=1e-13)


def test_the_order_of_kinks_does_not_matter() -> None:
    assert hermite.gaussian_rule((1.5, -0.5)) is hermite.gaussian_rule([-0.5, 1.5])


def test_hermite_functions_against_numpy_and_orthonormal() -> None:
    x = np.linspace(-3, 3, 13)
    plain = hermite.hermite_functions(x, 12, normalised=False)
    for k in range(13):
        unit = np.eye(13)[k]
        np.testing.assert_allclose(plain[k], np.polynomial.hermite_e.hermeval(x, unit), rtol=1e-11, atol=1e-9)
    nodes, weights = hermite.gauss_hermite(40)
    h = hermite.hermite_functions(nodes, 30)
    np.testing.assert_allclose((h * weights) @ h.T, np.eye(31), atol=1e-12)


@pytest.mark.parametrize("degree", [0, 1])
def test_hermite_functions_of_low_degree(degree: int) -> None:
    x = np.array([[-1.0, 2.0], [0.5, 0.0]])
    assert hermite.hermite_functions(x, degree).shape == (degree + 1, 2, 2)
    np.testing.assert_array_equal(hermite.hermite_functions(x, degree)[-1], x**degree)


@given(st.lists(st.floats(-10, 10).filter(lambda c: c == 0 or abs(c) > 1e-100), min_size=1, max_size=9))
def test_coefficients_of_a_polynomial_come_back(coefficients: list[float]) -> None:
    found = hermite.hermite_coefficients(lambda z: hermite.hermite_series(coefficients, z), 12)
    size = sqrt(sum(c * c * factorial(k) for k, c in enumerate(coefficients)))
    expected = np.zeros(13)
    expected[: len(coefficients)] = coefficients
    scale = np.sqrt(hermite.factorials(12))
    # Orthonormal coefficients are accurate relative to the norm of the function.
    assert np.all(np.abs(found - expected) * scale <= 1e-12 * size)


def test_a_coefficient_below_rounding_is_exactly_zero() -> None:
    c = hermite.hermite_coefficients(lambda z: z**3 - 3 * z, 8)
    assert np.flatnonzero(c).tolist() == [3]


def test_the_circle_beats_the_line_for_high_degrees() -> None:
    exact = exp(-0.5) / factorial(29)
    on_circle = hermite.hermite_coefficients(np.sin, 30, strip=np.inf)[29]
    on_line = hermite.hermite_coefficients(np.sin, 30)[29]
    assert abs(on_circle / exact - 1) < 1e-12
    assert abs(on_line / exact - 1) > 1e-9


def test_the_strip_must_be_that_of_the_function() -> None:
    """Negative control: 1/(1 + z^2/4) has poles at 2i, and crossing them gives another function."""

    def bump(z: Array) -> Array:
        return 1 / (1 + z * z / 4)

    right = hermite.hermite_coefficients(bump, 20, strip=2.0)
    reference = hermite.hermite_coefficients(bump, 20)
    gap = np.abs(right - reference) * np.sqrt(hermite.factorials(20))
    assert gap.max() < 1e-13
    wrong = hermite.hermite_coefficients(bump, 20, strip=6.0)
    assert (np.abs(wrong - reference) * np.sqrt(hermite.factorials(20))).max() > 1e-9


def test_series_and_factorials() -> None:
    np.testing.assert_allclose(hermite.hermite_series([1, 0, 2], np.array([3.0])), [1 + 2 * 8])
    assert hermite.factorials(4).tolist() == [1, 1, 2, 6, 24]


def test_a_mean_below_its_rounding_is_exactly_zero() -> None:
    nodes, weights = hermite.gaussian_rule()
    assert hermite.gaussian_mean(nodes**3, weights)[0] == 0.0
    value, rounding = hermite.gaussian_mean(1e-20 * nodes**2, weights)
    assert value == pytest.approx(1e-20, rel=1e-12)
    assert 0 < rounding < 1e-30
