"""The bulk as a linear pencil (docs/theory-same-data.md, section 3), for one or several populations of samples.

A readout a acts on a sample through three latents a factor: ``theta = sum a_i w_i``, ``T = sum a_i t_i`` with ``t_i``
what the gradient's samples have moved neuron i by, beyond beta, and the multiplier ``mu`` of T's definition. A sample
whose label the gradient has seen loads the pencil with N, a sample of the fit with z; one that is used for both with
both (eq-pencil). The bulk is the stationary point of (eq-pencil-potential) in Gamma, the latents' cavity covariance,
and zeta.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, squared, symmetrised

__all__ = [
    "Neurons",
    "SamplePopulation",
    "SampleState",
    "State",
    "flat_gradient",
    "gradient_of",
    "hessian_of",
    "q_inverse",
]


@dataclass(frozen=True, eq=False)
class Neurons:
    """The factors over u and the sizes.

    Attributes
    ----------
    weights : ndarray of shape (A,)
        Of the readouts.
    chi, xi : ndarray of shape (A, p) and (A, q)
        Factors of the linear features along w and along t.
    noise_energy : float
        ``v_h = E h^2``.
    cross : ndarray of shape (q, p)
        ``2 c_2`` times the coordinates of xi in chi, which spans xi where ``c_2 != 0``.
    samples_per_dim, samples_per_neuron : float
        n/d and n/N.
    gradient_share : float
        ``n_0/n``.
    """

    weights: Array
    chi: Array
    xi: Array
    noise_energy: float
    cross: Array
    samples_per_dim: float
    samples_per_neuron: float
    gradient_share: float

    @property
    def blocks(self) -> tuple[slice, slice, slice]:
        """Places of theta, T and mu among the latents."""
        p, q = self.chi.shape[1], self.xi.shape[1]
        return slice(0, p), slice(p, p + q), slice(p + q, p + 2 * q)

    @property
    def factors(self) -> tuple[Array, Array, Array]:
        """Of theta, T and mu."""
        return self.chi, self.xi, self.xi

    @property
    def size(self) -> int:
        """The number of latents."""
        return self.chi.shape[1] + 2 * self.xi.shape[1]

    @cached_property
    def loaded(self) -> Any:
        """Places of the latents that N acts on: mu and, for ``c_2 != 0``, the theta that it couples to mu."""
        mu, coupled = self.blocks[2], np.flatnonzero(self.cross.any(axis=0))
        return np.append(coupled, np.arange(mu.start, mu.stop)) if len(coupled) else mu


@dataclass(frozen=True, eq=False)
class SamplePopulation:
    """Samples of one kind, E residuals times B.

    Attributes
    ----------
    weights : ndarray of shape (E, B)
        Of the nodes, of total ``count/n``.
    residual : ndarray of shape (E,)
        eps of samples of the gradient; zero for others, which load nothing on N.
    along_w, along_t : ndarray of shape (E, B, p) and (E, B, q)
        Factors of the linear features.
    own : ndarray of shape (E, B, A)
        ``c = C/sqrt(v_h) - phi eps b``, of h(z) in the sample's own feature; zero for samples that are fresh.
    noise : ndarray of shape (E, B, A)
        ``G^2``, the variance of what is left.
    fitted : bool
        Whether the fit sees these samples.
    """

    weights: Array
    residual: Array
    along_w: Array
    along_t: Array
    own: Array
    noise: Array
    fitted: bool = True

    def mean(self, values: Any) -> Any:
        """Sum over the nodes with their weights, of values (E, B, ...)."""
        return (self.weights.ravel() @ values.reshape(self.weights.size, -1)).reshape(values.shape[2:])

    def mean_over_residuals(self, values: Any) -> Any:
        """The same for values (E, ...)."""
        return (self.weights.sum(axis=1) @ values.reshape(len(values), -1)).reshape(values.shape[1:])


@dataclass(frozen=True, eq=False)
class State:
    """The unknowns: Gamma (m, m), symmetric, and zeta (A,); and the shift D of the samples, (E, B) or a number."""

    gamma: Any
    zeta: Any

    @property
    def unknowns(self) -> Any:
        """The upper triangle of Gamma, then log zeta."""
        return np.concatenate([self.gamma[pair_indices(len(self.gamma))], np.log(self.zeta)])

    def moved(self, change: Any) -> "State":
        """Along a change of the unknowns."""
        m = len(self.gamma)
        i, j = pair_indices(m)
        step = np.zeros((m, m), dtype=change.dtype)
        step[i, j] = step[j, i] = change[: len(i)]
        return State(self.gamma + step, self.zeta * np.exp(change[len(i) :]))


class SampleState:
    """What a population is at a state; everything is complex where the state is."""

    def __init__(self, neurons: Neurons, population: SamplePopulation, state: State, shift: Any) -> None:
        self.neurons, self.population, self.state, self.shift = neurons, population, state, shift

    @cached_property
    def gains(self) -> Any:
        """``sg_a = w_a zeta_a``."""
        return self.neurons.weights * self.state.zeta

    @cached_property
    def load(self) -> Any:
        """N (E, m, m): ``-eps^2 Y`` on mu and ``2 c_2 eps`` between mu and theta."""
        nn, eps = self.neurons, self.population.residual
        theta, _, mu = nn.blocks
        out = np.zeros((len(eps), nn.size, nn.size), dtype=np.result_type(self.gains))
        out[:, mu, mu] = -(eps**2)[:, None, None] * (nn.noise_energy * (nn.xi.T * self.gains) @ nn.xi)
        both = eps[:, None, None] * nn.cross
        out[:, mu, theta] = both
        out[:, theta, mu] = both.transpose(0, 2, 1)
        return out

    @cached_property
    def left(self) -> Any:
        """``L = (1 + Gamma N)^-1``, (E, m, m), by an inverse on the latents that N acts on."""
        nn, places = self.neurons, self.neurons.loaded
        moved = self.state.gamma[:, places] @ self.load[:, places][:, :, places]
        on_them = moved[:, places]
        out = np.empty(self.load.shape, dtype=moved.dtype)
        out[:] = np.eye(nn.size)
        out[:, :, places] -= moved @ np.linalg.inv(np.eye(on_them.shape[1]) + on_them)
        return out

    @cached_property
    def loaded(self) -> Any:
        """``Gamma' = L Gamma``, (E, m, m)."""
        return self.left @ self.state.gamma

    @cached_property
    def seen(self) -> Any:
        """Z (E, B, m)."""
        nn, pop = self.neurons, self.population
        weighted = pop.own @ (self.gains[:, None] * nn.xi)
        mu = -nn.noise_energy * pop.residual[:, None, None] * weighted
        return np.concatenate([pop.along_w, pop.along_t, mu], axis=-1)

    @cached_property
    def outer(self) -> Any:
        """``w = L'z`` (E, B, m)."""
        return self.seen @ self.left

    @cached_property
    def products(self) -> Any:
        """``w w'`` on pairs of latents, (E B, pairs)."""
        i, j = pair_indices(self.neurons.size)
        w = self.outer.reshape(-1, self.neurons.size)
        return w[:, i] * w[:, j]

    @cached_property
    def inner(self) -> Any:
        """``Gamma' z`` (E, B, m)."""
        return self.seen @ self.loaded

    @cached_property
    def r(self) -> Any:
        """``R = 1/(D + sum sg (G^2 + v_h c^2) + z'Gamma'z)``, (E, B)."""
        pop = self.population
        energy = (pop.noise + self.neurons.noise_energy * pop.own**2) @ self.gains
        return 1 / (self.shift + energy + (self.seen * self.inner).sum(axis=-1))

    @cached_property
    def left_over(self) -> Any:
        """``c_a - eps xi_a . (Gamma'z)_mu``, (E, B, A)."""
        nn, pop = self.neurons, self.population
        mu = nn.blocks[2]
        return pop.own - pop.residual[:, None, None] * (self.inner[..., mu] @ nn.xi.T)

    @cached_property
    def noise(self) -> Any:
        """``q_a = G^2 + v_h (c_a - eps xi_a . (Gamma'z)_mu)^2``, the derivative of 1/R by ``sg_a``."""
        return self.population.noise + self.neurons.noise_energy * self.left_over**2

    @cached_property
    def feedback(self) -> Any:
        """``P_ab = eps^2 v_h xi_a' Gamma'_mumu xi_b``, (E, A, A)."""
        nn = self.neurons
        mu = nn.blocks[2]
        inner = nn.xi @ self.loaded[:, mu, mu] @ nn.xi.T
        return nn.noise_energy * (self.population.residual**2)[:, None, None] * inner

    @cached_property
    def projected(self) -> Any:
        """``l_a = L' (0, 0, xi_a)``, (E, A, m)."""
        return self.neurons.xi @ self.left[:, self.neurons.blocks[2], :]

    @cached_property
    def effective_load(self) -> Any:
        """``N L``, (E, m, m)."""
        return self.load @ self.left

    @property
    def mean_load(self) -> Any:
        """``E[N L + R w w']``, times the share of these samples."""
        pop, m = self.population, self.neurons.size
        load = pop.mean_over_residuals(self.effective_load)
        if not pop.fitted:
            return load
        weighted = (pop.weights * self.r)[..., None] * self.outer
        return load + weighted.reshape(-1, m).T @ self.outer.reshape(-1, m)

    @property
    def mean_by_gain(self) -> Any:
        """``E[R q_a] - E P_aa``, times the share of these samples."""
        pop = self.population
        fed_back = -pop.mean_over_residuals(np.einsum("eaa->ea", self.feedback))
        return fed_back + pop.mean(self.r[..., None] * self.noise) if pop.fitted else fed_back


