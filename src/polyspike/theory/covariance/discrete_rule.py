"""Gauss rules for measures of many points (docs/theory-inputs.md, section 6)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["Compression", "MeasuredRules", "Recurrence", "compress", "fewest"]

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
    recurrence = Recurrence(points, weights, sizes[-1])
    return recurrence.rule(MeasuredRules(points, recurrence, measures).fewest(functions, sizes, accuracy))


class MeasuredRules:
    """The rules of a measure on points, with what other measures make of them; all that they need of its recurrence.

    Parameters
    ----------
    points : ndarray of shape (n,)
    recurrence : Recurrence
        Of the measure.
    measures : ndarray of shape (n, q)
        Others, of any sign.
    """

    def __init__(self, points: Array, recurrence: "Recurrence", measures: Array) -> None:
        self._points, self._measures, self._coefficients = points, measures, recurrence.coefficients
        self._of_polynomials = recurrence.polynomials @ measures

    def fewest(self, functions: Callable[[Array], Array], sizes: range, accuracy: float) -> int:
        """The size of :func:`fewest`."""
        values = functions(self._points)
        exact, allowed = values @ self._measures, accuracy * (np.abs(values) @ np.abs(self._measures))
        for size in sizes[:-1]:
            nodes, _, weights = self.rule(size)
            if (np.abs(functions(nodes) @ weights - exact) <= allowed).all():
                return size
        return sizes[-1]

    def rule(self, count: int) -> tuple[Array, Array, Array]:
        """Nodes (m,), their weights (m,) and those of the other measures (m, q)."""
        nodes, own, to_weights = self._coefficients.nodes(count)
        return nodes, own, to_weights @ self._of_polynomials[: len(nodes)]


class Recurrence:
    """Lanczos' recurrence of at most ``count`` steps for a positive measure on points, orthogonalised once more.

    Attributes
    ----------
    coefficients : Coefficients
    polynomials : ndarray of shape (count, n)
        Orthonormal under the weights; fewer where the measure has fewer points.
    """

    def __init__(self, points: Array, weights: Array, count: int) -> None:
        mass = float(weights.sum())
        basis = np.empty((count, len(points)))
        basis[0] = np.sqrt(weights / mass)
        diagonal: list[float] = []
        beside: list[float] = []
        for k in range(count):
            following = points * basis[k]
            diagonal.append(float(basis[k] @ following))
            following -= diagonal[-1] * basis[k]
            if k > 0:
                following -= beside[-1] * basis[k - 1]
            known = basis[: k + 1]
            following -= (known @ following) @ known
            size = float(np.linalg.norm(following))
            if k == count - 1 or size <= _EXHAUSTED * float(np.abs(points).max(initial=1.0)):
                break
            beside.append(size)
            basis[k + 1] = following / size
        root = np.sqrt(weights)
        self.coefficients = Coefficients(np.array(diagonal), np.array(beside), mass)
        self.polynomials = basis[: len(diagonal)] / np.where(root > 0, root, 1.0)

    def rule(self, count: int) -> Compression:
        """The Gauss rule of at most ``count`` nodes.

        Other measures get the weights that are exact for polynomials up to degree ``m - 1``.
        """
        nodes, own, at_points = self.coefficients.nodes(count)
        return Compression(nodes, own, at_points @ self.polynomials[: len(nodes)])


class Coefficients(NamedTuple):
    """Of a recurrence: its diagonal (m,), what stands beside it (m - 1,), and the mass of the measure."""

    diagonal: Array
    beside: Array
    mass: float

    def nodes(self, count: int) -> tuple[Array, Array, Array]:
        """The nodes (m,), their weights (m,), and the map (m, m) of another measure's averages of the polynomials to
        its weights.
        """
        diagonal, beside = self.diagonal[:count], self.beside[: min(count, len(self.diagonal)) - 1]
        nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        own = vectors[0] ** 2 * self.mass
        # The polynomials are orthonormal under the weights: p_l(points) and p_l(nodes).
        at_nodes = vectors / vectors[0] * np.sqrt(1 / self.mass)
        return nodes, own, own[:, None] * at_nodes.T
