"""Half of the grid for an activation that is odd (docs/theory-inputs.md, section 6).

The network is then an odd function of its inputs, and fits nothing of what is even of the label. R is even in kappa, so
that the nodes ``kappa >= 0`` have all of it; where the readouts have a symmetric law a neuron of readout -u is one of u
with another sign, and the nodes ``u >= 0`` have all of zeta.
"""

from dataclasses import replace

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.given_kappa.grids import Grid

__all__ = ["odd_and_even", "upper_half"]


def upper_half(grid: Grid) -> Grid:
    """The nodes of ``kappa >= 0``, and of ``u >= 0`` where their law is symmetric, with the weights of both signs.

    Neurons without a readout that differ in their overlap are left as they are: theirs is the sign that changes.
    """
    kappa, kappa_weights = grid.kappa, grid.kappa_weights
    grid = replace(grid, kappa=_upper(kappa), kappa_weights=_of_both_signs(kappa, kappa_weights))
    u, overlaps = grid.u, bool(np.ndim(grid.overlap))
    if not np.array_equal(u, -u[::-1]) or (overlaps and not u.all()):
        return grid
    overlap = _upper(grid.overlap) if overlaps else grid.overlap
    return replace(grid, u=_upper(u), u_weights=_of_both_signs(u, grid.u_weights), overlap=overlap)


def _upper(values: Array) -> Array:
    """The last half of values (..., K) at nodes that are symmetric about zero, with the middle one."""
    return values[..., values.shape[-1] // 2 :]


def _of_both_signs(nodes: Array, weights: Array) -> Array:
    return np.where(_upper(nodes) == 0, 1.0, 2.0) * _upper(weights)


def odd_and_even(values: Array, signs: Array) -> Array:
    """What takes the sign -1 and what takes 1 with all inputs, of functions (..., K) of kappa at symmetric nodes times
    components of the signs (...); given at ``kappa >= 0``, shape (2, ..., K).
    """
    mirrored = signs[..., None] * values[..., ::-1]
    return _upper(np.array([values - mirrored, values + mirrored]) / 2)
