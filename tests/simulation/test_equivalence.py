"""F against F_l: the pieces by hand, then that the distance falls, and what the published form leaves."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import gauss_hermite
from polyspike.results import Equivalence, Estimate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import (
    both_forms,
    decay_rate,
    equivalence,
    error_gaps,
    feature_distance,
    noise_ratio,
    noisy_power,
    offset,
    spike_features,
    spike_matrix,
)
from polyspike.simulation.gradient import Gradient, gradient_of

SIZES = (50, 200, 800)
REPLICATES = 12
# Twelve statistical comparisons in this file, one false alarm in a thousand runs of it (Bonferroni, two-sided).
SINGLE = 0.001 / 12
Z = float(stats.norm.isf(SINGLE / 2))
T = float(stats.t(REPLICATES - 1).isf(SINGLE / 2))


def quadratic(x: Array) -> Array:
    """h1 + 0.3 h2: its F_2 is complete at every step size, so that nothing but the noise term can be missing."""
    return x + 0.3 * (x * x - 1)


@pytest.fixture(scope="module")
def tanh() -> Equivalence:
    """First window; c_2 = 0, so that both forms are the same."""
    problem = Problem("tanh", "h1", 1000, 500, 1000, step_exponent=0.15, gradient="target", ridge=0.01)
    return equivalence(problem, sizes=SIZES, replicates=REPLICATES, n_test=2000)


def offsets(problem: Problem, window: int, distance: bool = False) -> Array:
    """Offsets of the corrected and the published form, or distances to F_l and to F_0: shape (replicates, 2)."""
    rows = []
    for k in range(REPLICATES):
        draw = GaussianDraw.of(problem, (7, k), 2)
        readout, inputs, sigma = draw.readout(problem.readout), draw.ridge_sample.inputs, problem.activation
        gradient = gradient_of(problem, draw)
        still = inputs @ draw.weights.T
        f, f0 = sigma(still + problem.step * (inputs @ gradient.matrix.T)), sigma(still)
        fixed, bare = (f0 + spike_features(inputs, gradient, readout, problem, window, c) for c in (True, False))
        if distance:
            rows.append([feature_distance(f, fixed), feature_distance(f, f0)])
        else:
            rows.append([offset(f, fixed, readout), offset(f, bare, readout)])
    return np.array(rows)


def mean_and_error(values: Array) -> tuple[Array, Array]:
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("q", [0.0, 0.3, 2.0])
def test_the_noisy_power_is_the_mean_over_the_noise(q: float) -> None:
    kappa = np.linspace(-3, 3, 13)
    nodes, weights = gauss_hermite(12)
    for k in range(9):
        mean = ((kappa[:, None] + sqrt(q) * nodes) ** k) @ weights
        np.testing.assert_allclose(noisy_power(kappa, k, q), mean, atol=1e-11 * 8.0**k)


def test_without_noise_it_is_the_monomial_and_with_noise_it_is_not() -> None:
    kappa = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(noisy_power(kappa, 4, 0.0), kappa**4, atol=1e-11)
    np.testing.assert_allclose(noisy_power(kappa, 2, 0.7), kappa**2 + 0.7)
    np.testing.assert_allclose(noisy_power(kappa, 1, 0.7), kappa)


def test_the_spike_matrix_is_the_published_sum_at_zero_noise() -> None:
    """``c_1^k c_k eta^k (X beta)^k (a^k)'`` entry by entry, and rank l."""
    rng = np.random.default_rng(0)
    inputs, beta, readout = rng.standard_normal((30, 8)), rng.standard_normal(8), rng.standard_normal(20)
    c, eta = np.array([0.3, 0.8, -0.2, 0.1]), 1.7
    expected = sum(c[1] ** k * c[k] * eta**k * np.outer((inputs @ beta) ** k, readout**k) for k in (1, 2, 3))
    norm = float(np.linalg.norm(beta))
    found = spike_matrix(inputs @ beta / norm, readout, c, eta * c[1] * norm, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    assert np.linalg.matrix_rank(found) == 3


def test_noise_on_every_neuron_makes_the_corrected_spikes() -> None:
    """``sum_k c_k (a_i (s kappa + t xi_ij))^k`` averaged over independent xi is the matrix with ``q = (t/s)^2``.

    A polynomial of degree 3 with 40,000 draws of xi: within Z standard errors everywhere, and not at q = 0.
    """
    rng = np.random.default_rng(1)
    kappa, readout, c = np.array([0.3, -1.2, 2.0]), np.array([0.5, -1.0]), np.array([0.0, 1.0, 0.4, 0.2])
    scale, noise = 1.3, 0.9
    move = scale * kappa[:, None, None] + noise * rng.standard_normal((3, 2, 40_000))
    values = sum(c[k] * (readout[:, None] * move) ** k for k in (1, 2, 3))
    mean, error = np.mean(values, axis=2), np.std(values, axis=2) / 200
    assert np.all(np.abs(mean - spike_matrix(kappa, readout, c, scale, (noise / scale) ** 2)) < Z * error)
    assert np.any(np.abs(mean - spike_matrix(kappa, readout, c, scale, 0.0)) > Z * error)


def rank_one_gradient(beta: Array, readout: Array, linear: float) -> Gradient:
    return Gradient(beta, np.zeros_like(beta), linear, 1.0, np.outer(linear * readout, beta))


def test_a_linear_network_with_a_rank_one_gradient_is_exactly_its_first_spike() -> None:
    rng = np.random.default_rng(2)
    problem = Problem("identity", n_samples=50, input_dim=20, width=30, step_exponent=0.2, teacher="h1", ridge=0.01)
    inputs, weights = rng.standard_normal((50, 20)), rng.standard_normal((30, 20))
    gradient = rank_one_gradient(rng.standard_normal(20), rng.standard_normal(30), 1.0)
    moved = inputs @ (weights + problem.step * gradient.matrix).T
    spikes = spike_features(
        inputs, gradient, gradient.matrix @ gradient.beta / (gradient.beta @ gradient.beta), problem, 1
    )
    assert noise_ratio(gradient) == 0.0
    assert feature_distance(moved, inputs @ weights.T + spikes) < 1e-12 * np.abs(moved).max()


def test_without_a_learned_direction_there_are_no_spikes() -> None:
    gradient = rank_one_gradient(np.zeros(20), np.ones(30), 1.0)
    problem = Problem("tanh", n_samples=50, input_dim=20, width=30, step_exponent=0.2, teacher="h1", ridge=0.01)
    assert not spike_features(np.ones((50, 20)), gradient, np.ones(30), problem, 2).any()


def test_error_gaps_are_differences_of_two_fits() -> None:
    rng = np.random.default_rng(3)
    f, g = rng.standard_normal((2, 40, 10))
    labels, test_labels = rng.standard_normal((2, 40))
    assert error_gaps((f, f), (g, g), labels, test_labels, 0.1) == (0.0, 0.0)
    forth = error_gaps((f, 2 * f), (g, 2 * g), labels, test_labels, 0.1)
    back = error_gaps((2 * f, f), (2 * g, g), labels, test_labels, 0.1)
    assert forth == (-back[0], -back[1])
    assert forth[0] > 0  # doubled features fit the training labels better at the same ridge


def test_the_offset_is_a_lower_bound_of_the_distance() -> None:
    rng = np.random.default_rng(4)
    f, g, readout = rng.standard_normal((40, 10)), rng.standard_normal((40, 10)), rng.standard_normal(10)
    assert abs(offset(f, g, readout)) <= feature_distance(f, g)
    spike = np.outer(np.ones(40), readout**2 - np.mean(readout**2))
    assert offset(f + spike, f, readout) == pytest.approx(feature_distance(f + spike, f))
    assert offset(f, g, np.ones(10)) == 0.0


def test_the_rate_of_a_power_law_and_its_standard_error() -> None:
    """Exact on an exact power law; the standard error is the spread of fits to noisy ones."""
    sizes, relative = (100, 200, 400, 1600), np.array([0.05, 0.02, 0.03, 0.04])
    means = np.array([float(n) for n in sizes]) ** -0.4
    rate = decay_rate(sizes, [Estimate(float(m), float(r * m), 5) for m, r in zip(means, relative, strict=True)])
    assert rate.mean == pytest.approx(-0.4)
    rng = np.random.default_rng(5)
    noisy = means * (1 + relative * rng.standard_normal((4000, 4)))
    slopes = [decay_rate(sizes, [Estimate(float(m), 0.0, 5) for m in row]).mean for row in noisy]
    # The sample deviation of 4000 draws has a relative error of 1.1 %; the linearisation adds relative^2.
    assert rate.standard_error == pytest.approx(np.std(slopes), rel=Z * 0.012 + 0.01)


def test_the_distance_falls_at_the_rate_of_the_gradient_noise(tanh: Equivalence) -> None:
    """``|F - F_1|_op/sqrt(n)`` is of order ``n^(alpha - 1/2)`` times at most ``sqrt(log n)``, the largest readout.

    Around n = 200 that factor has the slope ``1/(2 log 200) = 0.09``: the finite-size term, rounded up to 0.1.
    """
    rate = tanh.rates["distance"]
    assert rate.mean < -T * rate.standard_error
    assert abs(rate.mean - (0.15 - 0.5)) < T * rate.standard_error + 0.1


def test_the_errors_of_the_two_fits_meet(tanh: Equivalence) -> None:
    """About ``n^-0.55``, five standard errors: rates that do not fall pass once in 40 runs, these in 1 of 1,000."""
    for name in ("train_gap", "test_gap"):
        assert tanh.rates[name].mean < -2 * tanh.rates[name].standard_error
        assert getattr(tanh.points[-1], name).mean < getattr(tanh.points[0], name).mean


def test_without_the_spike_the_distance_does_not_fall() -> None:
    """The negative control: the same distance to F_0, from which the spike moves away as ``n^alpha``."""
    problem = Problem("tanh", "h1", 250, 125, 250, step_exponent=0.15, gradient="target", ridge=0.01)
    larger = problem.replace(n_samples=1000, input_dim=500, width=1000)
    small, large = (offsets(p, 1, distance=True) for p in (problem, larger))
    change, error = mean_and_error(np.log(large) - np.log(small))
    assert change[0] < -T * error[0]
    assert change[1] > -T * error[1]


def test_the_corrected_spikes_leave_no_constant_part_and_the_published_ones_do() -> None:
    """ReLU in the second window, with the fourth spike added so that only what is of higher order is left out."""
    problem = Problem("relu", "h1 + 0.5*h2", 1000, 500, 1000, step_exponent=0.3, gradient="target", ridge=0.01)
    mean, error = mean_and_error(offsets(problem, window=4))
    assert abs(mean[0]) < T * error[0]
    assert mean[1] > T * error[1]


def test_what_the_published_spikes_leave_grows() -> None:
    """As ``c_2 (eta c_1 |beta|)^2 Q N^(-1/2)``, that is ``n^(2 alpha - 1/2)``: Delta is not o(sqrt n).

    From n = 125 to 1000 at alpha = 0.45, by ``8^0.4``. The corrected form leaves nothing, so that the difference of the
    two is what the published one leaves. |beta|^2 Q has corrections of relative order 1/d: 2 % at d = 62.
    """
    problem = Problem(quadratic, "h1", 125, 62, 125, step_exponent=0.45, gradient="target", ridge=0.01)
    small = offsets(problem, 2)
    large = offsets(problem.replace(n_samples=1000, input_dim=500, width=1000), 2)
    mean, error = mean_and_error(large)
    assert abs(mean[0]) < T * error[0]
    assert mean[1] > T * error[1]
    growth, error = mean_and_error(np.log(large[:, 1] - large[:, 0]) - np.log(small[:, 1] - small[:, 0]))
    assert growth > T * error
    assert abs(growth - 0.4 * np.log(8)) < T * error + 0.02


def test_both_forms_share_their_draws() -> None:
    problem = Problem("relu", n_samples=120, input_dim=60, width=120, step_exponent=0.3, teacher="h1", ridge=0.01)
    corrected, published = both_forms(problem, sizes=(60, 120), replicates=2, n_test=100)
    assert (corrected.corrected, published.corrected) == (True, False)
    for together in (corrected, published):
        alone = equivalence(problem, sizes=(60, 120), replicates=2, corrected=together.corrected, n_test=100)
        for one, other in zip(alone.points, together.points, strict=True):
            for name in ("distance", "train_gap", "test_gap", "offset"):
                assert getattr(one, name).mean == pytest.approx(getattr(other, name).mean)
    assert corrected.points != published.points


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"sizes": (500,)}, "sizes"),
        ({"sizes": (500, 400)}, "sizes"),
        ({"replicates": 1}, "replicates"),
        ({"window": 0}, "window"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, object], argument: str) -> None:
    problem = Problem("tanh", n_samples=50, input_dim=20, width=30, step_exponent=0.15, teacher="h1", ridge=0.01)
    with pytest.raises(ArgumentError, match=argument):
        equivalence(problem, **changes)  # type: ignore[arg-type]


def test_outside_the_windows_a_window_must_be_given() -> None:
    problem = Problem("tanh", n_samples=50, input_dim=20, width=30, step_exponent=0.25, teacher="h1", ridge=0.01)
    with pytest.raises(ArgumentError, match="window"):
        equivalence(problem)


def test_the_gradients_own_samples_have_no_equivalent_of_this_form() -> None:
    problem = Problem("tanh", "h1", 100, 50, 60, step_exponent=0.1, samples="same")
    for ask in (equivalence, both_forms):
        with pytest.raises(ArgumentError, match=r"samples = 'same': .*moves its own features"):
            ask(problem)
