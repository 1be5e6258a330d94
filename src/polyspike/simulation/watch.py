"""A draw that reports the progress of the simulation that reads it, from what is read next."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.simulation.cost import NOMINAL, phases_of
from polyspike.simulation.draw import GaussianDraw, Sample
from polyspike.simulation.fitting import Measured
from polyspike.simulation.memory import Storage

__all__ = ["Report", "WatchedDraw"]

Report = Callable[[float], object]
"""Told the share of the work that is done, from 0 to 1."""

Block = TypeVar("Block", Sample, Array)


class WatchedDraw:
    """A draw that reports whenever a block of it was used; a sample that is held whole is one block.

    Parameters
    ----------
    draw : GaussianDraw
    problem : Problem
        The one that is simulated on it.
    storage : Storage
    measured : Measured
    report : callable
        Told the finished share, which grows from 0.0; 1.0 comes from :meth:`done`.
    """

    def __init__(
        self, draw: GaussianDraw, problem: Problem, storage: Storage, measured: Measured, report: Report
    ) -> None:
        phases = phases_of(problem, storage, draw.n_test, measured.eigenvalues, measured.alignment_degree)
        gradient, fit, test = phases.seconds(NOMINAL)
        ends = np.array([0.0, gradient, gradient + fit, gradient + fit + test]) / (gradient + fit + test)
        self._draw, self._storage, self._report, self._told = draw, storage, report, 0.0
        self._gradient, self._fit, self._test = zip(ends[:-1].tolist(), ends[1:].tolist())
        # Neurons are read once for the initial outputs of a full gradient, once for the fit and once for the test.
        self._passes = iter([self._gradient] * (problem.gradient == "full") + [self._fit, self._test])
        report(0.0)

    @property
    def weights(self) -> Array:
        """Initial first layer. This and the other members are those of :class:`GaussianDraw`."""
        return self._draw.weights

    @property
    def gradient_sample(self) -> Sample:
        """The sample, held whole."""
        return self._draw.gradient_sample

    @property
    def ridge_sample(self) -> Sample:
        """The sample, held whole; where features are held the gradient is done when this is read for the fit."""
        if self._storage is Storage.HELD:
            self._tell(self._fit[0])
        return self._draw.ridge_sample

    def readout(self, law: str) -> Array:
        """Initial readout."""
        return self._draw.readout(law)

    def seen_by_gradient(self, shared: int) -> Sample:
        """The gradient's sample, held whole."""
        return self._draw.seen_by_gradient(shared)

    def gradient_blocks(self, shared: int = 0) -> Iterator[Sample]:
        """The blocks of the gradient's sample."""
        return self._watched(self._draw.gradient_blocks(shared), self._draw.n_gradient, self._gradient)

    def ridge_blocks(self) -> Iterator[Sample]:
        """The blocks of the fit's sample; a second pass of the fit reports nothing new."""
        return self._watched(self._draw.ridge_blocks(), self._draw.n_samples, self._fit)

    def test_blocks(self) -> Iterator[Sample]:
        """The blocks of the test set; where neurons are streamed it is read for every block of them."""
        if self._storage is Storage.NEURONS:
            return self._draw.test_blocks()
        self._tell(self._test[0])
        return self._watched(self._draw.test_blocks(), self._draw.n_test, self._test)

    def weight_blocks(self) -> Iterator[Array]:
        """The blocks of neurons, one pass after the other."""
        return self._watched(self._draw.weight_blocks(), self._draw.width, next(self._passes, self._test))

    def done(self) -> None:
        """Report that all of the work is done."""
        self._tell(1.0)

    def _watched(self, blocks: Iterator[Block], rows: int, interval: tuple[float, float]) -> Iterator[Block]:
        start, end = interval
        rows_done = 0
        for block in blocks:
            yield block
            rows_done += len(block.inputs if isinstance(block, Sample) else block)
            self._tell(start + (end - start) * rows_done / rows)

    def _tell(self, share: float) -> None:
        if share > self._told:
            self._told = share
            self._report(share)
