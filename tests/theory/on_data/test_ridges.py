"""What a resolvent starts from at another step or ridge, and products in single precision at a small ridge."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.theory.on_data.errors import row_errors
from polyspike.theory.on_data.family import Precision, compress
from polyspike.theory.on_data.resolvent import solve
from polyspike.theory.on_data.response import by_difference, respond
from polyspike.theory.on_data.ridges import Known, between, lagrange, start, step_weights
from polyspike.theory.on_data.step import RowKernels
from polyspike.theory.on_data.symmetric import filled, sandwich

RIDGES = (0.1, 1.0)
EARLY = Precision(np.float64, 5e-4, 4e-4, 1e-7)
EXACT = Precision(np.float64, 1e-12, 1e-11, 1e-12)
COARSE = Precision(np.float64, 1e-2, 1e-2, 1e-12)
CHANGE = 1e-3
SINGLE = Precision(np.float32, 5e-4, 4e-4, 1e-7)


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
    zetas, echoes = past.expected(8.0, there)
    line, _ = past.without(2).expected(8.0, there)
    for ridge in RIDGES:
        wanted = smooth(8.0, there, ridge)
        assert np.max(np.abs(zetas[ridge] - wanted)) < 1e-4
        assert np.max(np.abs(echoes[ridge] - wanted)) < 1e-4
        assert np.max(np.abs(line[ridge] - wanted)) > 1e-2, "a line is not the parabola"


def test_the_next_ridge_is_on_the_parabola_of_what_was_not_expected() -> None:
    """Of the three nearest; of the logarithms themselves where nothing was expected."""
    nodes = np.sinh(np.linspace(-2.5, 2.5, 21))
    ridges = (10.0, 1.0, 0.3, 0.1)
    change = {r: np.log(r) * np.cos(nodes) + np.log(r) ** 2 for r in ridges}
    expected = {r: np.exp(np.log(r) / 2) * np.sin(nodes) for r in ridges}
    logs = {r: expected[r] + change[r] for r in ridges}
    known = {r: logs[r] for r in ridges[:3]}
    both, plain = start(known, 0.1, expected), start({r: change[r] for r in ridges[:3]}, 0.1, {})
    alone, none = start(known, 0.1, {}), start({}, 0.1, expected)
    assert both is not None
    assert plain is not None
    assert alone is not None
    assert none is not None
    np.testing.assert_allclose(both, logs[0.1], atol=1e-12)
    np.testing.assert_allclose(plain, change[0.1], atol=1e-12)
    assert np.max(np.abs(alone - logs[0.1])) > 1e-2, "what is expected counts"
    assert start({}, 0.1, {}) is None
    np.testing.assert_array_equal(none, expected[0.1])


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


def test_the_response_starts_from_the_echo_of_another() -> None:
    """The echo of a response makes its first trial, which is then the whole of it."""
    rng = np.random.default_rng(2)
    n, width, w = 60, 40, np.array([0.2, 0.8])
    rows = rng.standard_normal((n, 8))
    kernels = np.array([np.exp(scale * (rows @ rows.T / 8 - 1)) for scale in (0.5, 1.5)])
    family, target = compress(kernels, w, EXACT), rows[:, 0]
    found = solve(family, 0.1, width)
    response, _ = respond(family, found, target, width)
    again, _ = respond(family, found, target, width, None, response.echo)
    source = family.weights * found.zeta / width * family.forms(*[response.vector[:, None]] * 2)
    answer = response.by_response / found.zeta
    echoed = source + family.weights * found.zeta / width * response.echo * np.sum(np.abs(source))
    np.testing.assert_allclose(echoed, answer, rtol=1e-9)
    np.testing.assert_allclose(again.by_response, response.by_response, rtol=1e-9)
    spread = sandwich(found.inverse, filled(response.middle, n))
    np.testing.assert_allclose(response.echo, family.traces(spread) / np.sum(np.abs(source)), rtol=1e-9)


def changed(scales: tuple[float, ...], by_readout: Array) -> tuple[Array, Array]:
    """The echo and the trace by a difference, and by products; identities among the kernels have no rows."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((80, 8))
    kernels = np.array([np.exp(scale * (rows @ rows.T / 8 - 1)) if scale else np.eye(80) for scale in scales])
    family = compress(kernels, np.array([0.2, 0.8]), EXACT._replace(change=CHANGE))
    found = solve(family, 0.1, 40)
    moved = by_difference(family, found, by_readout)
    assert moved is not None
    spread = sandwich(found.inverse, family.combined(by_readout))
    return np.append(*moved), np.append(family.traces(spread), np.trace(spread))


def test_a_difference_of_inverses_is_nearly_the_derivative() -> None:
    for by_readout in (np.array([0.1, 0.5]), np.array([3.0, -0.2])):
        found, exact = changed((0.5, 1.5), by_readout)
        assert np.max(np.abs(found / exact - 1)) < CHANGE
    found, exact = changed((0.0, 0.0), np.array([0.1, 0.5]))
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    np.testing.assert_array_equal(changed((0.5, 1.5), np.zeros(2))[0], 0.0)


def test_a_difference_to_no_positive_kernel_is_refused() -> None:
    family = compress(np.array([np.eye(30), np.diag([1e6] + [0.0] * 29)]), np.array([1.0, 1e-9]), EXACT)
    family = replace(family, precision=EXACT._replace(change=0.5))
    found = solve(family, 1e-3, 20)
    assert by_difference(family, found, np.array([0.0, -1.0])) is None


@pytest.mark.parametrize("shift", [30.0, 1e-3])
def test_differences_serve_where_little_is_answered(shift: float) -> None:
    """At a large ridge, where the response is nearly its source, or of what a trial leaves; not after large changes."""
    rng = np.random.default_rng(5)
    rows, w = rng.standard_normal((80, 8)), np.array([0.2, 0.8])
    kernels = np.array([np.exp(scale * (rows @ rows.T / 8 - 1)) for scale in (0.5, 1.5)])
    answers = {}
    for change in (0.0, CHANGE, 1e6):
        family = compress(kernels, w, EXACT._replace(response=1e-6, change=change))
        answers[change] = respond(family, solve(family, shift, 40), rows[:, 0], 40)[0].by_response
    off = np.max(np.abs(answers[CHANGE] / answers[0.0] - 1))
    assert 1e-12 < off < 2e-4
    np.testing.assert_array_equal(answers[1e6], answers[0.0])


def test_one_step_more_is_nearer_to_the_solution() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((60, 8))
    kernels = np.array([np.exp(scale * (rows @ rows.T / 8 - 1)) for scale in (0.5, 1.5)])
    early, late = (solve(compress(kernels, np.array([0.2, 0.8]), p), 0.1, 40) for p in (COARSE, EXACT))
    off = np.max(np.abs(np.log(early.zeta / late.zeta)))
    assert off > 1e-6
    assert np.max(np.abs(early.nearer - np.log(late.zeta))) < off / 20


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
        errors.append(row_errors([(found, response)], of_rows, tested)[0])
        mean = np.tensordot(response.by_zeta.astype(dtype), of_rows.parts, axes=1)
        by_matrix.append(np.sum((mean @ sandwich(found.inverse, filled(response.middle, n))) * mean) / len(tested))
    assert np.mean(errors[1]) == pytest.approx(np.mean(errors[0]), rel=1e-4)
    assert abs(by_matrix[1] - by_matrix[0]) > 1e-3 * np.mean(errors[0])
