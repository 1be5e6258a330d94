"""Shared by every storage: the plan of problems on one draw, features block by block, the fits and their test."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.results import Alignment
from polyspike.simulation.alignment import alignment
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.coloured import spread
from polyspike.simulation.draw import Draw, Labelled
from polyspike.simulation.gradient import Direction, Gradient, GradientSum
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.spectrum import eigenvalues, outliers

__all__ = [
    "Block",
    "Fit",
    "Measured",
    "Plan",
    "batches",
    "feature_blocks",
    "fit_held",
    "gradients_of",
    "projection_on",
    "run_test",
]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Measured:
    """What is measured beside the errors; see :func:`polyspike.simulate`."""

    eigenvalues: str | int | None = None
    alignment_degree: int = 0
    bulk_edge: float | None = None

    def spectrum(self, features: Any, arrays: Arrays) -> Array | None:
        """The eigenvalues of ``F F'/N`` that were asked for, of float64 features held whole."""
        if self.eigenvalues is None:
            return None
        if self.bulk_edge is not None:
            return outliers(features, self.bulk_edge, arrays)
        return eigenvalues(features, self.eigenvalues, arrays)

    def chosen(self, descending: Array) -> Array | None:
        """The eigenvalues that were asked for, out of all of them."""
        if self.eigenvalues is None:
            return None
        if self.bulk_edge is not None:
            return descending[descending > self.bulk_edge]
        return descending if self.eigenvalues == "all" else descending[: int(self.eigenvalues)]


@dataclass(frozen=True)
class Plan:
    """Which problems on one draw share a gradient, and which share features and labels.

    Attributes
    ----------
    steps : dict
        For each distinct gradient (a problem with step and ridge set to zero), its distinct steps (problems with the
        ridge set to zero): these have features of their own.
    ridges : dict
        For each of those, its distinct ridges.
    """

    steps: dict[Problem, list[Problem]]
    ridges: dict[Problem, list[float]]

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "Plan":
        """The plan of these problems."""
        steps: dict[Problem, list[Problem]] = {}
        ridges: dict[Problem, list[float]] = {}
        for problem in problems:
            members, step = steps.setdefault(cls.gradient_key(problem), []), cls.step_key(problem)
            if step not in members:
                members.append(step)
            of_step = ridges.setdefault(step, [])
            if problem.ridge not in of_step:
                of_step.append(problem.ridge)
        return cls(steps, ridges)

    @staticmethod
    def gradient_key(problem: Problem) -> Problem:
        """Problems of the same key share their gradient."""
        return problem.replace(step_size=0.0, ridge=0.0)

    @staticmethod
    def step_key(problem: Problem) -> Problem:
        """Problems of the same key share their features and labels."""
        return problem.replace(step_size=problem.step, ridge=0.0)

    @property
    def shared(self) -> list[int]:
        """The numbers of samples that gradients share with the fit, ascending."""
        return sorted({step.shared_samples for step in self.ridges})

    def sharing(self, shared: int) -> "Plan":
        """The plan of the problems whose gradients share so many samples with the fit."""
        return self.only(step for step in self.ridges if step.shared_samples == shared)

    def only(self, chosen: Iterable[Problem]) -> "Plan":
        """The plan of some of its steps."""
        wanted = set(chosen)
        steps = {key: [s for s in members if s in wanted] for key, members in self.steps.items()}
        return Plan({key: some for key, some in steps.items() if some}, {s: self.ridges[s] for s in wanted})


@dataclass(eq=False)
class Fit:
    """All ridges at one step: readouts and what is measured of them; the test squares are filled in as they come.

    Attributes
    ----------
    problem : Problem
        Its ridge does not count.
    direction : Direction
    ridges : list of float
    penalties, train_errors : ndarray of shape (len(ridges),)
        ``ridge |a|^2`` and ``|y - F a|^2/n``.
    readouts : array of shape (width, len(ridges)) or None
        On the device, in working precision; None where they are never held.
    """

    problem: Problem
    direction: Direction
    ridges: list[float]
    penalties: Array
    train_errors: Array
    readouts: Any = None
    spectrum: Array | None = None
    alignment: Alignment | None = None
    squares: Array = field(init=False)
    fourths: Array = field(init=False)
    n_test: int = 0

    def __post_init__(self) -> None:
        self.squares, self.fourths = np.zeros(len(self.ridges)), np.zeros(len(self.ridges))

    def add_test(self, residuals: Any, arrays: Arrays) -> None:
        """Residuals of shape (rows, len(ridges)) on fresh samples."""
        squares = residuals**2
        self.squares += arrays.host(arrays.xp.sum(squares, axis=0))
        self.fourths += arrays.host(arrays.xp.sum(squares**2, axis=0))
        self.n_test += residuals.shape[0]


class Block(NamedTuple):
    """Features at one step of some rows of a sample; valid until the next one is asked for."""

    step: Problem
    sample: Labelled
    features: Any
    labels: Any


