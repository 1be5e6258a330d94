"""Few products in the place of a function of two variables."""

import numpy as np
import pytest

from polyspike.theory.finite_size.bulk.factors import factorise
from polyspike.theory.finite_size.given_kappa.grids import Grid, trapezoid


def grid() -> Grid:
    return Grid(*trapezoid(0.25, 5.0), *trapezoid(0.25, 5.0))


def test_products_are_found_exactly_and_by_their_number() -> None:
    here = grid()
    kappa, u = here.kappa[:, None], here.u
    function, other = 1 + 2 * kappa * u, 3 * kappa**2 * u
    (phi, phi_other), chi = factorise([function, other], [1.0, 1.0], here)
    assert chi.shape[1] == 2
    np.testing.assert_allclose(phi @ chi.T, function, atol=1e-6)
    np.testing.assert_allclose(phi_other @ chi.T, other, atol=1e-5)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-3])
def test_what_is_cut_off_is_under_the_tolerance(tolerance: float) -> None:
    here = grid()
    function = np.tanh(here.kappa[:, None] * here.u + 0.3)
    (phi,), chi = factorise([function], [1.0], here, tolerance)
    error = here.kappa_weights @ (phi @ chi.T - function) ** 2 @ here.u_weights
    assert error**0.5 < 3 * tolerance
    assert chi.shape[1] < len(here.u) / 2
