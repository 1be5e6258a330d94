"""Means of squares of features with heavy tails, against drawn ones."""

from typing import Any

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.problem import as_activation
from polyspike.theory.finite_size.localised.mean_square import MeanSquare

COUNT, DIM, DRAWS = 200, 60, 20_000
ONE = np.ones(1)


def drawn_means(activation: Any, rng: np.random.Generator) -> tuple[Array, Array]:
    """Means over features of two kinds, and the terms of each, at cosines of random directions."""
    squares = rng.chisquare(DIM - 1, (DRAWS, COUNT))
    normal = rng.standard_normal((DRAWS, COUNT))
    second = rng.random((DRAWS, COUNT)) < 0.25
    cosine = DIM**0.5 * normal / np.sqrt(squares + normal**2)
    terms = np.where(second, 2.0, 1.0) * activation(np.where(second, 1.2, 1.0) * cosine) ** 2
    return terms.mean(axis=1) / terms.mean(), terms


@pytest.mark.parametrize("name", ["h3", "h2", "tanh"])
def test_a_mean_exceeds_its_expectation_as_drawn(name: str) -> None:
    """Stated error: a tenth, and four standard errors over 20,000 drawn means."""
    activation = as_activation(name)
    law = MeanSquare(activation, DIM, COUNT, single=True)
    means, _ = drawn_means(activation, np.random.default_rng(17))
    for form in (0.5, 0.8):
        kinds = np.array([0.75, 0.25]), np.array([1.0, 2.0])
        found = law.exceedance(form, *kinds, np.zeros(2), np.array([1.0, 1.2]))
        drawn = float((means > 1 / form).mean())
        assert abs(found - drawn) < 0.1 * drawn + 4 * (drawn / DRAWS) ** 0.5 + 1e-5


def test_without_single_features_it_is_rarer() -> None:
    one, none = (MeanSquare(as_activation("h3"), DIM, COUNT, single) for single in (True, False))
    nodes = ONE, ONE, 0 * ONE, ONE
    assert 0 < none.exceedance(0.5, *nodes) < 0.5 * one.exceedance(0.5, *nodes)


def test_a_form_beyond_one_is_reached_and_a_tiny_one_is_not() -> None:
    law = MeanSquare(as_activation("tanh"), DIM, COUNT, single=True)
    assert law.exceedance(2.0, ONE, ONE, 0 * ONE, ONE) == pytest.approx(1.0)
    assert law.exceedance(0.01, ONE, ONE, 0 * ONE, ONE) == 0.0
    assert MeanSquare(as_activation("identity"), DIM, COUNT, True).exceedance(1.0, ONE, ONE, 0 * ONE, 0 * ONE) == 0.0