def gradient_of(neurons: Neurons, state: State, parts: Sequence[SampleState]) -> Any:
    """The gradient of the potential by Gamma (upper triangle, pairs once) and by log zeta (eq-pencil-potential)."""
    nn = neurons
    theta = nn.blocks[0]
    qinv = q_inverse(nn, state)
    s = _coupling(nn).astype(qinv.dtype)
    s[theta, theta] += qinv / nn.samples_per_dim
    s = s - np.linalg.inv(state.gamma) / nn.samples_per_dim
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


def _coupling(nn: Neurons) -> Array:
    """``P d/n`` without its part on theta: ``-n_0/n`` between T and mu."""
    _, t, mu = nn.blocks
    out = np.zeros((nn.size, nn.size))
    out[t, mu] = out[mu, t] = -nn.gradient_share * np.eye(nn.xi.shape[1])
    return out


def q_inverse(nn: Neurons, state: State) -> Any:
    """``Q^-1``, ``Q = sum sg_a chi_a chi_a'``."""
    return np.linalg.inv((nn.chi.T * (nn.weights * state.zeta)) @ nn.chi)


def _by_gain(nn: Neurons, state: State, qinv: Any) -> Any:
    """``(d/n) chi_a'(Q^-1 - Q^-1 Gamma Q^-1) chi_a``."""
    theta = nn.blocks[0]
    middle = qinv - qinv @ state.gamma[theta, theta] @ qinv
    return np.einsum("ap,pr,ar->a", nn.chi, middle, nn.chi) / nn.samples_per_dim


