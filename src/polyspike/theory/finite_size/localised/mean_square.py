"""The probability that a mean of squares of features, weighted by a resolvent, exceeds its mean by a factor.

Over n samples, or N neurons, the features of a polynomial have the tails of a Gaussian to its power, and the mean of
their squares those of its largest term (compound_sum.py). Given the lengths of a weight and of a sample their
pre-activation is the cosine of two directions in d dimensions, whose tails are thinner than those of a normal variable.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.theory.finite_size.localised.compound_sum import tail_of_sum

__all__ = ["MeanSquare"]

_RANGE, _NODES = 6.0, 41
# A form of less than this share of one reaches one in no draw.
_LEAST_FORM = 0.03
# A single feature makes the sum large that makes more than the first share of what its mean lacks, and more than the
# second of the mean. Both are chosen, not derived: on two problems that no held-out set has.
_OF_LACKING, _OF_MEAN = 0.5, 0.3


@dataclass(frozen=True)
class MeanSquare:
    """Means over ``count`` features in d dimensions.

    Attributes
    ----------
    activation : Activation
    input_dim : int
    count : int
    single : bool
        Whether single features may make it large; else those are left out that make most of what the others lack.
    """

    activation: Activation
    input_dim: int
    count: int
    single: bool

    @cached_property
    def _nodes(self) -> tuple[Array, Array]:
        """Values and probabilities of sqrt(d) times a cosine, whose density is ``(1 - x^2/d)^((d - 3)/2)``."""
        reach = min(_RANGE, (self.input_dim - 0.5) ** 0.5)
        x = np.linspace(-reach, reach, _NODES)
        density = (1 - x**2 / self.input_dim) ** ((self.input_dim - 3) / 2)
        return x, density / density.sum()

    def exceedance(self, form: float, weights: Array, resolvent: Array, means: Array, deviations: Array) -> float:
        """``P(form Y > 1)`` for the mean Y, of mean one, of terms ``resolvent (sigma - m)^2``.

        Parameters
        ----------
        form : float
            The expectation.
        weights, resolvent, means, deviations : ndarray of shape (K,)
            Nodes of the terms: probabilities, the factor, and the mean and the deviation of the pre-activation.
        """
        if form < _LEAST_FORM:
            return 0.0
        x, density = self._nodes
        values = self.activation(means[:, None] + deviations[:, None] * x)
        squares = (resolvent[:, None] * (values - (values @ density)[:, None]) ** 2).ravel()
        joint = (weights[:, None] / weights.sum() * density).ravel()
        mean = float(joint @ squares)
        if mean == 0:
            return 0.0
        terms = squares * (form / mean / self.count)
        if not self.single:
            kept = terms < max(_OF_LACKING * (1 - form), _OF_MEAN * form)
            terms, joint = terms[kept], joint[kept] / joint[kept].sum()
        return float(tail_of_sum(terms, joint, self.count, np.ones(1))[0])
