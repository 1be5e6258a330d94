"""Pieces of the theory on data against closed forms, quadrature and sampled neurons."""

from typing import Any

import numpy as np
import pytest
from scipy.special import erfc

from polyspike import as_activation
from polyspike.hermite import gauss_hermite, hermite_functions
from polyspike.theory.on_data.errors import row_errors, train_errors
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import compress
from polyspike.theory.on_data.features import (
    MovedRows,
    RowLaw,
    correlation,
    cross_kernel,
    kernel_of,
    row_law,
    series_of,
)
from polyspike.theory.on_data.gradient_rows import deviations, gradient_moments, slope_moments
from polyspike.theory.on_data.hermite_moments import hermite_moments, slope_energy
from polyspike.theory.on_data.initial_output import _law, initial_outputs
from polyspike.theory.on_data.readouts import length_nodes, readout_nodes
from polyspike.theory.on_data.resolvent import solve
from polyspike.theory.on_data.response import respond
from polyspike.theory.on_data.series import Series, cut_bound, lumped, power_series
from polyspike.theory.on_data.step import RowKernels
from polyspike.theory.on_data.symmetric import filled

RNG = np.random.default_rng(4)
X = RNG.standard_normal((40, 15)) * np.linspace(0.3, 1.6, 15)
Y = X[:, 0] - 0.5 * X[:, 1] + 0.3 * RNG.standard_normal(40)
NAMES = ("relu", "leaky_relu", "tanh", "softplus", "uncentred gelu")


def kinked(x: Any) -> Any:
    return np.abs(x - 0.3) + 0.1 * x**2


KINKED = as_activation(kinked, derivative=lambda x: np.sign(x - 0.3) + 0.2 * x, kinks=(0.3,))


@pytest.mark.parametrize("activation", [*NAMES, KINKED], ids=str)
def test_hermite_moments_against_a_fine_rule(activation: Any) -> None:
    sigma = as_activation(activation)
    mean, deviation = np.array([0.0, 0.7, -1.9]), np.array([1.0, 0.3, 2.2])
    found = hermite_moments(sigma, mean, deviation, 6)
    z = np.linspace(-9, 9, 400_001)
    w = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    values = sigma(mean[:, None] + deviation[:, None] * z)
    np.testing.assert_allclose(found.coefficients, (hermite_functions(z, 6) * w) @ values.T, atol=2e-9)
    np.testing.assert_allclose(found.energy, values**2 @ w, rtol=1e-8)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_slope_moments_against_quadrature(activation: str) -> None:
    sigma, t = as_activation(activation), np.array([0.4, 1.0, 1.7])
    z = np.linspace(-9, 9, 400_001)
    w = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    slope = sigma.derivative(t[:, None] * z)
    np.testing.assert_allclose(
        slope_moments(sigma, t, 4).coefficients, (hermite_functions(z, 4) * w) @ slope.T, atol=3e-5
    )
    np.testing.assert_allclose(slope_energy(sigma, t), slope**2 @ w, rtol=1e-4)


@pytest.mark.parametrize("degree", [4, 8, 16])
def test_the_bound_of_the_cut_holds_and_is_not_idle(degree: int) -> None:
    """ReLU, whose kernel is known: ``(sqrt(1 - r^2) + r (pi - arccos r)) / 2 pi`` at unit deviation."""
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    rho = np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(rho, 1.0)
    exact = (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))) / (2 * np.pi)
    series = lumped(hermite_moments(as_activation("uncentred relu"), np.zeros(40), np.ones(40), degree + 2))
    error = np.linalg.norm(power_series(series, series, rho) - exact)
    np.testing.assert_allclose(np.diagonal(power_series(series, series, rho)), 0.5, rtol=1e-12)
    assert 1e-3 * cut_bound(series, rho) < error <= cut_bound(series, rho)


