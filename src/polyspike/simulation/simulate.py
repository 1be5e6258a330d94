"""``simulate``: the real two-layer network of the paper; problems that share a draw share its work."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, overload

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.problem.problem import as_problems
from polyspike.results import Measurement
from polyspike.scalars import as_integer, as_seed, integer_or_none, real_or_none
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.coloured import target_direction
from polyspike.simulation.devices import arrays_on
from polyspike.simulation.draw import Draw, GaussianDraw
from polyspike.simulation.fitting import Fit, Measured, Plan, fit_held, gradients_of, run_test
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import Storage, choose_storage
from polyspike.simulation.over_neurons import over_neurons
from polyspike.simulation.over_samples import over_samples
from polyspike.simulation.watch import Report, WatchedDraw

__all__ = ["Options", "check_options", "measure", "simulate"]


@overload
def simulate(
    problem: Problem,
    *,
    seed: int | Sequence[int] = ...,
    n_test: int = ...,
    eigenvalues: str | int | None = ...,
    alignment_degree: int = ...,
    bulk_edge: float | None = ...,
    dtype: str = ...,
    device: str = ...,
    streaming: bool | None = ...,
    progress: Report | None = ...,
) -> Measurement: ...


@overload
def simulate(
    problem: Iterable[Problem],
    *,
    seed: int | Sequence[int] = ...,
    n_test: int = ...,
    eigenvalues: str | int | None = ...,
    alignment_degree: int = ...,
    bulk_edge: float | None = ...,
    dtype: str = ...,
    device: str = ...,
    streaming: bool | None = ...,
    progress: Report | None = ...,
) -> list[Measurement]: ...


def simulate(
    problem: Problem | Iterable[Problem],
    *,
    seed: int | Sequence[int] = 0,
    n_test: int = 20_000,
    eigenvalues: str | int | None = None,
    alignment_degree: int = 0,
    bulk_edge: float | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    streaming: bool | None = None,
    progress: Report | None = None,
) -> Measurement | list[Measurement]:
    """Draw data and a network, take the gradient step, fit the readout, test it.

    Parameters
    ----------
    problem : Problem, or iterable of Problem
        Of many problems, those of equal sizes share one draw and everything that follows from it: the draw and
        ``X W0'`` are computed once, ``X G'`` once per gradient, the Gram matrix once per step, and the test set is read
        once. A measurement does not depend on which other problems it was made with.
    seed : int or sequence of int
        Fixes the whole run; problems of the same sizes and seed share inputs, initial network and noise.
    n_test : int
        Fresh samples for the test error; never held in memory at once.
    eigenvalues : "all", "outliers", int or None
        Eigenvalues of ``F F'/N``: all, every one above ``bulk_edge``, or the top k. The last two come from Lanczos,
        without a full decomposition, and the count of the outliers is certified.
    alignment_degree : int
        When > 0, the alignment of the top left singular vectors with degrees 1 .. alignment_degree.
    bulk_edge : float, optional
        For ``eigenvalues="outliers"``; ``predict(problem).spectrum.edges[-1][1]`` is the predicted one.
    dtype : {"float64", "float32"}
        Of the samples, the features and the large products. Sums over rows and everything that is solved are float64
        in any case. docs/performance.md has the measured errors of float32.
    device : str
        "cpu" is NumPy; "cuda", "cuda:1" are torch's; "torch:cpu", "jax:cpu", "jax:gpu" name the library. All see the
        same random numbers.
    streaming : bool, optional
        Whether blocks of samples (of neurons, when there are more of them) are drawn, used and dropped, so that
        memory does not depend on their number; None: when the arrays would not fit otherwise. The same numbers up to
        rounding. Ridge 0 is solved from the Gram matrix, which loses half the digits of an ill-conditioned fit, and is
        refused when that leaves none.
    progress : callable, optional
        Called with the share of the work that is done, from 0.0 to 1.0, as it grows; of many problems, every group of
        equal sizes counts the same. It changes no number.

    Returns
    -------
    Measurement
        For many problems a list, in their order.

    Raises
    ------
    ArgumentError
        Bad arguments; DoesNotFitError when the arrays would not fit in memory.
    NumericalError
        A Gram matrix that is singular up to rounding; eigenvalues that did not converge.

    Examples
    --------
    >>> problem = Problem(n_samples=200, input_dim=50, width=100, step_exponent=0.25)
    >>> simulate(problem, seed=1, n_test=1000).n_test
    1000
    """
    measured = Measured(eigenvalues, alignment_degree, bulk_edge)
    found = _simulate(as_problems(problem), seed, n_test, measured, arrays_on(device, dtype), streaming, progress)
    return found[0] if isinstance(problem, Problem) else found


def _simulate(
    problems: Sequence[Problem],
    seed: int | Sequence[int],
    n_test: int,
    measured: Measured,
    arrays: Arrays,
    streaming: bool | None,
    progress: Report | None = None,
) -> list[Measurement]:
    """All problems, each draw once."""
    seed = as_seed(seed)
    n_test, measured = check_options(n_test, measured.eigenvalues, measured.alignment_degree, measured.bulk_edge)
    groups: dict[tuple[GaussianDraw, Storage], list[int]] = {}
    for index, problem in enumerate(problems):
        storage = choose_storage(problem, streaming, arrays)
        groups.setdefault((GaussianDraw.of(problem, seed, n_test), storage), []).append(index)
    results: dict[int, Measurement] = {}
    for k, ((draw, storage), indices) in enumerate(groups.items()):
        options, some = Options(seed, measured, True, storage, arrays), [problems[i] for i in indices]
        report = None if progress is None else _part(progress, k, len(groups))
        watched = None if report is None else WatchedDraw(draw, some[0], storage, measured, report)
        results.update(zip(indices, measure(watched or draw, some, options), strict=True))
        if watched is not None:
            watched.done()
    return [results[i] for i in range(len(problems))]


def _part(progress: Report, k: int, parts: int) -> Report:
    """The k-th of so many parts as a share of the whole."""
    return lambda share: progress((k + share) / parts)


@dataclass(frozen=True)
class Options:
    """The options of a simulation: what is measured, with which storage and arrays."""

    seed: tuple[int, ...]
    measured: Measured
    known_direction: bool = True
    storage: Storage = Storage.HELD
    arrays: Arrays = HOST


def measure(draw: Draw, problems: Sequence[Problem], options: Options) -> list[Measurement]:
    """All problems on one draw."""
    start = monotonic()
    fits = _FITS[options.storage](draw, Plan.of(problems), options.measured, options.arrays)
    seconds = monotonic() - start
    return [_measurement(problem, fits[Plan.step_key(problem)], options, seconds) for problem in problems]


def _held(draw: Draw, plan: Plan, measured: Measured, arrays: Arrays) -> dict[Problem, Fit]:
    """Samples and features of one step are held whole."""
    weights = arrays.put(draw.weights)
    gradients = gradients_of(lambda shared: [draw.seen_by_gradient(shared)], plan, draw, weights, arrays)
    fits = fit_held(draw.ridge_sample, plan, weights, gradients, measured, arrays)
    run_test(draw, plan, weights, gradients, fits, arrays)
    return fits


_FITS: dict[Storage, Callable[[Any, Plan, Measured, Arrays], dict[Problem, Fit]]] = {
    Storage.HELD: _held,
    Storage.SAMPLES: over_samples,
    Storage.NEURONS: over_neurons,
}


def _measurement(problem: Problem, fit: Fit, options: Options, seconds: float) -> Measurement:
    k = fit.ridges.index(problem.ridge)
    test = fit.squares[k] / fit.n_test
    spread = max(fit.fourths[k] / fit.n_test - test**2, 0.0)
    known, spike = options.known_direction, fit.direction.spike_direction(problem.step)
    target = target_direction(problem, options.seed)
    return Measurement(
        problem=problem,
        seed=options.seed,
        train_loss=float(fit.train_errors[k] + fit.penalties[k]),
        train_error=float(fit.train_errors[k]),
        test_error=float(test),
        test_error_se=float(np.sqrt(spread / fit.n_test)),
        cosine=_cosine(fit.direction.beta, target) if known else None,
        spike_cosine=_cosine(spike, target) if known else None,
        rank_one_fraction=fit.direction.rank_one_fraction,
        n_test=fit.n_test,
        eigenvalues=fit.spectrum,
        alignment=fit.alignment,
        seconds=seconds,
        dtype=options.arrays.dtype,
        device=options.arrays.name,
        biased_cosine=_biased_cosine(problem, fit.direction.beta, target) if known else None,
    )


def _cosine(direction: Array, target: Array) -> float:
    """Cosine with a unit vector, of which the first coordinates may be enough; 0.0 for a zero vector."""
    norm = float(np.linalg.norm(direction))
    return float(direction[: len(target)] @ target) / norm if norm > 0 else 0.0


def _biased_cosine(problem: Problem, beta: Array, target: Array) -> float | None:
    """Cosine of beta with ``Sigma beta*``, its mean up to a factor; None where Sigma is the identity."""
    if problem.inputs.is_isotropic:
        return None
    mean = problem.inputs.axes(problem.input_dim) * target
    return _cosine(beta, mean / np.linalg.norm(mean))


def check_options(n_test: Any, eigenvalues: Any, alignment_degree: Any, bulk_edge: Any = None) -> tuple[int, Measured]:
    """The options as numbers; refuses what is out of range, before any work."""
    count = None if isinstance(eigenvalues, str) else integer_or_none(eigenvalues)
    if not (eigenvalues is None or _is_one_of(eigenvalues, ("all", "outliers")) or (count is not None and count >= 1)):
        raise ArgumentError("eigenvalues", eigenvalues, "give 'all', 'outliers', a number of eigenvalues >= 1, or None")
    wanted = eigenvalues if count is None else count
    if (wanted == "outliers") != (bulk_edge is not None):
        raise ArgumentError("bulk_edge", bulk_edge, "goes with eigenvalues='outliers'; give both or neither")
    edge = None if bulk_edge is None else real_or_none(bulk_edge)
    if bulk_edge is not None and not (edge is not None and 0 < edge < np.inf):
        raise ArgumentError("bulk_edge", bulk_edge, "give a positive finite number")
    degree = as_integer("alignment_degree", alignment_degree, 0)
    return as_integer("n_test", n_test, 2), Measured(wanted, degree, edge)


def _is_one_of(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value in names
