"""What the quadratic form of the fit is made of: the samples' learned functions and coordinates, and test samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation

__all__ = ["Columns", "Fit", "FreshSamples", "PairFunctions", "Places"]


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
    """Where the coefficients ``v = (x of the learned functions, of the pairs; theta_k ...; eta_c)`` stand."""

    readouts: int
    functions: int
    latents: int
    coordinates: int

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
    """

    neurons: Neurons
    populations: Sequence[SamplePopulation]
    columns: Sequence[Columns]
    fresh: FreshSamples
    excluded: Array | None
    output_energy: float
    n_samples: int
    pairs: PairFunctions | None = None

    @property
    def places(self) -> Places:
        """The order of the coefficients."""
        readouts = len(self.neurons.weights)
        functions = readouts + (self.pairs.fresh.shape[1] if self.pairs else 0)
        return Places(readouts, functions, self.neurons.size, self.fresh.coordinates.shape[1])

    def learned(self, k: int) -> Array:
        """All functions that the k-th population learns."""
        own = self.columns[k].learned
        return np.concatenate([own, self.pairs.learned], axis=-1) if self.pairs and k == 0 else own

    @property
    def fresh_learned(self) -> Array:
        """The same of fresh samples."""
        own = self.fresh.learned
        return np.concatenate([own, self.pairs.fresh], axis=-1) if self.pairs else own
