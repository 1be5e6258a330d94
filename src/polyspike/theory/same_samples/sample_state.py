"""What a population of samples is at a state of the pencil (docs/theory-same-data.md, section 3)."""

from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation, State, spread

__all__ = ["SampleState"]


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
        """N on the latents that it acts on, (E, k, k): ``-eps^2 Y`` on mu and ``2 c_2 eps`` between mu and theta."""
        nn, pop = self.neurons, self.population
        own = -nn.noise_energy * ((nn.xi.T * self.gains) @ nn.xi)
        coupled = _coupled_load(nn, pop)
        if coupled is None:
            return pop.squares[:, None, None] * own
        out, q = coupled.astype(own.dtype), len(own)
        out[:, -q:, -q:] = pop.squares[:, None, None] * own
        return out

    @cached_property
    def load_where_loaded(self) -> Any:
        """``N L`` on the latents that N acts on, (E, k, k), by an inverse there."""
        places, load = self.neurons.loaded, self.load
        return load @ np.linalg.inv(np.eye(load.shape[-1]) + self.state.gamma[places][:, places] @ load)

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
        nn, linear = self.neurons, self.population.linear
        by_move = _times(_own_by_residual(nn, self.population), self.gains[:, None] * nn.xi)
        return np.concatenate([linear, by_move], axis=-1)

    @cached_property
    def felt(self) -> Any:
        """``Gamma z`` (E, B, m)."""
        return _times(self.seen, self.state.gamma)

    @cached_property
    def outer(self) -> Any:
        """``w = L'z = z - N L Gamma z`` (E, B, m)."""
        places = self.neurons.loaded
        moved = self.felt[..., places] @ self.load_where_loaded
        out = self.seen.astype(moved.dtype)
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
        """``R = 1/(D + sum sg (G^2 + v_h c^2) + z'Gamma'z)``, (E, B); ``z'Gamma'z = w'Gamma z``."""
        energy = _times(_energies(self.neurons, self.population), self.gains)
        energy += np.einsum("ebm,ebm->eb", self.outer, self.felt)
        return 1 / (self.shift + energy)

    @cached_property
    def weighted_r(self) -> Any:
        """R times the nodes' weights, (E, B)."""
        return self.population.weights * self.r

    @cached_property
    def left_over(self) -> Any:
        """``c_a - eps xi_a . (Gamma'z)_mu``, (E, B, A)."""
        nn, pop = self.neurons, self.population
        felt = _times(self.outer, self.state.gamma[:, nn.blocks[2]] @ nn.xi.T)
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
        return nn.noise_energy * self.population.squares[:, None, None] * inner

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
        loads = self.load_where_loaded
        return (self.population.moments @ loads.reshape(len(loads), -1)).reshape(2, *loads.shape[1:])

    @cached_property
    def mean_load(self) -> Any:
        """``E[N L + R w w']``, times the share of these samples."""
        nn = self.neurons
        load = spread(nn, self._mean_loads[0])
        if self.population.fitted:
            outer = self.outer.reshape(-1, nn.size)
            load += (self.weighted_r.reshape(-1, 1) * outer).T @ outer
        return load if nn.mirror is None else nn.mirror.coupled * load

    @cached_property
    def mean_by_gain(self) -> Any:
        """``E[R q_a] - E P_aa``, times the share of these samples."""
        pop, nn, gamma = self.population, self.neurons, self.state.gamma
        of_mu = gamma[nn.blocks[2]]
        loaded = of_mu[:, nn.loaded]
        middle = pop.energy * of_mu[:, nn.blocks[2]] - loaded @ self._mean_loads[1] @ loaded.T
        found = ((nn.xi @ middle) * nn.xi).sum(axis=1)
        found *= -nn.noise_energy
        if pop.fitted:
            weights, left_over = self.weighted_r.ravel(), self.left_over.reshape(-1, len(found))
            found += weights @ pop.noise.reshape(left_over.shape)
            found += nn.noise_energy * (weights @ (left_over * left_over))
        return found if nn.mirror is None else (found + found[::-1]) / 2


@lru_cache(maxsize=4)
def _energies(nn: Neurons, population: SamplePopulation) -> Array:
    """``G^2 + v_h c^2``, (E, B, A)."""
    return population.noise + nn.noise_energy * population.own**2


@lru_cache(maxsize=4)
def _own_by_residual(nn: Neurons, population: SamplePopulation) -> Array:
    """``-eps v_h c``, (E, B, A)."""
    return -nn.noise_energy * population.residual[:, None, None] * population.own


@lru_cache(maxsize=4)
def _coupled_load(nn: Neurons, population: SamplePopulation) -> Array | None:
    """``2 c_2 eps`` between mu and the theta that N couples to it, (E, k, k); None where there is none."""
    places, q = nn.loaded, nn.xi.shape[1]
    if isinstance(places, slice):
        return None
    eps, coupled = population.residual[:, None, None], nn.cross[:, places[:-q]]
    out = np.zeros((len(eps), len(places), len(places)))
    out[:, -q:, :-q] = eps * coupled
    out[:, :-q, -q:] = eps * coupled.T
    return out


def _times(values: Any, matrix: Any) -> Any:
    """Values (E, B, k) times a matrix (k, l) or a vector (k,), as one product."""
    nodes, k = values.shape[:2], values.shape[2]
    return (values.reshape(nodes[0] * nodes[1], k) @ matrix).reshape(*nodes, *matrix.shape[1:])
