"""What the quadratic form of the fit is made of: the samples' learned functions and coordinates, and test samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation

__all__ = [
    "ACROSS",
    "FIRST_COORDINATE",
    "OMEGA",
    "Columns",
    "Fit",
    "FreshSamples",
    "MeanNorm",
    "NormFunctions",
    "OwnMoves",
    "PairFunctions",
    "Places",
    "Symmetric",
]

FIRST_COORDINATE = 2
"""The place of the coordinate along beta* in the hidden vector, after the label and the initial output."""

ACROSS, OMEGA = 3, 4
"""The places of the coordinates along the noise of beta and, full gradient only, along omega in the hidden vector."""

# Of the functions of pairs, between a sample and its mirror image with the neurons of opposite readout.
_SIGNS_OF_PAIRS = (1.0, -1.0, 1.0, 1.0, -1.0)


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
    by_own_norm : NormFunctions, optional
        What acts on the learned functions by normal variables that are independent of all others.
    by_hidden_norm : ndarray of shape (E, B, A), optional
        ``t sqrt(w_a / 2d)``, which acts times the sample's norm, the last of the hidden vector, where the residual
        knows it; :attr:`by_own_norm` then has what is left of the variance.
    pairs : ndarray of shape (E, B, P f), optional
        The functions of :class:`PairFunctions`.
    own_moves : ndarray of shape (E, B, A), optional
        Those of :class:`OwnMoves`: ``6 c_3 |beta| k_u E z sigma'(p)``, of samples that the gradient has not seen
        ``6 c_3 |beta| k_u (1 + u s) E sigma''(p)``, which multiplies the neuron's weight along beta.
    mean_norm : MeanNorm, optional
    plain : tuple of ndarray, optional
        The moments without the weight R, where the others are those under it.
    """

    learned: Array
    learned_output: Array | None
    first: Array
    second: Array
    constrained: bool = True
    by_own_norm: "NormFunctions | None" = None
    by_hidden_norm: Array | None = None
    pairs: Array | None = None
    own_moves: Array | None = None
    mean_norm: "MeanNorm | None" = None
    plain: tuple[Array, Array] | None = None


class MeanNorm(NamedTuple):
    """How the mean of a sample's norm under the weight R follows from R (eq-same-mean-norm).

    Attributes
    ----------
    along : ndarray of shape (E, 1, H)
        What the norm multiplies of the hidden vector, whose last entry it is.
    slope : float
        The mean of the norm is this times ``-(R/R' - 1)``, R' being that of longer samples.
    longer : SamplePopulation
        The same samples, of a slightly larger norm.
    """

    along: Array
    slope: float
    longer: SamplePopulation


class NormFunctions(NamedTuple):
    """What the fluctuation of ``log tau`` from sample to sample does to the learned functions (eq-same-norms).

    Attributes
    ----------
    functions : ndarray of shape (..., A)
        ``t sqrt(w_a)``.
    covariance : ndarray of shape (A, A)
        Of ``log tau`` over samples, between the readouts.
    """

    functions: Array
    covariance: Array

    def square(self, x: Any) -> Any:
        """The mean square of what a fit with the coefficients x (A,) has by it, shape (...)."""
        fitted = self.functions * x
        return ((fitted @ self.covariance) * fitted).sum(axis=-1)

    def form(self, weights: Any) -> Any:
        """Its sum over the nodes with these weights, as a quadratic form of x."""
        flat = self.functions.reshape(-1, self.functions.shape[-1])
        return ((flat.T * weights.ravel()) @ flat) * self.covariance


class PairFunctions(NamedTuple):
    """Functions that pairs of samples teach, five a readout (eq-pairs), or one of the neurons' norms (eq-same-norms).

    Attributes
    ----------
    places : ndarray of shape (P,)
        The readouts that have them.
    fresh : ndarray of shape (K, P f)
        Of test samples; those of the fit are in :class:`Columns`.
    cost : ndarray of shape (P, f, f)
        ``(n_0/n) K_u^-1``.
    """

    places: Any
    fresh: Array
    cost: Array


class OwnMoves(NamedTuple):
    """What a neuron's move along itself, by its overlap with beta, adds to its features (eq-own-moves).

    Attributes
    ----------
    fresh : ndarray of shape (K, A)
        Of test samples; those of the fit are in :class:`Columns`.
    along : ndarray of shape (C,)
        ``beta/|beta|`` in the known directions.
    others : ndarray of shape (A, A - p)
        Orthonormal, and orthogonal to chi: the weights along beta that the latents do not see.
    """

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
    by_norm : NormFunctions, optional
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
    by_norm: "NormFunctions | None" = None


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


