"""Published special cases of the finite-size theory, each solved here from its own equations
(docs/special-cases.md).
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest

from polyspike import Prediction, Problem, predict, z_threshold
from polyspike.arraytypes import Array
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.solve import model_of, shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

Function = Callable[[Array], Array]

LARGE = 10**20
BASE = Problem(
    "gelu",
    "h1 + 0.7*h2",
    n_samples=3000,
    input_dim=600,
    width=1000,
    step_size=0.0,
    noise=0.5,
    gradient="target",
    ridge=0.01,
)


def grown(problem: Problem, n: int = LARGE) -> Problem:
    """The same ratios at n samples."""
    factor = n // problem.n_samples
    sizes = {name: getattr(problem, name) * factor for name in ("n_samples", "input_dim", "width")}
    return problem.replace(**sizes, n_gradient=problem.gradient_samples * factor)


def replaced(changes: dict[str, Any]) -> Problem:
    return BASE.replace(**changes)


class Ratios(NamedTuple):
    """The numbers that a problem of linear spikes is made of."""

    c1: float
    cg: float
    signal: float
    rest: float
    beta: float

    @classmethod
    def of(cls, problem: Problem) -> "Ratios":
        signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
        energy = problem.label_second_moment
        beta = sqrt(signal**2 + problem.phi_gradient * energy)
        activation = problem.activation
        return cls(sqrt(activation.linear_strength), activation.residual_strength, signal, energy - signal**2, beta)


def marchenko_pastur(ratio: float, nodes: int = 400) -> tuple[Array, Array]:
    """Nodes and weights of the spectrum of ``Z Z'/d``, Z of shape (ratio d, d): ``x = 1 + y + 2 sqrt(y) cos t``."""
    t = (np.arange(nodes) + 0.5) * pi / nodes
    x = 1 + ratio + 2 * sqrt(ratio) * np.cos(t)
    weights = 2 * np.sin(t) ** 2 / x / nodes
    if ratio <= 1:
        return x, weights
    return np.append(x, 0.0), np.append(weights, 1 - 1 / ratio)


