"""The expected number of samples of the fit that have an eigenvalue of their own above a level (eq-localised-row)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.localised.at_level import AtLevel
from polyspike.theory.finite_size.localised.neurons import averaged

__all__ = ["LongSamples"]

_LENGTHS, _SHORTEST, _LEAST_LONGEST = 12, -0.3, 0.1
# Values of kappa of which fewer samples than this are expected do not occur.
_NO_SAMPLE = 1e-3


@dataclass(frozen=True)
class LongSamples:
    """The samples of the fit at a level."""

    level: AtLevel

    @cached_property
    def _kappa(self) -> tuple[Array, Array]:
        """Kappa and weights."""
        grid, n = self.level.model.grid, self.level.model.problem.n_samples
        occurs = grid.kappa_weights * n > _NO_SAMPLE
        return grid.kappa[occurs], grid.kappa_weights[occurs]

    @cached_property
    def expected(self) -> float:
        """The expected number."""
        return float(self.level.model.problem.n_samples * sum(w * self._share(k) for k, w in zip(*self._kappa)))

    def _share(self, kappa: float) -> float:
        """The share of the samples of this kappa."""
        law = self.level.long.sample_lengths
        log_lengths = np.linspace(_SHORTEST, max(_LEAST_LONGEST, law.longest(kappa)), _LENGTHS)
        probabilities = self.level.sample_probabilities(np.array([kappa]), log_lengths)[0]
        return float(averaged(probabilities, law.beyond(np.exp(2 * log_lengths), kappa)))
