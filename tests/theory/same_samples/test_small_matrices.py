"""Single small matrices by LAPACK: what NumPy finds, of real and complex ones, and what is singular is refused."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike.theory.same_samples.small_matrices import inverse, solved


@pytest.mark.parametrize("kind", [float, complex])
def test_it_is_what_numpy_finds(kind: type) -> None:
    rng = np.random.default_rng(1)
    a: NDArray[Any] = rng.standard_normal((6, 6)).astype(kind)
    if kind is complex:
        a = a + 1j * rng.standard_normal((6, 6))
    kept = a.copy()
    assert np.allclose(inverse(a), np.linalg.inv(a), rtol=1e-12)
    assert np.allclose(inverse(a.T), np.linalg.inv(a.T), rtol=1e-12)
    for right in (rng.standard_normal(6), rng.standard_normal((6, 3)), a):
        assert np.allclose(solved(a, right), np.linalg.solve(a, right), rtol=1e-11)
    assert np.array_equal(a, kept)


def test_a_singular_matrix_is_refused() -> None:
    for find in (inverse, lambda a: solved(a, np.ones(3))):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            find(np.zeros((3, 3)))
