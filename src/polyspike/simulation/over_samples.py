"""Streaming over samples, for n >> N: blocks of data come and go, and an N x N Gram matrix a step is what remains.

The blocks are drawn from the seed as the whole arrays are, so a streamed run sees the same numbers as one that holds
everything, and differs from it by the rounding of sums in another order. Memory does not depend on n.
"""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Alignment
from polyspike.simulation.alignment import AlignmentSum
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.draw import GaussianDraw, Labelled
from polyspike.simulation.fitting import (
    Fit,
    Measured,
    Plan,
    batches,
    feature_blocks,
    gradients_of,
    projection_on,
    run_test,
)
from polyspike.simulation.gradient import Gradient
from polyspike.simulation.memory import steps_at_once
from polyspike.status import Status

__all__ = ["NormalEquations", "over_samples", "solve_positive"]

DOUBT = 450
"""Rounding units of the train error, times its condition, above which it is measured by a second pass: 1e-13."""


class NormalEquations:
    """``F'F``, ``F'y`` and ``y'y``, summed over blocks of rows in float64."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.rows = 0
        self.gram: Any = None
        self.target: Any = None
        self.label_energy = 0.0

    def add(self, features: Any, labels: Any) -> None:
        """Features of shape (rows, width) and float64 labels of shape (rows,)."""
        arrays = self.arrays
        self.gram = arrays.add_gram(self.gram, features.T)
        self.target = arrays.add(self.target, arrays.cross(features, arrays.working(labels)))
        self.label_energy += float(labels @ labels)
        self.rows += labels.shape[0]

    def merge(self, other: "NormalEquations") -> None:
        """Add the sums over the rows of another instance."""
        if other.rows:
            self.gram = self.arrays.add(self.gram, other.gram)
            self.target = self.arrays.add(self.target, other.target)
            self.label_energy += other.label_energy
            self.rows += other.rows

    def readouts(self, ridges: list[float]) -> Any:
        """``(F'F + n ridge)^-1 F'y`` for every ridge, in float64; shape (width, len(ridges)).

        Raises
        ------
        NumericalError
            If that matrix is not positive definite, or ridge = 0 and the features are dependent up to rounding.
        """
        return solve_positive(self.gram, self.target, self.rows, ridges, self.arrays)

    def train_errors(self, readouts: Any) -> tuple[Array, bool]:
        """``(y'y - 2 a'F'y + a'F'F a)/n``, and whether rounding can have spoilt the thirteenth digit of one of them.

        The terms cancel when the fit is good. A sum of products of rounded numbers errs by about a rounding unit of the
        root of the sum of the squared products; these are bounded by the largest entries of a.
        """
        arrays, host = self.arrays, self.arrays.host(readouts)
        target, image = arrays.host(self.target), arrays.host(arrays.symmetric_product(self.gram, readouts))
        errors = self.label_energy - 2 * (target @ host) + np.sum(host * image, axis=0)
        largest = np.max(np.abs(host), axis=0)
        gram = (2 * arrays.squared_norm(self.gram)) ** 0.5  # at most: of half a matrix on the host
        terms = self.label_energy + 2 * largest * np.linalg.norm(target) + largest**2 * gram
        return errors / self.rows, bool(np.any(terms > DOUBT * errors))


def solve_positive(gram: Any, target: Any, rows: int, ridges: list[float], arrays: Arrays) -> Any:
    """Columns ``(gram + rows * ridge)^-1 target``; ``gram`` is kept.

    Raises
    ------
    NumericalError
        If a matrix is not positive definite; at ridge 0 also if its condition exceeds what float64 can solve.
    """
    if 0.0 in ridges:
        values = arrays.eigvalsh(arrays.copy(gram))
        if values[0] < len(values) * np.finfo(float).eps * values[-1]:
            message = f"at ridge 0 the streamed Gram matrix has eigenvalues from {values[0]:.3g} to {values[-1]:.3g}"
            raise NumericalError(Status.SINGULAR, message)
    return arrays.ridge_solve(gram, target, rows * np.array(ridges), overwrite=False)


def over_samples(draw: GaussianDraw, plan: Plan, measured: Measured, arrays: Arrays) -> dict[Problem, Fit]:
    """Gradients, fits and tests on streamed samples; see :func:`polyspike.simulate`.

    One pass over every sample that a gradient is of; one over the ridge sample for as many steps as Gram matrices fit
    into memory, and a second one for what needs the readout: alignments, and train errors that the sums cannot give.
    """
    weights = arrays.put(draw.weights)
    gradients = gradients_of(draw.gradient_blocks, plan, draw, weights, arrays)
    fits: dict[Problem, Fit] = {}
    steps = list(plan.ridges)
    group = steps_at_once(steps[0], arrays, len(plan.steps))
    for first in range(0, len(steps), group):
        some = plan.only(steps[first : first + group])
        fits |= _fit_some(draw, some, weights, gradients, measured, arrays)
    run_test(draw, plan, weights, gradients, fits, arrays)
    return fits


def _fit_some(
    draw: GaussianDraw, plan: Plan, weights: Any, gradients: dict[Problem, Gradient], measured: Measured, arrays: Arrays
) -> dict[Problem, Fit]:
    equations = _sums(draw, plan, weights, gradients, arrays)
    fits, second_look = {}, {}
    for step in plan.ridges:
        fit, doubtful = _solve(step, equations[step], plan, gradients, arrays)
        vectors, fit.spectrum = _spectrum(step, equations.pop(step), measured, arrays)
        fits[step] = fit
        if doubtful or vectors is not None:
            second_look[step] = _SecondLook(fit, vectors, measured.alignment_degree, arrays)
    if second_look:
        for block in feature_blocks(draw.ridge_blocks(), plan.only(second_look), weights, gradients, arrays):
            second_look[block.step].add(block.sample.inputs, block.features, block.labels)
    for step, look in second_look.items():
        fits[step].train_errors, fits[step].alignment = look.results()
    return fits


def _sums(
    draw: GaussianDraw, plan: Plan, weights: Any, gradients: dict[Problem, Gradient], arrays: Arrays
) -> dict[Problem, NormalEquations]:
    """The normal equations of every step, in one pass over the ridge sample."""

    def add(equations: dict[Problem, NormalEquations], sample: Labelled) -> None:
        for block in feature_blocks([sample], plan, weights, gradients, arrays):
            equations[block.step].add(block.features, block.labels)

    shares = [{step: NormalEquations(arrays) for step in plan.ridges} for _ in range(arrays.at_once(weights.shape[0]))]
    for some in batches(draw.ridge_blocks(), len(shares)):
        arrays.each(add, shares, some)
    equations, *others = shares
    for other in others:
        for step, total in equations.items():
            total.merge(other.pop(step))
    return equations


def _solve(
    step: Problem, equations: NormalEquations, plan: Plan, gradients: dict[Problem, Gradient], arrays: Arrays
) -> tuple[Fit, bool]:
    readouts = equations.readouts(plan.ridges[step])
    errors, doubtful = equations.train_errors(readouts)
    penalties = np.array(plan.ridges[step]) * np.sum(arrays.host(readouts) ** 2, axis=0)
    direction = gradients[Plan.gradient_key(step)]
    return Fit(step, direction, plan.ridges[step], penalties, errors, arrays.working(readouts)), doubtful


def _spectrum(
    step: Problem, equations: NormalEquations, measured: Measured, arrays: Arrays
) -> tuple[Array | None, Array | None]:
    """Right singular vectors, scaled so that F times them has norm one, where asked for; and eigenvalues."""
    if measured.eigenvalues is None and not measured.alignment_degree:
        return None, None
    vectors, gram = None, equations.gram
    if measured.alignment_degree:
        vectors = arrays.top_eigenvectors(arrays.copy(gram), max(1, step.window or 1))
        image = arrays.host(arrays.symmetric_product(gram, arrays.put_exact(vectors)))
        vectors = vectors / np.sqrt(np.sum(vectors * image, axis=0))
    values = arrays.eigvalsh(gram)[::-1] / step.width if measured.eigenvalues is not None else np.empty(0)
    return vectors, measured.chosen(values)


class _SecondLook:
    """The quantities that need the readout or the singular vectors at every sample, in a second pass."""

    def __init__(self, fit: Fit, vectors: Array | None, degree: int, arrays: Arrays) -> None:
        self.fit, self.arrays, self.rows = fit, arrays, 0
        self.squares = np.zeros(len(fit.ridges))
        self.vectors = None if vectors is None else arrays.put(vectors)
        self.aligned = AlignmentSum(degree)

    def add(self, inputs: Array, features: Any, labels: Any) -> None:
        """Add one block of samples."""
        arrays = self.arrays
        residuals = labels[:, None] - arrays.exact(features @ self.fit.readouts)
        self.squares += arrays.host(arrays.xp.sum(residuals**2, axis=0))
        self.rows += labels.shape[0]
        if self.vectors is not None:
            direction = self.fit.direction.spike_direction(self.fit.problem.step)
            self.aligned.add(projection_on(inputs, direction, self.fit.problem), arrays.host(features @ self.vectors))

    def results(self) -> tuple[Array, Alignment | None]:
        """Train errors and alignment."""
        return self.squares / self.rows, None if self.vectors is None else self.aligned.result()
