"""Tails of sums of independent terms, against laws that are known and against sums that are drawn."""

import numpy as np
import pytest
from scipy.stats import gamma, norm

from polyspike.theory.finite_size.localised.compound_sum import tail_of_sum

Z = np.linspace(-8, 8, 1601)
NORMAL = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


@pytest.mark.parametrize("count", [5, 200])
def test_a_sum_of_squares_is_a_chi_square(count: int) -> None:
    """Stated error of the split into the largest and a gamma variable: 2 % down to 1e-2, and 20 % of a tail of 1e-5."""
    exact = np.array([0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5])
    found = tail_of_sum(Z**2, NORMAL, count, gamma(count / 2, scale=2).isf(exact))
    assert (np.abs(found / exact - 1) < np.where(exact < 1e-2, 0.2, 0.02)).all()


def test_a_sum_of_normal_terms_is_normal() -> None:
    """The gamma variable is shifted, so that terms may be of either sign; here the split is at its least exact."""
    at = np.array([-20.0, 0.0, 20.0])
    np.testing.assert_allclose(tail_of_sum(Z, NORMAL, 100, at), norm.sf(at / 10), atol=0.02)


def test_heavy_terms_stand_alone() -> None:
    """Sums of 100 sixth powers, whose tail a gamma variable of the same moments misses by far."""
    rng = np.random.default_rng(5)
    drawn = (rng.standard_normal((40_000, 100)) ** 6).sum(axis=1)
    at = np.quantile(drawn, [0.1, 0.5, 0.9, 0.99, 0.999])
    simulated = np.array([(drawn > t).mean() for t in at])
    found = tail_of_sum(Z**6, NORMAL, 100, at)
    # Stated error: 6 % of the tail, and four standard errors of its simulation.
    tolerance = 0.06 * simulated + 4 * np.sqrt(simulated * (1 - simulated) / len(drawn))
    assert (np.abs(found - simulated) < tolerance).all()
    alone = gamma(drawn.mean() ** 2 / drawn.var(), scale=drawn.var() / drawn.mean()).sf(at)
    assert (np.abs(alone - simulated) > tolerance).any()


def test_terms_of_one_value_have_one_sum() -> None:
    at = np.array([5.9, 6.1])
    assert tail_of_sum(np.full(3, 2.0), np.full(3, 1 / 3), 3, at).tolist() == [1.0, 0.0]


def test_one_term_alone_has_its_law() -> None:
    found = tail_of_sum(np.array([2.0, 1.0, 3.0]), np.array([0.5, 0.25, 0.25]), 1, np.array([0.5, 1.5, 2.5, 3.5]))
    np.testing.assert_allclose(found, [1.0, 0.75, 0.25, 0.0])


def test_equal_small_terms_divide_nothing_by_zero() -> None:
    with np.errstate(all="raise", under="ignore"):
        values = np.array([0.1, 0.1, 5.0, 5.0])
        found = tail_of_sum(values, np.full(4, 0.25), 12, np.array([1.0, 30.0, 61.0]))
    assert found[0] == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < found[1] < 0.7
    assert found[2] < 1e-3
