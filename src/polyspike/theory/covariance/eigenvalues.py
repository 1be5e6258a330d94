"""The eigenvalues of the inputs' covariance as few nodes (docs/theory-inputs.md, section 1).

Everything is an integral over the eigenvalues ``lambda`` of Sigma against one of two measures: that of all directions,
and that of the teacher's direction ``Sigma^(1/2) beta*``.
"""

from dataclasses import dataclass
from math import ceil, log, pi

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.covariance.discrete_rule import compress

__all__ = ["Eigenvalues", "eigenvalues", "grouped_eigenvalues"]

# What is averaged is analytic in the logarithm of an eigenvalue within |Im| < pi, so that a rule of m nodes errs by
# rho^-m at most, rho the sum of the semiaxes of the ellipse that fits there.
_MOST_NODES, _ACCURACY = 20, 1e-8
# Added to an eigenvalue before its logarithm is taken, so that zero is a value like any other.
_LEAST = 1e-3
# Of a density so many of the largest eigenvalues have a node of their own; of the others a node takes as many as this
# share of those above it, of a range of logarithms that is no longer than this.
_SINGLE, _GROUP, _GROUP_RANGE = 64, 1 / 16, 0.2


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


def eigenvalues(values: Array, weights: Array, teacher: Array, count: int | None = None) -> Eigenvalues:
    """Few nodes for eigenvalues (n,) with weights (n,) and the teacher's energies (n,), both of which sum to one.

    A Gauss rule of the mean of both measures in the logarithm of the eigenvalues; exact where these have no more than
    20 different values, or ``count``.
    """
    different, place = np.unique(values, return_inverse=True)
    if len(different) <= (count or _MOST_NODES):
        own, of_teacher = (np.bincount(place, w, len(different)).astype(float) for w in (weights, teacher))
        return Eigenvalues(different, own, of_teacher)
    logs = np.log(values + _LEAST)
    rule = compress(logs, (weights + teacher) / 2, count or _nodes_over(float(np.ptp(logs))))
    # An eigenvalue of zero may round below it.
    nodes = np.maximum(np.exp(rule.nodes) - _LEAST, 0.0)
    return Eigenvalues(nodes, rule.transfer @ weights, rule.transfer @ teacher)


def grouped_eigenvalues(values: Array, weights: Array, teacher: Array, dimension: int) -> Eigenvalues:
    """Nodes for a density: the largest eigenvalues as they are, the others in groups with their mean (section 8).

    An eigenvalue of multiplicity m alone widens to an interval of relative length ``4 sqrt(m/n)``. Groups that grow
    with the number of eigenvalues above them have less than that between them, and make no gaps.

    Parameters
    ----------
    values, weights, teacher : ndarray of shape (n,)
        As in :func:`eigenvalues`.
    dimension : int
    """
    different, place = np.unique(values, return_inverse=True)
    own, of_teacher = (np.bincount(place, w, len(different)).astype(float) for w in (weights, teacher))
    group = _groups(different, own * dimension)
    mass, energy, first = (np.bincount(group, w).astype(float) for w in (own, of_teacher, own * different))
    # A node of one eigenvalue is that eigenvalue, without rounding.
    means = np.where(np.bincount(group) == 1, different[np.searchsorted(group, np.arange(len(mass)))], first / mass)
    return Eigenvalues(means, mass, energy)


def _groups(values: Array, counts: Array) -> NDArray[np.intp]:
    """The group of every distinct ascending eigenvalue, numbered from below."""
    fall, total = -np.log(values[::-1] + _LEAST), np.cumsum(counts[::-1])
    starts = [0]
    while starts[-1] < len(values):
        first = starts[-1]
        above = float(total[first - 1]) if first > 0 else 0.0
        most = 0.0 if above < _SINGLE else _GROUP * above
        fits = np.searchsorted(total, above + most, side="right"), np.searchsorted(fall, fall[first] + _GROUP_RANGE)
        starts.append(max(first + 1, int(min(fits))))
    sizes = np.diff(starts)[::-1]
    return np.repeat(np.arange(len(sizes)), sizes)


def _nodes_over(length: float) -> int:
    """How many nodes an interval of logarithms needs."""
    across = 2 * pi / length
    rho = across + (1 + across**2) ** 0.5
    return min(ceil(-log(_ACCURACY) / log(rho)), _MOST_NODES)
