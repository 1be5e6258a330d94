"""Streaming over neurons, for N >> n: blocks of neurons come and go, and an n x n Gram matrix a step is what remains.

The weights of a block of neurons are drawn from the seed as the whole matrix is. Given the residual of the initial
network, which takes one pass, the rows of the gradient are independent of each other, and so are the columns of the
features: ``F F' = sum_b F_b F_b'``. The ridge fit is the dual one, ``a = F' u`` with ``(F F' + n ridge) u = y``, so
that the train residual is ``n ridge u`` and no readout is ever held: the outputs on the test set, the sum of the test
features of each block times ``F_b' u``, take a second pass. Memory does not depend on N but for a few vectors.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.results import Alignment
from polyspike.simulation.alignment import AlignmentSum
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.draw import GaussianDraw, Labelled
from polyspike.simulation.fitting import Fit, Measured, Plan, projection_on
from polyspike.simulation.gradient import Direction, explained, preconditioner
from polyspike.simulation.memory import steps_at_once
from polyspike.simulation.over_samples import solve_positive

__all__ = ["over_neurons"]


@dataclass(eq=False)
class _Rows:
    """The quantities that all rows of one gradient share, and the sums over its rows."""

    key: Problem
    readout: Array
    residual: Any
    beta: Any
    turn: Any = None
    omega: Any = 0.0
    energy: float = 0.0
    cross: float = 0.0
    seen: int = 0

    def direction(self, arrays: Arrays) -> Direction:
        """The gradient's summary, when all rows have been seen."""
        beta = arrays.host(self.beta)
        omega = arrays.host(self.omega) if self.key.gradient == "full" else np.zeros(len(beta))
        linear = float(self.key.activation.coefficients(1)[1])
        return Direction(beta, omega, linear, explained(self.energy, self.cross, linear, self.readout, beta))


@dataclass(eq=False)
class _Network:
    """The two samples on the device, and the network block by block."""

    draw: GaussianDraw
    arrays: Arrays
    rows: dict[Problem, _Rows] = field(default_factory=dict)
    _inputs: dict[int, Any] = field(default_factory=dict)

    @cached_property
    def second(self) -> Any:
        """The inputs of the fit's sample."""
        return self.arrays.put(self.draw.ridge_sample.inputs)

    def inputs(self, key: Problem) -> Any:
        """The inputs of the sample that a gradient is of; where it is the fit's no other is drawn."""
        if key.one_sample:
            return self.second
        shared = key.shared_samples
        if shared not in self._inputs:
            self._inputs[shared] = self.arrays.put(self.sample(key).inputs)
        return self._inputs[shared]

    def sample(self, key: Problem) -> Labelled:
        """The sample that a gradient is of."""
        return self.draw.seen_by_gradient(key.shared_samples)

    def preactivations(self, keys: Iterable[Problem], weights: Any) -> dict[int, Any]:
        """``X W0'`` of a block of neurons on the samples of these gradients, by how many they share with the fit."""
        of = {key.shared_samples: self.inputs(key) for key in keys}
        return {shared: inputs @ weights.T for shared, inputs in of.items()}

    def weights(self) -> Iterator[tuple[slice, Any]]:
        """Blocks of ``W0`` with the slice of their neurons."""
        start = 0
        for block in self.draw.weight_blocks():
            yield slice(start, start + len(block)), self.arrays.put(block)
            start += len(block)

    def residuals(self, plan: Plan) -> None:
        """One pass over the neurons for the initial outputs, and hence for the residual of every gradient."""
        arrays = self.arrays
        labels = {key: arrays.put_exact(self.sample(key).labels(key)) for key in plan.steps}
        readouts = {key: self.draw.readout(key.readout) for key in plan.steps}
        full = [key for key in plan.steps if key.gradient == "full"]
        for block, weights in self.weights() if full else ():
            initial = self.preactivations(full, weights)
            for key in full:
                outputs = arrays.outputs(initial[key.shared_samples], arrays.put(readouts[key][block]), key.activation)
                labels[key] = labels[key] - outputs
        for key, residual in labels.items():
            inputs, turn = self.inputs(key), None
            beta = arrays.cross(inputs, arrays.working(residual)) / inputs.shape[0]
            if key.precondition is not None:
                turn = preconditioner(arrays.cross(inputs, inputs) / inputs.shape[0], key.precondition, arrays)
                beta = turn @ beta
            self.rows[key] = _Rows(key, readouts[key], residual, beta, turn)

    def gradient_block(self, rows: _Rows, block: slice, preactivation: Any) -> Any:
        """The gradient's rows of a block of neurons, in working precision."""
        arrays = self.arrays
        slopes = arrays.slopes(preactivation, rows.residual, rows.key.activation)
        readout, inputs = arrays.put_exact(rows.readout[block]), self.inputs(rows.key)
        matrix = arrays.cross(slopes, inputs) * (readout[:, None] / inputs.shape[0])
        return matrix if rows.turn is None else matrix @ rows.turn

    def summarise(self, rows: _Rows, block: slice, weights: Any, matrix: Any) -> None:
        """Add a block to the sums of its gradient, once."""
        if block.stop <= rows.seen:
            return
        arrays = self.arrays
        readout = arrays.put_exact(rows.readout[block])
        rows.energy += arrays.squared_norm(matrix)
        rows.cross += float(readout @ (matrix @ rows.beta))
        rows.omega = rows.omega + arrays.exact(weights.T @ arrays.working(readout))
        rows.seen = block.stop

    def parts(self, plan: Plan) -> Iterator["_Part"]:
        """Every block of neurons with every gradient."""
        for block, weights in self.weights():
            initial = self.preactivations(plan.steps, weights)
            one = next((key.shared_samples for key in plan.steps if key.one_sample), None)
            still = self.second @ weights.T if one is None else initial[one]
            spare = self.arrays.spare(still)
            for key, steps in plan.steps.items():
                matrix = self.gradient_block(self.rows[key], block, initial[key.shared_samples])
                self.summarise(self.rows[key], block, weights, matrix)
                matrix = self.arrays.working(matrix)
                yield _Part(self.arrays, steps, weights, matrix, still, self.second @ matrix.T, spare)


