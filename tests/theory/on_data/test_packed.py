"""Packed symmetric matrices against whole ones."""

from typing import Any

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.theory.on_data.packed import doubled, inner, outer, packed, packed_size, slabs, unpacked
from polyspike.theory.on_data.symmetric import filled

SIZES = [1, 63, 64, 65, 200]


def _symmetric(count: int, size: int) -> Array:
    rows = np.random.default_rng(size).standard_normal((count, size, size))
    return np.asarray(rows + rows.transpose(0, 2, 1))


@pytest.mark.parametrize("size", SIZES)
def test_a_packed_matrix_is_the_upper_triangle(size: int) -> None:
    (matrix,) = _symmetric(1, size)
    flat = packed(np.triu(matrix) + np.tril(np.full_like(matrix, np.nan), -1))
    assert flat.shape == (packed_size(size),)
    np.testing.assert_array_equal(np.triu(unpacked(flat, size)), np.triu(matrix))
    np.testing.assert_array_equal(filled(flat, size), matrix)
    assert sum(slab.extent[0] for slab in slabs(size)) == size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "off"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_inner_products_are_those_of_whole_matrices(size: int, dtype: Any, off: float) -> None:
    matrices, (other,) = _symmetric(3, size).astype(dtype), _symmetric(1, size).astype(dtype)
    parts = np.array([packed(matrix) for matrix in matrices])
    scale = np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(other)
    wanted = np.einsum("uij,ij->u", matrices.astype(float), other)
    assert np.max(np.abs(inner(parts, doubled(np.triu(other))) - wanted) / scale) < off
    factor = np.random.default_rng(0).standard_normal((size, 3)).astype(dtype)
    signs = np.array([1.0, -1.0, 2.0], dtype)
    wanted = np.einsum("uij,ij->u", matrices.astype(float), (factor * signs) @ factor.T)
    scale = np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(factor) ** 2
    assert np.max(np.abs(inner(parts, outer(factor * signs, factor)) - wanted) / scale) < off
