"""The bulk at a level above it, and what one neuron of any length has there.

A column f added to the features ``F`` gives ``F F'/N`` one more eigenvalue above the level L exactly if
``1 + f' (F F'/N - L)^-1 f/N < 0``, by the formula for a rank-one change. For a neuron whose readout is u and whose
weight has the length T that form is, with the resolvent of the bulk at the shift -L (eq-localised-neuron)::

    1/zeta(u, T) = 1 + (n/N) (E[A2^2 R] + T^2 <A1/tau, A1/tau>)

and for a row, the sample kappa of length T, in the same way (eq-localised-row)::

    1/R(kappa, T) = -L + E[A2^2 zeta] + phi' Gam phi

Their mean m(kappa, u) is left out: it is a learned function and moves the outliers of all together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.bulk.newton import newton_rows
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.localised.mean_square import MeanSquare
from polyspike.theory.finite_size.spectrum.branches import Branch, above

__all__ = ["AtLevel", "Lengths", "at_level"]

_TOLERANCE, _MOST_NEWTON = 1e-11, 8
# Factors of z between one solution and the next, on the way down to the level.
_FIRST_FACTOR, _LEAST_FACTOR = 2.0, 1.0005
# So many of the longest neurons and samples, and ends of M with so few eigenvalues, are left out: the first for which
# there is a solution.
_LEFT_OUT = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True)
class Lengths:
    """Averages of the activation over samples for neurons of given readouts and lengths.

    Attributes
    ----------
    u : ndarray of shape (A,)
    lengths : ndarray of shape (T,)
    averages : ActivationAverages
        Of shape (S, A T): every readout with every length, at the samples of the bulk.
    linear : ndarray of shape (S, A T)
        The linear part of a feature over that of the neuron's weight at a sample of length one.
    """

    u: Array
    lengths: Array
    averages: ActivationAverages
    linear: Array

    def by_length(self, values: Any) -> Any:
        """Values of shape (..., A T) in the shape (..., A, T)."""
        return values.reshape(*values.shape[:-1], len(self.u), len(self.lengths))


@dataclass(frozen=True)
class AtLevel:
    """The solution of the bulk at ``z = L``.

    Attributes
    ----------
    long : LongBulk
    state : BulkState
        R is negative above the bulk.
    rows, kept : ndarray of bool
        The samples and the neurons that are in this bulk.
    """

    long: LongBulk
    state: BulkState
    rows: NDArray[np.bool_]
    kept: NDArray[np.bool_]

    @property
    def model(self) -> FiniteSizeModel:
        """The model of the bulk."""
        return self.long.model

    @cached_property
    def weighted_r(self) -> Array:
        """R times the weights of the samples, shape (S,)."""
        found: Array = self.state.model.sample_weights * self.state.r
        return found

    @cached_property
    def samples(self) -> tuple[Array, Array]:
        """Kappa and ``log T`` of the samples."""
        kappa, log_lengths, _ = self.long.samples
        return kappa[self.rows], log_lengths[self.rows]

    @property
    def has_ends_above(self) -> bool:
        """Whether eigenvalues along ends of M that are in this bulk lie above L: ``1 + c V Q`` has negative ones."""
        if self.state.v.size == 0:
            return False
        ends = self.state.e[self.state.model.mu_weights > 0]
        return bool((np.linalg.eigvals(ends).real < 0).any())

    def lengths(self, u: Array, lengths: Array) -> Lengths:
        """The averages of neurons of these readouts, each with all of these lengths."""
        of_all = np.repeat(u, len(lengths)), np.tile(lengths, len(u))
        return Lengths(u, lengths, *self.long.averages_of(*self.samples, *of_all))

    def forms(self, neurons: Lengths) -> Array:
        """``1 - 1/zeta(u, T)`` (eq-localised-neuron), shape (A, T): beyond one the neuron has an eigenvalue above L."""
        bulk = self.state.model
        squares = np.tile(neurons.lengths**2, len(neurons.u))
        noise = self.weighted_r @ neurons.averages.noise_variance
        seen = bulk.phi.T @ (self.weighted_r[:, None] * neurons.linear)
        gam = np.einsum("k,kab->ab", bulk.mu_weights, self.state.gam)
        linear = self.weighted_r @ neurons.linear**2 - bulk.samples_per_dim * (seen * (gam @ seen)).sum(axis=0)
        return np.asarray(neurons.by_length(-bulk.samples_per_neuron * (noise + squares * linear)))

    def probabilities(self, neurons: Lengths) -> Array:
        """The probability that such a neuron has an eigenvalue above L, over its features on the n samples, shape
        (A, T). Where a single feature makes it, it is counted with its sample.
        """
        kappa, log_lengths = self.samples
        problem, strengths = self.model.problem, self.model.conditioning.strengths(neurons.u)
        factors = np.exp(np.multiply.outer(self.long.sample_lengths.loading(neurons.u), log_lengths))
        law = MeanSquare(problem.activation, problem.input_dim, problem.n_samples, single=False)
        found = np.zeros((len(neurons.u), len(neurons.lengths)))
        for (a, t), form in np.ndenumerate(self.forms(neurons)):
            nodes = strengths[a] * kappa, factors[a] * neurons.lengths[t]
            found[a, t] = law.exceedance(form, self.state.model.sample_weights, -self.state.r, *nodes)
        return found

    def sample_forms(self, kappa: Array, log_lengths: Array) -> Array:
        """``1 + 1/(L R)`` (eq-localised-row), shape (K, T): beyond one a sample of this kappa and length has an
        eigenvalue above L.
        """
        of_all = np.repeat(kappa, len(log_lengths)), np.tile(log_lengths, len(kappa))
        noise, phi = self.long.rows_of(*of_all)
        bulk = self.state.model
        gam = np.einsum("k,kab->ab", bulk.mu_weights, self.state.gam)
        of_noise = noise[:, self.kept] @ (bulk.neuron_weights * self.state.zeta)
        found: Array = (of_noise + ((phi @ gam) * phi).sum(axis=1)) / -self.state.shift
        return found.reshape(len(kappa), len(log_lengths))

    def sample_probabilities(self, kappa: Array, log_lengths: Array) -> Array:
        """The probability that such a sample has an eigenvalue above L, over its features on the N neurons, shape
        (K, T).
        """
        problem = self.model.problem
        u, lengths = self.long.neurons_of(self.kept)
        strengths = self.model.conditioning.strengths(u)
        loading = self.long.sample_lengths.loading(u)
        law = MeanSquare(problem.activation, problem.input_dim, problem.width, single=True)
        found = np.zeros((len(kappa), len(log_lengths)))
        for (k, t), form in np.ndenumerate(self.sample_forms(kappa, log_lengths)):
            nodes = strengths * kappa[k], np.exp(loading * log_lengths[t]) * lengths
            found[k, t] = law.exceedance(form, self.state.model.neuron_weights, self.state.zeta, *nodes)
        return found


def at_level(long: LongBulk, level: float, least: float = 0.0, most: float = np.inf) -> AtLevel:
    """The solution at a level, where no fewer and no more than these numbers are left out.

    Where the longest neurons and samples and the ends of M reach above the level, it is that of the bulk without them:
    they are counted one by one.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where it is not found: the level lies in the bulk, or too near to it.
    """
    for count in _LEFT_OUT:
        if count < least or count > max(most, _LEFT_OUT[0]):
            continue
        bulk, rows, kept = long.without(count)
        if not (rows.any() and kept.any()):
            break
        state = _followed(bulk, max(2 * level, 2 * long.strongest(bulk)), level)
        if state is not None:
            return AtLevel(long, state, rows, kept)
    raise NumericalError(Status.NOT_CONVERGED, f"no solution of the bulk at the level {level:.4g}")


def _followed(bulk: BulkModel, start: float, level: float) -> BulkState | None:
    """The solution at the level, followed down from above everything."""
    here, factor = above(bulk, start), _FIRST_FACTOR
    while here.z > level * (1 + _TOLERANCE):
        moved = _moved(here, max(here.z / factor, level))
        if moved is not None:
            here, factor = moved, factor**1.5
        elif factor < _LEAST_FACTOR:
            return None
        else:
            factor = factor**0.5
    return here.state


def _moved(here: Branch, z: float) -> Branch | None:
    """The solution at another z, from the tangent; None where Newton fails or has found another solution.

    R and zeta are the diagonal of a resolvent: above the spectrum they have their signs, and fall in size with z.
    """
    start = here.state.moved(here.by_log_z * np.log(z / here.z))
    batch = BulkState(start.model, np.array([-z]), start.r[None], start.zeta[None])
    try:
        found, good, _ = newton_rows(batch, _TOLERANCE, _MOST_NEWTON)
    except np.linalg.LinAlgError:
        return None
    if not (good.all() and (found.r < 0).all() and (found.zeta > 0).all()):
        return None
    moved = Branch(BulkState(start.model, -z, found.r[0], found.zeta[0]), float(np.log(z)))
    return moved if (moved.by_log_z <= 0).all() else None
