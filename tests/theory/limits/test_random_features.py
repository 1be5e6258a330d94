"""The limiting traces of random features: two routes, limits, derivatives, and a direct simulation."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import solve_triangular

from polyspike import ArgumentError, NumericalError, as_activation
from polyspike.theory.limits.random_features import RandomFeatures, random_features

TANH = as_activation("tanh")
C1, CG = TANH.linear_strength, TANH.residual_strength

ratios = st.floats(-3, 3).map(lambda v: 10.0**v)
ridges = st.floats(-6, 4).map(lambda v: 10.0**v)


def marchenko_pastur_means(t: float, y: float) -> tuple[float, float]:
    """``E[1/(1 + t x)]`` and ``E[x/(1 + t x)]`` over the spectrum of X X'/d (n x n, y = n/d), by quadrature."""
    low, high = (1 - math.sqrt(y)) ** 2, (1 + math.sqrt(y)) ** 2

    def density(angle: float) -> tuple[float, float]:
        x = (low + high) / 2 + (high - low) / 2 * math.cos(angle)
        return x, ((high - low) / 2 * math.sin(angle)) ** 2 / (2 * math.pi * y * x)

    atom = max(0.0, 1 - 1 / y)
    q = quad(lambda a: density(a)[1] / (1 + t * density(a)[0]), 0, math.pi, epsabs=1e-12, limit=400)[0]
    p = quad(lambda a: density(a)[1] * density(a)[0] / (1 + t * density(a)[0]), 0, math.pi, epsabs=1e-12, limit=400)[0]
    return atom + q, p


def coupled_fixed_point(phi: float, psi: float, ridge: float) -> tuple[float, float]:
    """T1, T2 by damped iteration of the two coupled traces, with the Marchenko-Pastur integrals by quadrature."""
    r, y, gamma = psi / phi, 1 / phi, ridge * psi / phi
    k = 1.0
    for _ in range(400):
        scale = k * CG + gamma
        q, p = marchenko_pastur_means(k * C1 / scale, y)
        k = 0.5 * k + 0.5 / (1 + r * (C1 * p + CG * q) / scale)
    scale = k * CG + gamma
    q, p = marchenko_pastur_means(k * C1 / scale, y)
    return r * q / scale, r * p / scale


@pytest.mark.parametrize(("phi", "psi", "ridge"), [(0.5, 1.0, 0.1), (2.0, 0.7, 0.03), (0.25, 0.5, 1.0)])
def test_scalar_root_agrees_with_the_coupled_fixed_point(phi: Any, psi: Any, ridge: Any) -> None:
    features = random_features(C1, CG, phi, psi, ridge)
    np.testing.assert_allclose((features.trace, features.data_trace), coupled_fixed_point(phi, psi, ridge), rtol=1e-8)


