"""Eigenvalues of ``F F'/N`` by three independent routes: LAPACK, Krylov, and the law of inertia."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError, NumericalError
from polyspike.simulation import spectrum
from polyspike.simulation.spectrum import (
    ACCURACY,
    count_above,
    eigenvalues,
    operator_norm,
    outlier_pairs,
    outliers,
    top_eigenpairs,
)

SHAPES = [(400, 700), (700, 400), (500, 500), (30, 400), (12, 7)]
STRENGTHS = (60.0, 8.0, 3.0, 2.0)


def spiked(n: int, width: int, seed: int = 0) -> Array:
    """A Marchenko-Pastur bulk with four spikes well above it."""
    rng = np.random.default_rng((n, width, seed))
    matrix = rng.standard_normal((n, width))
    for strength in STRENGTHS[: min(n, width)]:
        u, v = rng.standard_normal(n), rng.standard_normal(width)
        size = np.sqrt(strength) * (np.sqrt(n) + np.sqrt(width))
        matrix += size * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
    return matrix


def direct(features: Array) -> Array:
    """All eigenvalues of the n x n matrix, by another LAPACK routine (the SVD)."""
    return np.linalg.svd(features, compute_uv=False) ** 2 / features.shape[1]


def zero_mass(values: Array, n_samples: int) -> float:
    """Share of the n eigenvalues of ``F F'/N`` that are zero; a value below n rounding units of the largest is."""
    return 1.0 - float(np.sum(values > n_samples * np.finfo(float).eps * values.max())) / n_samples


@pytest.mark.parametrize("shape", SHAPES)
def test_all_eigenvalues_are_those_of_the_svd_descending(shape: tuple[int, int]) -> None:
    features = spiked(*shape)
    values = eigenvalues(features, "all")
    assert values.shape == (min(shape),)
    np.testing.assert_allclose(values, direct(features), rtol=0, atol=1e-12 * values[0])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_top_eigenpairs_reach_their_accuracy(shape: tuple[int, int], order: str) -> None:
    features = np.asarray(spiked(*shape), order=order)  # type: ignore[call-overload]
    values, vectors = top_eigenpairs(features, 6)
    np.testing.assert_allclose(values, direct(features)[:6], rtol=ACCURACY)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-6)
    residual = features @ (features.T @ vectors) / shape[1] - vectors * values
    assert np.all(np.linalg.norm(residual, axis=0) <= 2 * ACCURACY * values + 1e-11 * values[0])


def test_top_eigenvalues_take_no_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the Gram matrix nor LAPACK is touched when the outliers stand clear of the bulk."""
    features = spiked(700, 900)
    expected = direct(features)[:4]
    monkeypatch.delattr(spectrum, "gram")
    edge = (expected[3] + (1 + np.sqrt(7 / 9)) ** 2) / 2
    np.testing.assert_allclose(eigenvalues(features, 4), expected, rtol=ACCURACY)
    np.testing.assert_allclose(outliers(features, edge), expected, rtol=ACCURACY)


@given(seed=st.integers(0, 1000), shape=st.sampled_from(SHAPES), share=st.floats(0.01, 0.99), place=st.integers(0, 6))
def test_the_count_above_any_edge_is_right(seed: int, shape: tuple[int, int], share: float, place: int) -> None:
    """Edges in the gaps between spikes, at the end of the bulk and inside it; inertia and LAPACK count the same."""
    features = spiked(*shape, seed=seed)
    exact = direct(features)
    edge = float(share * exact[place] + (1 - share) * (exact[place - 1] if place else 2 * exact[0]))
    values, vectors = outlier_pairs(features, edge)
    assert len(values) == vectors.shape[1] == count_above(features, edge) == np.sum(exact > edge)
    np.testing.assert_allclose(values, exact[: len(values)], rtol=ACCURACY)


def test_two_outliers_closer_than_a_vector_could_tell() -> None:
    """A pair 1e-5 apart, and an exactly double eigenvalue: a single Krylov vector would see one of the two."""
    rng = np.random.default_rng(5)
    u = np.linalg.qr(rng.standard_normal((600, 5)))[0]
    v = np.linalg.qr(rng.standard_normal((800, 5)))[0]
    features = rng.standard_normal((600, 800)) + (u * np.array([200.0, 200.0, 120.0, 90.0, 90.001])) @ v.T
    exact = direct(features)
    edge = (exact[4] + exact[5]) / 2
    np.testing.assert_allclose(outliers(features, float(edge)), exact[:5], rtol=ACCURACY)


def test_a_residual_that_stays_large_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "ACCURACY", 1e-30)
    monkeypatch.setattr(spectrum, "ROUNDING", 1e-30)
    with pytest.raises(NumericalError, match="residual"):
        top_eigenpairs(spiked(100, 120), 3)


def test_results_repeat_bit_by_bit_and_leave_the_features_alone() -> None:
    features = spiked(300, 500)
    before = features.copy()
    first, second = top_eigenpairs(features, 4), top_eigenpairs(features, 4)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert np.array_equal(features, before)


def test_low_rank_and_zero_features() -> None:
    u, v = np.random.default_rng(0).standard_normal((2, 200, 2))
    features = u @ v.T
    values = eigenvalues(features, 5)
    np.testing.assert_allclose(values[:2], direct(features)[:2], rtol=ACCURACY)
    assert np.all(np.abs(values[2:]) <= 1e-12 * values[0])
    assert len(outliers(features, values[1] / 2)) == 2
    assert zero_mass(eigenvalues(features, "all"), 200) == pytest.approx(0.99)
    assert np.array_equal(eigenvalues(np.zeros((50, 60)), 3), np.zeros(3))
    assert outliers(np.zeros((50, 60)), 1.0).shape == (0,)


def test_zero_mass_by_shape() -> None:
    features = spiked(400, 100)
    assert zero_mass(eigenvalues(features, "all"), 400) == pytest.approx(0.75)
    assert zero_mass(eigenvalues(features.T, "all"), 100) == 0.0


def test_operator_norm_is_the_largest_singular_value() -> None:
    features = spiked(300, 200)
    assert operator_norm(features) == pytest.approx(np.linalg.norm(features, 2), rel=ACCURACY)


@pytest.mark.parametrize("k", [0, -1, 401])
def test_a_number_that_is_not_there_is_refused(k: int) -> None:
    with pytest.raises(ArgumentError, match=r"eigenvalues = .*from 1 to 400"):
        eigenvalues(spiked(400, 700), k)


@pytest.mark.parametrize("edge", [0.0, -1.0, np.nan, np.inf])
def test_an_impossible_edge_is_refused(edge: float) -> None:
    with pytest.raises(ArgumentError, match="bulk_edge"):
        outliers(spiked(12, 7), edge)


def test_features_that_are_not_finite_are_refused() -> None:
    features = spiked(12, 7)
    features[3, 3] = np.nan
    with pytest.raises(ArgumentError, match="features"):
        outliers(features, 1.0)
    with pytest.raises(ArgumentError, match="features"):
        eigenvalues(features, 2)
