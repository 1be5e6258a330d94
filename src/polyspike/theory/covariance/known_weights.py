"""What is known of the weights along b and how they move, in the prior of the linear features
(docs/theory-inputs.md, section 5).
"""

from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import inverse, joined, over_neurons, split
from polyspike.theory.covariance.linear_directions import linear_block
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["linear_prior"]


def linear_prior(state: CovarianceState) -> Any:
    """The prior P of the linear features between b^ and the e^_k, which contains the samples, shape
    (1 + q, 1 + q, ..., p, p).

    Of weights that are as those of every direction it is ``(n/d) G``. What is known of them, or has moved along
    ``Sigma w``, changes the products of their coordinates along few directions B by ``X = n E[zeta chi chi' squares]``:
    ``P' = P + E_B X (1 + H_BB X)^-1 E_B'`` with ``E = 1 - P V`` and ``H = V E`` (eq-inputs-known).
    """
    model, own = state.model, state.model.own_moves
    c = model.bulk.samples_per_dim
    if own is None:
        return c * linear_block(state, model.step.known)
    rows = own.directions
    prior = c * linear_block(state, rows)
    gram = rows @ model.step.frame_measures.sum(axis=2) @ rows.T
    moved, size, count = [0, len(rows) - 1], state.v.shape[-1], len(rows) - 1
    one = np.multiply.outer(gram, np.eye(size)).reshape(*gram.shape, *[1] * (state.v.ndim - 2), size, size)
    e = one - prior @ state.v
    squares = model.problem.n_samples * own.squares.transpose(1, 2, 0)
    x = joined(over_neurons(squares, state.weighted_zeta, model.bulk.chi_pairs))
    h = joined(state.v @ e[np.ix_(moved, moved)])
    sides = joined(e[:-1, moved])
    added = sides @ x @ inverse(np.eye(x.shape[-1]) + h @ x) @ sides.swapaxes(-1, -2)
    return prior[:-1, :-1] + split(added, count, count)
