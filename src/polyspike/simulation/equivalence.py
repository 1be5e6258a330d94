"""F against F_l: are the features after the step the initial ones plus l explicit spikes?

Moniri et al. (arXiv 2310.07891), spectrum theorem: for ``(l-1)/(2l) < alpha < l/(2l+2)``,
``F = F_0 + sum_{k <= l} c_1^k c_k eta^k (X beta)^k (a^k)' + Delta``, ``|Delta|_op = o(sqrt n)`` (elementwise powers).
That is the published form. The corrected one has ``|beta|^k P_k(X beta/|beta|)`` in the place of ``(X beta)^k``: the
rest of the gradient moves every neuron by independent noise whose even powers have a mean (docs/theory.md).
"""

from collections.abc import Sequence

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import hermite_series
from polyspike.problem import Inputs, Problem
from polyspike.results import Equivalence, EquivalencePoint, Estimate
from polyspike.scalars import as_integer, as_seed, integer_or_none
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import Gradient, gradient_of
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.spectrum import operator_norm

__all__ = [
    "both_forms",
    "coloured_noise_ratio",
    "decay_rate",
    "equivalence",
    "error_gaps",
    "feature_distance",
    "noise_ratio",
    "noisy_power",
    "offset",
    "spike_features",
    "spike_matrix",
]

FORMS = (True, False)
"""Corrected, published."""

_GAPS = ("distance", "train_gap", "test_gap")


