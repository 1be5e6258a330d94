"""The spectral distribution of M between the nodes of a rule (docs/theory-corrections.md, section 8).

A Gauss rule has few nodes, and each of them is an atom. That is right for averages of smooth functions, not for the
support of the bulk: a direction of the inputs along which all weights are long makes a narrow band of its own there,
and where the law of M is continuous, such bands of neighbouring directions join. The cumulated weights of a rule up to
the middle of a node are the distribution there, to a small share of that weight; between the nodes they are
interpolated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes

__all__ = ["ContinuousLaw", "continuous"]

# Masses nearer to zero and one than this are rounding of the rule's weights.
_LEAST_MASS, _ROUNDING = 1e-7, 1e-12
# A node with more than this share of the atom's mass has a part of the atom.
_PART = 0.1
# Nodes of the average over the law that its first two moments are taken with.
_MOMENT_NODES = 2000
_FEWEST = 4


@dataclass(frozen=True)
class ContinuousLaw:
    """A distribution by its quantiles.

    Attributes
    ----------
    probits, values : ndarray of shape (K,)
        ``Phi^-1`` of the mass below, ascending, and the quantile.
    """

    probits: Array
    values: Array

    def quantile(self, probits: Array) -> Array:
        """The values at ``Phi^-1`` of the mass below them; beyond the known ones the last ones."""
        inside = np.clip(probits, self.probits[0], self.probits[-1])
        found: Array = PchipInterpolator(self.probits, self.values)(inside)
        return found


def continuous(rule: MeasureNodes, atom: float) -> ContinuousLaw | None:
    """The law whose rule this is, of the eigenvalues of M or, where M does not act, of the noise's covariance.

    Mean and variance are those of the rule; of a covariance, which is not negative, the mean.

    Parameters
    ----------
    rule : MeasureNodes
    atom : float
        Mass of the eigenvalue zero.

    Returns
    -------
    ContinuousLaw or None
        None where the rule has so few nodes that the law is a point.
    """
    of_noise = np.ptp(rule.nodes) == 0
    values = rule.noise_covariance if of_noise else rule.nodes
    order = np.argsort(values)
    values, weights = values[order], rule.bulk[order]
    below = np.cumsum(weights) - weights / 2
    if atom > 0:
        below, values = _with_atom(below, values, weights, atom)
    kept = _rising(below)
    if kept.sum() < _FEWEST:
        return None
    found = ContinuousLaw(ndtri(below[kept]), values[kept])
    mean = float(rule.bulk @ (rule.noise_covariance if of_noise else rule.nodes))
    return _scaled(found, mean) if of_noise else _matched(found, mean, float(rule.bulk @ (rule.nodes - mean) ** 2))


def _rising(below: Array) -> NDArray[np.bool_]:
    """Where the distribution rises, from rounding above zero to rounding below one; weights may be negative."""
    highest = np.maximum.accumulate(np.append(_LEAST_MASS, below))
    rising: NDArray[np.bool_] = (np.diff(highest) > _ROUNDING) & (below < 1 - _LEAST_MASS)
    return rising


def _with_atom(below: Array, values: Array, weights: Array, atom: float) -> tuple[Array, Array]:
    """The distribution with a jump at zero, in the place of the nodes that have a part of the atom."""
    of_atom = weights > _PART * atom
    left, right = (values < 0) & ~of_atom, (values > 0) & ~of_atom
    start = float(below[left].max(initial=_LEAST_MASS))
    end = float(below[right].min(initial=1 - _LEAST_MASS))
    rest = max(0.0, end - start - atom)
    before = rest / 2 if left.any() else 0.0
    jump = np.array([start + before, end - (rest - before)])
    return np.concatenate([below[left], jump, below[right]]), np.concatenate([values[left], np.zeros(2), values[right]])


def _average_nodes() -> Array:
    return np.asarray(ndtri((np.arange(_MOMENT_NODES) + 0.5) / _MOMENT_NODES))


def _scaled(law: ContinuousLaw, mean: float) -> ContinuousLaw:
    return ContinuousLaw(law.probits, law.values * mean / law.quantile(_average_nodes()).mean())


def _matched(law: ContinuousLaw, mean: float, variance: float) -> ContinuousLaw:
    values = law.quantile(_average_nodes())
    stretched = (law.values - values.mean()) * (variance / values.var()) ** 0.5
    return ContinuousLaw(law.probits, mean + stretched)
