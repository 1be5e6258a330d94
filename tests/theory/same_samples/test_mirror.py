"""What is symmetric of the unknowns of a pencil, and of a matrix that is the same from either end."""

import numpy as np
import pytest

from polyspike.theory.same_samples.mirror import Mirror, MirroredJacobian, even_and_odd, folded
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

MIRROR = Mirror(np.array([1.0, -1.0, 1.0]))
READOUTS = 4


def basis() -> np.ndarray:
    """The free unknowns as vectors of all."""
    free = len(MIRROR.kept) + READOUTS // 2
    return np.stack([MIRROR.all_of(one) for one in np.eye(free)], axis=1)


def test_pairs_of_one_sign_are_kept() -> None:
    i, j = (one[MIRROR.kept] for one in pair_indices(3))
    assert list(zip(i, j, strict=True)) == [(0, 0), (0, 2), (1, 1), (2, 2)]
    assert MIRROR.coupled.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_a_gradient_is_restricted_by_the_transpose() -> None:
    gradient = np.random.default_rng(0).standard_normal(6 + READOUTS)
    assert MIRROR.restricted(gradient) == pytest.approx(basis().T @ gradient)


def test_the_jacobian_solves_on_what_is_symmetric() -> None:
    rng = np.random.default_rng(1)
    full = rng.standard_normal((10, 10))
    full, free = full + full.T, basis()
    right = rng.standard_normal((10, 2))
    found = MirroredJacobian(free.T @ full @ free, None, MIRROR).solve(right)
    assert found == pytest.approx(free @ np.linalg.solve(free.T @ full @ free, free.T @ right))


def test_even_and_odd_functions() -> None:
    even, odd = even_and_odd(6)
    assert np.concatenate([even, odd], axis=1).T @ np.concatenate([even, odd], axis=1) == pytest.approx(np.eye(6))
    assert even[::-1] == pytest.approx(even)
    assert odd[::-1] == pytest.approx(-odd)
    assert folded(odd) == pytest.approx(0)
