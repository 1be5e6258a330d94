"""The spectrum on data against laws in closed form, and against drawn networks."""

from typing import Any, cast

import numpy as np
import pytest

import polyspike as ps
from polyspike.data import load, rescale
from polyspike.status import Status
from polyspike.theory.on_data.curve import Step
from polyspike.theory.on_data.family import DOUBLE, compress
from polyspike.theory.on_data.gradient_rows import gradient_moments
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, Network, Sample
from polyspike.theory.on_data.spectrum import _from_above, row_spectrum
from polyspike.theory.on_data.strong_axes import Kinds

N_ROWS, WIDTH = 60, 100
C = N_ROWS / WIDTH
DIRECTION = np.random.default_rng(2).standard_normal(N_ROWS)


def spectrum(*spikes: float, width: int = WIDTH) -> Any:
    """Of one kernel, the identity and a multiple of the direction's projector, in two readouts."""
    unit = (DIRECTION - DIRECTION.mean()) / np.linalg.norm(DIRECTION - DIRECTION.mean())
    kernel = np.eye(N_ROWS) + sum(spikes) * np.outer(unit, unit)
    return row_spectrum(compress(np.array([kernel, kernel]), np.array([0.5, 0.5])), width, DIRECTION)


def test_the_identity_has_the_law_of_marchenko_and_pastur() -> None:
    found = spectrum()
    low, high = (1 - np.sqrt(C)) ** 2, (1 + np.sqrt(C)) ** 2
    assert found.spikes == ()
    assert found.atom == 0
    np.testing.assert_allclose(found.edges, [(low, high)], rtol=6e-3)
    x = np.linspace(1.3 * low, 0.9 * high, 9)
    exact = np.sqrt((high - x) * (x - low)) / (2 * np.pi * C * x)
    np.testing.assert_allclose(found.density(x), exact, rtol=0.02)


def test_more_rows_than_neurons_leave_an_atom() -> None:
    found = spectrum(width=40)
    assert found.atom == pytest.approx(1 / 3)
    x, density = found.curve(400)
    assert np.trapezoid(density, x) == pytest.approx(2 / 3, rel=0.02)


def test_a_spike_and_what_it_learned() -> None:
    """``l (1 + c/(l - 1))`` and ``(1 - c/(l - 1)^2) / (1 + c/(l - 1))``, up to the one eigenvalue of n."""
    strength = 4.0
    found = spectrum(strength)
    [spike] = found.spikes
    assert spike.location == pytest.approx((1 + strength) * (1 + C / strength), rel=1 / N_ROWS)
    overlap = (1 - C / strength**2) / (1 + C / strength)
    assert spike.overlaps[1] == pytest.approx(overlap, rel=2 / N_ROWS)


def test_a_spike_far_above_the_bulk() -> None:
    """Where the search for outliers of the bulk's own size would end below it."""
    [spike] = spectrum(200.0).spikes
    assert spike.location == pytest.approx(201 * (1 + C / 200), rel=1 / N_ROWS)


def test_a_weak_spike_is_none() -> None:
    assert spectrum(0.5 * np.sqrt(C)).spikes == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "gradient", "readout"), [("tanh", "target", "gaussian"), ("relu", "full", "rademacher")]
)
def test_drawn_networks(activation: str, gradient: str, readout: str) -> None:
    """The bulk's quantiles within 2 %, and the largest eigenvalue within four standard errors and 5 %."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((500, 60))
    y = x[:, 0] + 0.5 * (x[:, 1] ** 2 - 1)
    sizes: dict[str, Any] = {"width": 160, "n_samples": 200, "n_gradient": 250, "step_exponent": 0.3}
    found = ps.predict_data(x, y, activation=activation, gradient=gradient, readout=readout, **sizes)
    runs = [
        ps.simulate_data(found.problem, x, y, seed=(3, k), split_seed=0, eigenvalues="all").eigenvalues
        for k in range(12)
    ]
    values = np.array(runs)
    spikes = found.spectrum.spikes
    top = values[:, 0]
    assert abs(top.mean() - spikes[0].location) < 4 * top.std(ddof=1) / np.sqrt(12) + 0.05 * top.mean()
    points, density = found.spectrum.curve(400)
    below = np.concatenate([[0], np.cumsum(np.diff(points) * (density[1:] + density[:-1]) / 2)])
    bulk = values[:, len(spikes) : 160]
    for share in (0.1, 0.5, 0.9):
        assert np.interp(np.quantile(bulk, share), points, below / below[-1]) == pytest.approx(share, abs=0.02)


@pytest.mark.slow
def test_outliers_given_the_initial_output_of_a_network() -> None:
    """Digits, ReLU, full gradient: the largest eigenvalue of single networks is 30 to 160, and hangs on their output.

    With that of the network in the gradient, its three largest are met up to what the mean over N neurons of the square
    of a normal variable scatters, ``sqrt(2/N)`` or a tenth.
    """
    digits = load("digits", "parity")
    x, y = rescale(digits.inputs), digits.target
    order = np.random.default_rng(0).permutation(len(y))
    (x0, y0), (x1, y1) = ((x[rows], y[rows]) for rows in (order[:250], order[250:500]))
    sigma, width, step = ps.as_activation("relu"), 200, 250**0.3
    network = Network(sigma, width, "full", "rademacher")
    ratios = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        w = rng.standard_normal((width, x.shape[1]))
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        a = np.sign(rng.standard_normal(width)) / np.sqrt(width)
        residual = y0 - sigma(x0 @ w.T) @ a
        moved = w + step * a[:, None] * ((sigma.derivative(x0 @ w.T) * residual[:, None]).T @ x0) / len(y0)
        features = sigma(x1 @ moved.T)
        drawn = np.linalg.eigvalsh(features @ features.T / width)[::-1][:3]
        kinds = Kinds([gradient_moments(sigma, x0, residual, w.T @ a)], np.ones(1))
        after = Step(network, kinds, step, Sample(x1, y1), Sample(x1[:2], y1[:2]), DEFAULT_ACCURACY, True)
        spikes = row_spectrum(after.family(DOUBLE)[0], width, x1 @ kinds.moments[0].drift).spikes
        ratios.append([spike.location for spike in spikes[:3]] / drawn)
    scatter = np.sqrt(2 / width)
    assert np.max(np.abs(np.array(ratios) - 1)) < 4 * scatter
    assert np.max(np.abs(np.mean(ratios, axis=0) - 1)) < 4 * scatter / np.sqrt(3)


class NearOnly:
    """A model whose Newton's method gets a third of the way down, in the logarithm of 1 to 100, and no further."""

    def solve(self, x: float, near: float) -> float:
        if near > x * 100 ** (1 / 3):
            raise ps.NumericalError(Status.NOT_CONVERGED, "too far")
        return x


def test_a_point_far_below_the_last_solution_is_reached_in_strides() -> None:
    known: dict[float, Any] = {100.0: 100.0}
    assert cast(Any, _from_above(cast(Any, NearOnly()), 1.0, known)) == 1.0
    assert sorted(known) == pytest.approx([10**0.5, 10.0, 10**1.5, 100.0])
    with pytest.raises(ps.NumericalError, match="too far"):
        _from_above(cast(Any, NearOnly()), 1e-300, known)
