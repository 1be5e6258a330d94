"""The draw of a run on real data: rows split at random, the initial network drawn as for Gaussian data."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.problem.problem import as_problems
from polyspike.results import Measurement
from polyspike.rows import as_rows, check_counts, shuffled
from polyspike.scalars import as_seed
from polyspike.simulation.devices import arrays_on
from polyspike.simulation.draw import initial_weights, readout_of
from polyspike.simulation.simulate import Options, check_options, measure
from polyspike.simulation.streams import BLOCK_ROWS, Stream, normals

__all__ = ["DataDraw", "LabelledSample", "simulate_data"]


@dataclass(frozen=True, eq=False)
class LabelledSample:
    """Rows of real data with their target; the teacher and the noise of a problem are not used."""

    inputs: Array
    target: Array

    def labels(self, problem: Problem) -> Array:
        """The target."""
        del problem
        return self.target


@dataclass(frozen=True, eq=False)
class DataDraw:
    """A split of real data into gradient, ridge and test rows, and an initial network.

    Parameters
    ----------
    seed : tuple of int
        Fixes the split and the network.
    inputs : ndarray of shape (rows, d)
        Whitened: mean zero and unit variance in every direction, as the theory's ``x ~ N(0, I_d)``.
    target : ndarray of shape (rows,)
    n_gradient, n_samples, width : int
        The rest of the rows is the test set.
    shared : int, optional
        Rows that both stages have. The fit then has the ``n_samples`` rows of a fresh run of this seed, where the table
        is long enough for one (else the last rows of the same shuffle), the gradient the first of them and of a fresh
        run's gradient, and all other rows are the test set.
    split_seed : tuple of int, optional
        Fixes the split, when it is not that of the network.
    """

    seed: tuple[int, ...]
    inputs: Array
    target: Array
    n_gradient: int
    n_samples: int
    width: int
    shared: int = 0
    split_seed: tuple[int, ...] | None = None

    @cached_property
    def weights(self) -> Array:
        """Initial first layer."""
        return initial_weights(self.seed, self.width, self.inputs.shape[1])

    @cached_property
    def gradient_sample(self) -> LabelledSample:
        """The rows of the gradient step."""
        if self.shared == self.n_samples == self.n_gradient:
            return self.ridge_sample
        own, shared = self._order[: self._own], self._order[self._start : self._start + self.shared]
        return self._at(np.concatenate([shared, own]))

    def seen_by_gradient(self, shared: int) -> LabelledSample:
        """The same; ``shared`` is that of the draw."""
        assert shared == self.shared
        return self.gradient_sample

    @cached_property
    def ridge_sample(self) -> LabelledSample:
        """The rows of the ridge fit."""
        return self._rows(self._start, self._start + self.n_samples)

    def readout(self, law: str) -> Array:
        """Initial readout."""
        return readout_of(normals(self.seed, Stream.READOUT, self.width), law)

    def test_blocks(self) -> Iterator[LabelledSample]:
        """All other rows; where rows are shared also those of a fresh run's gradient that are not needed."""
        for first, last in ((self._start + self.n_samples, len(self.inputs)), (self._own, self._start)):
            for start in range(first, last, BLOCK_ROWS):
                yield self._rows(start, min(start + BLOCK_ROWS, last))

    @property
    def _start(self) -> int:
        """Where the rows of the fit begin."""
        return min(self.n_gradient, len(self.inputs) - self.n_samples)

    @property
    def _own(self) -> int:
        """Rows that the gradient alone has."""
        return self.n_gradient - self.shared

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return shuffled(self.seed if self.split_seed is None else self.split_seed, len(self.inputs))

    def _rows(self, start: int, stop: int) -> LabelledSample:
        return self._at(self._order[start:stop])

    def _at(self, places: NDArray[np.int64]) -> LabelledSample:
        return LabelledSample(self.inputs[places], self.target[places])


@overload
def simulate_data(
    problem: Problem,
    inputs: Array,
    target: Array,
    *,
    seed: int | Sequence[int] = ...,
    split_seed: int | Sequence[int] | None = ...,
    eigenvalues: str | int | None = ...,
    alignment_degree: int = ...,
    dtype: str = ...,
    device: str = ...,
) -> Measurement: ...