class LinearSpike:
    """Ridge regression on ``c_1 (W0 + s a b') x + noise``, s = eta c_1 |beta|, by Woodbury's formula.

    The Gaussian equivalent of random features (s = 0) and of a constant step (Ba et al., arXiv 2205.01445), whose
    initial output is negligible in their normalisation: the target-only gradient. With the effective ridge mu,
    ``lambda = mu (1 - df_1/n)``, and ``h = beta*' M' (M M' + Cg + mu)^-1 M beta*``,

        L_train = (lambda/mu) (rest + c*_1^2 (1 - h)),
        L_test = (rest - c*_1^2 mu^2 d[(1 - h)/mu]/dmu) / (1 - df_2/n).
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.numbers = problem, Ratios.of(problem)
        self.x, self.weights = marchenko_pastur(problem.width / problem.input_dim)
        self.mu = self._effective_ridge()

    def freedom(self, mu: Any, power: int) -> Any:
        """``df_power / n``."""
        energy = self.numbers.c1**2 * self.x + self.numbers.cg
        return self.problem.width / self.problem.n_samples * (self.weights @ (energy / (energy + mu)) ** power)

    def _effective_ridge(self) -> float:
        low, high = -40.0, 40.0
        for _ in range(200):
            middle = (low + high) / 2
            mu = np.exp(middle)
            low, high = (low, middle) if mu * (1 - self.freedom(mu, 1)) > self.problem.ridge else (middle, high)
        return float(np.exp(low))

    def missed(self, mu: Any) -> Any:
        """``1 - h = z (b - rho^2 b^2 (1 - w) s^2 / (1 + b (1 - w) s^2))`` with ``z = (Cg + mu)/c_1^2``."""
        numbers, problem = self.numbers, self.problem
        z = (numbers.cg + mu) / numbers.c1**2
        inverse = self.weights @ (1 / (self.x + z))
        ratio = problem.width / problem.input_dim
        b = ratio * inverse + (1 - ratio) / z
        lift = z * inverse * (problem.step * numbers.c1 * numbers.beta) ** 2
        rho = numbers.signal / numbers.beta
        return z * (b - rho**2 * b**2 * lift / (1 + b * lift))

    @property
    def train_loss(self) -> float:
        signal = self.numbers.signal**2 * self.missed(self.mu)
        return float(self.problem.ridge / self.mu * (self.numbers.rest + signal))

    @property
    def test_error(self) -> float:
        h = 1e-20
        mu = self.mu + 1j * h
        bias = -(self.mu**2) * (self.missed(mu) / mu).imag / h
        return float((self.numbers.rest + self.numbers.signal**2 * bias) / (1 - self.freedom(self.mu, 2)))


SHAPES: list[dict[str, Any]] = [
    {},
    {"width": 9000},
    {"n_samples": 300, "ridge": 1e-3},
    {"activation": "relu", "teacher": "tanh", "ridge": 1.0},
    {"activation": "tanh", "teacher": "h1 - 0.2*h3", "noise": 0.0, "n_gradient": 600},
]


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_random_features_at_initialisation(changes: dict[str, Any]) -> None:
    problem = grown(replaced(changes))
    found, exact, window = (
        predict_finite_size(problem),
        LinearSpike(problem),
        predict(problem, method="window", window=0),
    )
    for field in ("train_loss", "test_error"):
        assert getattr(found, field) == pytest.approx(getattr(exact, field), rel=1e-9)
        assert getattr(window, field) == pytest.approx(getattr(exact, field), rel=1e-9)


def test_random_features_with_the_full_gradient_tend_to_the_same() -> None:
    """The full gradient knows of omega even at step zero; the difference is of order 1/N."""
    gaps = []
    for n in (3000, 3000 * 10**3):
        problem = grown(BASE, n)
        gaps.append(
            abs(predict_finite_size(problem.replace(gradient="full")).test_error - LinearSpike(problem).test_error)
        )
    assert gaps[1] < 2e-3 * gaps[0]


@pytest.mark.parametrize("changes", SHAPES, ids=str)
@pytest.mark.parametrize("step", [0.3, 2.0, 10.0])
def test_the_constant_step_of_ba_et_al(changes: dict[str, Any], step: float) -> None:
    problem = grown(replaced(changes)).replace(step_size=step)
    found, exact = predict_finite_size(problem), LinearSpike(problem)
    assert found.train_loss == pytest.approx(exact.train_loss, rel=1e-7)
    assert found.test_error == pytest.approx(exact.test_error, rel=1e-7)


def test_the_theorems_of_ba_et_al() -> None:
    """One step improves on random features, a larger one more; not where c*_1 = 0, and never on the linear model."""
    for changes in SHAPES:
        start = grown(replaced(changes))
        errors = [predict_finite_size(start.replace(step_size=eta)).test_error for eta in (0.0, 0.3, 1.0, 3.0, 10.0)]
        assert all(after < before * (1 - 1e-6) for before, after in pairwise(errors))
        assert errors[-1] > predict_finite_size(start).linear_error
    blind = grown(BASE.replace(teacher="h2"))
    assert predict_finite_size(blind.replace(step_size=3.0)).test_error == pytest.approx(
        predict_finite_size(blind).test_error, rel=1e-7
    )


def test_the_constant_step_is_approached_as_one_over_n() -> None:
    problem = BASE.replace(step_size=1.0)
    gaps = [
        abs(predict_finite_size(grown(problem, n)).test_error - LinearSpike(problem).test_error)
        for n in (3 * 10**4, 3 * 10**5, 3 * 10**6)
    ]
    assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.1)
    assert gaps[2] == pytest.approx(gaps[1] / 10, rel=0.1)


@pytest.mark.parametrize(
    ("activation", "alpha", "window"), [("gelu", 0.12, 1), ("gelu", 0.29, 2), ("tanh", 0.12, 1), ("tanh", 0.355, 3)]
)
def test_the_windows_of_the_paper(activation: str, alpha: float, window: int) -> None:
    """The gap to the window closes as n grows, and at n = 3e19 is far less than that to the windows on either side.

    (Beyond n = 1e21 rounding, which spikes of strength 1e20 amplify, takes over.)
    """
    problem = BASE.replace(activation=activation, teacher="h1 + 0.7*h2 + 0.4*h3", step_exponent=alpha)
    windows = [predict(problem, method="window", window=k) for k in range(5)]
    limits = [window.test_error for window in windows if isinstance(window, Prediction)]
    gaps = [abs(predict_finite_size(grown(problem, n)).test_error - limits[window]) for n in (3 * 10**12, 3 * 10**19)]
    assert gaps[1] < gaps[0] / 3
    # Spikes that the activation lacks leave windows equal.
    others = [abs(other - limits[window]) for other in limits if abs(other - limits[window]) > 1e-12]
    assert 10 * gaps[1] < min(others)


class SpikedRandomFeatures:
    """The largest step with a constant readout: Cui et al., arXiv 2402.04980, in this file's own words.

    Features ``mu0(k) + mu1(k) W x + mu2(k) noise`` given ``k = b.x/|b|``, with ``W = tau W0``. Per sample the fit is
    ``c = mu0 m + mu1 k theta`` along k, mu1 psi along the rest of the teacher, and q1, q2 energy elsewhere; V1, V2
    are the traces that turn training residuals into leave-one-out ones. Damped iteration of the saddle point.
    """

    def __init__(self, activation: Function, slope: Function, teacher: Function, noise: float, step: float) -> None:
        self.activation, self.slope, self.teacher = activation, slope, teacher
        self.noise, self.step = noise, step
        self.z = np.arange(-9, 9.05, 0.15)
        self.w = np.exp(-(self.z**2) / 2) / np.exp(-(self.z**2) / 2).sum()

    def solve(self, n: float, width: float, n_gradient: float, gamma: float) -> tuple[float, float, float]:
        """Train loss, train error and test error; sizes in units of d."""
        z, w, noise = self.z, self.w, self.noise
        c1, square = w @ (z * self.activation(z)), w @ self.slope(z) ** 2
        signal, energy = w @ (z * self.teacher(z)), w @ self.teacher(z) ** 2 + noise**2
        beta = sqrt(signal**2 + energy / n_gradient)
        tau, rho = sqrt(1 + self.step**2 / n_gradient * energy * (square - c1**2)), signal / beta
        values = self.activation(self.step * c1 * beta * z[:, None] + tau * z)
        mu0, mu1 = values @ w, values @ (w * z) / tau
        mu2 = values**2 @ w - mu0**2 - (tau * mu1) ** 2
        labels = self.teacher(rho * z[:, None] + sqrt(1 - rho**2) * z)
        h0, h1, h2 = labels @ w, labels @ (w * z), labels**2 @ w + noise**2
        x, weights = marchenko_pastur(width)
        spectrum, ratio = tau**2 * x, n / width
        q1, q2, v1, v2, theta, psi, m = 0.1, 0.1, 1.0, 1.0, 0.1, 0.1, 0.1
        for _ in range(5000):
            c, loo = mu0 * m + mu1 * z * theta, 1 + mu1**2 * v1 + mu2 * v2
            error = h2 - 2 * c * h0 + c**2 - 2 * mu1 * psi * h1 + mu1**2 * q1 + mu2 * q2
            hat = [ratio * (w @ f) for f in (mu1**2 / loo, mu2 / loo, mu1**2 * error / loo**2, mu2 * error / loo**2)]
            theta_hat, psi_hat = ratio * (w @ (z * mu1 * (h0 - c) / loo)), ratio * (w @ (mu1 * h1 / loo))
            inverse = 1 / (gamma + hat[0] * spectrum + hat[1])
            source = hat[2] * spectrum + hat[3] + width * (theta_hat**2 * tau**2 + psi_hat**2 * spectrum)
            new = np.array(
                [
                    weights @ (spectrum * inverse**2 * source),
                    weights @ (inverse**2 * source),
                    weights @ (spectrum * inverse),
                    weights @ inverse,
                    width * tau**2 * theta_hat * (weights @ inverse),
                    width * psi_hat * (weights @ (spectrum * inverse)),
                    (w @ (mu0 * (h0 - mu1 * z * theta) / loo)) / (w @ (mu0**2 / loo)),
                ]
            )
            old = np.array([q1, q2, v1, v2, theta, psi, m])
            q1, q2, v1, v2, theta, psi, m = old + 0.5 * (new - old)
            if np.abs(new - old).max() < 1e-13 * np.abs(new).max():
                break
        train = float(w @ (error / loo**2))
        return gamma * q2 / ratio + train, train, float(w @ error)


TANH = (np.tanh, lambda x: 1 / np.cosh(x) ** 2)
SIN = (np.sin, np.cos)
# Activation, teacher (name, function), n/d, N/d, n0/d, eta/sqrt(N), gamma, noise.
LARGEST: list[tuple[Any, ...]] = [
    ("tanh", TANH, "sin", np.sin, 1, 1, 20, 3, 0.1, 0.0),
    ("tanh", TANH, "tanh", np.tanh, 2, 1, 0.5, 1, 0.01, 0.3),
    ("sin", SIN, "h1 + 0.5*h3", lambda x: x + 0.5 * (x**3 - 3 * x), 3, 0.5, 2, 1.5, 0.1, 0.5),
    ("sin", SIN, "h1 + 0.5*h2", lambda x: x + 0.5 * (x**2 - 1), 1, 2, 2, 1, 0.1, 0.5),
]


def largest_step(case: tuple[Any, ...], tilde: float | None = None) -> Problem:
    name, _, teacher, _, n, width, n_gradient, step, gamma, noise = case
    return Problem(
        name,
        teacher,
        n_samples=round(n * LARGE),
        input_dim=LARGE,
        width=round(width * LARGE),
        n_gradient=round(n_gradient * LARGE),
        step_size=(tilde or step) * sqrt(width * LARGE),
        ridge=gamma * width / n,
        noise=noise,
        gradient="target",
        readout="constant",
    )


@pytest.mark.parametrize("case", LARGEST, ids=lambda case: f"{case[0]}, {case[2]}")
def test_the_largest_step_of_cui_et_al(case: tuple[Any, ...]) -> None:
    """And another step, five percent away, is rejected. In their equations all neurons have the same norm, and the
    noise of the gradient is isotropic.
    """
    _, (activation, slope), _, teacher, n, width, n_gradient, step, gamma, noise = case
    solved = SpikedRandomFeatures(activation, slope, teacher, noise, step).solve(n, width, n_gradient, gamma)
    found, wrong = all_alike(largest_step(case)), all_alike(largest_step(case, 1.05 * step))
    assert (found.train_loss, found.train_error, found.test_error) == pytest.approx(solved, rel=1e-8)
    assert wrong.test_error != pytest.approx(solved[2], rel=1e-4)
    # What both leave out moves these errors by up to 4 %; test_noise_law.py has the simulation.
    assert predict_finite_size(largest_step(case)).test_error == pytest.approx(solved[2], rel=5e-2)


def all_alike(problem: Problem) -> Errors:
    """The errors with every sample and every neuron at the average deviation of its pre-activations, and isotropic
    noise in the gradient.
    """
    model = model_of(problem)
    moves = model.gains**2 + model.conditioning.gradient_noise_variance * model.grid.u**2
    model = replace(model, bulk=replace(model.bulk, weight_variance=moves))
    state, _ = solve_bulk(model.bulk, shift_of(problem, model))
    norms = replace(model.norms, sample_covariance=0 * model.norms.sample_covariance)
    along = replace(model.along, mean=0 * model.along.mean, covariance=0 * model.along.covariance)
    return errors(replace(model, norms=norms, along=along), state)


def kernel_problem(problem: Problem, gamma: float, width: int = LARGE) -> Problem:
    """The kernel limit: width -> infinity with ``gamma = lambda n / N``, the ridge on ``F F'/N``, held fixed."""
    return problem.replace(width=width, ridge=gamma * (width / problem.n_samples))


