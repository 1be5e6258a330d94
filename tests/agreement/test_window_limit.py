"""The limit of every window against simulation with unpenalised polynomials, which isolates the limit.

At sizes that one can simulate the spikes are still penalised, so the network itself is far from the limit. Here they
are given for nothing: ridge regression on the initial features, and unpenalised columns ``P_k(beta . x/|beta|)`` with
the direction beta and the noise ratio Q of a real gradient step. What is left of the distance to the limit is of
relative order 1/n, and 1/n^2 is at most its square:

- it shrinks, by three standard errors of its own, as n grows by four;
- extrapolated, ``2 gap(2n) - gap(n)``, it vanishes up to Z standard errors and the square of ``gap(n)``;
- the same test rejects the published limit (Q = 0), and the limit with one spike fewer.

False alarms: 12 comparisons at a family-wise 1e-3.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from polyspike import Estimate, Prediction, Problem, predict, z_threshold
from polyspike.arraytypes import Array
from polyspike.experiments.statistics import estimate, with_control_variate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import coloured_noise_ratio
from polyspike.simulation.gradient import gradient_of

Z = z_threshold(12, false_alarm=1e-3)
SIZES = (96, 192, 384)
REPLICATES = (600, 500, 300)
N_TEST = 400
QUANTITIES = ("train_loss", "train_error", "test_error")


def shifted_sine(x: Any) -> Any:
    """An activation without a vanishing coefficient."""
    return np.sin(x + 0.6)


Limit = Literal["window", "window-published"]


class Case(NamedTuple):
    problem: Problem
    window: int
    wrong: tuple[tuple[Limit, int], ...]
    """Method and window of theories that must be rejected."""


CASES = {
    "target": Case(
        Problem("gelu", "h1 + 0.8*h2", 96, 24, 48, step_exponent=0.3, ridge=0.1, noise=0.3, gradient="target"),
        2,
        (("window", 1), ("window", 0)),
    ),
    "full": Case(
        Problem(shifted_sine, "h1 + 0.5*h2", 96, 24, 48, step_exponent=0.36, ridge=0.1, noise=0.3),
        3,
        (("window-published", 3), ("window", 1)),
    ),
    "covariance": Case(
        Problem(
            "gelu",
            "h1 + 0.8*h2",
            96,
            24,
            48,
            step_exponent=0.3,
            ridge=0.1,
            noise=0.3,
            gradient="target",
            inputs="two-level:0.1,1.9,0.5",
        ),
        2,
        (("window", 1), ("window", 0)),
    ),
}


def smoothed(kappa: Array, k: int, q: float) -> Array:
    """``P_k = E (kappa + sqrt(q) xi)^k`` by Gauss-Hermite quadrature: not the formula of the theory."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    return (kappa[:, None] + np.sqrt(q) * nodes) ** k @ (weights / weights.sum())


def measure(problem: Problem, window: int, seed: int) -> tuple[float, ...]:
    """Train loss, train and test error of the fit, and the mean square of the labels that it saw and was tested on."""
    draw = GaussianDraw.of(problem, (11, problem.n_samples, seed), N_TEST)
    sigma, gradient = problem.activation, gradient_of(problem, draw)
    variances = problem.inputs.axes(problem.input_dim)
    length = float(np.sqrt(gradient.beta**2 @ variances))
    direction = gradient.beta / length
    q = (
        coloured_noise_ratio(gradient, draw.readout(problem.readout), problem.inputs)
        * float(gradient.beta @ gradient.beta)
        / length**2
    )
    degrees = [k for k in range(1, window + 1) if sigma.coefficients(window)[k] != 0]

    def design(inputs: Array) -> tuple[Array, Array]:
        columns = np.stack([smoothed(inputs @ direction, k, q) for k in degrees], axis=1)
        return sigma(inputs @ draw.weights.T), columns

    labels = draw.ridge_sample.labels(problem)
    features, columns = design(draw.ridge_sample.inputs)
    basis = np.linalg.qr(columns)[0]
    f, y = features - basis @ (basis.T @ features), labels - basis @ (basis.T @ labels)
    penalty = problem.ridge * problem.n_samples
    weights = np.linalg.solve(f.T @ f + penalty * np.eye(problem.width), f.T @ y)
    free = np.linalg.lstsq(columns, labels - features @ weights)[0]
    train = float(np.mean((y - f @ weights) ** 2))
    tested = [(design(block.inputs), block.labels(problem)) for block in draw.test_blocks()]
    residuals = np.concatenate([t - g @ weights - c @ free for (g, c), t in tested])
    test_labels = np.concatenate([t for _, t in tested])
    loss = train + problem.ridge * float(weights @ weights)
    return loss, train, float(np.mean(residuals**2)), float(np.mean(labels**2)), float(np.mean(test_labels**2))


