"""The bulk as a linear pencil (docs/theory-same-data.md, section 3), for one or several populations of samples.

A readout a acts on a sample through three latents a factor: ``theta = sum a_i w_i``, ``T = sum a_i t_i`` with ``t_i``
what the gradient's samples have moved neuron i by, beyond beta, and the multiplier ``mu`` of T's definition. A sample
whose label the gradient has seen loads the pencil with N, a sample of the fit with z; one that is used for both with
both (eq-pencil). The bulk is the stationary point of (eq-pencil-potential) in Gamma, the latents' cavity covariance,
and zeta.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.mirror import Mirror
from polyspike.theory.same_samples.small_matrices import inverse
from polyspike.theory.same_samples.symmetric_pairs import pair_indices, upper

__all__ = ["Neurons", "SamplePopulation", "State", "q_inverse", "spread"]


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

    @cached_property
    def blocks(self) -> tuple[slice, slice, slice]:
        """Places of theta, T and mu among the latents."""
        p, q = self.chi.shape[1], self.xi.shape[1]
        return slice(0, p), slice(p, p + q), slice(p + q, p + 2 * q)

    @property
    def factors(self) -> tuple[Array, Array, Array]:
        """Of theta, T and mu."""
        return self.chi, self.xi, self.xi

    @cached_property
    def size(self) -> int:
        """The number of latents."""
        return self.chi.shape[1] + 2 * self.xi.shape[1]

    @cached_property
    def coupling(self) -> Array:
        """``P d/n`` without its part on theta: ``-n_0/n`` between T and mu."""
        _, t, mu = self.blocks
        out = np.zeros((self.size, self.size))
        out[t, mu] = out[mu, t] = -self.gradient_share * np.eye(self.xi.shape[1])
        return out

    @cached_property
    def loaded(self) -> Any:
        """Places of the latents that N acts on: mu and, for ``c_2 != 0``, the theta that it couples to mu."""
        mu, coupled = self.blocks[2], np.flatnonzero(self.cross.any(axis=0))
        return np.append(coupled, np.arange(mu.start, mu.stop)) if len(coupled) else mu

    def symmetric(self, state: "State") -> "State":
        """A state with the symmetry of mirror images, where samples are halves of them: Newton's method, which moves
        what is free, restores nothing of it that rounding has lost, and what is extrapolated from its solutions loses
        more.
        """
        if self.mirror is None:
            return state
        return State(self.mirror.coupled * state.gamma, (state.zeta + state.zeta[::-1]) / 2)


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

    @cached_property
    def squares(self) -> Array:
        """``eps^2`` (E,)."""
        return self.residual**2

    @cached_property
    def energy(self) -> float:
        """``E eps^2``, times the share of these samples."""
        return float(self.weights_of_residuals @ self.squares)

    @cached_property
    def moments(self) -> Array:
        """Weights of the nodes of the residual, and these times ``eps^2``, (2, E)."""
        return np.stack([self.weights_of_residuals, self.weights_of_residuals * self.squares])

    @cached_property
    def linear(self) -> Array:
        """Both factors beside one another, (E, B, p + q)."""
        return np.concatenate([self.along_w, self.along_t], axis=-1)

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

    @cached_property
    def inverse(self) -> Any:
        """``Gamma^-1``."""
        return inverse(self.gamma)

    @property
    def inverses(self) -> Any:
        """The upper triangle of Gamma^-1, then 1/zeta."""
        return np.concatenate([upper(self.inverse), 1 / self.zeta])

    @classmethod
    def of_inverses(cls, flat: Any, size: int) -> "State":
        """Of :attr:`inverses`, with so many latents."""
        i, j = pair_indices(size)
        over_gamma = np.empty((size, size), dtype=flat.dtype)
        over_gamma[i, j] = over_gamma[j, i] = flat[: len(i)]
        gamma = inverse(over_gamma)
        return cls((gamma + gamma.T) / 2, 1 / flat[len(i) :])

    @property
    def unknowns(self) -> Any:
        """The upper triangle of Gamma, then log zeta."""
        return np.concatenate([upper(self.gamma), np.log(self.zeta)])

    def moved(self, change: Any) -> "State":
        """Along a change of the unknowns."""
        m = len(self.gamma)
        i, j = pair_indices(m)
        step = np.zeros((m, m), dtype=change.dtype)
        step[i, j] = step[j, i] = change[: len(i)]
        return State(self.gamma + step, self.zeta * np.exp(change[len(i) :]))


@lru_cache(maxsize=2)
def q_inverse(nn: Neurons, state: State) -> Any:
    """``Q^-1``, ``Q = sum sg_a chi_a chi_a'``."""
    return inverse((nn.chi.T * (nn.weights * state.zeta)) @ nn.chi)


def spread(nn: Neurons, matrices: Any) -> Any:
    """Matrices (..., k, k) on the latents that N acts on, on all of them."""
    out = np.zeros((*matrices.shape[:-2], nn.size, nn.size), dtype=matrices.dtype)
    places = nn.loaded
    out[(..., places, places) if isinstance(places, slice) else (..., places[:, None], places)] = matrices
    return out
