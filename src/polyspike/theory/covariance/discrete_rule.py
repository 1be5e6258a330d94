"""Gauss rules for measures of many points (docs/theory-inputs.md, section 6)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["Compression", "Recurrence", "compress", "fewest"]

# A measure of fewer values than nodes is exhausted where the next coefficient of the recurrence is this small.
_EXHAUSTED = 1e-12


class Compression(NamedTuple):
    """Nodes and weights of a Gauss rule, and the map that takes another measure on the same points to its nodes.

    Attributes
    ----------
    nodes, weights : ndarray of shape (m,)
        In the coordinate in which the points were given.
    transfer : ndarray of shape (m, n)
        Times the weights (n,) of another measure on the points: its interpolatory weights at the nodes.
    """

    nodes: Array
    weights: Array
    transfer: Array


def compress(points: Array, weights: Array, count: int) -> Compression:
    """The Gauss rule of at most ``count`` nodes for a positive measure on points."""
    return Recurrence(points, weights, count).rule(count)


def fewest(
    points: Array, weights: Array, measures: Array, functions: Callable[[Array], Array], sizes: range, accuracy: float
) -> Compression:
    """The Gauss rule of the fewest nodes, of these sizes, with which the averages of functions in other measures keep
    this accuracy, relative to those of their absolute values; that of the largest size where none does.

    Parameters
    ----------
    points, weights : ndarray of shape (n,)
    measures : ndarray of shape (n, q)
        Of any sign.
    functions : callable
        Of points (n,), with shape (T, n).
    sizes : range
        Ascending.
    accuracy : float
    """
    recurrence, values = Recurrence(points, weights, sizes[-1]), functions(points)
    exact, of_polynomials = values @ measures, recurrence.polynomials @ measures
    allowed = accuracy * (np.abs(values) @ np.abs(measures))
    for size in sizes[:-1]:
        nodes, _, to_weights = recurrence.nodes(size)
        found = functions(nodes) @ (to_weights @ of_polynomials[: len(nodes)])
        if (np.abs(found - exact) <= allowed).all():
            return recurrence.rule(size)
    return recurrence.rule(sizes[-1])


class Recurrence:
    """Lanczos' recurrence of at most ``count`` steps for a positive measure on points, orthogonalised once more.

    Attributes
    ----------
    polynomials : ndarray of shape (count, n)
        Orthonormal under the weights; fewer where the measure has fewer points.
    """

    def __init__(self, points: Array, weights: Array, count: int) -> None:
        self._mass = weights.sum()
        basis = np.empty((count, len(points)))
        basis[0] = np.sqrt(weights / self._mass)
        self._diagonal: list[float] = []
        self._beside: list[float] = []
        for k in range(count):
            following = points * basis[k]
            self._diagonal.append(float(basis[k] @ following))
            following -= self._diagonal[-1] * basis[k]
            if k > 0:
                following -= self._beside[-1] * basis[k - 1]
            known = basis[: k + 1]
            following -= (known @ following) @ known
            size = float(np.linalg.norm(following))
            if k == count - 1 or size <= _EXHAUSTED * float(np.abs(points).max(initial=1.0)):
                break
            self._beside.append(size)
            basis[k + 1] = following / size
        root = np.sqrt(weights)
        self.polynomials = basis[: len(self._diagonal)] / np.where(root > 0, root, 1.0)

    def rule(self, count: int) -> Compression:
        """The Gauss rule of at most ``count`` nodes.

        Other measures get the weights that are exact for polynomials up to degree ``m - 1``.
        """
        nodes, own, at_points = self.nodes(count)
        return Compression(nodes, own, at_points @ self.polynomials[: len(nodes)])

    def nodes(self, count: int) -> tuple[Array, Array, Array]:
        """The nodes (m,), their weights (m,), and the map (m, m) of another measure's averages of the polynomials to
        its weights.
        """
        diagonal, beside = self._diagonal[:count], self._beside[: min(count, len(self._diagonal)) - 1]
        nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        own = vectors[0] ** 2 * self._mass
        # The polynomials are orthonormal under the weights: p_l(points) and p_l(nodes).
        at_nodes = vectors / vectors[0] * np.sqrt(1 / self._mass)
        return nodes, own, own[:, None] * at_nodes.T
