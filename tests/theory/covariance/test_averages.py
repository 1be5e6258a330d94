"""Weighted sums of matrices."""

import numpy as np

from polyspike.theory.covariance.averages import beside, inverse, joined, over_neurons, split, total, without_tangents


def test_it_is_the_sum_over_the_last_axis_of_the_weights() -> None:
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((5, 3, 4)) + 1j * rng.standard_normal((5, 3, 4))
    one, many = rng.standard_normal(5), rng.standard_normal((2, 6, 5))
    np.testing.assert_allclose(total(one, arrays), np.einsum("l,lab->ab", one, arrays), atol=1e-14)
    np.testing.assert_allclose(total(many, arrays), np.einsum("xyl,lab->xyab", many, arrays), atol=1e-14)


def test_blocks_are_joined_and_split() -> None:
    blocks = np.arange(2 * 3 * 5 * 4 * 7.0).reshape(2, 3, 5, 4, 7)
    whole = joined(blocks)
    assert np.array_equal(whole[3, 4:8, 14:21], blocks[1, 2, 3])
    assert np.array_equal(split(whole, 2, 3), blocks)
    assert np.array_equal(joined(blocks[:, :, 1]), whole[1])
    assert np.array_equal(split(whole[1], 2, 3), blocks[:, :, 1])


def test_values_stand_beside_an_array() -> None:
    assert beside(np.arange(3.0), np.zeros((5, 2, 2))).shape == (3, 1, 1)


def test_averages_over_neurons_are_those_of_every_tangent() -> None:
    rng = np.random.default_rng(1)
    values, zeta, chi = rng.random((2, 3, 6)), rng.random((4, 6)), rng.random((6, 2))
    products = (chi[:, :, None] * chi[:, None]).reshape(6, 4)
    found = over_neurons(values, zeta, products)
    assert np.allclose(found, np.einsum("ijb,sb,bm,bn->ijsmn", values, zeta, chi, chi))
    assert np.allclose(over_neurons(values, zeta[2], products), found[:, :, 2])


def test_an_inverse_carries_the_tangents_of_several_and_of_one() -> None:
    rng = np.random.default_rng(2)
    matrix, moved = 3 * np.eye(3) + rng.random((4, 1, 3, 3)), rng.standard_normal((4, 2, 3, 3))
    found = inverse(matrix + 1e-20j * moved)
    known = np.linalg.inv(matrix)
    np.testing.assert_allclose(found.real, np.broadcast_to(known, moved.shape), rtol=1e-14)
    np.testing.assert_allclose(found.imag / 1e-20, -known @ moved @ known, rtol=1e-12)
    of_each = inverse((matrix + 1e-20j * moved)[:, 1])
    assert np.allclose(of_each.real, known[:, 0])
    np.testing.assert_allclose(of_each.imag, found.imag[:, 1], rtol=1e-12)


def test_an_inverse_of_complex_matrices_is_no_tangent() -> None:
    rng = np.random.default_rng(3)
    matrices = 3 * np.eye(4) + rng.random((5, 4, 4)) + 1j * rng.random((5, 4, 4))
    np.testing.assert_allclose(inverse(matrices) @ matrices, np.tile(np.eye(4), (5, 1, 1)), atol=1e-13)


def test_values_are_found_without_their_tangents() -> None:
    array = np.arange(12.0).reshape(2, 2, 3) * (1 + 1e-20j)
    assert np.array_equal(without_tangents(array, 1, 1), array[:, 0].real)
    assert np.array_equal(without_tangents(array, 0, 1), array.real)
