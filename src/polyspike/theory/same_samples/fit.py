"""What the quadratic form of the fit is made of: the samples' learned functions and coordinates, and test samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation

__all__ = ["Columns", "Fit", "FreshSamples", "OwnMoves", "PairFunctions", "Places"]


@dataclass(frozen=True, eq=False)
class Columns:
    """What the fit sees of one population besides the bulk.

    Attributes
    ----------
    learned : ndarray of shape (E, B, A)
        ``m sqrt(w_a)``.
    learned_output : ndarray of shape (E, B, A) or None
        The part in proportion to f (full gradient), times ``sqrt(w_a)``.
    first, second : ndarray of shape (E, B, H) and (E, B, H, H)
        Moments of ``(y, f, coordinates ...)`` at the node, times its weight.
    constrained : bool
        Whether the samples are the gradient's: then their other coordinates X satisfy ``X' eps = 0``.
    by_norm : ndarray of shape (E, B, A), optional
        ``t sqrt(w_a / 2d)``: what the fluctuation of the sample's norm does to the learned functions.
    """

    learned: Array
    learned_output: Array | None
    first: Array
    second: Array
    constrained: bool = True
    by_norm: Array | None = None


class PairFunctions(NamedTuple):
    """Functions that pairs of samples teach, five a readout (eq-pairs), or one of the neurons' norms (eq-same-norms).

    Attributes
    ----------
    places : ndarray of shape (P,)
        The readouts that have them.
    learned : ndarray of shape (E, B, P f)
    fresh : ndarray of shape (K, P f)
    cost : ndarray of shape (P, f, f)
        ``K_u^-1``.
    """

    places: Any
    learned: Array
    fresh: Array
    cost: Array


class OwnMoves(NamedTuple):
    """What a neuron's move along itself, by its overlap with beta, adds to its features (eq-own-moves).

    Attributes
    ----------
    learned : ndarray of shape (E, B, A)
        ``6 c_3 |beta| k_u E z sigma'(p)``, which multiplies the neuron's weight along beta.
    fresh : ndarray of shape (K, A)
    along : ndarray of shape (C,)
        ``beta/|beta|`` in the known directions.
    others : ndarray of shape (A, A - p)
        Orthonormal, and orthogonal to chi: the weights along beta that the latents do not see.
    """

    learned: Array
    fresh: Array
    along: Array
    others: Array


@dataclass(frozen=True, eq=False)
class FreshSamples:
    """Test samples at nodes of kappa.

    Attributes
    ----------
    weights : ndarray of shape (K,)
    seen : ndarray of shape (K, m)
        ``z_t``, without a part along mu.
    noise : ndarray of shape (K, A)
        ``A_2^2``.
    learned : ndarray of shape (K, A)
        ``m^t sqrt(w_a)``.
    label, label_square : ndarray of shape (K,)
        ``E y`` and ``E y^2`` given kappa.
    coordinates, label_coordinates : ndarray of shape (K, C)
        ``E c`` and ``E[y c]`` given kappa.
    products : ndarray of shape (K, C, C)
        ``E[c c']`` given kappa.
    by_norm : ndarray of shape (K, A), optional
        As of :class:`Columns`.
    """

    weights: Array
    seen: Array
    noise: Array
    learned: Array
    label: Array
    label_square: Array
    coordinates: Array
    label_coordinates: Array
    products: Array
    by_norm: Array | None = None


class Places(NamedTuple):
    """Where the coefficients ``v = (x of the learned functions, of the pairs, of own moves; theta_k ...; eta_c)``
    stand.
    """

    readouts: int
    pairs: int
    others: int
    latents: int
    coordinates: int

    @property
    def functions(self) -> int:
        """The number of all learned functions."""
        return self.readouts + self.pairs + self.others

    @property
    def total(self) -> int:
        """Their number."""
        return self.functions + (self.coordinates + 1) * self.latents

    def direction(self, k: int) -> slice:
        """Of the latents of the k-th known direction."""
        first = self.functions + k * self.latents
        return slice(first, first + self.latents)

    @property
    def constraint(self) -> slice:
        """Of eta_c."""
        return self.direction(self.coordinates)


@dataclass(frozen=True, eq=False)
class Fit:
    """All that errors need.

    Attributes
    ----------
    neurons : Neurons
    populations, columns : sequence
        One of each for every kind of samples.
    fresh : FreshSamples
    excluded : ndarray of shape (A, p) or None
        What the bulk lacks along the readout.
    output_energy : float
        ``C_g``, the variance of f.
    n_samples : int
    pairs : PairFunctions, optional
        Of the first population.
    own_moves : OwnMoves, optional
        Of the first population.
    """

    neurons: Neurons
    populations: Sequence[SamplePopulation]
    columns: Sequence[Columns]
    fresh: FreshSamples
    excluded: Array | None
    output_energy: float
    n_samples: int
    pairs: PairFunctions | None = None
    own_moves: OwnMoves | None = None

    @property
    def places(self) -> Places:
        """The order of the coefficients."""
        pairs = self.pairs.fresh.shape[1] if self.pairs else 0
        others = self.own_moves.others.shape[1] if self.own_moves else 0
        size = self.fresh.coordinates.shape[1]
        return Places(len(self.neurons.weights), pairs, others, self.neurons.size, size)

    def learned(self, k: int) -> Array:
        """All functions that the k-th population learns."""
        out = [self.columns[k].learned]
        if self.pairs and k == 0:
            out.append(self.pairs.learned)
        if self.own_moves and k == 0:
            out.append(self.own_moves.learned @ self.own_moves.others)
        return np.concatenate(out, axis=-1)

    @property
    def fresh_learned(self) -> Array:
        """The same of fresh samples."""
        out = [self.fresh.learned]
        if self.pairs:
            out.append(self.pairs.fresh)
        if self.own_moves:
            out.append(self.own_moves.fresh @ self.own_moves.others)
        return np.concatenate(out, axis=-1)
