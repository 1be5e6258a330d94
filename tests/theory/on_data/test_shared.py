"""Kernels that steps and readouts share, against those worked out one by one."""

from typing import Any

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.on_data import curve, family, shared
from polyspike.theory.on_data.curve import Step, kinds_of
from polyspike.theory.on_data.family import Precision
from polyspike.theory.on_data.shared import SharedKernels
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, Network, Sample

STEPS = [0.0, 1.0, 2.0, 4.0, 8.0]
EXACT = Precision(np.float64, 1e-9, 1e-8, 1e-9)


def samples() -> list[Sample]:
    rng = np.random.default_rng(5)
    found = []
    for rows in (70, 90, 40):
        x = rng.standard_normal((rows, 30)) * np.linspace(0.3, 1.8, 30)
        found.append(Sample(x, x[:, -1] + 0.5 * x[:, -2] * x[:, -3]))
    return found


def kernels_of(gradient: str) -> tuple[Network, Any, SharedKernels]:
    network = Network(as_activation("softplus"), 80, gradient, "gaussian")
    first, fit, test = samples()
    kinds = kinds_of(network, (first, fit, test), DEFAULT_ACCURACY, False, STEPS[-1])
    return network, kinds, SharedKernels(network, kinds, STEPS, fit, test, DEFAULT_ACCURACY)


def alone(network: Network, kinds: Any, step: float) -> Step:
    _, fit, test = samples()
    return Step(network, kinds, step, fit, test, DEFAULT_ACCURACY)


@pytest.mark.parametrize(("gradient", "share"), [("target", 0.4), ("full", 0.8)])
def test_every_step_is_spanned_on_all_rows(gradient: str, share: float) -> None:
    """The sample is 48 and 16 of these rows; what is lost on the others is as small."""
    network, kinds, common = kernels_of(gradient)
    assert len(common.basis.chosen) < share * sum(len(neurons.nodes) for neurons in common.neurons)
    for k in (1, 4):
        step, one = common.at(k), alone(network, kinds, STEPS[k])
        found, exact = (some.family(EXACT)[0] for some in (step, one))
        of_test = step.test_kernels(slice(0, 40), found)
        by_one = one.test_kernels(slice(0, 40), exact)
        weights = exact.weights * np.random.default_rng(k).uniform(0.3, 1, len(exact.weights))
        pairs = [
            (found.combined(weights), exact.combined(weights)),
            (
                np.tensordot(weights @ of_test.mix, of_test.parts, 1),
                np.tensordot(weights @ by_one.mix, by_one.parts, 1),
            ),
            (weights @ of_test.diagonals, weights @ by_one.diagonals),
        ]
        for there, wanted in pairs:
            assert np.linalg.norm(there - wanted) < 1e-4 * np.linalg.norm(wanted)


def test_linear_parts_are_spanned_with_the_kernels() -> None:
    network, kinds, common = kernels_of("full")
    found, wanted = common.at(4).linear_parts(), alone(network, kinds, STEPS[4]).linear_parts()
    assert found is not None
    assert wanted is not None
    for there, exact in ((found.means, wanted.means), (found.slopes, wanted.slopes)):
        by_weight = np.sqrt(wanted.weights)
        error = np.tensordot(by_weight, np.abs(there - exact), 1)
        assert np.linalg.norm(error) < 1e-3 * np.linalg.norm(np.tensordot(by_weight, np.abs(exact), 1))


def test_means_that_are_rounding_are_not_spanned() -> None:
    """Those of an odd activation without a step: made as large as others they would be kernels that rounding chose."""
    columns = np.random.default_rng(3).standard_normal((4, 50))
    assert not np.any(shared._beside(1e-17 * columns, columns))
    found = shared._beside(1e-8 * columns, columns)
    assert np.linalg.norm(found) == pytest.approx(1e-3 * np.linalg.norm(columns))


