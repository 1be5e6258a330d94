"""The derivatives of the pencil's equations (docs/theory-same-data.md, section 3), which Newton's method and the errors
solve with.
"""

from collections.abc import Sequence

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.mirror import folded
from polyspike.theory.same_samples.pencil import Neurons, State, q_inverse
from polyspike.theory.same_samples.potential import gradient_of
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, symmetrised

__all__ = ["hessian_of"]


def hessian_of(neurons: Neurons, state: State, parts: Sequence[SampleState], gradient: Array | None = None) -> Array:
    """The derivative of :func:`gradient_of`, whose value may be known, along :meth:`State.moved`, by the free unknowns
    where samples are halves of mirror images; complex where the state is.
    """
    nn = neurons
    i, j = nn.pairs
    double = np.where(i == j, 1.0, 2.0)
    gains = nn.weights * state.zeta
    inverse, mixed, both = _own_hessian(nn, state)
    pairs = [(-inverse / nn.samples_per_dim, inverse)]
    for part in parts:
        mixed -= _mixed_load(part)
        both -= _gain_load(part)
        pairs.append(_pair_loads(part))
    left, right = (np.concatenate(one) for one in zip(*pairs, strict=True))
    by_gamma = -symmetrised(left.T @ right, nn.size, None if nn.mirror is None else tuple(nn.mirror.kept.tolist()))
    for part in parts:
        if part.population.fitted:
            weights = (part.population.weights * part.r**2).reshape(-1, 1)
            by_gamma -= double[:, None] * _gram(part.products, weights) * double
    known = gradient_of(nn, state, parts) if gradient is None else gradient
    diagonal = known[-len(gains) :] + nn.weights / nn.samples_per_neuron
    both, mixed = gains[:, None] * both * gains + np.diag(diagonal), gains[:, None] * mixed[:, i, j] * double
    if nn.mirror is not None:
        both, mixed = folded(folded(both).T), folded(mixed)
    out = np.empty((len(i) + len(both),) * 2, dtype=np.result_type(by_gamma, both))
    out[: len(i), : len(i)] = by_gamma
    out[len(i) :, : len(i)] = mixed
    out[: len(i), len(i) :] = mixed.T
    out[len(i) :, len(i) :] = both
    return out


def _own_hessian(nn: Neurons, state: State) -> tuple[Array, Array, Array]:
    """Of the terms without samples: ``Gamma^-1`` on pairs (1, pairs), by sg and Gamma, by sg twice."""
    theta, m = nn.blocks[0], nn.size
    inverse, qinv = state.inverse[pair_indices(m)][None], q_inverse(nn, state)
    along = nn.chi @ qinv
    mixed = np.zeros((len(nn.weights), m, m), dtype=qinv.dtype)
    mixed[:, theta, theta] = along[:, :, None] * along[:, None, :] / -nn.samples_per_dim
    plain, full = along @ nn.chi.T, along @ state.gamma[theta, theta] @ along.T
    both = (2 * plain * full - plain**2) / nn.samples_per_dim
    return inverse, mixed, both


def _pair_loads(part: SampleState) -> tuple[Array, Array]:
    """``E[S x S]`` with ``S = N L + R w w'`` as ``left' right`` on pairs of latents (E, pairs), but for the products
    ``w w'`` of a sample with themselves.
    """
    pop, m = part.population, part.neurons.size
    total, (i, j) = pop.weights_of_residuals[:, None], pair_indices(m)
    fixed = part.effective_load[:, i, j]
    if not pop.fitted:
        return total * fixed, fixed
    w = part.outer
    weighted = ((pop.weights * part.r)[..., None] * w).transpose(0, 2, 1) @ w
    # The two mixed products have one symmetric part.
    return fixed, total * fixed + 2 * weighted[:, i, j]


def _gram(values: Array, weights: Array) -> Array:
    """``values' weights values``, of real ones as squares of one array: half the work of a product."""
    if np.iscomplexobj(weights):
        return np.asarray(values.T @ (weights * values))
    rows, negative = np.sqrt(np.abs(weights)) * values, weights[:, 0] < 0
    others = rows[negative]
    return np.asarray(rows.T @ rows - 2 * (others.T @ others) if len(others) else rows.T @ rows)


def _mixed_load(part: SampleState) -> Array:
    """``E[R^2 q_a w w' + R v_h eps e_a (l_a w' + w l_a') + v_h eps^2 l_a l_a']``, (A, m, m)."""
    pop, m = part.population, part.neurons.size
    v, projected = part.neurons.noise_energy, part.projected.transpose(1, 2, 0)
    eps, by_readout = pop.residual, projected.transpose(0, 2, 1)
    squares = v * (projected * (pop.weights_of_residuals * eps**2)) @ by_readout
    if not pop.fitted:
        return np.asarray(squares)
    weighted = (pop.weights * part.r)[..., None] * part.left_over
    cross = weighted.transpose(0, 2, 1) @ part.outer
    half = v * (projected * eps) @ cross.transpose(1, 0, 2)
    squared = (pop.weights * part.r**2)[..., None] * part.noise
    i, j = part.neurons.pairs
    loads = squared.reshape(-1, squared.shape[-1]).T @ part.products
    own = np.zeros((len(half), m, m), dtype=loads.dtype)
    own[:, i, j] = own[:, j, i] = loads
    return np.asarray(own + half + half.transpose(0, 2, 1) + squares)


def _gain_load(part: SampleState) -> Array:
    """``E[R^2 q_a q_b - 2 R v_h e_a e_b P_ab + P_ab^2]``, (A, A)."""
    pop, p, size = part.population, part.feedback, len(part.neurons.weights)
    squares = (pop.weights_of_residuals @ (p**2).reshape(len(p), -1)).reshape(size, size)
    if not pop.fitted:
        return np.asarray(squares)
    q, e = part.noise.reshape(-1, size), part.left_over
    paired = ((pop.weights * part.r)[..., None] * e).transpose(0, 2, 1) @ e
    weighted = q.T * (pop.weights * part.r**2).ravel()
    return np.asarray(weighted @ q - 2 * part.neurons.noise_energy * (paired * p).sum(axis=0) + squares)