def feature_blocks(
    samples: Iterable[Labelled], plan: Plan, weights: Any, gradients: dict[Problem, Gradient], arrays: Arrays
) -> Iterator[Block]:
    """Features of every sample at every step; ``X W0'`` and ``X G'`` are computed once for all steps."""
    for sample in samples:
        inputs = arrays.put(sample.inputs)
        still = inputs @ weights.T
        spare = arrays.spare(still)
        for key, steps in plan.steps.items():
            moved = inputs @ gradients[key].matrix.T
            labels = arrays.put_exact(sample.labels(key))
            for step in steps:
                yield Block(step, sample, arrays.features(still, moved, step.step, step.activation, spare), labels)


def gradients_of(
    blocks: Callable[[int], Iterable[Labelled]], plan: Plan, draw: Draw, weights: Any, arrays: Arrays
) -> dict[Problem, Gradient]:
    """The gradient of every key of the plan, in one pass over each sample; ``blocks`` gives that which shares so many
    with the fit.
    """
    found: dict[Problem, Gradient] = {}
    for shared in plan.shared:
        found |= _gradients(blocks(shared), plan.sharing(shared), draw, weights, arrays)
    return found


def _gradients(
    samples: Iterable[Labelled], plan: Plan, draw: Draw, weights: Any, arrays: Arrays
) -> dict[Problem, Gradient]:
    """The gradient of every key of the plan, in one pass over the samples."""

    def nothing() -> dict[Problem, GradientSum]:
        readouts = {law: arrays.put(draw.readout(law)) for law in {key.readout for key in plan.steps}}
        return {
            key: GradientSum(readouts[key.readout], key.activation, key.gradient, arrays, key.precondition)
            for key in plan.steps
        }

    def add(sums: dict[Problem, GradientSum], sample: Labelled) -> None:
        inputs = arrays.put(sample.inputs)
        preactivation = inputs @ weights.T
        for key, total in sums.items():
            total.add(inputs, preactivation, arrays.put_exact(sample.labels(key)))

    shares = [nothing() for _ in range(arrays.at_once(weights.shape[0]))]
    for some in batches(samples, len(shares)):
        arrays.each(add, shares, some)
    sums, *others = shares
    for other in others:
        for key, total in sums.items():
            total.merge(other[key])
    return {key: total.gradient(weights) for key, total in sums.items()}


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of that many items; the last list has the remaining ones."""
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some


def fit_held(
    sample: Labelled, plan: Plan, weights: Any, gradients: dict[Problem, Gradient], measured: Measured, arrays: Arrays
) -> dict[Problem, Fit]:
    """Fits on a sample whose features are held whole, one step at a time."""
    blocks = feature_blocks([sample], plan, weights, gradients, arrays)
    return {
        block.step: _fit_step(
            block, gradients[Plan.gradient_key(block.step)], plan.ridges[block.step], measured, arrays
        )
        for block in blocks
    }


def _fit_step(block: Block, direction: Direction, ridges: list[float], measured: Measured, arrays: Arrays) -> Fit:
    exact = fit_readouts(block.features, block.labels, ridges, arrays)
    readouts = arrays.working(exact)
    residuals = block.labels[:, None] - arrays.exact(block.features @ readouts)
    on_host = np.ascontiguousarray(arrays.host(exact))
    fit = Fit(
        problem=block.step,
        direction=direction,
        ridges=ridges,
        penalties=np.array([ridge * on_host[:, k] @ on_host[:, k] for k, ridge in enumerate(ridges)]),
        train_errors=arrays.host(arrays.xp.mean(residuals**2, axis=0)),
        readouts=readouts,
    )
    if measured.eigenvalues is None and not measured.alignment_degree:
        return fit
    features, exactly = arrays.exact(block.features), arrays.in_float64
    if measured.alignment_degree:
        projection = projection_on(block.sample.inputs, direction.spike_direction(block.step.step), block.step)
        vectors = max(1, block.step.window or 1)
        fit.alignment = alignment(features, projection, measured.alignment_degree, vectors, exactly)
    fit.spectrum = measured.spectrum(features, exactly)
    return fit


def projection_on(inputs: Array, direction: Array, problem: Problem) -> Array:
    """``kappa = X b / |Sigma^(1/2) b|``, of unit variance; zero where b vanishes."""
    norm = spread(direction, problem.inputs)
    return inputs @ (direction / norm) if norm > 0 else np.zeros(len(inputs))


def run_test(
    draw: Draw, plan: Plan, weights: Any, gradients: dict[Problem, Gradient], fits: dict[Problem, Fit], arrays: Arrays
) -> None:
    """One pass over the test set for all steps and ridges."""
    for block in feature_blocks(draw.test_blocks(), plan, weights, gradients, arrays):
        fit = fits[block.step]
        fit.add_test(block.labels[:, None] - arrays.exact(block.features @ fit.readouts), arrays)
