"""One replicate of a size group: every problem and its twin at step 0 on one draw, with what steadies the averages.

What is estimated is the expectation over everything that is random: data, noise, initial network. Three parts of that
average are taken exactly, or nearly so, on every draw, which changes no expectation and shortens the error bars:

- the test set is the whole population (:mod:`polyspike.simulation.population`);
- the label noise of the ridge sample enters quadratically: cross terms vanish, and the quadratic term is averaged over
  N_NOISE sign vectors (Hutchinson);
- an untrained network has no preferred direction: its errors are averaged over the N_TEACHERS + 1 first coordinate
  directions as teachers.

What is left is regressed on control variates of known expectation (``CONTROLS``), see summary.py.
"""

from typing import Any

import numpy as np
from scipy import linalg

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.hermite import gaussian_rule, hermite_functions
from polyspike.problem import Activation, Teacher
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.features import step_features
from polyspike.simulation.gradient import gradient_of
from polyspike.simulation.population import population

N_NOISE = 8
N_TEACHERS = 8
N_EIGENVALUES = 4
LANCZOS_STEPS = 48
CONTROLS = (
    "train loss of the untrained twin, own teacher direction less the mean of the others",
    "test error of the same",
    "g^2, g h1, g h2, g h3 of the teacher's values g, averaged over the ridge sample",
    "g^2, g h1, g h2 averaged over the ridge sample and the other teacher directions",
    "h2, h4, g h1, g h2, g h3 of kappa_b = b . x/|b|, averaged over the ridge sample, given b",
    "y^2, y h2 averaged over the gradient sample",
    "|beta|^2, beta . beta*, beta . omega of the gradient's direction beta = X' eps / n",
    "|a|^2, |omega|^2 and the averages of u^4 and exp(-u^2/2) of the initial network, u = sqrt(N) a",
)
"""The control variates; each comes less its expectation. h_k: Hermite functions of the teacher's input."""
TWIN, RIDGE, OTHERS = slice(0, 2), slice(2, 6), slice(6, 9)


def replicate_group(members: dict[int, Problem], seed: tuple[int, int]) -> list[dict[str, Any]]:
    """Rows of all problems of a size group on the draw of a seed."""
    first = next(iter(members.values()))
    draw = GaussianDraw.of(first, seed, 2)
    signs = np.random.default_rng([*seed, 99]).choice([-1.0, 1.0], (first.n_samples, N_NOISE))
    still = draw.ridge_sample.inputs @ draw.weights.T
    before = _untrained(members, draw, still, signs)
    rows = []
    for index, problem in members.items():
        gradient = gradient_of(problem, draw)
        moved = draw.ridge_sample.inputs @ gradient.matrix.T
        features = step_features(still, moved, problem.step, problem.activation)
        teacher = problem.teacher(draw.ridge_sample.inputs[:, :1]).reshape(-1, 1)
        weights = draw.weights + problem.step * gradient.matrix
        layer = Layer(features, weights, problem.activation)
        fits = layer.fit(problem, teacher, signs)
        after = [float(column[0]) for column in fits]
        twin = before[index]
        rows.append(
            {
                "problem": index,
                "after": after,
                "before": [float(column.mean()) for column in twin],
                "controls": [
                    float(twin[0][0] - twin[0][1:].mean()),
                    float(twin[2][0] - twin[2][1:].mean()),
                    *moments(draw, problem, gradient.beta),
                ],
                "eigenvalues": layer.top(N_EIGENVALUES),
            }
        )
    return rows


def _untrained(members: dict[int, Problem], draw: GaussianDraw, still: Array, signs: Array) -> dict[int, list[Array]]:
    """Errors at step 0 for each teacher direction, one layer for all problems of an activation."""
    found: dict[int, list[Array]] = {}
    for activation in dict.fromkeys(p.activation for p in members.values()):
        layer = Layer(activation.apply(still, np), draw.weights, activation)
        for index, problem in members.items():
            if problem.activation == activation:
                teachers = problem.teacher(draw.ridge_sample.inputs[:, : N_TEACHERS + 1])
                found[index] = layer.fit(problem, teachers, signs)
    return found