@overload
def simulate_data(
    problem: Iterable[Problem],
    inputs: Array,
    target: Array,
    *,
    seed: int | Sequence[int] = ...,
    split_seed: int | Sequence[int] | None = ...,
    eigenvalues: str | int | None = ...,
    alignment_degree: int = ...,
    dtype: str = ...,
    device: str = ...,
) -> list[Measurement]: ...


def simulate_data(
    problem: Problem | Iterable[Problem],
    inputs: Array,
    target: Array,
    *,
    seed: int | Sequence[int] = 0,
    split_seed: int | Sequence[int] | None = None,
    eigenvalues: str | int | None = None,
    alignment_degree: int = 0,
    dtype: str = "float64",
    device: str = "cpu",
) -> Measurement | list[Measurement]:
    """The experiment of :func:`polyspike.simulate` on real data: split, gradient step, ridge fit, test on other rows.

    With ``samples="same"`` both stages have the rows that a fresh run of the same seed fits on, and all others are the
    test set: those of the fresh run, and those that its gradient had. With ``overlap`` the gradient has some of them.

    Parameters
    ----------
    problem : Problem, or iterable of Problem
        Many are of equal sizes; ``input_dim`` is the number of columns, ``n_samples`` and ``n_gradient`` rows are used
        for the two fits, shared ones once. Activation, step, ridge, width, gradient and
        readout count; teacher and noise do not.
    inputs : ndarray of shape (rows, d)
        Whitened inputs (``polyspike.data.whiten``).
    target : ndarray of shape (rows,)
        Regression target, of mean zero.
    seed, eigenvalues, alignment_degree, dtype, device
        As in :func:`polyspike.simulate`.
    split_seed : int or sequence of int, optional
        Of the split of the rows; that of the network when None. With one split and many seeds the measurements differ
        by their networks alone, and their mean is what :func:`polyspike.predict_data` predicts.

    Returns
    -------
    Measurement, or list of them for many problems
        With ``cosine`` and ``spike_cosine`` None, because real data have no known direction.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, too few rows.
    """
    problems = as_problems(problem)
    if not problems:
        return []
    inputs, target = as_rows(inputs, target)
    for one in problems:
        _check(one, problems[0], inputs)
    first, parts = problems[0], as_seed(seed)
    n_test = len(inputs) - _used(first)
    _, measured = check_options(n_test, eigenvalues, alignment_degree)
    chosen = None if split_seed is None else as_seed(split_seed)
    options = Options(parts, measured, known_direction=False, arrays=arrays_on(device, dtype))
    found: dict[int, Measurement] = {}
    sizes = (first.gradient_samples, first.n_samples, first.width)
    for shared in sorted({one.shared_samples for one in problems}):
        places = [k for k, one in enumerate(problems) if one.shared_samples == shared]
        draw = DataDraw(parts, inputs, target, *sizes, shared, chosen)
        found.update(zip(places, measure(draw, [problems[k] for k in places], options), strict=True))
    return found[0] if isinstance(problem, Problem) else [found[k] for k in range(len(problems))]


def _used(problem: Problem) -> int:
    """Rows that are no test rows."""
    return problem.n_samples + problem.gradient_samples - problem.shared_samples


def _sizes(problem: Problem) -> tuple[int, int, int, int]:
    return problem.gradient_samples, problem.n_samples, problem.input_dim, problem.width


def _check(problem: Problem, first: Problem, inputs: Array) -> None:
    if _sizes(problem) != _sizes(first):
        raise ArgumentError(
            "problem", _sizes(problem), f"all problems must have the sizes of the first, {_sizes(first)}"
        )
    if not problem.inputs.is_standard:
        raise ArgumentError("inputs", str(problem.inputs), "the law of real data is that of the rows; leave it out")
    own = problem.gradient_samples - problem.shared_samples
    check_counts(inputs, problem.n_samples, own, problem.input_dim, problem.shared_samples)
