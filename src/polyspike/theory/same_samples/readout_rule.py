"""Nodes of a normal readout (docs/theory-same-data.md, section 10).

Averages over u are smooth up to singularities at imaginary u of the order of ``i c``, the scale on which a move
bends a feature, and vary slowly beyond it. Polynomials in ``t = (u/c) / (1 + sqrt(1 + (u/c)^2))``, which is
``u / 2c`` for small u and ``1 - c/u`` for large ones, resolve both, and Gauss's rule of the law of t is exact for them.
"""

from functools import lru_cache

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.given_kappa.grids import graded
from polyspike.theory.same_samples.sample_law import gauss_of_atoms

__all__ = ["readout_rule"]

# Of the fine rule of whose law the nodes are made, and how far it goes.
_ATOMS, _REACH = 120, 11.0


@lru_cache(maxsize=128)
def readout_rule(scale: float, half: int) -> tuple[Array, Array]:
    """Nodes and weights of ``E f(u)`` for a standard normal u, symmetric, without a node at zero.

    Parameters
    ----------
    scale : float
        c.
    half : int
        The number of nodes on either side: exact for polynomials in t of degree up to ``4 half - 1``.

    Returns
    -------
    nodes, weights : ndarray of shape (2 half,)
        Ascending.
    """
    u, weights = graded(min(scale, 1.0), _ATOMS, _REACH)
    t = u / (scale + np.sqrt(scale**2 + u**2))
    # Of the even functions, polynomials in t^2, half of the nodes make a Gauss rule.
    squares, shares = gauss_of_atoms(t**2, weights, half)[1::2]
    nodes = 2 * scale * np.sqrt(squares) / (1 - squares)
    both, halves = np.concatenate([-nodes[::-1], nodes]), np.concatenate([shares[::-1], shares]) / 2
    return both, halves