class Symmetric(NamedTuple):
    """Coefficients of a fit to an odd label, where samples are halves of mirror images: those at ``one`` place, and
    ``signs`` times them at the ``other``, zero where there is none.
    """

    one: Any
    other: Any
    signs: Array

    def folded(self, place: slice, values: Any) -> tuple[slice, Any]:
        """Columns (nodes, size) of the coefficients at a ``place`` of all, for those of them that are free."""
        first, last = np.searchsorted(self.one, (place.start, place.stop))
        some, signs = slice(int(first), int(last)), self.signs[first:last]
        found = values[:, self.one[some] - place.start]
        return some, found + signs * values[:, self.other[some] - place.start] if signs.any() else found

    def form(self, matrix: Any) -> Any:
        """A quadratic form of all coefficients, of those that are free."""
        rows = matrix[self.one] + self.signs[:, None] * matrix[self.other]
        return rows[:, self.one] + self.signs * rows[:, self.other]

    def all_of(self, free: Any, size: int) -> Any:
        """All coefficients, so many."""
        found = np.zeros(size)
        found[self.other] = self.signs * free
        found[self.one] = free
        return found


@dataclass(frozen=True, eq=False)
class Fit:
    """All that errors need.

    Attributes
    ----------
    neurons : Neurons
    populations, columns : sequence
        One of each for every kind of samples.
    fresh : FreshSamples
    mean_weights : ndarray of shape (A, p) or None
        What the neurons' mean weights along omega are in its latents theta, by the coefficients of the learned
        functions (eq-same-omega); full gradient only.
    output_energy : float
        ``C_g``, the variance of f.
    n_samples : int
    pairs : PairFunctions, optional
    own_moves : OwnMoves, optional
    """

    neurons: Neurons
    populations: Sequence[SamplePopulation]
    columns: Sequence[Columns]
    fresh: FreshSamples
    mean_weights: Array | None
    output_energy: float
    n_samples: int
    pairs: PairFunctions | None = None
    own_moves: OwnMoves | None = None

    @cached_property
    def places(self) -> Places:
        """The order of the coefficients."""
        pairs = self.pairs.fresh.shape[1] if self.pairs else 0
        others = self.own_moves.others.shape[1] if self.own_moves else 0
        size = self.fresh.coordinates.shape[1]
        return Places(len(self.neurons.weights), pairs, others, self.neurons.size, size)

    @cached_property
    def symmetric(self) -> Symmetric | None:
        """The free coefficients, where samples are halves of mirror images: what is fitted is odd."""
        mirror, places = self.neurons.mirror, self.places
        if mirror is None:
            return None
        first, last = np.arange(places.readouts).reshape(2, -1)
        number = len(self.pairs.places) if self.pairs else 2
        of_pairs = np.arange(places.readouts, places.readouts + places.pairs).reshape(2, number // 2, -1)
        signs = -np.array([_SIGNS_OF_PAIRS[: of_pairs.shape[2]]] * (number // 2), dtype=float)
        directions = places.functions + np.flatnonzero(np.tile(mirror.signs, places.coordinates + 1) > 0)
        alone = np.concatenate([np.arange(places.readouts + places.pairs, places.functions), directions])
        return Symmetric(
            np.concatenate([last, of_pairs[1].ravel(), alone]),
            np.concatenate([first[::-1], of_pairs[0, ::-1].ravel(), alone]),
            np.concatenate([-np.ones(len(last)), signs.ravel(), np.zeros(len(alone))]),
        )

    @cached_property
    def _learned(self) -> list[Array]:
        return [self._functions(k) for k in range(len(self.columns))]

    def _functions(self, k: int) -> Array:
        columns, own = self.columns[k], self.own_moves_of(k)
        out = [columns.learned]
        if columns.pairs is not None:
            out.append(columns.pairs)
        if self.own_moves is not None and own is not None:
            out.append(own @ self.own_moves.others)
        return np.concatenate(out, axis=-1)

    def learned(self, k: int) -> Array:
        """All functions that the k-th population learns."""
        return self._learned[k]

    def own_moves_of(self, k: int) -> Array | None:
        """What moves along themselves add to the features of the k-th population."""
        return None if self.own_moves is None else self.columns[k].own_moves

    @cached_property
    def fresh_learned(self) -> Array:
        """The same of fresh samples."""
        out = [self.fresh.learned]
        if self.pairs:
            out.append(self.pairs.fresh)
        if self.own_moves:
            out.append(self.own_moves.fresh @ self.own_moves.others)
        return np.concatenate(out, axis=-1)
