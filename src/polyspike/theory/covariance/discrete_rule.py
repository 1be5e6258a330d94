"""Gauss rules for measures of many points (docs/theory-inputs.md, section 6)."""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["Compression", "compress"]

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
    """The Gauss rule of at most ``count`` nodes for a positive measure on points, by Lanczos' recurrence.

    The recurrence is orthogonalised once more. Other measures get the weights that are exact for polynomials up to
    degree ``m - 1``.
    """
    basis = np.empty((count, len(points)))
    basis[0] = np.sqrt(weights / weights.sum())
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
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    own = vectors[0] ** 2 * weights.sum()
    root = np.sqrt(weights)
    polynomials = basis[: len(diagonal)] / np.where(root > 0, root, 1.0)
    at_nodes = vectors / vectors[0] * np.sqrt(1 / weights.sum())
    # The polynomials are orthonormal under the weights: p_l(points) and p_l(nodes).
    return Compression(nodes, own, own[:, None] * (at_nodes.T @ polynomials))
