"""The expected number of neurons that have an eigenvalue of their own above a level (eq-localised-neuron)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.theory.finite_size.localised.at_level import AtLevel, Lengths
from polyspike.theory.finite_size.localised.weight_lengths import WeightLengths

__all__ = ["LongNeurons"]

_LENGTHS, _SHORTEST, _LEAST_LONGEST = 28, 0.5, 1.5
_SAMPLE_NODES = 7
# Readouts of which fewer neurons than this are expected do not occur.
_NO_NEURON = 1e-4
_SMALL = 1e-3


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
    def least_squares(self) -> Array:
        """The least ``|w|^2`` with an eigenvalue above the level, shape (A, S), infinite where no length has one.

        S nodes of the neuron's mean square over the n samples, a lognormal variable whose mean is its expectation.
        """
        x, _ = gauss_hermite(_SAMPLE_NODES)
        deviation = np.log1p(self.level.sampling_variance(self.neurons))[..., None] ** 0.5
        log_forms = np.log(np.maximum(self.forms, _SMALL))[..., None] + deviation * x - deviation**2 / 2
        log_squares = 2 * np.log(self.neurons.lengths)
        return np.exp([[_first_above_zero(log_squares, row) for row in of_u.T] for of_u in log_forms])

    def expected(self, largest: float, energies: Array) -> Array:
        """``N P(1/zeta < 0)`` given the largest residual and the mean square of the others, shape (V,)."""
        _, weights = gauss_hermite(_SAMPLE_NODES)
        total = np.zeros(len(energies))
        for u, share, squares in zip(*self._readouts, self.least_squares, strict=True):
            finite = np.isfinite(squares)
            if finite.any():
                total += share * self.law.beyond(float(u), squares[finite], largest, energies) @ weights[finite]
        return self.law.problem.width * total


def _first_above_zero(x: Array, values: Array) -> float:
    """Where the values first rise above zero, by linear interpolation; infinite where they do not."""
    above = np.flatnonzero(values > 0)
    if len(above) == 0:
        return np.inf
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(x[k - 1] + (x[k] - x[k - 1]) * values[k - 1] / (values[k - 1] - values[k]))