@pytest.mark.parametrize("rows", [1, 40, 500])
def test_the_bound_of_the_cut_counts_every_pair_of_rows(rows: int) -> None:
    """Of 500 rows there are several slabs."""
    rng = np.random.default_rng(rows)
    unit = rng.standard_normal((rows, 9))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rho, series = unit @ unit.T, Series(np.zeros((6, rows)), rng.random(rows))
    between = rho**8 - np.diag(np.diagonal(rho) ** 8)
    assert cut_bound(series, rho) == pytest.approx(2 * np.sqrt(series.tail @ between @ series.tail), rel=1e-12)


@pytest.mark.parametrize("rows", [3, 64, 150])
def test_blocks_of_rows_make_the_mean_kernel_over_kinds(rows: int) -> None:
    """And its bound, and the kernel between two sets of rows."""
    rng = np.random.default_rng(rows)
    sigma, weights = as_activation("relu"), np.array([1.3, -0.3])
    inputs = rng.standard_normal((rows + 70, 9))
    laws = [RowLaw(m, t, x / np.linalg.norm(x, axis=1)[:, None]) for m, t, x in _laws(rng, inputs)]
    fit, others = ([RowLaw(*(a[some] for a in law[:3])) for law in laws] for some in (slice(rows), slice(rows, None)))
    of_fit, of_others = ([series_of(sigma, law, 6) for law in some] for some in (fit, others))
    each = [power_series(s, s, correlation(law, law)) for law, s in zip(fit, of_fit, strict=True)]
    found, bound = kernel_of(fit, of_fit, weights)
    np.testing.assert_allclose(filled(found, rows), np.tensordot(weights, each, 1), rtol=1e-12, atol=1e-12)
    bounds = [cut_bound(s, correlation(law, law)) for law, s in zip(fit, of_fit, strict=True)]
    assert bound == pytest.approx(np.abs(weights) @ bounds, rel=1e-12)
    between = [power_series(a, b, correlation(x, y)) for a, b, x, y in zip(of_others, of_fit, others, fit, strict=True)]
    crossed = cross_kernel((others, of_others), (fit, of_fit), weights)
    np.testing.assert_allclose(crossed, np.tensordot(weights, between, 1), rtol=1e-12, atol=1e-12)
    single, short = (
        kernel_of(fit, of_fit, weights, np.float32)[0],
        cross_kernel((others, of_others), (fit, of_fit), weights, np.float32),
    )
    assert single.dtype == short.dtype == np.float32
    np.testing.assert_allclose(single, found, atol=1e-5)
    np.testing.assert_allclose(short, crossed, atol=1e-5)


def _laws(rng: Any, inputs: Any) -> Any:
    for size in (1.0, 1.4):
        yield 0.1 * rng.standard_normal(len(inputs)), size * np.ones(len(inputs)), inputs + rng.standard_normal(9)


def kernel(sigma: Any, law: RowLaw, degree: int) -> Any:
    return filled(kernel_of([law], [series_of(sigma, law, degree)], np.ones(1))[0], len(law.mean))


def test_the_kernel_of_many_sampled_neurons() -> None:
    """No Gaussian assumption is needed without a step; the rows of W0 are normal here, as in the theory."""
    sigma = as_activation("relu")
    law = row_law(MovedRows.of(X, gradient_moments(sigma, X, Y)), 0.0, 0.0, 50)
    w = RNG.standard_normal((200_000, 15)) / np.sqrt(15)
    features = sigma(X @ w.T)
    sampled, spread = features @ features.T / 2e5, (features**2 @ features.T**2) / 2e5
    z = (kernel(sigma, law, 24) - sampled) / np.sqrt(spread / 2e5)
    assert np.max(np.abs(z)) < 5


