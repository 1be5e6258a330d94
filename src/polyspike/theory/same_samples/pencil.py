"""The bulk as a linear pencil (docs/theory-same-data.md, section 3), for one or several populations of samples.

A readout a acts on a sample through three latents a factor: ``theta = sum a_i w_i``, ``T = sum a_i t_i`` with ``t_i``
what the gradient's samples have moved neuron i by, beyond beta, and the multiplier ``mu`` of T's definition. A sample
whose label the gradient has seen loads the pencil with N, a sample of the fit with z; one that is used for both with
both (eq-pencil). The bulk is the stationary point of (eq-pencil-potential) in Gamma, the latents' cavity covariance,
and zeta.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.mirror import Mirror
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = [
    "Neurons",
    "SamplePopulation",
    "SampleState",
    "State",
    "flat_gradient",
    "gradient_of",
    "q_inverse",
    "spread",
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
    mirror : Mirror, optional
        Where samples are halves of mirror images.
    """

    weights: Array
    chi: Array
    xi: Array
    noise_energy: float
    cross: Array
    samples_per_dim: float
    samples_per_neuron: float
    gradient_share: float
    mirror: Mirror | None = None

    @property
    def pairs(self) -> tuple[Any, Any]:
        """Those pairs of latents that are free."""
        i, j = pair_indices(self.size)
        return (i, j) if self.mirror is None else (i[self.mirror.kept], j[self.mirror.kept])

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

    @cached_property
    def weights_of_residuals(self) -> Array:
        """Of the nodes of the residual (E,)."""
        return np.asarray(self.weights.sum(axis=1))

    def mean(self, values: Any) -> Any:
        """Sum over the nodes with their weights, of values (E, B, ...)."""
        return (self.weights.ravel() @ values.reshape(self.weights.size, -1)).reshape(values.shape[2:])

    def mean_over_residuals(self, values: Any) -> Any:
        """The same for values (E, ...)."""
        return (self.weights_of_residuals @ values.reshape(len(values), -1)).reshape(values.shape[1:])


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
    def load_where_loaded(self) -> Any:
        """``N L`` on the latents that N acts on, (E, k, k), by an inverse there."""
        nn, eps, places = self.neurons, self.population.residual, self.neurons.loaded
        inner = self.state.gamma[places][:, places]
        q, k = nn.xi.shape[1], len(inner)
        load = np.zeros((len(eps), k, k), dtype=np.result_type(self.gains))
        load[:, k - q :, k - q :] = -(eps**2)[:, None, None] * (nn.noise_energy * (nn.xi.T * self.gains) @ nn.xi)
        if k > q:
            load[:, k - q :, : k - q] = eps[:, None, None] * nn.cross[:, places[: k - q]]
            load[:, : k - q, k - q :] = load[:, k - q :, : k - q].transpose(0, 2, 1)
        return load @ np.linalg.inv(np.eye(k) + inner @ load)

    @cached_property
    def left(self) -> Any:
        """``L = (1 + Gamma N)^-1 = 1 - Gamma N L``, (E, m, m)."""
        places = self.neurons.loaded
        moved = self.state.gamma[:, places] @ self.load_where_loaded
        out = np.empty((len(moved), self.neurons.size, self.neurons.size), dtype=moved.dtype)
        out[:] = np.eye(self.neurons.size)
        out[:, :, places] -= moved
        return out

    @cached_property
    def loaded(self) -> Any:
        """``Gamma' = L Gamma``, (E, m, m)."""
        gamma, places = self.state.gamma, self.neurons.loaded
        return gamma - gamma[:, places] @ self.load_where_loaded @ gamma[places]

    @cached_property
    def seen(self) -> Any:
        """Z (E, B, m)."""
        nn, pop = self.neurons, self.population
        weighted = _times(pop.own, -nn.noise_energy * self.gains[:, None] * nn.xi)
        return np.concatenate([pop.along_w, pop.along_t, pop.residual[:, None, None] * weighted], axis=-1)

    @cached_property
    def outer(self) -> Any:
        """``w = L'z = z - N L Gamma z`` (E, B, m)."""
        places, seen = self.neurons.loaded, self.seen
        moved = _times(seen, self.state.gamma[:, places]) @ self.load_where_loaded
        out = seen.astype(moved.dtype)
        out[..., places] -= moved
        return out

    @cached_property
    def products(self) -> Any:
        """``w w'`` on the free pairs of latents, (E B, pairs)."""
        i, j = self.neurons.pairs
        w = self.outer.reshape(-1, self.neurons.size)
        return w[:, i] * w[:, j]

    @cached_property
    def inner(self) -> Any:
        """``Gamma' z = Gamma w`` (E, B, m)."""
        return _times(self.outer, self.state.gamma)

    @cached_property
    def r(self) -> Any:
        """``R = 1/(D + sum sg (G^2 + v_h c^2) + z'Gamma'z)``, (E, B)."""
        energy = _times(_energies(self.neurons, self.population), self.gains)
        return 1 / (self.shift + energy + np.einsum("ebm,ebm->eb", self.seen, self.inner))

    @cached_property
    def left_over(self) -> Any:
        """``c_a - eps xi_a . (Gamma'z)_mu``, (E, B, A)."""
        nn, pop = self.neurons, self.population
        felt = _times(self.inner[..., nn.blocks[2]], nn.xi.T)
        felt *= -pop.residual[:, None, None]
        felt += pop.own
        return felt

    @cached_property
    def noise(self) -> Any:
        """``q_a = G^2 + v_h (c_a - eps xi_a . (Gamma'z)_mu)^2``, the derivative of 1/R by ``sg_a``."""
        square = self.left_over**2
        square *= self.neurons.noise_energy
        square += self.population.noise
        return square

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
        return spread(self.neurons, self.load_where_loaded)

    @cached_property
    def _mean_loads(self) -> Any:
        """``E N L`` and ``E eps^2 N L`` on the latents that N acts on, (2, k, k), times the share of these samples."""
        weights, loads = self.population.weights_of_residuals, self.load_where_loaded
        powers = np.stack([weights, weights * self.population.residual**2])
        return (powers @ loads.reshape(len(weights), -1)).reshape(2, *loads.shape[1:])

    @cached_property
    def mean_load(self) -> Any:
        """``E[N L + R w w']``, times the share of these samples."""
        pop, m, mirror = self.population, self.neurons.size, self.neurons.mirror
        load = spread(self.neurons, self._mean_loads[0])
        if pop.fitted:
            weighted = (pop.weights * self.r)[..., None] * self.outer
            load = load + weighted.reshape(-1, m).T @ self.outer.reshape(-1, m)
        return load if mirror is None else mirror.coupled * load

    @cached_property
    def mean_by_gain(self) -> Any:
        """``E[R q_a] - E P_aa``, times the share of these samples."""
        pop, nn, gamma = self.population, self.neurons, self.state.gamma
        mu, energy = nn.blocks[2], float(pop.weights_of_residuals @ pop.residual**2)
        middle = energy * gamma[mu, mu] - gamma[mu, nn.loaded] @ self._mean_loads[1] @ gamma[nn.loaded, mu]
        found = -nn.noise_energy * ((nn.xi @ middle) * nn.xi).sum(axis=1)
        if pop.fitted:
            weights, square = (pop.weights * self.r).ravel(), (self.left_over**2).reshape(-1, len(found))
            found = found + weights @ pop.noise.reshape(-1, len(found)) + nn.noise_energy * (weights @ square)
        return found if nn.mirror is None else (found + found[::-1]) / 2