def at_size(case: Case, n: int) -> Problem:
    scale, base = n / case.problem.n_samples, case.problem
    gradient = None if base.n_gradient is None else round(scale * base.n_gradient)
    sizes = {"n_samples": n, "input_dim": round(scale * base.input_dim), "width": round(scale * base.width)}
    return base.replace(**sizes, n_gradient=gradient)


def theory(case: Case, method: Limit = "window", window: int | None = None) -> Prediction:
    return predict(case.problem, method=method, window=case.window if window is None else window)


@pytest.fixture(scope="module", params=[*("target", "full"), pytest.param("covariance", marks=pytest.mark.slow)])
def measured(request: pytest.FixtureRequest) -> tuple[Case, dict[str, list[Estimate]]]:
    """Every quantity at the three sizes, over the replicates."""
    case = CASES[request.param]
    found: dict[str, list[Estimate]] = {name: [] for name in QUANTITIES}
    for n, replicates in zip(SIZES, REPLICATES, strict=True):
        problem = at_size(case, n)
        runs = np.array([measure(problem, case.window, k) for k in range(replicates)]).T
        for j, name in enumerate(QUANTITIES):
            control = runs[4] if name == "test_error" else runs[3]
            found[name].append(estimate(with_control_variate(runs[j], control, problem.label_second_moment)))
    return case, found


def extrapolated(found: list[Estimate], limit: float) -> tuple[float, float, float]:
    """``2 gap(2n) - gap(n)`` relative to the limit, its standard error, and the square of gap(n)."""
    small, large = found[-2:]
    gap = (2 * large.mean - small.mean) / limit - 1
    error = np.hypot(2 * large.standard_error, small.standard_error) / limit
    return gap, float(error), (small.mean / limit - 1) ** 2


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_limit_is_reached(measured: tuple[Case, dict[str, list[Estimate]]], quantity: str) -> None:
    case, found = measured
    gap, error, margin = extrapolated(found[quantity], getattr(theory(case), quantity))
    assert error < 0.025  # an error bar this wide or wider would decide nothing
    assert abs(gap) < Z * error + margin


@pytest.mark.parametrize("quantity", ["train_loss", "train_error"])
def test_the_gap_shrinks_as_n_grows(measured: tuple[Case, dict[str, list[Estimate]]], quantity: str) -> None:
    case, found = measured
    limit = getattr(theory(case), quantity)
    first, last = found[quantity][0], found[quantity][-1]
    shrinks = abs(first.mean - limit) - abs(last.mean - limit)
    assert shrinks > 3 * np.hypot(first.standard_error, last.standard_error)


def test_a_wrong_theory_is_rejected(measured: tuple[Case, dict[str, list[Estimate]]]) -> None:
    case, found = measured
    others = [theory(case, method, window) for method, window in case.wrong]
    if not case.problem.inputs.is_isotropic:
        others.append(theory(case._replace(problem=case.problem.replace(inputs="isotropic"))))
    for wrong in others:
        for quantity in QUANTITIES:
            gap, error, margin = extrapolated(found[quantity], getattr(wrong, quantity))
            assert abs(gap) > Z * error + margin, (wrong.method, wrong.window, quantity)