def noisy_power(kappa: Array, k: int, q: float) -> Array:
    """``P_k(kappa) = E (kappa + sqrt(q) xi)^k``, xi standard normal; the monomial at q = 0.

    In Hermite polynomials ``sum_j k!/(2^j j! (k-2j)!) (1 + q)^j H_{k-2j}(kappa)``.
    """
    row = np.zeros(k + 1)
    value = 1.0
    for j in range(k // 2 + 1):
        p = k - 2 * j
        row[p] = value
        value *= p * (p - 1) / (2 * (j + 1)) * (1 + q)
    return hermite_series(row, kappa)


def noise_ratio(gradient: Gradient) -> float:
    """Measured Q: the squared size of the gradient without its part of rank one, relative to that part."""
    share = gradient.rank_one_fraction
    return (1 - share) / share


def coloured_noise_ratio(gradient: Gradient, readout: Array, inputs: Inputs) -> float:
    """The same for any covariance: the rest moves a pre-activation by ``x . g_i``, of variance ``g_i' Sigma g_i``.

    ``Q sum_i g_i' Sigma g_i / sum_i |g_i|^2``, g_i the rows of the rest; :func:`noise_ratio` Q where Sigma = I.
    """
    if inputs.is_isotropic:
        return noise_ratio(gradient)
    rest = gradient.matrix - gradient.linear_coefficient * np.outer(readout, gradient.beta)
    by_axis = np.sum(rest**2, axis=0)
    return noise_ratio(gradient) * float(by_axis @ inputs.axes(len(by_axis)) / np.sum(by_axis))


def spike_matrix(kappa: Array, readout: Array, coefficients: Array, scale: float, q: float) -> Array:
    """``sum_k c_k scale^k P_k(kappa) (a^k)'`` for k from 1 to the last of the coefficients.

    Parameters
    ----------
    kappa : ndarray of shape (rows,)
        ``X beta / |beta|``.
    readout : ndarray of shape (width,)
        a, entries of order ``width^(-1/2)``: the k-th spike has norm of order ``n^(1/2) scale^k width^((1-k)/2)``.
    coefficients : ndarray of shape (l + 1,)
        ``c_0 .. c_l`` of the activation; ``c_0`` is not used.
    scale : float
        ``eta c_1 |beta|``.
    q : float
        Relative variance of the noise, 0 for bare monomials.
    """
    degrees = [k for k in range(1, len(coefficients)) if coefficients[k] != 0]
    if not degrees:
        return np.zeros((len(kappa), len(readout)))
    left = np.array([coefficients[k] * scale**k * noisy_power(kappa, k, q) for k in degrees])
    return left.T @ np.array([readout**k for k in degrees])


def spike_features(
    inputs: Array, gradient: Gradient, readout: Array, problem: Problem, window: int, corrected: bool = True
) -> Array:
    """The l spikes of F_l on these inputs, shape (rows, width); see :func:`spike_matrix`.

    Without a learned direction (beta = 0 or c_1 = 0) there is none, and the answer is zero.
    """
    norm = float(np.linalg.norm(gradient.beta))
    scale = gradient.linear_coefficient * problem.step * norm
    if scale == 0.0:
        return np.zeros((len(inputs), len(readout)))
    q = coloured_noise_ratio(gradient, readout, problem.inputs) if corrected else 0.0
    coefficients = problem.activation.coefficients(window)
    return spike_matrix(inputs @ (gradient.beta / norm), readout, coefficients, scale, q)


def feature_distance(features: Array, others: Array) -> float:
    """``|F - F_l|_op / sqrt(n)``."""
    return operator_norm(features - others) / len(features) ** 0.5


def offset(features: Array, others: Array, readout: Array) -> float:
    """``u' (F - F_l) v / sqrt(n)`` with unit vectors u along (1, ..., 1) and v along ``a^2`` less its mean.

    From the second window on, the even spikes have a constant part that grows, of order ``n^(2 alpha - 1/2)``. With
    bare monomials F_l misses ``c_2 (eta c_1 |beta|)^2 Q`` of it, so that this lower bound of the distance grows too.
    Exactly zero for a Rademacher or constant readout, where ``a^2`` has no direction of its own.
    """
    direction = readout**2 - np.mean(readout**2)
    norm = float(np.linalg.norm(direction))
    if norm <= len(readout) * np.finfo(float).eps * float(np.linalg.norm(readout**2)):
        return 0.0
    return float(np.mean(features - others, axis=0) @ direction) / norm


def error_gaps(
    train: tuple[Array, Array], test: tuple[Array, Array], labels: Array, test_labels: Array, ridge: float
) -> tuple[float, float]:
    """Train and test error of ridge regression on one pair of features minus those on the other."""
    readouts = [fit_readouts(features, labels, [ridge])[:, 0] for features in train]
    one, other = (float(np.mean((labels - f @ w) ** 2)) for f, w in zip(train, readouts, strict=True))
    new, old = (float(np.mean((test_labels - f @ w) ** 2)) for f, w in zip(test, readouts, strict=True))
    return one - other, new - old


def equivalence(
    problem: Problem,
    *,
    window: int | None = None,
    sizes: Sequence[int] = (500, 1000, 2000),
    seed: int | Sequence[int] = 0,
    replicates: int = 4,
    corrected: bool = True,
    n_test: int = 4000,
) -> Equivalence:
    """Measure the distance between F and F_l, and between their ridge fits, at growing ``n``.

    Parameters
    ----------
    problem : Problem
        Its ratios d/n and N/n and its step exponent are held; the step is ``n^alpha`` at every n.
    window : int, optional
        l, the number of spikes; by default the problem's own.
    sizes : sequence of int
        Values of n_samples, at least two and increasing.
    seed : int or sequence of int
    replicates : int
        Every size is drawn so many times (at least 2), replicate k with the seed ``(*seed, k)``.
    corrected : bool
        ``P_k`` or the bare monomials.
    n_test : int
        Test samples for the gap of the test errors.

    Raises
    ------
    ArgumentError
        No ``window`` where the step size lies in none; fewer than two sizes or replicates; ``samples="same"``, for
        which the spikes have another form.
    """
    return _measure(problem, window, sizes, as_seed(seed), replicates, n_test, (corrected,))[0]


def both_forms(
    problem: Problem,
    *,
    window: int | None = None,
    sizes: Sequence[int] = (500, 1000, 2000),
    seed: int | Sequence[int] = 0,
    replicates: int = 4,
    n_test: int = 4000,
) -> tuple[Equivalence, Equivalence]:
    """:func:`equivalence` of the corrected and of the published form, on the same draws."""
    corrected, published = _measure(problem, window, sizes, as_seed(seed), replicates, n_test, FORMS)
    return corrected, published


def _measure(
    problem: Problem,
    window: int | None,
    sizes: Sequence[int],
    seed: tuple[int, ...],
    replicates: int,
    n_test: int,
    forms: tuple[bool, ...],
) -> list[Equivalence]:
    replicates, n_test = (
        as_integer("replicates", replicates, 2, ", for a standard error"),
        as_integer("n_test", n_test, 2),
    )
    chosen, sizes = _check(problem, window, sizes)
    gaps = np.array(
        [[_gaps(_resize(problem, n), chosen, (*seed, k), forms, n_test) for k in range(replicates)] for n in sizes]
    )
    return [_summary(problem, chosen, form, sizes, gaps[:, :, f]) for f, form in enumerate(forms)]


def _check(problem: Problem, window: int | None, sizes: Sequence[int]) -> tuple[int, list[int]]:
    if problem.samples == "same":
        remedy = "on the gradient's own samples every sample moves its own features too, which no F_l has; give 'fresh'"
        raise ArgumentError("samples", problem.samples, remedy)
    chosen = problem.window if window is None else integer_or_none(window)
    if chosen is None or chosen < 1:
        raise ArgumentError("window", window, "give an integer >= 1; the step size lies in no window")
    whole = [as_integer("sizes", n, 2) for n in sizes]
    if len(whole) < 2 or whole != sorted(set(whole)):
        raise ArgumentError("sizes", sizes, "give at least two increasing sample sizes")
    return chosen, whole


def _resize(problem: Problem, n: int) -> Problem:
    scale = n / problem.n_samples
    changes = {"input_dim": round(scale * problem.input_dim), "width": round(scale * problem.width)}
    if problem.n_gradient is not None:
        changes["n_gradient"] = round(scale * problem.n_gradient)
    return problem.replace(n_samples=n, step_exponent=problem.exponent, **changes)


def _gaps(problem: Problem, window: int, seed: tuple[int, ...], forms: tuple[bool, ...], n_test: int) -> Array:
    """Operator norm over sqrt(n), the two error gaps and the offset on one draw: shape (forms, 4)."""
    draw = GaussianDraw.of(problem, seed, n_test)
    fit, readout, gradient = draw.ridge_sample, draw.readout(problem.readout), gradient_of(problem, draw)
    test = list(draw.test_blocks())
    test_inputs = np.vstack([sample.inputs for sample in test])
    test_labels = np.concatenate([sample.labels(problem) for sample in test])

    def features(inputs: Array) -> list[Array]:
        """The features F and F_0."""
        still = inputs @ draw.weights.T
        moved = still + problem.step * (inputs @ gradient.matrix.T)
        return [problem.activation.apply(moved, np), problem.activation.apply(still, np)]

    (f, f0), (g, g0), labels = features(fit.inputs), features(test_inputs), fit.labels(problem)
    rows = []
    for corrected in forms:
        fl = f0 + spike_features(fit.inputs, gradient, readout, problem, window, corrected)
        gl = g0 + spike_features(test_inputs, gradient, readout, problem, window, corrected)
        gaps = error_gaps((f, fl), (g, gl), labels, test_labels, problem.ridge)
        rows.append([feature_distance(f, fl), *np.abs(gaps), offset(f, fl, readout)])
    return np.array(rows)


def _summary(problem: Problem, window: int, corrected: bool, sizes: Sequence[int], gaps: Array) -> Equivalence:
    """The estimates of gaps of shape (sizes, replicates, 4)."""
    points = tuple(
        EquivalencePoint(n, *(_estimate(values) for values in row.T)) for n, row in zip(sizes, gaps, strict=True)
    )
    rates = {name: decay_rate(list(sizes), [getattr(p, name) for p in points]) for name in _GAPS}
    return Equivalence(problem, window, corrected, points, rates)


def _estimate(values: Array) -> Estimate:
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5), len(values))


def decay_rate(sizes: Sequence[int], estimates: Sequence[Estimate]) -> Estimate:
    """Slope of log mean against log n by least squares, with the standard error that the means carry into it."""
    x = np.log(sizes) - np.mean(np.log(sizes))
    y = np.log([e.mean for e in estimates])
    relative = np.array([e.standard_error / e.mean for e in estimates])
    weights = x / float(x @ x)
    return Estimate(float(weights @ y), float(np.sqrt(weights**2 @ relative**2)), len(sizes))
