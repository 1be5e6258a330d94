"""Averages over the residual: closed forms near and far."""

import numpy as np
import pytest

from polyspike.theory.finite_size.gradient_matrix.residual_law import mean_inverse, mean_ratio


@pytest.mark.parametrize("variance", [1e-18, 1e-6, 0.01])
def test_the_mean_of_the_inverse_square_is_right_near_and_far(variance: float) -> None:
    """Beside Gauss-Hermite, exact where the pole is many deviations away."""
    x, w = np.polynomial.hermite_e.hermegauss(80)
    nu, w = variance**0.5 * x, w / w.sum()
    for pole in variance**0.5 * np.array([60 + 1j, 21 + 0.1j, 19 + 4j, 8j]):
        expected = w @ (1 / (pole - nu) ** 2)
        poles = np.array([pole])
        found = mean_ratio(poles, variance, mean_inverse(poles, variance))
        np.testing.assert_allclose(found, expected, rtol=1e-9)
