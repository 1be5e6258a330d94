"""Ridge regression: the normal equations, primal against dual, many ridges, and the min-norm limit."""

from typing import Any

import numpy as np
import pytest

from polyspike import NumericalError
from polyspike.simulation.ridge import fit_readouts, ridge_solve

SHAPES = [(60, 25), (25, 60), (40, 40)]
RIDGES = [1e-6, 1e-3, 0.1, 10.0]


def data(n: Any, width: Any) -> Any:
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, width)), rng.standard_normal(n)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_of_the_objective_vanishes(shape: Any) -> None:
    features, labels = data(*shape)
    for ridge, readout in zip(RIDGES, fit_readouts(features, labels, RIDGES).T, strict=True):
        slope = features.T @ (features @ readout - labels) / len(labels) + ridge * readout
        assert np.max(np.abs(slope)) < 1e-12 * (1 + ridge * np.linalg.norm(readout))


@pytest.mark.parametrize("shape", SHAPES)
def test_primal_and_dual_agree(shape: Any) -> None:
    features, labels = data(*shape)
    n = len(labels)
    shifts = n * np.array(RIDGES[1:])
    primal = ridge_solve(np.asfortranarray(features.T @ features), features.T @ labels, shifts)
    dual = features.T @ ridge_solve(np.asfortranarray(features @ features.T), labels, shifts)
    np.testing.assert_allclose(primal, dual, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("order", ["C", "F"])
def test_many_ridges_by_eigendecomposition_agree_with_cholesky(order: Any) -> None:
    features, labels = data(50, 30)
    features = np.asarray(features, order=order)
    ridges = np.geomspace(1e-4, 10, 24).tolist()
    together = fit_readouts(features, labels, ridges)
    alone = np.concatenate([fit_readouts(features, labels, [ridge]) for ridge in ridges], axis=1)
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_ridge_zero_is_the_min_norm_limit(shape: Any) -> None:
    features, labels = data(*shape)
    zero, small = fit_readouts(features, labels, [0.0, 1e-10]).T
    np.testing.assert_allclose(zero, np.linalg.pinv(features) @ labels, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(zero, small, rtol=1e-5, atol=1e-7)


def test_a_ridge_lost_in_rounding_is_an_error() -> None:
    """Two equal features: the Gram matrix is singular and 1e-30 does not mend it in double precision."""
    features = np.repeat(np.random.default_rng(0).standard_normal((20, 1)), 2, axis=1)
    with pytest.raises(NumericalError, match="not positive definite"):
        fit_readouts(features, np.ones(20), [1e-30])
