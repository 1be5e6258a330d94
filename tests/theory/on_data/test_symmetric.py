"""Products and inverses of symmetric matrices against NumPy's own."""

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.theory.on_data.packed import packed
from polyspike.theory.on_data.symmetric import forms, mirrored, sandwich, shifted_inverse


def _positive(size: int) -> Array:
    rows = np.random.default_rng(size).standard_normal((size, size + 5))
    return np.asarray(rows @ rows.T / size)


def test_upper_blocks_make_the_product() -> None:
    rng = np.random.default_rng(0)
    left, middle = (m + m.T for m in rng.standard_normal((2, 37, 37)))
    np.testing.assert_allclose(sandwich(left, middle), left @ middle @ left, rtol=1e-12, atol=1e-11)
    np.testing.assert_array_equal(mirrored(np.triu(left)), left)


@pytest.mark.parametrize("size", [1, 3, 37, 150])
def test_forms_of_rows(size: int) -> None:
    rng = np.random.default_rng(size)
    matrix, rows = rng.standard_normal((size, size)), rng.standard_normal((5, size))
    middle = matrix + matrix.T
    np.testing.assert_allclose(
        forms(rows, packed(middle)), np.sum((rows @ middle) * rows, axis=1), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("size", [1, 2, 9, 130])
@pytest.mark.parametrize(("dtype", "off"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_the_inverse_of_a_shifted_matrix(size: int, dtype: type, off: float) -> None:
    matrix = _positive(size)
    wanted = np.linalg.inv(matrix + 0.1 * np.eye(size))
    found = mirrored(shifted_inverse(matrix.astype(dtype), 0.1))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(found, wanted, atol=off * np.max(wanted), rtol=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("at", [0, 20])
def test_a_matrix_that_is_not_positive_definite_is_refused(dtype: type, at: int) -> None:
    matrix = _positive(21)
    matrix[at, at] = -1
    with pytest.raises(NumericalError, match="not positive definite"):
        shifted_inverse(matrix.astype(dtype), 0.1)