def hessian_of(neurons: Neurons, state: State, parts: Sequence[SampleState]) -> Array:
    """The derivative of :func:`gradient_of` along :meth:`State.moved`; complex where the state is."""
    nn = neurons
    i, j = pair_indices(nn.size)
    double = np.where(i == j, 1.0, 2.0)
    gains = nn.weights * state.zeta
    by_gamma, mixed, both = _own_hessian(nn, state)
    for part in parts:
        mixed -= _mixed_load(part)
        both -= _gain_load(part)
        left, right, alone = _pair_loads(part)
        by_gamma -= symmetrised(left.T @ right)
        if part.population.fitted:
            weights = (part.population.weights * part.r**2).reshape(-1, 1)
            by_gamma -= double[:, None] * (alone.T @ (weights * alone)) * double
    out = np.empty((len(i) + len(gains),) * 2, dtype=np.result_type(by_gamma, both))
    out[: len(i), : len(i)] = by_gamma
    out[len(i) :, : len(i)] = gains[:, None] * mixed[:, i, j] * double
    out[: len(i), len(i) :] = out[len(i) :, : len(i)].T
    diagonal = gradient_of(nn, state, parts)[len(i) :] + nn.weights / nn.samples_per_neuron
    out[len(i) :, len(i) :] = gains[:, None] * both * gains + np.diag(diagonal)
    return out


