"""Where a measured bulk ends, and which eigenvalues have left it, from the eigenvalues alone.

Near a soft edge E the j-th largest bulk eigenvalue sits, on average, near ``E - s a_j`` with ``-a_j`` the zeros
of the Airy function (2.338, 4.088, 5.521, ...), and the largest fluctuates by about 1.3 s around ``E - 1.2 s``
(Tracy-Widom, beta = 1). A straight line through a few dozen eigenvalues against the ``a_j`` therefore gives
E and s without any theory of the network.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ai_zeros

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError

__all__ = ["Edge", "fit_edge", "split_spikes"]

N_FITTED = 40
"""Bulk eigenvalues in the fit: few enough for the square-root edge, enough to average their repulsion."""

MARGIN = 4.0
"""Scales beyond E from which an eigenvalue counts as a spike. The Tracy-Widom law leaves 4e-6 beyond 4 s at a
known edge; the line adds an error of about half a scale."""

MAX_SPIKES = 8

LEAST = N_FITTED + MAX_SPIKES
"""Eigenvalues that a fit needs."""


@dataclass(frozen=True)
class Edge:
    """End of a bulk.

    Attributes
    ----------
    position : float
        E.
    scale : float
        s, of the order of ``n^(-2/3)`` of the position.
    n_spikes : int
        Eigenvalues beyond ``E + 4 s``.
    """

    position: float
    scale: float
    n_spikes: int


def fit_edge(eigenvalues: Array) -> Edge:
    """The bulk's edge, from eigenvalues in descending order.

    With l = 0, 1, 2, ... eigenvalues set aside, the line is fitted to the following 40, until the next
    eigenvalue lies within ``E + 4 s``: then l have left the bulk.

    Raises
    ------
    ArgumentError
        With fewer than 48 eigenvalues.
    """
    values = np.asarray(eigenvalues, dtype=float)
    if values.size < LEAST:
        raise ArgumentError("eigenvalues", values.size, f"give at least {LEAST} of them")
    for n_spikes in range(MAX_SPIKES + 1):
        position, scale = _line(values[n_spikes : n_spikes + N_FITTED])
        if n_spikes == MAX_SPIKES or values[n_spikes] <= position + MARGIN * scale:
            break
    return Edge(position, scale, n_spikes)


def split_spikes(eigenvalues: Array) -> Array:
    """The eigenvalues that have left the bulk, largest first."""
    return np.asarray(eigenvalues, dtype=float)[: fit_edge(eigenvalues).n_spikes]


def _line(values: Array) -> tuple[float, float]:
    """Least squares of ``E - s a_j``."""
    zeros = -ai_zeros(N_FITTED)[0][: values.size]
    slope, position = np.polyfit(zeros, values, 1)
    return float(position), float(-slope)