def test_signed_lengths_make_a_sphere_of_normal_weights() -> None:
    """ReLU on four columns, where a normal weight is far from one on the sphere: exact, and the normal one is not."""
    sigma, x = as_activation("relu"), X[:6, :4]
    lengths, weights = length_nodes(4)
    moments = [gradient_moments(sigma, x, Y[:6], length=s) for s in lengths]
    kernels = [kernel(sigma, row_law(MovedRows.of(x, m), 0.0, 0.0, 50), 48) for m in moments]
    w = RNG.standard_normal((400_000, 4))
    features = sigma(x @ (w / np.linalg.norm(w, axis=1, keepdims=True)).T)
    sampled, spread = features @ features.T / 4e5, (features**2 @ features.T**2) / 4e5
    error = np.sqrt(spread / 4e5)
    assert np.max(np.abs(np.tensordot(weights, kernels, axes=1) - sampled) / error) < 5
    normal = kernel(sigma, row_law(MovedRows.of(x, gradient_moments(sigma, x, Y[:6])), 0.0, 0.0, 50), 48)
    assert np.max(np.abs(normal - sampled) / error) > 10


def test_mean_and_covariance_of_a_moved_neuron() -> None:
    """Exact, whatever its law: 200,000 sampled neurons, each pair of rows within five standard errors."""
    sigma, step, width, u = as_activation("softplus"), 8.0, 50, 1.3
    law = row_law(MovedRows.of(X[:8], gradient_moments(sigma, X, Y)), u, step, width)
    w = RNG.standard_normal((200_000, 15)) / np.sqrt(15)
    moved = w + u * step / np.sqrt(width) * (sigma.derivative(w @ X.T) * Y) @ X / len(Y)
    h = moved @ X[:8].T
    assert np.max(np.abs(h.mean(axis=0) - law.mean) / (h.std(axis=0) / np.sqrt(2e5))) < 5
    centred = h - law.mean
    products = centred.T @ centred / 2e5
    spread = np.sqrt((centred**2).T @ centred**2 / 2e5 / 2e5)
    predicted = correlation(law, law) * np.outer(law.deviation, law.deviation)
    assert np.max(np.abs(products - predicted) / spread) < 5


def test_all_pairs_count_in_the_noise() -> None:
    """The diagonal of the noise's covariance alone would miss a good part of it on rows that are correlated."""
    moments = gradient_moments(as_activation("tanh"), X, Y)
    t = deviations(X)
    slope = slope_moments(as_activation("tanh"), t)
    high = slope.energy - slope.coefficients[0] ** 2 - slope.coefficients[1] ** 2
    diagonal = (X.T * (Y**2 * high)) @ X / len(Y) ** 2
    whole = moments.noise_factor @ moments.noise_factor.T
    assert np.linalg.norm(whole - diagonal) > 0.05 * np.linalg.norm(whole)


def test_initial_outputs_have_the_right_second_moment() -> None:
    """Each energy is the mean one up to what is left of the products of different coordinates, a few percent here."""
    outputs = list(initial_outputs(as_activation("relu"), X, Y, "gaussian", 50, pairs=16))
    assert len(outputs) == 32
    assert sum(one.share for one in outputs) == pytest.approx(1.0)
    np.testing.assert_allclose(sum(one.values for one in outputs), 0.0, atol=1e-12)
    assert np.mean([one.omega @ one.omega for one in outputs]) == pytest.approx(1.0, rel=0.06)
    energy = hermite_moments(as_activation("relu"), np.zeros(40), deviations(X), 2).energy
    assert np.mean([one.values @ one.values for one in outputs]) == pytest.approx(energy.sum(), rel=0.06)


def test_a_strong_coordinate_of_the_initial_output_has_its_fourth_moment() -> None:
    """Inputs that are not centred: the second and fourth moment of 3,000 networks along the strongest eigenvector."""
    sigma, x = as_activation("relu"), X + 2.0
    outputs = list(initial_outputs(sigma, x, Y, "gaussian", 400))
    assert len(outputs) == 4
    strongest = _law(sigma, x, Y, "gaussian", 400).along[:, 0]
    along = np.array([one.values @ strongest for one in outputs])
    shares = np.array([one.share for one in outputs])
    w = RNG.standard_normal((3000, 400, 15)) / np.sqrt(15)
    drawn = np.einsum("knr,kn->kr", sigma(w @ x.T), RNG.standard_normal((3000, 400)) / 20) @ strongest
    for power in (2, 4):
        powers = drawn**power
        error = powers.std() / np.sqrt(len(powers))
        assert abs(shares @ along**power - powers.mean()) < 4 * error
    # A coordinate of plus or minus its deviation has a third of it.
    assert abs((shares @ along**2) ** 2 - powers.mean()) > 4 * error


