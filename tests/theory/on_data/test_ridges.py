"""What a resolvent starts from at another step or ridge, and products in single precision at a small ridge."""

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.theory.on_data.errors import row_errors
from polyspike.theory.on_data.family import Precision, compress, mirrored, sandwich
from polyspike.theory.on_data.resolvent import solve
from polyspike.theory.on_data.response import respond
from polyspike.theory.on_data.ridges import Known, between, lagrange, step_weights
from polyspike.theory.on_data.step import RowKernels

RIDGES = (0.1, 1.0)
EARLY = Precision(np.float64, 5e-5, 3e-4, 1e-7)
SINGLE = Precision(np.float32, 5e-5, 3e-4, 1e-7)


def smooth(step: float, nodes: Array, ridge: float) -> Array:
    """Quadratic in the logarithm of the step."""
    slope: Array = -np.log1p(nodes**2) * (1 + np.log(step) + np.log(step) ** 2 / 4) * (1 + ridge)
    return slope


def known(step: float, nodes: Array, earlier: Known | None) -> Known:
    found = {ridge: smooth(step, nodes, ridge) for ridge in RIDGES}
    return Known(step, nodes, found, found, {}, earlier)


def test_the_next_step_is_on_the_parabola_of_the_last_three() -> None:
    past: Known | None = None
    for step, count in ((1.0, 41), (2.0, 51), (4.0, 51)):
        past = known(step, np.sinh(np.linspace(-2.6, 2.6, count)), past)
    assert past is not None
    there = np.sinh(np.linspace(-2.5, 2.5, 30))
    zetas, gains = past.expected(8.0, there)
    for ridge in RIDGES:
        wanted = smooth(8.0, there, ridge)
        assert np.max(np.abs(zetas[ridge] - wanted)) < 1e-4
        assert np.max(np.abs(gains[ridge] - wanted)) > 1e-2, "a line is not the parabola"


def test_shorter_and_far_steps_are_not_extrapolated() -> None:
    assert step_weights([4.0, 2.0, 1.0], 8.0) == pytest.approx([3, -3, 1])
    assert step_weights([4.0, 2.0, 1.0], 2.0) == pytest.approx([1])
    assert step_weights([1.01, 1.0], 100.0) == pytest.approx([1])
    nodes = np.sinh(np.linspace(-2.6, 2.6, 15))
    after_none = known(1.0, nodes, Known(0.0, np.zeros(1), {}, {}, {}))
    np.testing.assert_array_equal(after_none.expected(2.0, nodes)[0][0.1], smooth(1.0, nodes, 0.1))


def test_lagrange_and_splines() -> None:
    points = np.array([0.0, 1.0, 3.0])
    assert lagrange(points, 5.0) @ (2 - points + points**2) == pytest.approx(22)
    coarse, fine = (np.sinh(np.linspace(-2.6, 2.6, count)) for count in (15, 40))
    wanted, values = np.log1p(fine**2), np.log1p(coarse**2)
    spline, line = (
        np.max(np.abs(v - wanted)) for v in (between(fine, coarse, values), np.interp(fine, coarse, values))
    )
    assert spline < line / 5


def test_upper_blocks_make_the_product() -> None:
    rng = np.random.default_rng(0)
    left, middle = (m + m.T for m in rng.standard_normal((2, 37, 37)))
    np.testing.assert_allclose(sandwich(left, middle), left @ middle @ left, rtol=1e-12, atol=1e-11)
    np.testing.assert_array_equal(mirrored(np.triu(left)), left)


def test_single_precision_serves_at_a_small_ridge() -> None:
    """The form of a row is small beside the matrix ``B^-1 C B^-1``, which would lose it in single precision."""
    rng = np.random.default_rng(1)
    n, width, ridge, w = 120, 70, 1e-6, np.array([0.5, 0.5])
    rows = rng.standard_normal((n + 40, 12))
    kernels = [np.exp(scale * (rows @ rows.T / 12 - 1)) for scale in (0.5, 0.8)]
    target, tested = rows[:n, 0], rows[n:, 0]
    errors, by_matrix = [], []
    for precision in (EARLY, SINGLE):
        dtype = precision.dtype
        fit = np.array([np.ascontiguousarray(k[:n, :n]) for k in kernels]).astype(dtype)
        family = compress(fit, w, precision)
        found = solve(family, ridge * n / width, width)
        response, _ = respond(family, found, target, width)
        of_rows = RowKernels(np.eye(2), np.array([k[n:, :n] for k in kernels]).astype(dtype), np.ones((2, 40)), None)
        errors.append(row_errors(response, found, of_rows, tested))
        mean = np.tensordot(response.by_zeta.astype(dtype), of_rows.parts, axes=1)
        by_matrix.append(np.sum((mean @ sandwich(found.inverse, response.middle)) * mean) / len(tested))
    assert np.mean(errors[1]) == pytest.approx(np.mean(errors[0]), rel=1e-4)
    assert abs(by_matrix[1] - by_matrix[0]) > 1e-3 * np.mean(errors[0])