@pytest.mark.parametrize("gamma", [1e-6, 0.1, 10.0])
@pytest.mark.parametrize("changes", [{}, {"input_dim": 9000}, {"activation": "tanh", "teacher": "tanh"}], ids=str)
def test_the_kernel_limit(changes: dict[str, Any], gamma: float) -> None:
    """Inner-product kernels are linear ones plus ``Cg`` on the diagonal (El Karoui): ridge in closed form."""
    problem = replaced(changes)
    numbers, phi = Ratios.of(problem), problem.phi
    ridge = phi * (gamma + numbers.cg) / numbers.c1**2
    b = 1 - phi - ridge
    mu = (-b + sqrt(b**2 + 4 * ridge)) / 2
    test = (numbers.rest + numbers.signal**2 * (mu / (1 + mu)) ** 2) / (1 - phi / (1 + mu) ** 2)
    loss = gamma / (gamma + numbers.cg) * ridge / mu * (numbers.rest + numbers.signal**2 * mu / (1 + mu))
    found = predict_finite_size(kernel_problem(grown(problem, 3 * 10**13), gamma, 10**28))
    assert found.test_error == pytest.approx(test, rel=1e-9)
    assert found.train_loss == pytest.approx(loss, rel=1e-9)


def test_the_kernel_limit_is_approached_as_one_over_the_width() -> None:
    problem = BASE.replace(step_size=0.0)
    limit = predict_finite_size(kernel_problem(problem, 0.1)).test_error
    gaps = [predict_finite_size(kernel_problem(problem, 0.1, width)).test_error - limit for width in (10**5, 10**6)]
    assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.1)


