"""Nodes of the continuous law of M, so close that their bands join (docs/theory-finite-size.md, section 6).

An eigendirection mu of M in which the weights have the variance s makes eigenvalues of its own. A node of the mass m
stands for ``m d`` directions, whose band reaches to ``s (1 +- 2 sqrt(m d (1/n + 1/N)))``: two neighbouring nodes have
one band only where they are nearer to each other than that. Half the distance has half the mass, and bands narrower by
the square root of two only, so that the bands of a continuous law join where the nodes are close enough.
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.gradient_matrix.continuous import ContinuousLaw

__all__ = ["JointNodes", "joint_nodes"]

# Cells of the law before they are divided, and the most of them afterwards.
_CELLS, _MOST = 28, 1500
# By how many times more nodes than it takes for bands to touch the density between them is smooth.
_SMOOTH = 12.0


class JointNodes(NamedTuple):
    """Eigenvalues of M, ascending, and their weights, which sum to one."""

    nodes: Array
    weights: Array


def joint_nodes(
    law: ContinuousLaw, share: float, variance: Callable[[Array], Array], width: float, refine: float = 1.0
) -> JointNodes:
    """Nodes between the quantiles ``share`` and ``1 - share``, in cells of equal steps of ``Phi^-1`` of the mass below.

    Parameters
    ----------
    law : ContinuousLaw
    share : float
        The mass that is left out at each end.
    variance : callable
        Of the weights of all neurons in the mean, by the eigenvalue of M.
    width : float
        ``d (1/n + 1/N)``.
    refine : float
        By how much more cells are taken.
    """
    ends = np.linspace(ndtri(share), -ndtri(share), round(_CELLS * refine) + 1)
    cells = zip(ends[:-1], ends[1:], _parts(law, ends, variance, width), strict=True)
    edges = np.append(np.concatenate([np.linspace(a, b, k, endpoint=False) for a, b, k in cells]), ends[-1])
    masses = np.diff(ndtr(edges))
    return JointNodes(law.quantile((edges[1:] + edges[:-1]) / 2), masses / masses.sum())


def _parts(law: ContinuousLaw, ends: Array, variance: Callable[[Array], Array], width: float) -> list[int]:
    """Into how many parts every cell is divided.

    With k parts of a cell of mass m neighbours are ``ds/k`` apart and touch from ``k = (ds/s)^2/(16 m width)`` on.
    """
    values = variance(law.quantile(ends))
    relative = np.abs(np.diff(values)) / ((values[1:] + values[:-1]) / 2)
    needed = _SMOOTH * relative**2 / (16 * np.diff(ndtr(ends)) * width)
    share = min(1.0, _MOST / float(np.ceil(needed).sum().clip(1)))
    return [max(1, ceil(part)) for part in needed * share]
