"""The basis of symmetric matrices against traces of its elements."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, symmetrised

M = 4


def elements() -> list[Array]:
    """``e_i e_j' + e_j e_i'``, and ``e_i e_i'``."""
    found = []
    for i, j in zip(*pair_indices(M), strict=True):
        one = np.zeros((M, M))
        one[i, j] = one[j, i] = 1.0
        found.append(one)
    return found


def test_traces_of_products() -> None:
    rng = np.random.default_rng(0)
    a, b = (x + x.T for x in rng.normal(size=(2, M, M)))
    pairs = pair_indices(M)
    expected = [[np.trace(a @ one @ a @ other) for other in elements()] for one in elements()]
    assert np.allclose(symmetrised(np.outer(a[pairs], a[pairs]), M), expected, rtol=1e-13)
    mixed = np.array([[np.trace(a @ one @ b @ other) for other in elements()] for one in elements()])
    assert np.allclose(symmetrised(np.outer(a[pairs], b[pairs]), M), (mixed + mixed.T) / 2, rtol=1e-13)
