"""The eigenvalues of the inputs' covariance as few nodes (docs/theory-inputs.md, section 1).

Everything is an integral over the eigenvalues ``lambda`` of Sigma against one of two measures: that of all directions,
and that of the teacher's direction ``Sigma^(1/2) beta*``.
"""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.covariance.discrete_rule import compress

__all__ = ["Eigenvalues", "eigenvalues"]

# What is averaged is analytic in the logarithm of an eigenvalue within |Im| < pi: this leaves 1e-10 over five decades.
_NODES = 20
# Added to an eigenvalue before its logarithm is taken, so that zero is a value like any other.
_LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class Eigenvalues:
    """Nodes of the spectrum of Sigma, of mean one.

    Attributes
    ----------
    values : ndarray of shape (L,)
    weights : ndarray of shape (L,)
        Of all directions; they sum to one.
    teacher : ndarray of shape (L,)
        The measure ``t`` at ``Sigma^(1/2) beta*``, of unit length; its weights sum to one.
    """

    values: Array
    weights: Array
    teacher: Array

    def moment(self, k: int) -> float:
        """``m_k = tr Sigma^k / d``."""
        return float(self.weights @ self.values**k)

    def teacher_moment(self, k: int) -> float:
        """``<lambda^k>`` in the teacher's measure."""
        return float(self.teacher @ self.values**k)


def eigenvalues(values: Array, weights: Array, teacher: Array, count: int = _NODES) -> Eigenvalues:
    """Few nodes for eigenvalues (n,) with weights (n,) and the teacher's energies (n,), both of which sum to one.

    A Gauss rule of the mean of both measures in the logarithm of the eigenvalues; exact where these have no more than
    ``count`` different values.
    """
    different, place = np.unique(values, return_inverse=True)
    if len(different) <= count:
        own, of_teacher = (np.bincount(place, w, len(different)).astype(float) for w in (weights, teacher))
        return Eigenvalues(different, own, of_teacher)
    rule = compress(np.log(values + _LEAST), (weights + teacher) / 2, count)
    return Eigenvalues(np.exp(rule.nodes) - _LEAST, rule.transfer @ weights, rule.transfer @ teacher)