@lru_cache(maxsize=2)
def _energies(nn: Neurons, population: SamplePopulation) -> Array:
    """``G^2 + v_h c^2``, (E, B, A)."""
    return population.noise + nn.noise_energy * population.own**2


def _times(values: Any, matrix: Any) -> Any:
    """Values (E, B, k) times a matrix (k, l) or a vector (k,), as one product."""
    nodes, k = values.shape[:2], values.shape[2]
    return (values.reshape(nodes[0] * nodes[1], k) @ matrix).reshape(*nodes, *matrix.shape[1:])


def spread(nn: Neurons, matrices: Any) -> Any:
    """Matrices (..., k, k) on the latents that N acts on, on all of them."""
    out = np.zeros((*matrices.shape[:-2], nn.size, nn.size), dtype=matrices.dtype)
    places = nn.loaded
    out[(..., places, places) if isinstance(places, slice) else (..., places[:, None], places)] = matrices
    return out


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


@lru_cache(maxsize=2)
def q_inverse(nn: Neurons, state: State) -> Any:
    """``Q^-1``, ``Q = sum sg_a chi_a chi_a'``."""
    return np.linalg.inv((nn.chi.T * (nn.weights * state.zeta)) @ nn.chi)


def _by_gain(nn: Neurons, state: State, qinv: Any) -> Any:
    """``(d/n) chi_a'(Q^-1 - Q^-1 Gamma Q^-1) chi_a``."""
    theta = nn.blocks[0]
    middle = qinv - qinv @ state.gamma[theta, theta] @ qinv
    return ((nn.chi @ middle) * nn.chi).sum(axis=1) / nn.samples_per_dim