@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0])
def test_nodes_of_a_normal_readout(scale: float) -> None:
    """Moments, and a function that is as sharp as the kernels are."""
    u, w = readout_nodes("gaussian", 25, scale)
    np.testing.assert_allclose([w @ u**k for k in (1, 2, 4)], [0, 1, 3], atol=1e-6)
    fine = np.linspace(-8, 8, 1_000_001)
    weights = np.exp(-(fine**2) / 2) / np.sqrt(2 * np.pi) * (fine[1] - fine[0])
    exact = float(weights @ (1 / (1 + (fine / scale) ** 2)))
    assert w @ (1 / (1 + (u / scale) ** 2)) == pytest.approx(exact, rel=1e-6)


def test_gauss_hermite_nodes_would_not_do() -> None:
    u, w = gauss_hermite(31)
    exact = 0.25 * np.sqrt(np.pi / 2) * np.exp(0.25**2 / 2) * erfc(0.25 / np.sqrt(2))
    assert abs(w @ (1 / (1 + (u / 0.25) ** 2)) / exact - 1) > 1e-3
    u, w = readout_nodes("gaussian", 25, 0.25)
    assert w @ (1 / (1 + (u / 0.25) ** 2)) == pytest.approx(exact, rel=1e-6)


def family(width: int) -> Any:
    sigma = as_activation("tanh")
    rows = MovedRows.of(X, gradient_moments(sigma, X, Y))
    u, w = readout_nodes("gaussian", 15, 0.5)
    laws = [row_law(rows, node, 6.0, width) for node in u]
    kernels = np.stack([kernel(sigma, law, 8) for law in laws])
    return kernels, w


def linear_parts(width: int, nodes: int = 15) -> LinearParts:
    """Of the same rows and readouts."""
    sigma = as_activation("tanh")
    rows = MovedRows.of(X, gradient_moments(sigma, X, Y))
    u, w = readout_nodes("gaussian", nodes, 0.5)
    laws = [row_law(rows, node, 6.0, width) for node in u]
    series = [series_of(sigma, law, 8) for law in laws]
    slopes = [s.coefficients[1][:, None] * law.unit[:, :15] for s, law in zip(series, laws, strict=True)]
    return LinearParts(u, w, np.array([s.coefficients[0] for s in series]), np.array(slopes))


def some_rows(parts: LinearParts, rows: slice, scale: Any = 1.0) -> LinearParts:
    return LinearParts(
        parts.nodes, parts.weights, (parts.means * scale)[:, rows], (parts.slopes * np.reshape(scale, (-1, 1)))[:, rows]
    )


def test_the_fixed_point_solves_its_equation() -> None:
    kernels, w = family(60)
    found = solve(compress(kernels, w), 0.05, 60)
    b = np.tensordot(w * found.zeta, kernels, axes=1) + 0.05 * np.eye(40)
    np.testing.assert_allclose(found.inverse @ b, np.eye(40), atol=1e-5)
    traces = np.einsum("uij,ij->u", kernels, found.inverse)
    np.testing.assert_allclose(found.zeta * (1 + traces / 60), 1.0, rtol=1e-5)


