"""F against F_l: are the features after the step the initial ones plus l explicit spikes?

Moniri et al. (arXiv 2310.07891), spectrum theorem: for ``(l-1)/(2l) < alpha < l/(2l+2)``,
``F = F_0 + sum_{k <= l} c_1^k c_k eta^k (X beta)^k (a^k)' + Delta``, elementwise powers, ``|Delta|_op = o(sqrt n)``.
The corrected form has ``|beta|^k P_k(X beta/|beta|)`` in the place of ``(X beta)^k`` (docs/theory.md).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from polyspike.errors import ArgumentError
from polyspike.hermite import hermite_series
from polyspike.problem import Problem
from polyspike.results import Equivalence, EquivalencePoint, Estimate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import Gradient, gradient_step
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.streams import as_seed

__all__ = ["equivalence", "spike_features"]

Array = NDArray[np.float64]


def spike_features(
    inputs: Array, gradient: Gradient, readout: Array, problem: Problem, level: int, corrected: bool = True
) -> Array:
    """``sum_{k <= l} c_1^k c_k eta^k |beta|^k P_k(kappa) (a^k)'``, shape (rows, width), ``kappa = X beta/|beta|``.

    ``P_k`` is the mean of ``(kappa + sqrt(Q) xi)^k``: the rest of the gradient moves every neuron by independent noise
    of relative variance Q, measured here from the gradient itself. Uncorrected: Q = 0, the bare monomials.
    """
    norm = float(np.linalg.norm(gradient.beta))
    if norm == 0.0 or gradient.linear_coefficient == 0.0:
        return np.zeros((len(inputs), len(readout)))
    kappa = inputs @ (gradient.beta / norm)
    share = gradient.rank_one_fraction
    q = (1 - share) / share if corrected else 0.0
    c = problem.activation.coefficients(level)
    scale = gradient.linear_coefficient * problem.step * norm
    total = np.zeros((len(inputs), len(readout)))
    for k in range(1, level + 1):
        if c[k] != 0:
            total += np.outer(c[k] * scale**k * _noisy_power(kappa, k, q), readout**k)
    return total


def _noisy_power(kappa: Array, k: int, q: float) -> Array:
    """``E (kappa + sqrt(q) xi)^k = sum_j k!/(2^j j! (k-2j)!) (1 + q)^j H_{k-2j}(kappa)``."""
    degrees = [k - 2 * j for j in range(k // 2 + 1)]
    row = np.zeros(k + 1)
    value = 1.0
    for j, p in enumerate(degrees):
        row[p] = value
        value *= (k - 2 * j) * (k - 2 * j - 1) / (2 * (j + 1)) * (1 + q)
    return hermite_series(row, kappa)


def equivalence(
    problem: Problem,
    level: int | None = None,
    sizes: Sequence[int] = (500, 1000, 2000),
    seed: int | tuple[int, ...] = 0,
    replicates: int = 4,
    corrected: bool = True,
    n_test: int = 4000,
) -> Equivalence:
    """Measure the distance between F and F_l, and between their ridge fits, at growing ``n``.

    Parameters
    ----------
    problem : Problem
        Its ratios d/n and N/n and its step exponent are held; the step is ``n^alpha`` at every n.
    level : int, optional
        l; by default that of the problem's window.
    sizes : sequence of int
        Values of n_samples, at least two and increasing.
    seed, replicates : int
        Every size is drawn ``replicates`` times (at least 2).
    corrected : bool
        ``P_k`` or the bare monomials.
    n_test : int
        Test samples for the gap of the test errors.

    Raises
    ------
    ArgumentError
        No level given outside the windows; fewer than two sizes or replicates.
    """
    chosen = problem.window if level is None else level
    if chosen is None or chosen < 1:
        raise ArgumentError("level", level, "give the number of spikes l >= 1; the step size lies in no window")
    if len(sizes) < 2 or list(sizes) != sorted(set(sizes)):
        raise ArgumentError("sizes", sizes, "give at least two increasing sample sizes")
    if replicates < 2:
        raise ArgumentError("replicates", replicates, "give at least 2, for a standard error")
    points = []
    for n in sizes:
        resized = _resize(problem, n)
        gaps = [_gaps(resized, chosen, (*as_seed(seed), k), corrected, n_test) for k in range(replicates)]
        points.append(EquivalencePoint(n, *(_estimate(column) for column in np.transpose(gaps))))
    names = ("distance", "train_gap", "test_gap")
    rates = {name: _rate([p.n_samples for p in points], [getattr(p, name) for p in points]) for name in names}
    return Equivalence(problem, chosen, corrected, tuple(points), rates)


def _resize(problem: Problem, n: int) -> Problem:
    scale = n / problem.n_samples
    changes = {"input_dim": round(scale * problem.input_dim), "width": round(scale * problem.width)}
    if problem.n_gradient is not None:
        changes["n_gradient"] = round(scale * problem.n_gradient)
    return problem.replace(n_samples=n, step_exponent=problem.exponent, **changes)


def _gaps(
    problem: Problem, level: int, seed: tuple[int, ...], corrected: bool, n_test: int
) -> tuple[float, float, float]:
    """Operator norm over sqrt(n), and the two error gaps, on one draw."""
    draw = GaussianDraw.of(problem, seed, n_test)
    step, fit, readout = draw.gradient_sample, draw.ridge_sample, draw.readout(problem.readout)
    gradient = gradient_step(
        step.inputs, step.labels(problem), draw.weights, readout, problem.activation, problem.gradient
    )

    def both(inputs: Array) -> tuple[Array, Array]:
        still = inputs @ draw.weights.T
        moved = problem.activation.apply(still + problem.step * (inputs @ gradient.matrix.T), np)
        spikes = spike_features(inputs, gradient, readout, problem, level, corrected)
        return moved, problem.activation.apply(still, np) + spikes

    labels, features = fit.labels(problem), both(fit.inputs)
    start = np.random.default_rng(0).standard_normal(min(features[0].shape))
    norm = float(svds(features[0] - features[1], k=1, return_singular_vectors=False, v0=start)[0])
    readouts = [fit_readouts(f, labels, [problem.ridge])[:, 0] for f in features]
    train = [float(np.mean((labels - f @ w) ** 2)) for f, w in zip(features, readouts, strict=True)]
    squares = np.zeros(2)
    for sample in draw.test_blocks():
        y = sample.labels(problem)
        squares += [float(np.sum((y - f @ w) ** 2)) for f, w in zip(both(sample.inputs), readouts, strict=True)]
    test = squares / n_test
    return norm / problem.n_samples**0.5, abs(train[0] - train[1]), float(abs(test[0] - test[1]))


def _estimate(values: Array) -> Estimate:
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5), len(values))


def _rate(sizes: list[int], estimates: list[Estimate]) -> Estimate:
    """Slope of log mean against log n by least squares, with the standard error that the means carry into it."""
    x = np.log(sizes) - np.mean(np.log(sizes))
    y = np.log([e.mean for e in estimates])
    relative = np.array([e.standard_error / e.mean for e in estimates])
    weights = x / float(x @ x)
    return Estimate(float(weights @ y), float(np.sqrt(weights**2 @ relative**2)), len(sizes))