class _Part(NamedTuple):
    """A block of neurons after the step: its weights, gradient, and pre-activations of the ridge sample."""

    arrays: Arrays
    steps: list[Problem]
    weights: Any
    matrix: Any
    still: Any
    moved: Any
    spare: Any

    def features(self) -> Iterator[tuple[Problem, Any]]:
        """The features at every step; each is valid until the next one is asked for."""
        for step in self.steps:
            yield step, self.arrays.features(self.still, self.moved, step.step, step.activation, self.spare)

    def on(self, inputs: Any) -> "_Part":
        """The same neurons on other inputs."""
        still = inputs @ self.weights.T
        return self._replace(still=still, moved=inputs @ self.matrix.T, spare=self.arrays.spare(still))


def over_neurons(draw: GaussianDraw, plan: Plan, measured: Measured, arrays: Arrays) -> dict[Problem, Fit]:
    """Gradients, fits and tests with streamed neurons; see :func:`polyspike.simulate`.

    One pass over the neurons for the initial outputs, and two for as many steps as Gram matrices fit into memory.
    """
    network = _Network(draw, arrays)
    network.residuals(plan)
    fits: dict[Problem, Fit] = {}
    steps = list(plan.ridges)
    group = steps_at_once(steps[0], arrays, len(plan.steps))
    for first in range(0, len(steps), group):
        some = plan.only(steps[first : first + group])
        fits |= _fit_some(network, some, measured)
    return fits


def _fit_some(network: _Network, plan: Plan, measured: Measured) -> dict[Problem, Fit]:
    arrays, sample = network.arrays, network.draw.ridge_sample
    grams: dict[Problem, Any] = dict.fromkeys(plan.ridges)
    for part in network.parts(plan):
        for step, features in part.features():
            grams[step] = arrays.add_gram(grams[step], features)
    fits, duals = {}, {}
    for step, ridges in plan.ridges.items():
        labels = arrays.put_exact(sample.labels(step))
        duals[step] = solve_positive(grams[step], labels, len(sample.inputs), ridges, arrays)
        direction = network.rows[Plan.gradient_key(step)].direction(arrays)
        fits[step] = _fit(step, direction, ridges, labels, duals[step], arrays)
        fits[step].alignment, fits[step].spectrum = _spectrum(fits[step], sample, grams.pop(step), measured, arrays)
    _test(network, plan, fits, duals)
    return fits


def _fit(step: Problem, direction: Direction, ridges: list[float], labels: Any, dual: Any, arrays: Arrays) -> Fit:
    """``y - F a = n ridge u`` and ``|a|^2 = u'F F'u = u'(y - n ridge u)``."""
    u, y = arrays.host(dual), arrays.host(labels)
    residuals = len(y) * np.array(ridges) * u
    return Fit(
        problem=step,
        direction=direction,
        ridges=ridges,
        penalties=np.array(ridges) * np.sum(u * (y[:, None] - residuals), axis=0),
        train_errors=np.mean(residuals**2, axis=0),
    )


def _spectrum(
    fit: Fit, sample: Labelled, gram: Any, measured: Measured, arrays: Arrays
) -> tuple[Alignment | None, Array | None]:
    """Alignment of the eigenvectors of ``F F'`` and its eigenvalues, where asked for."""
    aligned = None
    if measured.alignment_degree:
        total = AlignmentSum(measured.alignment_degree)
        direction = fit.direction.spike_direction(fit.problem.step)
        vectors = arrays.top_eigenvectors(arrays.copy(gram), max(1, fit.problem.window or 1))
        total.add(projection_on(sample.inputs, direction, fit.problem), vectors)
        aligned = total.result()
    if measured.eigenvalues is None:
        return aligned, None
    return aligned, measured.chosen(arrays.eigvalsh(gram)[::-1] / fit.problem.width)


def _test(network: _Network, plan: Plan, fits: dict[Problem, Fit], duals: dict[Problem, Any]) -> None:
    """The second pass: a block's readouts, and their part of the outputs on the test set."""
    arrays, draw = network.arrays, network.draw
    outputs: dict[tuple[Problem, int], Any] = {}
    for part in network.parts(plan):
        readouts = {
            step: arrays.working(arrays.cross(features, arrays.working(duals[step])))
            for step, features in part.features()
        }
        for k, sample in enumerate(draw.test_blocks()):
            for step, features in part.on(arrays.put(sample.inputs)).features():
                outputs[step, k] = arrays.add(outputs.get((step, k)), arrays.exact(features @ readouts[step]))
    for k, sample in enumerate(draw.test_blocks()):
        for step, fit in fits.items():
            fit.add_test(arrays.put_exact(sample.labels(step))[:, None] - outputs[step, k], arrays)
