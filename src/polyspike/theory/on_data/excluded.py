"""The direction in the space of neurons that the initial output takes (eq-data-excluded).

Given ``omega = W0' a`` the weights are independent but for the one combination ``sum_i u_i w_i``, which is omega and
nothing else. Kernels of independent neurons have its random part besides; what a fit along the readout costs is less by
that of this part.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.resolvent import Resolvent
from polyspike.theory.on_data.symmetric import blocks

__all__ = ["Excluded", "LinearParts", "exclude", "mixed_slopes"]


_SLOPES = 1e-3
"""Share of the norm of the slopes that their compression may lose; the errors depend to second order on it."""


@dataclass(frozen=True, eq=False)
class LinearParts:
    """Of the features of neurons of A readouts on some rows.

    Attributes
    ----------
    nodes, weights : ndarray of shape (A,)
        u, and of its law.
    means : ndarray of shape (A, rows)
        ``m_u(x) = E sigma(h_u(x))``.
    slopes : ndarray of shape (A, rows, d)
        In the precision of the kernels, ``E[sigma'(h_u(x))] x'Gamma_u / sqrt d``.
    """

    nodes: Array
    weights: Array
    means: Array
    slopes: Array

    @cached_property
    def few_slopes(self) -> tuple[Array, Array]:
        """The slopes as combinations of few, found once for a step: mix of shape (A, Q), and (Q, rows, d)."""
        count = len(self.slopes)
        scale = np.sqrt(self.weights) * np.abs(self.nodes)
        scale = np.maximum(scale, 1e-3 * np.max(scale))
        flat = self.slopes.reshape(count, -1).astype(float, copy=False) * scale[:, None]
        values, vectors = np.linalg.eigh(flat @ flat.T)
        left = np.cumsum(np.maximum(values, 0.0))
        chosen = vectors[:, min(int(np.sum(left <= _SLOPES**2 * left[-1])), count - 1) :]
        return chosen / scale[:, None], (chosen.T @ flat).astype(self.slopes.dtype).reshape(-1, *self.slopes.shape[1:])


class Excluded(NamedTuple):
    """What the missing part changes at one ridge.

    Attributes
    ----------
    vector : ndarray of shape (n,)
        ``v`` with it, the averaged inverse of the features' Gram matrix times the target.
    learned : ndarray of shape (A,)
        What ``w_u v'K_u v`` in the response gains.
    by_mean : ndarray of shape (A,)
        The prediction at a row gains their sum times its means.
    by_slope : ndarray of shape (A,)
    factor : ndarray of shape (n, d)
        Z, the slopes times ``by_slope``: the response's matrix of kernels loses ``Z Z' / N``.
    """

    vector: Array
    learned: Array
    by_mean: Array
    by_slope: Array
    factor: Array


def exclude(family: KernelFamily, found: Resolvent, target: Array, width: int, parts: LinearParts) -> Excluded:
    """``B~ = B + M (U - zeta) M'`` with ``U^-1 = 1/zeta - S`` in the place of B; M has the columns ``sqrt(w_u) m_u``,
    and ``S_uv = sqrt(w_u) u tr(slopes_u' B^-1 slopes_v) v sqrt(w_v) / N``.
    """
    roots = np.sqrt(family.weights)
    along = roots * parts.nodes
    mix, slopes = parts.few_slopes
    taken = along[:, None] * (mix @ _slope_traces(found.inverse, slopes) @ mix.T) * along / width
    cost: Array = linalg.inv(np.diag(1 / found.zeta) - taken)
    gain = cost - np.diag(found.zeta)
    columns = roots[:, None] * parts.means
    both = np.vstack([columns, target]).astype(found.inverse.dtype) @ found.inverse
    solved, vector = both[:-1].astype(float), both[-1].astype(float)
    inner = linalg.solve(np.eye(len(roots)) + (solved @ columns.T) @ gain, columns @ vector)
    vector = vector - (gain @ inner) @ solved
    values = columns @ vector
    learned = cost @ values
    gained = (learned / found.zeta) ** 2 - values**2
    by_slope = learned * along
    return Excluded(vector, gained, roots * (gain @ values), by_slope, mixed_slopes(by_slope, parts.slopes))


def mixed_slopes(by_slope: Array, slopes: Array) -> Array:
    """Slopes of shape (rows, d)."""
    return np.tensordot(by_slope.astype(slopes.dtype), slopes, axes=1)


def _slope_traces(inverse: Array, slopes: Array) -> Array:
    """``tr(slopes_p' B^-1 slopes_q)``, shape (Q, Q): of half of the inverse, and the other half the other way round."""
    count = len(slopes)
    short = slopes.astype(inverse.dtype, copy=False)
    upper = np.empty_like(short)
    for start, end in blocks(len(inverse)):
        np.matmul(inverse[start:end, start:end] / 2, short[:, start:end], out=upper[:, start:end])
        upper[:, start:end] += np.matmul(inverse[start:end, end:], short[:, end:])
    half = np.asarray(short.reshape(count, -1) @ upper.reshape(count, -1).T, dtype=float)
    return half + half.T
