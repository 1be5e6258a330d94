"""What the known weights along b take from the prior of the linear features (docs/theory-inputs.md, section 5)."""

from typing import Any

import numpy as np

from polyspike.theory.covariance.state import CovarianceState

__all__ = ["without_known"]


def without_known(state: CovarianceState, prior: Any) -> Any:
    """``P' = P - S_b' Delta (1 - S_bb V Delta)^-1 S_b`` with ``S = 1 - V P`` (eq-known-overlaps), for the prior P
    between b^ and the e^_k, shape (1 + q, 1 + q, p, p); P itself where nothing is known.

    ``Delta = (n/d) E[zeta chi chi' square]``: what of a neuron's weight along b belongs to the learned functions.
    """
    model, known = state.model, state.model.own_weights
    if known is None or not known.tied:
        return prior
    chi, one = model.bulk.chi, np.eye(len(state.v))
    delta = model.problem.n_samples * (chi.T @ ((known.square * state.weighted_zeta)[:, None] * chi))
    rows = -state.v @ prior[0]
    rows[0] += one
    taken = delta @ np.linalg.inv(one - rows[0] @ state.v @ delta)
    return prior - np.einsum("ica,cd,jdb->ijab", rows, taken, rows)