def test_fewer_kernels_do_not_span_them(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = kernels_of("target")[2].basis
    monkeypatch.setattr(shared, "LOST", 1e-2)
    coarse = kernels_of("target")[2].basis
    assert len(coarse.chosen) < len(fine.chosen)
    assert fine.lost < 3e-6 < coarse.lost < 1e-2


def test_steps_have_kernels_of_their_own_where_shared_ones_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of ``h3`` do, whose kernels after long steps are 10^6 times those without."""
    network, rows, ridges = Network(as_activation("softplus"), 80, "target", "gaussian"), samples(), [0.1]
    monkeypatch.setattr(family, "FEW_ROWS", 1)
    together = curve.step_curve(network, (rows[0], rows[1], rows[2]), [1.0, 4.0], ridges)

    def fail(*_: Any, **__: Any) -> None:
        raise NumericalError(Status.SINGULAR, "not positive definite")

    monkeypatch.setattr(curve, "SharedKernels", fail)
    told: list[float] = []
    alone = curve.step_curve(network, (rows[0], rows[1], rows[2]), [1.0, 4.0], ridges, tell=told.append)
    assert told == [0.5, 1.0]
    for (one,), (other,) in zip(together, alone, strict=True):
        assert np.mean(other.test_squares) == pytest.approx(np.mean(one.test_squares), rel=4 / 30)
        assert other.normal


def test_large_kernels_are_held_in_double_precision_and_fully() -> None:
    small, large = (family.precision_for(np.full(1000, size), 0.01) for size in (1.0, 1e4))
    assert small.dtype is np.float32
    assert large.dtype is np.float64
    assert large.compression < small.compression


def test_short_rows_beside_very_long_ones_are_spanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row relative to its own size; on one scale the long rows would be all that counts."""
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((250, 30)) * np.arange(1, 31) ** -0.5
    inputs /= np.sqrt(rng.chisquare(2, 250) * np.mean(inputs**2))[:, None]
    first, fit, test = (Sample(x, np.tanh(x[:, 0])) for x in np.split(inputs, [70, 170]))
    network = Network(as_activation("softplus"), 80, "target", "gaussian")
    kinds = kinds_of(network, (first, fit, test), DEFAULT_ACCURACY, False, STEPS[-1])

    def typical() -> float:
        common = SharedKernels(network, kinds, STEPS, fit, test, DEFAULT_ACCURACY)
        found = []
        for k in (1, 4):
            step, one = common.at(k), Step(network, kinds, STEPS[k], fit, test, DEFAULT_ACCURACY)
            there, wanted = (s.test_kernels(slice(0, 80), s.family(EXACT)[0]) for s in (step, one))
            mixed = (one.neurons.weights @ wanted.mix, one.neurons.weights @ there.mix)
            exact, shared_rows = (np.tensordot(w, r.parts, 1) for w, r in zip(mixed, (wanted, there), strict=True))
            found.append(np.linalg.norm(shared_rows - exact, axis=1) / np.linalg.norm(exact, axis=1))
        return float(np.median(found))

    scaled = typical()
    monkeypatch.setattr(shared, "_TINY_ROW", 1e12)
    assert scaled < 1e-5
    assert typical() > 5 * scaled


def test_the_longest_rows_are_spanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """On columns with heavy tails a tenth of the rows differ from one another by factors, and make the test error.

    Of twelve such sets of rows, one where a sample that is spread evenly does worst.
    """
    rng = np.random.default_rng(1)
    inputs = rng.standard_t(1.5, (770, 20)) * np.arange(1, 21) ** -0.25
    inputs /= np.sqrt(np.mean(inputs**2))
    first, fit, test = (Sample(x, np.tanh(x[:, 0])) for x in np.split(inputs, [150, 370]))
    network = Network(as_activation("softplus"), 120, "target", "gaussian")
    kinds, steps = kinds_of(network, (first, fit, test), DEFAULT_ACCURACY, False, 16.0), [0.0, 6.0, 16.0]
    step = Step(network, kinds, steps[-1], fit, test, DEFAULT_ACCURACY)
    longest = np.argsort(-np.linalg.norm(test.inputs, axis=1))[:40]

    def rows_of(some: Any) -> Any:
        found = some.test_kernels(slice(0, 400), some.family(EXACT)[0])
        return np.tensordot(step.neurons.weights @ found.mix, found.parts, 1)[longest]

    wanted = rows_of(step)

    def worst() -> float:
        found = rows_of(SharedKernels(network, kinds, steps, fit, test, DEFAULT_ACCURACY).at(2))
        return float(np.max(np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)))

    dense = worst()
    monkeypatch.setattr(shared, "_spread", _evenly)
    assert dense < 1e-5
    assert worst() > 1e-4


def _evenly(inputs: Any, count: int) -> Any:
    order = np.argsort(np.linalg.norm(inputs, axis=1))
    return inputs[order[np.linspace(0, len(order) - 1, count).astype(int)]]
