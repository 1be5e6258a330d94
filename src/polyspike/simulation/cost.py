"""How long a simulation takes, asked before it starts: its operations counted, this machine's rates measured."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Self

import numpy as np

from polyspike.blas import blas_threads
from polyspike.problem import Problem
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import Storage, choose_storage, needed_bytes
from polyspike.simulation.streams import BLOCK_ROWS, Stream, normals

__all__ = ["NOMINAL", "Cost", "Phases", "Rates", "estimate_cost", "measure_rates", "phases_of"]


@dataclass(frozen=True)
class Rates:
    """Seconds of one operation of each kind; as a count, how many there are of each.

    Attributes
    ----------
    product : float
        A multiplication and an addition in a matrix product.
    decomposition : float
        The same in an eigenvalue decomposition, half of which waits for memory.
    normal : float
        A normal variate.
    entry : float
        An entry of a matrix that goes through an activation.
    """

    product: float = 0.0
    decomposition: float = 0.0
    normal: float = 0.0
    entry: float = 0.0

    def __add__(self, other: Self) -> "Rates":
        return Rates(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def times(self, count: float) -> "Rates":
        """All counts times a number."""
        return Rates(*(getattr(self, f.name) * count for f in fields(self)))

    def seconds(self, rates: Self) -> float:
        """The time that these counts take at those rates."""
        return float(sum(getattr(self, f.name) * getattr(rates, f.name) for f in fields(self)))


NOMINAL = Rates(product=1 / 20e9, decomposition=1 / 4e9, normal=1e-8, entry=5e-9)
"""The rates of a laptop, for uses in which only the shares of the parts matter."""


@dataclass(frozen=True)
class Phases:
    """The operations of the three parts of a simulation.

    Attributes
    ----------
    gradient, fit, test : Rates
        Counts, the draw of the samples in each.
    """

    gradient: Rates
    fit: Rates
    test: Rates

    def seconds(self, rates: Rates) -> tuple[float, float, float]:
        """The seconds of each part."""
        return self.gradient.seconds(rates), self.fit.seconds(rates), self.test.seconds(rates)


@dataclass(frozen=True)
class Cost:
    """What a simulation takes.

    Attributes
    ----------
    seconds : float
        Estimated; within a factor of two where nothing else runs on the machine.
    bytes : int
        Peak memory.
    storage : Storage
    """

    seconds: float
    bytes: int
    storage: Storage


def phases_of(
    problem: Problem, storage: Storage, n_test: int, eigenvalues: str | int | None = None, alignment_degree: int = 0
) -> Phases:
    """The operations of ``simulate(problem, ...)`` with a storage, to leading order."""
    n, d, width, n0 = problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples
    smaller, larger = min(n, width), max(n, width)
    # Streamed samples are drawn again in every pass; held ones once.
    own = n0 - problem.shared_samples
    drawn = n0 if storage is Storage.SAMPLES else own
    gradient = Rates(product=2 * n0 * d * width, normal=drawn * d, entry=2 * n0 * width)
    if problem.precondition is not None:
        gradient += Rates(product=(n0 + width) * d**2, decomposition=4 * d**3 / 3)
    features = Rates(product=2 * n * d * width, normal=n * d, entry=n * width)
    gram = Rates(product=larger * smaller**2 / 2)
    solve = Rates(product=smaller**3 / 6)
    test = Rates(product=2 * n_test * d * width, normal=n_test * d, entry=n_test * width)
    fit = features + gram + solve + _spectrum(problem, storage, eigenvalues, alignment_degree, features, gram)
    if storage is not Storage.NEURONS:
        return Phases(gradient + Rates(normal=width * d), fit, test)
    # The samples are drawn once; the gradient is made again in each of two passes, and the test set for every block.
    initial = Rates(product=n0 * d * width, normal=(n + own + width) * d, entry=n0 * width)
    one_pass = gradient + features + Rates(normal=(width - n - own) * d)
    blocks = -(-width // BLOCK_ROWS)
    return Phases(initial, one_pass + gram + fit, one_pass + test + Rates(normal=(blocks - 1) * n_test * d))


def _spectrum(
    problem: Problem, storage: Storage, eigenvalues: str | int | None, degree: int, features: Rates, gram: Rates
) -> Rates:
    """The operations that eigenvalues and alignments add."""
    smaller = min(problem.n_samples, problem.width)
    full = Rates(decomposition=2 * smaller**3 / 3)
    total = Rates()
    if eigenvalues == "all" or (eigenvalues is not None and storage is not Storage.HELD):
        total += full if storage is not Storage.HELD else full + gram
    if degree and storage is not Storage.HELD:
        total += full
    if degree and storage is Storage.SAMPLES:
        total += features  # a second pass over the samples
    return total


def estimate_cost(
    problem: Problem,
    n_test: int = 20_000,
    eigenvalues: str | int | None = None,
    alignment_degree: int = 0,
    streaming: bool | None = None,
    arrays: Arrays = HOST,
    rates: Callable[[Problem, Arrays], Rates] | None = None,
) -> Cost:
    """Time and memory of ``simulate(problem, ...)`` on this machine.

    Takes a fifth of a second, in which the machine's rates are measured; where the work is of no more than that by any
    measure, they are not.

    Parameters
    ----------
    problem, n_test, eigenvalues, alignment_degree, streaming
        As in :func:`polyspike.simulate`.
    arrays : Arrays
        Library, device and precision.
    rates : callable
        Stand-in for :func:`measure_rates`.

    Raises
    ------
    DoesNotFitError
        As :func:`polyspike.simulate` does.
    """
    storage = choose_storage(problem, streaming, arrays)
    phases = phases_of(problem, storage, n_test, eigenvalues, alignment_degree)
    seconds = sum(phases.seconds(NOMINAL))
    if seconds > 0.2:
        seconds = sum(phases.seconds((rates or measure_rates)(problem, arrays)))
    return Cost(seconds, needed_bytes(problem, streaming, arrays), storage)


def measure_rates(problem: Problem, arrays: Arrays = HOST) -> Rates:
    """Rates of this machine on this device, from a small piece of each kind of work.

    With as many threads as BLAS may use now.
    """
    side, rows = 768, BLOCK_ROWS
    draw = _seconds(lambda: normals((0,), Stream.TEST_INPUTS, 2 * rows, 64, blas_threads()))
    block = normals((0,), Stream.TEST_INPUTS, rows, side)
    left, square = arrays.put(block), arrays.put(block[:side])
    one = arrays.put(np.ones(side))
    product = _seconds(lambda: arrays.host((left @ square)[0]))
    preactivation = left / side**0.5
    mapped = _seconds(lambda: arrays.host(arrays.outputs(preactivation, one, problem.activation)))
    gram = arrays.gram(arrays.exact(square))
    decomposition = _seconds(lambda: arrays.eigvalsh(arrays.copy(gram)))
    return Rates(
        product=product / (rows * side**2),
        decomposition=decomposition / (2 * side**3 / 3),
        normal=draw / (2 * rows * 64),
        entry=mapped / (rows * side),
    )


def _seconds(work: Callable[[], object]) -> float:
    """The quicker of two runs: the first one also starts threads and maps memory."""
    times = []
    for _ in range(2):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)