def learned_kernel_error(problem: Problem, tilde: float, gamma: float, seed: int) -> float:
    """Kernel ridge regression with the arcsine kernel of weights N(0, I/d + r^2 b b'), on one draw.

    What an infinitely wide erf network has after one step of size ``tilde sqrt(N)`` on infinitely many samples.
    """
    rng = np.random.default_rng((2024, seed))
    n, d, n_test = problem.n_samples, problem.input_dim, 4000
    x = rng.standard_normal((n + n_test, d))
    y = x[:, 0] + 0.7 * (x[:, 0] ** 2 - 1) + problem.noise * rng.standard_normal(n + n_test)
    r = tilde * sqrt(problem.activation.linear_strength)
    weighted = np.concatenate([x / sqrt(d), r * x[:, :1]], axis=1)
    scale = 1 + 2 * (weighted**2).sum(axis=1)
    kernel = 2 / pi * np.arcsin(2 * weighted @ weighted[:n].T / np.sqrt(scale[:, None] * scale[:n]))
    fit = kernel[n:] @ np.linalg.solve(kernel[:n] + gamma * np.eye(n), y[:n])
    return float(np.mean((y[n:] - fit) ** 2))


def test_the_kernel_that_a_large_step_has_learned() -> None:
    """Simulated n x n kernel regression; finite size: 3/d relative. The untrained network's kernel is rejected."""
    n, d, gamma, tilde, seeds = 500, 250, 0.1, 1.0, 12
    start = Problem("erf", "h1 + 0.7*h2", n, d, 10**20, step_size=0.0, noise=0.5, gradient="target", ridge=0.01)
    start = kernel_problem(start.replace(n_gradient=10**20), gamma)
    found = predict_finite_size(start.replace(step_size=tilde * sqrt(start.width))).test_error
    errors = [learned_kernel_error(start, tilde, gamma, seed) for seed in range(seeds)]
    mean, standard_error = np.mean(errors), np.std(errors, ddof=1) / sqrt(seeds)
    allowed = z_threshold(1, false_alarm=1e-4, degrees_of_freedom=seeds - 1) * standard_error + 3 / d * mean
    assert abs(mean - found) <= allowed
    assert abs(mean - predict_finite_size(start).test_error) > allowed


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_infinite_ridge(changes: dict[str, Any]) -> None:
    """To first order in 1/lambda, ``a = F' y / (lambda n)`` and ``L_test = E y^2 - 2 c_1^2 c*_1^2 / (lambda psi)``."""
    problem = grown(replaced(changes))
    numbers, null = Ratios.of(problem), problem.label_second_moment
    for ridge in (1e5, 1e6):
        found = predict_finite_size(problem.replace(ridge=ridge))
        gain = 2 * (numbers.c1 * numbers.signal) ** 2 / (ridge * problem.psi)
        assert null - found.test_error == pytest.approx(gain, rel=300 / ridge * max(1, 1 / problem.psi))
