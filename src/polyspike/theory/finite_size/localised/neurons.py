"""The expected number of neurons that have an eigenvalue of their own above a level (eq-localised-neuron)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.localised.at_level import AtLevel, Lengths
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths

__all__ = ["LongNeurons", "averaged"]

_LENGTHS, _SHORTEST, _LEAST_LONGEST = 20, 0.6, 1.5
# Readouts of which fewer neurons than this are expected do not occur.
_NO_NEURON = 1e-3
# Points between two lengths.
_STEPS = 8


@dataclass(frozen=True)
class LongNeurons:
    """The neurons at a level: the lengths from which on they have an eigenvalue above it."""

    level: AtLevel
    law: WeightLengths

    @cached_property
    def _readouts(self) -> tuple[Array, Array]:
        """Readouts and their weights."""
        model = self.level.model
        occurs = model.grid.u_weights * model.problem.width > _NO_NEURON
        return model.grid.u[occurs], model.grid.u_weights[occurs]

    @property
    def weights(self) -> Array:
        """The weights of the readouts, shape (A,)."""
        return self._readouts[1]

    @cached_property
    def neurons(self) -> Lengths:
        """Readouts and lengths that occur."""
        u = self._readouts[0]
        longest = max(_LEAST_LONGEST, *(self.law.longest(float(x)) for x in u))
        return self.level.lengths(u, np.geomspace(_SHORTEST, longest, _LENGTHS))

    @cached_property
    def forms(self) -> Array:
        """``1 - 1/zeta`` of every readout and length."""
        return self.level.forms(self.neurons)

    @cached_property
    def _probabilities(self) -> Array:
        """The probability of an eigenvalue above the level at every readout and length, shape (A, T)."""
        return self.level.probabilities(self.neurons)

    def expected(self, largest: float, energies: Array) -> Array:
        """The expected number given the largest residual and the mean square of the others, shape (V,)."""
        total = np.zeros(len(energies))
        squares = self.neurons.lengths**2
        for u, share, probability in zip(*self._readouts, self._probabilities, strict=True):
            if probability.any():
                total += share * averaged(probability, self.law.beyond(float(u), squares, largest, energies))
        return self.law.problem.width * total


def averaged(values: Array, tail: Array) -> Array:
    """The mean of a function that is known at ascending lengths, over the law with these tails there, shape (..., T).

    Between the lengths the logarithms of both are linear; the function is constant below the first and above the last.
    """
    fine_values, fine_tail = _between(values), _between(tail)
    ends = np.concatenate([fine_values[:1], (fine_values[1:] + fine_values[:-1]) / 2, fine_values[-1:]])
    bounds = np.concatenate([np.ones((*tail.shape[:-1], 1)), fine_tail, np.zeros((*tail.shape[:-1], 1))], axis=-1)
    found: Array = -np.diff(bounds, axis=-1) @ ends
    return found


def _between(values: Array) -> Array:
    """Values at the nodes and at points between them, linear in the logarithm."""
    logs, share = np.log(np.maximum(values, np.finfo(float).tiny)), np.arange(_STEPS) / _STEPS
    steps = logs[..., :-1, None] + np.diff(logs, axis=-1)[..., None] * share
    return np.exp(np.concatenate([steps.reshape(*logs.shape[:-1], -1), logs[..., -1:]], axis=-1))
