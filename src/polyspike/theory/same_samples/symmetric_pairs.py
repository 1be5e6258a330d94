"""The basis of symmetric matrices by their upper triangle, in which Newton's matrix of the pencil is written."""

from functools import lru_cache
from math import isqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["pair_indices", "squared", "symmetrised"]


@lru_cache(maxsize=64)
def pair_indices(m: int) -> tuple[Any, Any]:
    """The upper triangle."""
    return np.triu_indices(m)


def squared(a: Any) -> Array:
    """``tr(A dG A dG')`` in the basis of symmetric pairs, of a symmetric A."""
    i, j = pair_indices(len(a))
    double = np.where(i == j, 0.5, 1.0)
    rows, columns = a[i], a[j]
    out = rows[:, i] * columns[:, j] + rows[:, j] * columns[:, i]
    return np.asarray(2 * double[:, None] * out * double)


def symmetrised(fourth: Array) -> Array:
    """``tr(A dG B dG')`` in the basis of symmetric pairs, of ``A_ij B_kl`` flat in (ij, kl), symmetric on the whole."""
    places, double = _four_orders(isqrt(len(fourth)))
    flat = fourth.ravel()
    out = flat[places[0]]
    for place in places[1:]:
        out += flat[place]
    return np.asarray(double[:, None] * out * double)


@lru_cache(maxsize=16)
def _four_orders(m: int) -> tuple[list[Any], Array]:
    """Where ``A_ik B_jl``, ``A_jl B_ik``, ``A_il B_jk`` and ``A_jk B_il`` stand for pairs (i, j), (k, l); and one half
    for i = j.
    """
    i, j = pair_indices(m)
    ik, jl, il, jk = (m * a[:, None] + b for a, b in ((i, i), (j, j), (i, j), (j, i)))
    places = [m * m * a + b for a, b in ((ik, jl), (jl, ik), (il, jk), (jk, il))]
    return places, np.where(i == j, 0.5, 1.0)
