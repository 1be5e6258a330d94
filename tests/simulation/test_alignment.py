"""The share of functions in the span of the top singular vectors."""

import numpy as np
import pytest

from polyspike.hermite import hermite_functions
from polyspike.simulation.alignment import AlignmentSum, alignment, span_share

RNG = np.random.default_rng(4)
KAPPA = RNG.standard_normal(400)
FEATURES = 0.3 * RNG.standard_normal((400, 60)) + np.outer(hermite_functions(KAPPA, 2)[2], RNG.standard_normal(60))


def test_a_planted_function_is_found_and_no_other() -> None:
    found = alignment(FEATURES, KAPPA, 3, 1)
    assert found.hermite[1] > 0.95
    assert max(found.hermite[0], found.hermite[2]) < 0.1
    assert found.overlaps.shape == (1, 3)
    assert found.overlaps[0] == pytest.approx(found.hermite)


def test_the_share_is_that_of_least_squares() -> None:
    vectors = np.linalg.qr(RNG.standard_normal((50, 3)))[0]
    functions = RNG.standard_normal((2, 50))
    residual = functions - (functions @ vectors) @ vectors.T
    expected = 1 - (residual**2).sum(axis=1) / (functions**2).sum(axis=1)
    assert span_share(vectors, functions) == pytest.approx(expected)


def test_blocks_of_rows_add_up() -> None:
    vectors = np.linalg.svd(FEATURES, full_matrices=False)[0][:, :2]
    blocks = AlignmentSum(3)
    for rows in (slice(0, 150), slice(150, 400)):
        blocks.add(KAPPA[rows], vectors[rows])
    whole, found = alignment(FEATURES, KAPPA, 3, 2), blocks.result()
    for name in ("monomial", "hermite", "overlaps"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-8)
