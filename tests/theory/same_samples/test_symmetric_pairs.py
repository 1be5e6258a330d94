"""The basis of symmetric matrices against traces of its elements."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.pencil import State
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, symmetrised, upper

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


def test_the_upper_triangle_is_in_the_order_of_the_pairs() -> None:
    a = np.arange(16.0).reshape(4, 4)
    assert np.array_equal(upper(a), a[pair_indices(4)])
    assert np.array_equal(upper(a.T), a.T[pair_indices(4)])


def test_a_state_is_that_of_its_inverses() -> None:
    rng = np.random.default_rng(3)
    gamma = rng.standard_normal((4, 4))
    state = State(gamma + gamma.T, rng.uniform(0.1, 1.0, 3))
    again = State.of_inverses(state.inverses, 4)
    assert np.allclose(again.gamma, state.gamma, rtol=1e-10)
    assert np.allclose(again.zeta, state.zeta, rtol=1e-14)