class Layer:
    """A first layer on the ridge sample; the Gram matrix serves every ridge and label."""

    def __init__(self, features: Array, weights: Array, activation: Activation) -> None:
        n, width = features.shape
        self.features, self.primal = features, width <= n
        self.population = population(weights, activation)
        rows = features.T if self.primal else features
        self.gram = np.asfortranarray(rows @ rows.T)

    def fit(self, problem: Problem, teachers: Array, signs: Array) -> list[Array]:
        """Train loss, train error and test error for every column of ``teachers``, averaged over the label noise."""
        n, count = problem.n_samples, teachers.shape[1]
        targets = np.hstack([teachers, signs])
        readouts = self._solve(targets, problem.ridge * n)
        residuals = targets - self.features @ readouts
        loss = (targets * residuals).sum(axis=0) / n
        error = (residuals**2).sum(axis=0) / n
        cross = self.population.with_teacher(problem.teacher, count)
        power = self.population.second_moments(readouts)
        test = power.copy()
        test[:count] += problem.teacher.second_moment - 2 * (cross * readouts[:, :count]).sum(axis=0)
        variance = problem.noise**2
        return [
            loss[:count] + variance * loss[count:].mean(),
            error[:count] + variance * error[count:].mean(),
            test[:count] + variance * (1 + test[count:].mean()),
        ]

    def top(self, count: int) -> list[list[float]]:
        """Largest eigenvalues of ``F F'/N`` with the relative residuals, by Lanczos with full orthogonalisation."""
        size = len(self.gram)
        basis = np.zeros((LANCZOS_STEPS + 1, size))
        basis[0] = np.random.default_rng(1).standard_normal(size)
        basis[0] /= np.linalg.norm(basis[0])
        diagonal, off = np.zeros(LANCZOS_STEPS), np.zeros(LANCZOS_STEPS)
        for k in range(LANCZOS_STEPS):
            image = self.gram @ basis[k]
            diagonal[k] = image @ basis[k]
            for _ in range(2):
                image -= basis[: k + 1].T @ (basis[: k + 1] @ image)
            off[k] = np.linalg.norm(image)
            basis[k + 1] = image / off[k]
        values, vectors = linalg.eigh_tridiagonal(diagonal, off[:-1])
        last = range(LANCZOS_STEPS - 1, LANCZOS_STEPS - 1 - count, -1)
        width = self.features.shape[1]
        return [[float(values[k] / width), float(abs(off[-1] * vectors[-1, k]) / values[k])] for k in last]

    def _solve(self, targets: Array, shift: float) -> Array:
        shifted = self.gram.copy(order="F")
        shifted[np.diag_indices_from(shifted)] += shift
        factor = linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
        if self.primal:
            return linalg.cho_solve(factor, self.features.T @ targets, check_finite=False)
        return self.features.T @ linalg.cho_solve(factor, targets, check_finite=False)


def moments(draw: GaussianDraw, problem: Problem, beta: Array) -> list[float]:
    """The controls that are sample moments, less their expectations."""
    teacher, expected = problem.teacher, _expectations(problem.teacher)
    columns = draw.ridge_sample.inputs[:, : N_TEACHERS + 1]
    values = teacher(columns)
    products = _products(values, columns).mean(axis=1) - expected[:4, None]
    groups = (
        products[:, 0],
        products[:3, 1:].mean(axis=1),
        _along_spike(draw, problem, beta, values[:, 0]),
        _step_moments(draw, problem, beta),
        _network_moments(draw, problem),
    )
    return [float(value) for group in groups for value in group]


def _along_spike(draw: GaussianDraw, problem: Problem, beta: Array, values: Array) -> Array:
    """Moments along ``b = omega + eta c_1 beta`` (without omega for the target-only gradient), which does not depend on
    the ridge sample: given b, ``E g h_k(kappa_b) = rho^k E g h_k``.
    """
    c1 = float(problem.activation.coefficients(1)[1])
    b = (problem.step * c1) * beta
    if problem.gradient == "full":
        b = b + _omega(draw, problem)
    length = float(np.linalg.norm(b))
    rho = b[0] / length
    h = hermite_functions(draw.ridge_sample.inputs @ (b / length), 4)
    expected = _expectations(problem.teacher)[1:4] * rho ** np.arange(1, 4)
    return np.concatenate([h[[2, 4]].mean(axis=1), (values * h[1:4]).mean(axis=1) - expected])


def _omega(draw: GaussianDraw, problem: Problem) -> Array:
    return draw.weights.T @ draw.readout(problem.readout)


def _step_moments(draw: GaussianDraw, problem: Problem, beta: Array) -> list[float]:
    """Those of the gradient sample. With ``eps = y - f_0`` for the full gradient, ``E eps x = c*_1 beta* - c_1 omega``,
    so ``E |beta|^2 = E eps^2 |x|^2 / n + (1 - 1/n) (c*_1^2 + c_1^2)`` and ``E beta . omega = -c_1``.
    """
    step = draw.gradient_sample
    labels = step.labels(problem)
    n, d = step.inputs.shape
    second, linear, quadratic, _, radial = _expectations(problem.teacher)
    noise = problem.noise**2
    push, own = (d - 1) * (second + noise) + radial + noise, 0.0
    if problem.gradient == "full":
        square, _, _, _, steep = _expectations(problem.activation)
        push, own = push + (d - 1) * square + steep, float(problem.activation.coefficients(1)[1])
    products = _products(labels, step.inputs[:, 0]).mean(axis=1)
    return [
        products[0] - second - noise,
        products[2] - quadratic,
        beta @ beta - push / n - (1 - 1 / n) * (linear**2 + own**2),
        beta[0] - linear,
        beta @ _omega(draw, problem) + own,
    ]


def _network_moments(draw: GaussianDraw, problem: Problem) -> list[float]:
    omega, u = _omega(draw, problem), draw.readout(problem.readout) * np.sqrt(problem.width)
    return [np.mean(u**2) - 1, omega @ omega - 1, np.mean(u**4) - 3, np.mean(np.exp(-(u**2) / 2)) - np.sqrt(0.5)]


def _products(values: Array, inputs: Array) -> Array:
    """``v^2, v h1, v h2, v h3``, stacked."""
    h = hermite_functions(inputs, 3)
    return np.stack([values**2, values * h[1], values * h[2], values * h[3]])


def _expectations(function: Teacher | Activation) -> Array:
    """Expectations of :func:`_products` for a function's values g, and ``E g^2 z^2``."""
    z, w = gaussian_rule(function.kinks)
    values = function(z)
    return np.append(_products(values, z) @ w, (values * z) ** 2 @ w)
