"""``simulate``: the real two-layer network of the paper; problems that share a draw share its work."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Measurement
from polyspike.simulation.alignment import alignment
from polyspike.simulation.draw import Draw, GaussianDraw
from polyspike.simulation.features import blas_threads, step_features
from polyspike.simulation.gradient import Gradient, gradient_step
from polyspike.simulation.memory import check_fits
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.spectrum import eigenvalues as feature_eigenvalues
from polyspike.simulation.streams import as_seed

__all__ = ["Options", "check_options", "measure", "simulate", "simulate_many"]

Array = NDArray[np.float64]

PIECE = 2**16
"""Entries of a piece of the features, half a megabyte: with its neighbours it stays in the cache of one core."""


def simulate(
    problem: Problem,
    seed: int | tuple[int, ...] = 0,
    n_test: int = 20_000,
    eigenvalues: str | int | None = None,
    alignment_degree: int = 0,
) -> Measurement:
    """Draw data and a network, take the gradient step, fit the readout, test it.

    Parameters
    ----------
    problem : Problem
    seed : int or tuple of int
        Fixes the whole run; problems of the same sizes and seed share inputs, initial network and noise.
    n_test : int
        Fresh samples for the test error; never held in memory at once.
    eigenvalues : "all", int or None
        Eigenvalues of ``F F'/N``: all, or the top k by Lanczos.
    alignment_degree : int
        When > 0, the alignment of the top left singular vectors with degrees 1 .. alignment_degree.

    Returns
    -------
    Measurement

    Raises
    ------
    ArgumentError
        Bad arguments; DoesNotFitError when the arrays would not fit in memory.

    Examples
    --------
    >>> problem = Problem(n_samples=200, input_dim=50, width=100, step_exponent=0.25)
    >>> simulate(problem, seed=1, n_test=1000).n_test
    1000
    """
    return simulate_many([problem], seed, n_test, eigenvalues, alignment_degree)[0]


def simulate_many(
    problems: Sequence[Problem],
    seed: int | tuple[int, ...] = 0,
    n_test: int = 20_000,
    eigenvalues: str | int | None = None,
    alignment_degree: int = 0,
) -> list[Measurement]:
    """The same for many problems; those of equal sizes share one draw and everything that follows from it.

    A measurement does not depend on which other problems it was made with. The draw and ``X W0'`` are computed once,
    ``X G'`` once per gradient, the Gram matrix once per step, and the test set is read once.
    """
    seed = as_seed(seed)
    check_options(n_test, eigenvalues, alignment_degree)
    draws: dict[GaussianDraw, list[int]] = {}
    for index, problem in enumerate(problems):
        check_fits(problem)
        draws.setdefault(GaussianDraw.of(problem, seed, n_test), []).append(index)
    results: dict[int, Measurement] = {}
    for draw, indices in draws.items():
        options = Options(seed, n_test, eigenvalues, alignment_degree)
        results.update(zip(indices, measure(draw, [problems[i] for i in indices], options), strict=True))
    return [results[i] for i in range(len(problems))]


@dataclass(frozen=True)
class Options:
    """What is measured, beside the errors."""

    seed: tuple[int, ...]
    n_test: int
    eigenvalues: str | int | None = None
    alignment_degree: int = 0
    known_direction: bool = True


def measure(draw: Draw, problems: Sequence[Problem], options: Options) -> list[Measurement]:
    """All problems on one draw."""
    start = monotonic()
    gradients = {key: _gradient(draw, key) for key in dict.fromkeys(_gradient_key(p) for p in problems)}
    fits = _fit(draw, problems, gradients, options)
    _test(draw, fits, gradients)
    seconds = monotonic() - start
    return [_measurement(problem, fits[_fit_key(problem)], options, seconds) for problem in problems]


def _gradient_key(problem: Problem) -> Problem:
    """Problems of the same key share their gradient."""
    return problem.replace(step_size=0.0, ridge=0.0)


def _fit_key(problem: Problem) -> Problem:
    """Problems of the same key share their features and labels."""
    return problem.replace(step_size=problem.step, ridge=0.0)


@dataclass(eq=False)
class Fit:
    """All ridges at one step: readouts and what is measured of them, filled in as the work goes on."""

    problem: Problem
    gradient: Gradient
    ridges: list[float]
    readouts: Array
    train_errors: Array
    spectrum: Array | None
    alignment: Any
    squares: Array
    fourths: Array
    n_test: int = 0


def _gradient(draw: Draw, problem: Problem) -> Gradient:
    sample = draw.gradient_sample
    readout = draw.readout(problem.readout)
    return gradient_step(
        sample.inputs, sample.labels(problem), draw.weights, readout, problem.activation, problem.gradient
    )


def _fit(
    draw: Draw, problems: Sequence[Problem], gradients: dict[Problem, Gradient], options: Options
) -> dict[Problem, Fit]:
    sample = draw.ridge_sample
    still = sample.inputs @ draw.weights.T
    fits = {}
    for key, gradient in gradients.items():
        moved = sample.inputs @ gradient.matrix.T
        labels = sample.labels(key)
        mine = [p for p in problems if _gradient_key(p) == key]
        for fit_key in dict.fromkeys(_fit_key(p) for p in mine):
            ridges = list(dict.fromkeys(p.ridge for p in mine if _fit_key(p) == fit_key))
            features = step_features(still, moved, fit_key.step, fit_key.activation, threads=blas_threads())
            fits[fit_key] = _fit_step(fit_key, gradient, ridges, sample.inputs, features, labels, options)
    return fits


def _fit_step(
    problem: Problem,
    gradient: Gradient,
    ridges: list[float],
    inputs: Array,
    features: Array,
    labels: Array,
    options: Options,
) -> Fit:
    readouts = fit_readouts(features, labels, ridges)
    residuals = labels[:, None] - features @ readouts
    direction = gradient.spike_direction(problem.step)
    aligned = None
    if options.alignment_degree:
        norm = float(np.linalg.norm(direction))
        projection = inputs @ (direction / norm) if norm > 0 else np.zeros(len(inputs))
        aligned = alignment(features, projection, options.alignment_degree, max(1, problem.window or 1))
    return Fit(
        problem=problem,
        gradient=gradient,
        ridges=ridges,
        readouts=readouts,
        train_errors=np.mean(residuals**2, axis=0),
        spectrum=None if options.eigenvalues is None else feature_eigenvalues(features, options.eigenvalues),
        alignment=aligned,
        squares=np.zeros(len(ridges)),
        fourths=np.zeros(len(ridges)),
    )


def _test(draw: Draw, fits: dict[Problem, Fit], gradients: dict[Problem, Gradient]) -> None:
    """One pass over the test set for all steps and ridges."""
    by_gradient = {key: [fit for p, fit in fits.items() if _gradient_key(p) == key] for key in gradients}
    threads = blas_threads()
    for sample in draw.test_blocks():
        still = sample.inputs @ draw.weights.T
        features = np.empty_like(still)
        for key, gradient in gradients.items():
            moved = sample.inputs @ gradient.matrix.T
            labels = sample.labels(key)
            for fit in by_gradient[key]:
                step_features(still, moved, fit.problem.step, fit.problem.activation, features, threads)
                squares = (labels[:, None] - features @ fit.readouts) ** 2
                fit.squares += squares.sum(axis=0)
                fit.fourths += (squares**2).sum(axis=0)
                fit.n_test += len(labels)


def _measurement(problem: Problem, fit: Fit, options: Options, seconds: float) -> Measurement:
    k = fit.ridges.index(problem.ridge)
    test = fit.squares[k] / fit.n_test
    spread = max(fit.fourths[k] / fit.n_test - test**2, 0.0)
    target, spike = problem.teacher.direction, fit.gradient.spike_direction(problem.step)
    return Measurement(
        problem=problem,
        seed=options.seed,
        train_loss=float(fit.train_errors[k] + problem.ridge * fit.readouts[:, k] @ fit.readouts[:, k]),
        train_error=float(fit.train_errors[k]),
        test_error=float(test),
        test_error_se=float(np.sqrt(spread / fit.n_test)),
        cosine=_cosine(fit.gradient.beta, target) if options.known_direction else None,
        spike_cosine=_cosine(spike, target) if options.known_direction else None,
        rank_one_fraction=fit.gradient.rank_one_fraction,
        n_test=fit.n_test,
        eigenvalues=fit.spectrum,
        alignment=fit.alignment,
        seconds=seconds,
    )


def _cosine(direction: Array, target: Array) -> float:
    """Cosine with the teacher's direction, which lives in the first coordinates; 0.0 for a zero vector."""
    norm = float(np.linalg.norm(direction))
    return float(direction[: len(target)] @ target) / norm if norm > 0 else 0.0


def check_options(n_test: Any, eigenvalues: Any, alignment_degree: Any) -> None:
    """Refuse options that are out of range, before any work."""
    if isinstance(n_test, bool) or not isinstance(n_test, int | np.integer) or n_test < 2:
        raise ArgumentError("n_test", n_test, "give an integer >= 2")
    whole = isinstance(eigenvalues, int | np.integer) and not isinstance(eigenvalues, bool)
    if not (eigenvalues is None or eigenvalues == "all" or (whole and eigenvalues >= 1)):
        raise ArgumentError("eigenvalues", eigenvalues, "give 'all', a number of eigenvalues >= 1, or None")
    if isinstance(alignment_degree, bool) or not isinstance(alignment_degree, int) or alignment_degree < 0:
        raise ArgumentError("alignment_degree", alignment_degree, "give an integer >= 0")
