"""The basis of symmetric matrices by their upper triangle, in which Newton's matrix of the pencil is written."""

from functools import lru_cache
from typing import Any

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["pair_indices", "symmetrised", "upper"]


@lru_cache(maxsize=64)
def pair_indices(m: int) -> tuple[Any, Any]:
    """The upper triangle."""
    return np.triu_indices(m)


def upper(matrix: Any) -> Any:
    """The upper triangle of a matrix (m, m), in the order of :func:`pair_indices`."""
    return matrix.ravel().take(_flat_indices(len(matrix)))


@lru_cache(maxsize=64)
def _flat_indices(m: int) -> Any:
    i, j = pair_indices(m)
    return m * i + j


def symmetrised(products: Array, m: int, kept: tuple[int, ...] | None = None) -> Array:
    """``tr(A dG B dG')`` in the basis of symmetric pairs, symmetric on the whole, of ``A_ij B_kl`` of symmetric
    matrices of size m on the pairs (i, j) and (k, l); of some pairs only where those are named that are ``kept``.
    """
    places, double = _two_orders(m, kept)
    both = (products + products.T).ravel()
    out = both.take(places[0])
    out += both.take(places[1])
    out *= double
    return np.asarray(out)


@lru_cache(maxsize=16)
def _two_orders(m: int, kept: tuple[int, ...] | None) -> tuple[tuple[Any, Any], Array]:
    """Where ``A_ik B_jl`` and ``A_il B_jk`` stand for pairs (i, j), (k, l); one half for each of i = j and k = l."""
    i, j = pair_indices(m)
    pair = np.empty((m, m), dtype=np.intp)
    pair[i, j] = pair[j, i] = np.arange(len(i))
    count = len(i)
    if kept is not None:
        i, j = i[list(kept)], j[list(kept)]
    ik, jl, il, jk = (pair[a[:, None], b] for a, b in ((i, i), (j, j), (i, j), (j, i)))
    half = np.where(i == j, 0.5, 1.0)
    return (count * ik + jl, count * il + jk), half[:, None] * half