def direct_traces(seed: int, n: int, d: int, width: int, ridge: float) -> tuple[float, float]:
    """T1 and T2 of one draw of random features."""
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((n, d)), rng.standard_normal((width, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    features = TANH(x @ w.T)
    factor = np.linalg.cholesky(features @ features.T + ridge * n * np.eye(n))
    inverse = solve_triangular(factor, np.eye(n), lower=True, check_finite=False)
    return float(np.sum(inverse**2)), float(np.sum((inverse @ x) ** 2)) / d


def test_traces_agree_with_a_direct_simulation() -> Any:
    """n = 2000, three draws: within z = 4.5 standard errors (two comparisons at a false-alarm rate of 1e-5 each, with
    the spread of three draws bounded below by the 1/n of a self-averaging trace) and a finite-size term of 2/n."""
    n, d, width, ridge = 2000, 1000, 1500, 0.05
    traces = np.array([direct_traces(seed, n, d, width, ridge) for seed in range(3)])

    def far(predicted: RandomFeatures) -> np.ndarray:
        relative = traces / (predicted.trace, predicted.data_trace) - 1
        error = np.maximum(relative.std(axis=0, ddof=1), 1 / n) / math.sqrt(len(traces))
        return np.abs(relative.mean(axis=0)) > 4.5 * error + 2 / n

    assert not np.any(far(random_features(C1, CG, d / n, d / width, ridge)))
    assert np.any(far(random_features(C1, 0.9 * CG, d / n, d / width, ridge)))


@settings(deadline=None, max_examples=60)
@given(ratios, ratios, ridges)
def test_bounds_hold_everywhere(phi: Any, psi: Any, ridge: Any) -> None:
    features = random_features(C1, CG, phi, psi, ridge)
    assert 0 <= features.trace_times_ridge <= 1
    assert 0 < features.ratio <= 1
    assert features.loo_factor >= 1 - 1e-9
    assert all(math.isfinite(v) for v in vars(features).values())


@settings(deadline=None, max_examples=40)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(-3, 1))
def test_derivatives_agree_with_finite_differences(log_phi: Any, log_psi: Any, log_ridge: Any) -> None:
    phi, psi, ridge = 10.0**log_phi, 10.0**log_psi, 10.0**log_ridge
    h = 1e-4 * ridge
    here = random_features(C1, CG, phi, psi, ridge)
    up, down = (random_features(C1, CG, phi, psi, ridge + s * h) for s in (1, -1))
    assert (1 / up.trace - 1 / down.trace) / (2 * h) == pytest.approx(here.loo_factor, rel=1e-5)
    assert -(up.ratio - down.ratio) / (2 * h) / here.trace == pytest.approx(here.loo_ratio, rel=1e-4, abs=1e-7)


class TestLimits:
    def test_many_samples_and_neurons_keep_all_noise(self) -> None:
        """n >> N, d: nothing can be interpolated."""
        assert random_features(C1, CG, 1e-8, 1.0, 0.1).trace_times_ridge == pytest.approx(1, abs=1e-6)

    def test_few_samples_are_interpolated(self) -> None:
        """N >> n at a small ridge: T1 tends to that of kernel ridge, sum over a flat kernel Cg + C1 x."""
        kernel = random_features(C1, CG, 1.0, 1e-9, 1e-3)
        nearly = random_features(C1, CG, 1.0, 1e-6, 1e-3)
        assert nearly.trace_times_ridge < 1e-3
        assert kernel.ratio == pytest.approx(nearly.ratio, rel=1e-3)

    def test_large_dimension_treats_linear_as_noise(self) -> None:
        """d >> n, N: X X'/d is the identity, so that T2 = T1."""
        assert random_features(C1, CG, 1e8, 1e8, 0.1).ratio == pytest.approx(1, abs=1e-6)

    def test_infinite_ridge_fits_nothing(self) -> None:
        assert random_features(C1, CG, 0.5, 1.0, 1e10).trace_times_ridge == pytest.approx(1, abs=1e-9)

    def test_ridge_zero_underparametrised_is_least_squares(self) -> None:
        """n > N: a share N/n of noise is fitted, and GCV gives 1/(1 - N/n)."""
        features = random_features(C1, CG, 0.25, 0.5, 0.0)
        assert features.trace_times_ridge == pytest.approx(0.5, abs=1e-12)
        assert features.loo_factor == pytest.approx(2.0, rel=1e-12)

    def test_ridge_zero_overparametrised_is_the_limit_of_small_ridges(self) -> None:
        zero, small = (random_features(C1, CG, 0.5, 0.25, ridge) for ridge in (0.0, 1e-9))
        assert zero.trace_times_ridge == 0
        assert zero.trace == pytest.approx(small.trace, rel=1e-6)
        assert zero.loo_factor == pytest.approx(small.loo_factor, rel=1e-6)
        assert zero.loo_ratio == pytest.approx(small.loo_ratio, rel=1e-6)


def test_ridge_zero_at_the_interpolation_peak_is_refused() -> None:
    with pytest.raises(NumericalError, match="interpolation peak"):
        random_features(C1, CG, 0.5, 0.5, 0.0)


def test_purely_nonlinear_activation_has_equal_traces() -> None:
    features = random_features(0.0, 1.0, 0.5, 1.0, 0.1)
    assert isinstance(features, RandomFeatures)
    assert features.ratio == 1.0


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("phi", (0.0, 1.0, 0.1)),
        ("psi", (1.0, math.inf, 0.1)),
        ("ridge", (1.0, 1.0, -1.0)),
    ],
)
def test_bad_arguments_are_named(argument: Any, values: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} = "):
        random_features(C1, CG, *values)
