"""The bulk at a level above it, and what one neuron of any length has there.

A column f added to the features ``F`` gives ``F F'/N`` one more eigenvalue above the level L exactly if
``1 + f' (F F'/N - L)^-1 f/N < 0``, by the formula for a rank-one change. For a neuron whose readout is u and whose
weight has the length T that form is, with the resolvent of the bulk at the shift -L (eq-localised-neuron)::

    1/zeta(u, T) = 1 + (n/N) (E[A2^2 R] + T^2 <A1/tau, A1/tau>)

Its mean m(kappa, u) is left out: it is a learned function and moves the outliers of all neurons together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gauss_hermite
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel, BulkState
from polyspike.theory.finite_size.bulk.newton import newton_rows
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.spectrum.branches import Branch, above

__all__ = ["AtLevel", "Lengths", "at_level"]

_TOLERANCE, _MOST_NEWTON = 1e-11, 8
# Factors of z between one solution and the next, on the way down to the level.
_FIRST_FACTOR, _LEAST_FACTOR = 2.0, 1.0005
_NODES = 40
# So many of the longest neurons, and ends of M with so few eigenvalues, are left out: the first for which there is a
# solution.
_LEFT_OUT = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True)
class Lengths:
    """Averages of the activation over samples for neurons of given readouts and lengths.

    Attributes
    ----------
    u : ndarray of shape (A,)
    lengths : ndarray of shape (T,)
    averages : ActivationAverages
        Of shape (K, A T): every readout with every length.
    """

    u: Array
    lengths: Array
    averages: ActivationAverages

    def by_length(self, values: Any) -> Any:
        """Values of shape (..., A T) in the shape (..., A, T)."""
        return values.reshape(*values.shape[:-1], len(self.u), len(self.lengths))


@dataclass(frozen=True)
class AtLevel:
    """The solution of the bulk at ``z = L``.

    Attributes
    ----------
    model : FiniteSizeModel
    phi : ndarray of shape (K, p)
        The factor of ``A1/tau`` on the samples.
    state : BulkState
    r : ndarray of shape (K,)
        R at every kappa, negative above the bulk.
    """

    model: FiniteSizeModel
    phi: Array
    state: BulkState
    r: Array

    @cached_property
    def weighted_r(self) -> Array:
        """R times the weights of kappa, shape (K,)."""
        found: Array = self.model.grid.kappa_weights * self.r
        return found

    def lengths(self, u: Array, lengths: Array) -> Lengths:
        """The averages of neurons of these readouts, each with all of these lengths."""
        model = self.model
        means = model.conditioning.spike_strength * model.grid.kappa[:, None] * np.repeat(u, len(lengths))
        averages = activation_averages(model.problem.activation, means, np.tile(lengths, len(u))[None, :])
        return Lengths(u, lengths, averages)

    def forms(self, neurons: Lengths) -> Array:
        """``1 - 1/zeta(u, T)`` (eq-localised-neuron), shape (A, T): beyond one the neuron has an eigenvalue above L."""
        averages, bulk = neurons.averages, self.state.model
        squares = np.tile(neurons.lengths**2, len(neurons.u))
        noise = self.weighted_r @ averages.noise_variance
        seen = self.phi.T @ (self.weighted_r[:, None] * averages.slope)
        gam = np.einsum("k,kab->ab", bulk.mu_weights, self.state.gam)
        linear = self.weighted_r @ averages.slope**2 - bulk.samples_per_dim * (seen * (gam @ seen)).sum(axis=0)
        return np.asarray(neurons.by_length(-bulk.samples_per_neuron * (noise + squares * linear)))

    def sampling_variance(self, neurons: Lengths) -> Array:
        """Relative variance of ``f' R f`` over the n samples, shape (A, T)."""
        model = self.model
        x, weights = gauss_hermite(_NODES)
        found = np.empty((len(neurons.u), len(neurons.lengths)))
        square_weights = self.weighted_r * self.r
        for k, u in enumerate(neurons.u):
            mean = model.conditioning.spike_strength * u * model.grid.kappa[:, None, None]
            square = model.problem.activation(mean + neurons.lengths[:, None] * x) ** 2
            found[k] = square_weights @ (square**2 @ weights) / (self.weighted_r @ (square @ weights)) ** 2 - 1
        return np.maximum(found, 0.0) / model.problem.n_samples


def at_level(long: LongBulk, level: float) -> AtLevel:
    """The solution at a level.

    Where the longest neurons and the ends of M reach above the level, it is that of the bulk without them: they are
    counted one by one.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where it is not found: the level lies in the bulk, or too near to it.
    """
    for least in _LEFT_OUT:
        bulk, kept = long.without(least)
        state = _followed(bulk, max(2 * level, 2 * long.strongest(bulk)), level)
        if state is not None:
            return AtLevel(long.model, long.phi, state, long.on_all_kappa(state, kept))
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
    """The solution at another z, from the tangent."""
    start = here.state.moved(here.by_log_z * np.log(z / here.z))
    batch = BulkState(start.model, np.array([-z]), start.r[None], start.zeta[None])
    found, good, _ = newton_rows(batch, _TOLERANCE, _MOST_NEWTON)
    if not (good.all() and (found.r < 0).all()):
        return None
    return Branch(BulkState(start.model, -z, found.r[0], found.zeta[0]), float(np.log(z)))