@pytest.mark.parametrize("full", [False, True])
def test_errors_are_derivatives_of_the_loss(full: bool) -> None:
    """The train error by the ridge; the test error of a row by the weight with which it would join the fit."""
    kernels, w = family(60)
    shift, h = 0.05, 1e-4
    whole, parts = compress(kernels, w), linear_parts(60) if full else None
    found = solve(whole, shift, 60)

    def form(at: float) -> float:
        return float(Y @ respond(whole, solve(whole, at, 60), Y, 60, parts)[0].vector)

    slope = (form(shift * (1 + h)) - form(shift * (1 - h))) / (2 * h * shift)
    response, _ = respond(whole, found, Y, 60, parts)
    assert train_errors(found, response, Y).error == pytest.approx(-(shift**2) * slope / 40, rel=1e-5)


@pytest.mark.parametrize("full", [False, True])
def test_a_test_row_is_a_row_that_joins_with_a_small_weight(full: bool) -> None:
    kernels, w = family(60)
    fit, shift, eps = slice(0, 39), 0.05, 1e-5
    part, parts = compress(np.ascontiguousarray(kernels[:, fit, fit]), w), linear_parts(60)
    of_fit, of_test = (some_rows(parts, rows) if full else None for rows in (fit, slice(39, 40)))
    found = solve(part, shift, 60)
    response, _ = respond(part, found, Y[fit], 60, of_fit)
    row = RowKernels(np.eye(len(w)), kernels[:, 39:, fit], kernels[:, 39:, 39], of_test)
    error = row_errors([(found, response)], row, Y[39:], 60)[0][0]
    joined = kernels.copy()
    scale = np.sqrt(shift * eps)  # a row times a number is a row of another shift
    joined[:, 39] *= scale
    joined[:, :, 39] *= scale
    scales = np.append(np.ones(39), scale)
    y, both = Y * scales, some_rows(parts, slice(None), scales) if full else None
    whole = compress(joined, w)
    inside = float(y @ respond(whole, solve(whole, shift, 60), y, 60, both)[0].vector)
    without = float(Y[fit] @ response.vector)
    assert (inside - without) / eps == pytest.approx(error, rel=2e-3)


def test_the_missing_direction_makes_the_learned_one_cheaper() -> None:
    kernels, w = family(60)
    whole, parts = compress(kernels, w), linear_parts(60)
    found = solve(whole, 0.05, 60)
    without, _ = respond(whole, found, Y, 60)
    response, _ = respond(whole, found, Y, 60, parts)
    assert train_errors(found, response, Y).loss < (1 - 1e-3) * train_errors(found, without, Y).loss


def test_neurons_without_a_linear_part_have_nothing_to_miss() -> None:
    kernels, w = family(60)
    parts = linear_parts(60)
    whole = compress(kernels, w)
    found = solve(whole, 0.05, 60)
    none = LinearParts(parts.nodes, parts.weights, 0 * parts.means, 0 * parts.slopes)
    response, _ = respond(whole, found, Y, 60, none)
    without, _ = respond(whole, found, Y, 60)
    np.testing.assert_allclose(response.vector, without.vector, rtol=1e-12)
    np.testing.assert_allclose(response.middle, without.middle, rtol=1e-6, atol=1e-9)
    assert response.excluded is not None
    assert not response.excluded.factor.any()


@pytest.mark.parametrize("name", ["tanh", "softplus"])
def test_moments_of_a_row_are_the_same_beside_a_long_one(name: str) -> None:
    """A rule follows the deviation of its own row, and is as good as one that is finer by far."""
    activation, mean, deviation = as_activation(name), np.array([0.2, -0.7, 0.0]), np.array([0.5, 1.9, 30.0])
    alone = hermite_moments(activation, mean[:2], deviation[:2], 12)
    beside = hermite_moments(activation, mean, deviation, 12)
    assert np.array_equal(alone.coefficients, beside.coefficients[:, :2])
    z = np.arange(-900, 901) / 100
    weights = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / 100
    fine = (activation.apply(mean[:, None] + deviation[:, None] * z, np) * weights) @ hermite_functions(z, 12).T
    assert np.allclose(beside.coefficients[:, :2], fine.T[:, :2], rtol=0, atol=1e-10)
