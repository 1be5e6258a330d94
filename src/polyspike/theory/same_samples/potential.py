"""The gradient of the potential whose stationary point the bulk is (eq-pencil-potential)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyspike.theory.same_samples.pencil import Neurons, State, q_inverse
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = ["flat_gradient", "gradient_of"]


def gradient_of(neurons: Neurons, state: State, parts: Sequence[SampleState]) -> Any:
    """The gradient of the potential by Gamma (upper triangle, pairs once) and by log zeta (eq-pencil-potential)."""
    nn = neurons
    theta = nn.blocks[0]
    qinv = q_inverse(nn, state)
    s = nn.coupling.astype(qinv.dtype)
    s[theta, theta] += qinv / nn.samples_per_dim
    s = s - state.inverse / nn.samples_per_dim
    by_zeta = _by_gain(nn, state, qinv)
    for part in parts:
        s = s + part.mean_load
        by_zeta = by_zeta + part.mean_by_gain
    i, j = pair_indices(nn.size)
    pairs = np.where(i == j, 1.0, 2.0) * s[i, j]
    by_log = nn.weights * (state.zeta * by_zeta + (state.zeta - 1) / nn.samples_per_neuron)
    return np.concatenate([pairs, by_log])


def flat_gradient(neurons: Neurons, state: State, by_gamma: Any, by_gain: Any) -> Any:
    """Derivatives by Gamma and by ``sg = w zeta`` in the order of :meth:`State.moved`, pairs once."""
    i, j = pair_indices(len(by_gamma))
    return np.concatenate([np.where(i == j, 1.0, 2.0) * by_gamma[i, j], neurons.weights * state.zeta * by_gain])


def _by_gain(nn: Neurons, state: State, qinv: Any) -> Any:
    """``(d/n) chi_a'(Q^-1 - Q^-1 Gamma Q^-1) chi_a``."""
    theta = nn.blocks[0]
    middle = qinv - qinv @ state.gamma[theta, theta] @ qinv
    return ((nn.chi @ middle) * nn.chi).sum(axis=1) / nn.samples_per_dim
