"""The polynomials that the spikes carry, and the regression on them."""

import math
from typing import Any

import numpy as np
import pytest

from polyspike.theory.limits.spike_polynomials import project, spike_polynomial


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize("q", [0.0, 0.3, 2.0])
def test_spike_polynomial_is_the_mean_of_a_noisy_power(k: Any, q: Any) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()
    x = np.linspace(-2, 2, 9)
    mean = ((x[:, None] + math.sqrt(q) * nodes) ** k) @ weights
    np.testing.assert_allclose(
        np.polynomial.hermite_e.hermeval(x, spike_polynomial(k, q, 7)), mean, rtol=1e-12, atol=1e-12
    )


def test_projection_agrees_with_the_formula() -> None:
    rows = [spike_polynomial(k, 0.4, 3) for k in (1, 2, 3)]
    target, ratio = np.array([0.1, 0.8, -0.4, 0.2]), 0.3
    weight = np.diag([1.0, ratio, 2.0, 6.0])
    b = np.stack(rows)
    moment = b @ weight @ b.T
    expected = (b @ weight @ target) @ np.linalg.solve(moment, b @ weight @ target)
    assert project(rows, target, ratio).gain == pytest.approx(expected, rel=1e-12)