def _own_hessian(nn: Neurons, state: State) -> tuple[Array, Array, Array]:
    """Of the terms without samples: by Gamma twice (in pairs), by sg and Gamma, by sg twice."""
    theta, m = nn.blocks[0], nn.size
    ginv, qinv = np.linalg.inv(state.gamma), q_inverse(nn, state)
    along = nn.chi @ qinv
    mixed = np.zeros((len(nn.weights), m, m), dtype=qinv.dtype)
    mixed[:, theta, theta] = -np.einsum("ap,ar->apr", along, along) / nn.samples_per_dim
    plain, full = along @ nn.chi.T, along @ state.gamma[theta, theta] @ along.T
    both = (2 * plain * full - plain**2) / nn.samples_per_dim
    return squared(ginv) / nn.samples_per_dim, mixed, both


def _pair_loads(part: SampleState) -> tuple[Array, Array, Array]:
    """``E[S x S]`` with ``S = N L + R w w'`` as ``left' right``, and ``w w'`` on pairs, whose own product it lacks."""
    pop, m = part.population, part.neurons.size
    total = pop.weights.sum(axis=1)[:, None]
    fixed = part.effective_load.reshape(len(total), m * m)
    if not pop.fitted:
        return total * fixed, fixed, np.zeros((0, 0))
    w = part.outer
    weighted = ((pop.weights * part.r)[..., None] * w).transpose(0, 2, 1) @ w
    # The two mixed products have one symmetric part.
    return fixed, total * fixed + 2 * weighted.reshape(len(total), m * m), part.products


def _mixed_load(part: SampleState) -> Array:
    """``E[R^2 q_a w w' + R v_h eps e_a (l_a w' + w l_a') + v_h eps^2 l_a l_a']``, (A, m, m)."""
    pop, m = part.population, part.neurons.size
    v, projected = part.neurons.noise_energy, part.projected.transpose(1, 2, 0)
    eps, by_readout = pop.residual, projected.transpose(0, 2, 1)
    squares = v * (projected * (pop.weights.sum(axis=1) * eps**2)) @ by_readout
    if not pop.fitted:
        return np.asarray(squares)
    weighted = (pop.weights * part.r)[..., None] * part.left_over
    cross = weighted.transpose(0, 2, 1) @ part.outer
    half = v * (projected * eps) @ cross.transpose(1, 0, 2)
    squared = (pop.weights * part.r**2)[..., None] * part.noise
    i, j = pair_indices(m)
    loads = squared.reshape(-1, squared.shape[-1]).T @ part.products
    own = np.empty((len(half), m, m), dtype=loads.dtype)
    own[:, i, j] = own[:, j, i] = loads
    return np.asarray(own + half + half.transpose(0, 2, 1) + squares)


def _gain_load(part: SampleState) -> Array:
    """``E[R^2 q_a q_b - 2 R v_h e_a e_b P_ab + P_ab^2]``, (A, A)."""
    pop, p, size = part.population, part.feedback, len(part.neurons.weights)
    squares = (pop.weights.sum(axis=1) @ (p**2).reshape(len(p), -1)).reshape(size, size)
    if not pop.fitted:
        return np.asarray(squares)
    q, e = part.noise.reshape(-1, size), part.left_over
    paired = ((pop.weights * part.r)[..., None] * e).transpose(0, 2, 1) @ e
    weighted = q.T * (pop.weights * part.r**2).ravel()
    return np.asarray(weighted @ q - 2 * part.neurons.noise_energy * (paired * p).sum(axis=0) + squares)
