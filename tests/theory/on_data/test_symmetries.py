"""What must not change the prediction on data, or must change it in a known way, to rounding."""

from typing import Any

import numpy as np
import pytest

from polyspike import as_activation
from polyspike.arraytypes import Array
from polyspike.theory.on_data import family
from polyspike.theory.on_data.curve import step_curve
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, CurveAccuracy, Network, Sample

STEP, WIDTH = 6.0, 70
SIZES = (60, 80, 30)


def shifted_sine(x: Any) -> Any:
    return np.sin(x + 0.6)


def minus_shifted_sine(x: Any) -> Any:
    return -np.sin(x + 0.6)


def parts(sign: float = 1.0, scale: float = 1.0) -> list[tuple[Array, Array]]:
    rng = np.random.default_rng(8)
    found = []
    for rows in SIZES:
        x = rng.standard_normal((rows, 12)) * np.linspace(0.4, 1.7, 12)
        y = x[:, 0] + 0.4 * x[:, 1] * x[:, 2] + 0.2 * rng.standard_normal(rows)
        found.append((x, sign * scale * y))
    return found


def errors(
    rows: list[tuple[Array, Array]],
    gradient: str,
    readout: str = "gaussian",
    step: float = STEP,
    activation: Any = shifted_sine,
    accuracy: CurveAccuracy = DEFAULT_ACCURACY,
) -> Array:
    gradient_rows, fit, test = (Sample(*part) for part in rows)
    network = Network(as_activation(activation), WIDTH, gradient, readout)
    point = step_curve(network, (gradient_rows, fit, test), [step], [0.05], accuracy)[0][0]
    return np.array([point.train_loss, point.train_error, *np.sort(point.test_squares)])


@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
class TestInvariance:
    def test_order_of_rows_within_a_part(self, gradient: str, readout: str) -> None:
        rng = np.random.default_rng(1)
        mixed = [(x[order], y[order]) for x, y in parts() for order in [rng.permutation(len(y))]]
        np.testing.assert_allclose(errors(mixed, gradient, readout), errors(parts(), gradient, readout), rtol=1e-9)

    def test_rotation_of_the_inputs(self, gradient: str, readout: str) -> None:
        turn, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((12, 12)))
        turned = [(x @ turn, y) for x, y in parts()]
        np.testing.assert_allclose(errors(turned, gradient, readout), errors(parts(), gradient, readout), rtol=1e-9)

    def test_sign_of_labels_and_activation(self, gradient: str, readout: str) -> None:
        """The features change sign and the gradient is the same: ``eps`` and ``sigma'`` both do."""
        there = errors(parts(-1.0), gradient, readout, activation=minus_shifted_sine)
        np.testing.assert_allclose(there, errors(parts(), gradient, readout), rtol=1e-9)


@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("readout", ["gaussian", "rademacher"])
def test_sign_of_the_labels(gradient: str, readout: str) -> None:
    """The law of a readout is symmetric; that of a constant one is not."""
    np.testing.assert_allclose(errors(parts(-1.0), gradient, readout), errors(parts(), gradient, readout), rtol=1e-9)


def test_the_sign_of_the_labels_counts_for_a_constant_readout() -> None:
    difference = errors(parts(-1.0), "target", "constant") / errors(parts(), "target", "constant") - 1
    assert np.max(np.abs(difference)) > 1e-3


def test_labels_times_a_number_are_a_step_times_it_for_the_target_gradient() -> None:
    np.testing.assert_allclose(errors(parts(scale=2.0), "target", step=3.0), 4 * errors(parts(), "target"), rtol=1e-9)


def test_the_full_gradient_does_not_scale_so() -> None:
    difference = errors(parts(scale=2.0), "full", step=3.0) / (4 * errors(parts(), "full")) - 1
    assert np.max(np.abs(difference)) > 1e-3


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
def test_without_a_step_the_gradient_does_not_count(readout: str) -> None:
    still = errors(parts(), "target", "gaussian", step=0.0)
    np.testing.assert_allclose(errors(parts(), "full", readout, step=0.0), still, rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_nodes_are_enough(activation: str) -> None:
    few, many = (errors(parts(), "target", activation=activation, accuracy=CurveAccuracy(nodes=k)) for k in (21, 41))
    np.testing.assert_allclose(few, many, rtol=1e-6)
    np.testing.assert_allclose(few[:2], many[:2], rtol=1e-7)


def test_too_few_nodes_are_seen() -> None:
    few, many = (errors(parts(), "target", activation="relu", accuracy=CurveAccuracy(nodes=k)) for k in (5, 41))
    assert np.max(np.abs(few / many - 1)) > 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_kernel_written_out_further_changes_less_than_its_bound(activation: str) -> None:
    """Of the train loss, which moves by less than the bound of the kernel over the shift, relative."""
    gradient, fit, test = (Sample(*part) for part in parts())
    network = Network(as_activation(activation), WIDTH, "target", "gaussian")
    rough, fine = (
        step_curve(network, (gradient, fit, test), [STEP], [0.05], CurveAccuracy(degree=k))[0][0] for k in (6, 48)
    )
    assert fine.cut < rough.cut
    assert 0 < abs(rough.train_loss / fine.train_loss - 1) < rough.cut


@pytest.mark.parametrize(
    ("activation", "gradient", "readout"), [("tanh", "full", "gaussian"), ("relu", "target", "rademacher")]
)
def test_single_precision_and_early_ends_change_less_than_they_say(
    activation: str, gradient: str, readout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What many rows are worked out in, here with few, over a grid whose points start from their neighbours."""
    network = Network(as_activation(activation), WIDTH, gradient, readout)
    gradient_rows, fit, test = (Sample(*part) for part in parts())
    rows = gradient_rows, fit, test
    grid = ([0.0, STEP, 1.5 * STEP], [0.01, 0.1, 1.0])
    exact = step_curve(network, rows, *grid, CurveAccuracy(nodes=31))
    monkeypatch.setattr(family, "FEW_ROWS", 1)
    fast = step_curve(network, rows, *grid)
    for slow_row, fast_row in zip(exact, fast, strict=True):
        for slow, quick in zip(slow_row, fast_row, strict=True):
            assert slow.numerics < 1e-7 < quick.numerics < 1e-3
            found = [quick.train_loss, quick.train_error, quick.test_squares.mean()]
            wanted = [slow.train_loss, slow.train_error, slow.test_squares.mean()]
            np.testing.assert_allclose(found, wanted, rtol=quick.numerics)
            assert found != wanted


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_many_rows_can_be_worked_out_as_few_are(gradient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly: and then errors are known to 1e-7 by refinement."""

    def found(accuracy: CurveAccuracy) -> Array:
        return errors(parts(), gradient, activation="tanh", accuracy=accuracy)

    few = found(CurveAccuracy())
    monkeypatch.setattr(family, "FEW_ROWS", 1)
    np.testing.assert_array_equal(found(CurveAccuracy(exact=True)), few)
    assert np.max(np.abs(found(CurveAccuracy()) / few - 1)) > 1e-7
    fine, finer = (found(CurveAccuracy(nodes=k, cut=cut, exact=True)) for k, cut in ((31, 1e-10), (45, 1e-12)))
    np.testing.assert_allclose(fine, finer, rtol=1e-7)
