"""The eigenvalues of the inputs' covariance as few nodes (docs/theory-inputs.md, section 1).

Everything is an integral over the eigenvalues ``lambda`` of Sigma against one of few measures: that of all directions,
and those of the teacher's directions ``Sigma^(1/2) beta*_k``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.covariance.discrete_rule import fewest

__all__ = ["MOST_SEPARATED", "SINGLE", "Eigenvalues", "eigenvalues", "group_starts", "grouped_eigenvalues"]

SINGLE = 1.5
"""A node of fewer eigenvalues of Sigma than this is a single one."""

MOST_SEPARATED = 16
"""Single ones that a spectrum takes out of the bulk: each adds to the matrix of the outliers."""

# What is averaged has its poles at negative eigenvalues. A rule has the fewest nodes at which functions with these
# poles err by less than this share in both measures; errors of predictions are some times that.
_FEWEST_NODES, _MOST_NODES, _ACCURACY = 5, 20, 1e-10
# The poles are spread so far beyond the least and the largest logarithm.
_POLES, _BEYOND = 9, 1.0
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
    indices : ndarray of shape (p, p, L), optional
        The measures between the directions of a teacher of several indices, in the frame of
        :func:`~polyspike.theory.covariance.seen.seen_teacher`; None for one index.
    inverse : float, optional
        ``<1/lambda>`` of the eigenvalues of which these are nodes; a rule does not have it where some are near zero.
    """

    values: Array
    weights: Array
    teacher: Array
    indices: Array | None = None
    inverse: float | None = None

    @property
    def teacher_inverse(self) -> float:
        """``<1/lambda> = |beta*|^2`` in the teacher's measure."""
        return _inverse(self.values, self.teacher) if self.inverse is None else self.inverse

    @property
    def between(self) -> Array:
        """The measures between the teacher's directions, shape (p, p, L)."""
        return self.teacher[None, None] if self.indices is None else self.indices

    def moment(self, k: int) -> float:
        """``m_k = tr Sigma^k / d``."""
        return float(self.weights @ self.values**k)

    def teacher_moment(self, k: int) -> float:
        """``<lambda^k>`` in the teacher's measure."""
        return float(self.teacher @ self.values**k)


def eigenvalues(
    values: Array, weights: Array, teacher: Array, count: int | None = None, indices: Array | None = None
) -> Eigenvalues:
    """Few nodes for eigenvalues (n,) with weights (n,) and the teacher's energies (n,), both of which sum to one; of
    several indices also with the energies between them (p, p, n).

    A Gauss rule of the mean of the measures of all directions and of the teacher's in the logarithm of the eigenvalues,
    of as few nodes as averages in both allow; exact where these have no more than 20 different values, or ``count``.
    """
    different, place = np.unique(values, return_inverse=True)
    if len(different) <= (count or _MOST_NODES):
        own, of_teacher = (_summed(place, w) for w in (weights, teacher))
        between = None if indices is None else _summed(place, indices)
        return Eigenvalues(different, own, of_teacher, between, _inverse(values, teacher))
    logs = np.log(values + _LEAST)
    seen = teacher if indices is None else np.einsum("kkl->l", indices) / len(indices)
    poles = np.exp(np.linspace(logs.min() - _BEYOND, logs.max() + _BEYOND, _POLES))[:, None]
    sizes = range(_FEWEST_NODES, _MOST_NODES + 1) if count is None else range(count, count + 1)
    measures = np.array([weights, seen])
    rule = fewest(logs, measures.mean(axis=0), measures.T, lambda x: _averaged(_values_at(x), poles), sizes, _ACCURACY)
    between = None if indices is None else indices @ rule.transfer.T
    nodes = _values_at(rule.nodes)
    return Eigenvalues(nodes, rule.transfer @ weights, rule.transfer @ teacher, between, _inverse(values, teacher))


def _values_at(logs: Array) -> Array:
    """The eigenvalues of these logarithms; one of zero may round below it."""
    return np.maximum(np.exp(logs) - _LEAST, 0.0)


def _averaged(values: Array, poles: Array) -> Array:
    """``lambda/(lambda + s)`` and ``s lambda/(lambda + s)^2`` for poles -s (P, 1), shape (2 P, n)."""
    share = values / (poles + values)
    return np.concatenate([share, share * (1 - share)])


def _inverse(values: Array, weights: Array) -> float:
    """The sum of ``weights/values`` where a value is positive; nothing has energy elsewhere."""
    positive = values > 0
    return float(weights[positive] @ (1 / values[positive]))


def _summed(place: NDArray[np.intp], weights: Array) -> Array:
    """Weights (..., n) added up at their places, shape (..., L)."""
    size = int(place.max()) + 1
    rows = [np.bincount(place, w, size).astype(float) for w in weights.reshape(-1, len(place))]
    return np.array(rows).reshape(*weights.shape[:-1], size)


def grouped_eigenvalues(
    values: Array, weights: Array, teacher: Array, dimension: int, indices: Array | None = None
) -> Eigenvalues:
    """Nodes for a density: the largest eigenvalues as they are, the others in groups with their mean (section 8).

    An eigenvalue of multiplicity m alone widens to an interval of relative length ``4 sqrt(m/n)``. Groups that grow
    with the number of eigenvalues above them have less than that between them, and make no gaps.

    Parameters
    ----------
    values, weights, teacher : ndarray of shape (n,)
    indices : ndarray of shape (p, p, n), optional
        As in :func:`eigenvalues`.
    dimension : int
    """
    different, place = np.unique(values, return_inverse=True)
    own, of_teacher = (_summed(place, w) for w in (weights, teacher))
    group = _groups(different, own * dimension)
    mass, energy, first = (_summed(group, w) for w in (own, of_teacher, own * different))
    # A node of one eigenvalue is that eigenvalue, without rounding.
    means = np.where(np.bincount(group) == 1, different[np.searchsorted(group, np.arange(len(mass)))], first / mass)
    between = None if indices is None else _summed(group, _summed(place, indices))
    return Eigenvalues(means, mass, energy, between, _inverse(values, teacher))


def _groups(values: Array, counts: Array) -> NDArray[np.intp]:
    """The group of every distinct ascending eigenvalue, numbered from below."""
    sizes = np.diff(group_starts(-np.log(values[::-1] + _LEAST), counts[::-1], _SINGLE))[::-1]
    return np.repeat(np.arange(len(sizes)), sizes)


def group_starts(fall: Array, counts: Array, alone: int) -> NDArray[np.intp]:
    """Where the groups of a density begin, from the largest value down, and the end of the last.

    Parameters
    ----------
    fall : ndarray of shape (n,)
        Minus the logarithms of the values, ascending.
    counts : ndarray of shape (n,)
        How often each value comes.
    alone : int
        So many of the largest are groups of their own.
    """
    total, starts = np.cumsum(counts), [0]
    while starts[-1] < len(fall):
        first = starts[-1]
        above = float(total[first - 1]) if first > 0 else 0.0
        most = 0.0 if above < alone else _GROUP * above
        fits = np.searchsorted(total, above + most, side="right"), np.searchsorted(fall, fall[first] + _GROUP_RANGE)
        starts.append(max(first + 1, int(min(fits))))
    return np.array(starts)
