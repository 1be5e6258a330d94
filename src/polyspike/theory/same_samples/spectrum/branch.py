"""Solutions of the pencil at an eigenvalue z, where the shift is -z; the unknowns are Gamma and log zeta."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.bulk_support.point import Point, RealPoint
from polyspike.theory.same_samples.fit import Fit
from polyspike.theory.same_samples.fixed_point import solve_pencil, states
from polyspike.theory.same_samples.hessian import hessian_of
from polyspike.theory.same_samples.pencil import State
from polyspike.theory.same_samples.potential import gradient_of
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = ["PencilPoint", "RealPencilPoint", "above", "below"]

# So much correction the solution below the bulk may need when z leaves the negative axis.
_FAR = 1.0
# The lower edge is searched from a share of the Marchenko-Pastur law's down to the last share of the features' energy.
_BELOW, _LOWER, _LEAST_EDGE = 0.2, 10.0, 1e-13


@dataclass(frozen=True, eq=False, repr=False)
class PencilPoint(Point):
    """A solution, complex inside the bulk.

    Attributes
    ----------
    model : :class:`~polyspike.theory.same_samples.fit.Fit`
    state : State
    """

    model: Fit
    state: State

    @property
    def as_real(self) -> "RealPencilPoint":
        """The real part, of a solution in a gap."""
        state = State(np.real(self.state.gamma), np.real(self.state.zeta))
        return RealPencilPoint(self.model, state, float(np.real(self.log_z)))

    @cached_property
    def parts(self) -> list[SampleState]:
        """The samples."""
        return states(self.model.neurons, self.model.populations, self.state, -self.z)

    @property
    def mean_r(self) -> Any:
        """``E R``, the trace of the resolvent over n (eq-same-density)."""
        return sum(part.population.mean(part.r) for part in self.parts)

    @property
    def unknowns(self) -> Any:
        """Gamma's upper triangle and log zeta, whose imaginary part is between -3 pi/2 and pi/2."""
        logs = np.log(1j * self.state.zeta) - 0.5j * np.pi
        return np.concatenate([self.state.gamma[pair_indices(self.model.neurons.size)], logs])

    @cached_property
    def diagonals(self) -> tuple[Any, Any]:
        """R of all kinds of samples, and zeta."""
        return np.concatenate([part.r.ravel() for part in self.parts]), self.state.zeta

    @property
    def defect(self) -> Any:
        """The potential's gradient."""
        return gradient_of(self.model.neurons, self.state, self.parts)

    @property
    def by_unknowns(self) -> Any:
        """The potential's second derivatives."""
        return np.column_stack([hessian_of(self.model.neurons, self.state, self.parts), self._gradient_by_log_z])

    @property
    def _gradient_by_log_z(self) -> Any:
        """Of the potential's gradient by log z: ``z E R^2 w w'`` and ``z sg_a E R^2 q_a``."""
        nn, gains = self.model.neurons, self.model.neurons.weights * self.state.zeta
        i, j = pair_indices(nn.size)
        by_gamma, by_gain = 0.0, 0.0
        for part in self.parts:
            square = part.r[..., None] ** 2
            by_gamma = by_gamma + part.population.mean(square * part.outer[..., i] * part.outer[..., j])
            by_gain = by_gain + part.population.mean(square * part.noise)
        return self.z * np.concatenate([np.where(i == j, 1.0, 2.0) * by_gamma, gains * by_gain])

    def at(self, change: Any) -> State:
        """The state after a change of the unknowns."""
        return self.state.moved(change)

    def sized(self, change: Any) -> float:
        """Of Gamma's, relative to its largest element, and of log zeta's."""
        pairs = len(change) - len(self.state.zeta)
        by_gamma = np.abs(change[:pairs]).max() / np.abs(self.state.gamma).max()
        return max(float(by_gamma), float(np.abs(change[pairs:]).max()))


@dataclass(frozen=True, eq=False, repr=False)
class RealPencilPoint(RealPoint, PencilPoint):
    """A real solution outside the bulk."""

    @property
    def as_complex(self) -> PencilPoint:
        """The same point as one of the complex solution."""
        state = State(self.state.gamma.astype(complex), self.state.zeta.astype(complex))
        return PencilPoint(self.model, state, complex(self.log_z))

    def arc_terms(self) -> Iterator[tuple[Array, Array]]:
        """Of every kind of samples, and of the neurons."""
        nn, gains = self.model.neurons, self.model.neurons.weights * self.state.zeta
        i, j = pair_indices(nn.size)
        double = np.where(i == j, 1.0, 2.0)
        for part in self.parts:
            r, w = part.r[..., None], part.outer
            rows = np.concatenate([-r * double * w[..., i] * w[..., j], -r * gains * part.noise], axis=-1)
            yield part.population.weights.ravel(), rows.reshape(-1, rows.shape[-1])
        yield nn.weights, np.eye(len(i) + len(gains))[len(i) :]


def above(fit: Fit, z: float) -> RealPencilPoint:
    """The solution at a z far above the bulk, near ``R = -1/z``, ``zeta = 1``.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when z is not far enough.
    """
    beyond = solve_pencil(fit.neurons, fit.populations, z).state
    found = RealPencilPoint(fit, solve_pencil(fit.neurons, fit.populations, -z, beyond).state, float(np.log(z)))
    r, zeta = found.diagonals
    if not ((zeta > 0).all() and (r < 0).all()):
        raise NumericalError(Status.NOT_CONVERGED, f"no solution of the reused samples' bulk above z = {z:.3g}")
    return found


def below(fit: Fit, energy: float, atom: bool) -> RealPencilPoint:
    """The solution at a z > 0 below the bulk, from the one at the shift D = z.

    With an atom at zero ``R ~ 1/D`` and, as all N neurons count in the rank, ``zeta ~ D`` change their signs with D,
    and so do ``Gamma ~ D`` of theta and T and ``Gamma ~ 1/D`` of mu; otherwise all are continuous there.

    Parameters
    ----------
    energy : float
        Of the features.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the bulk seems to reach down to zero.
    """
    nn, sign = fit.neurons, -1.0 if atom else 1.0
    of_latents = np.where(np.arange(nn.size) < nn.blocks[2].start, 1.0, sign)
    signs = sign * np.outer(of_latents, of_latents)
    z = _BELOW * (1 - nn.samples_per_neuron**0.5) ** 2 * energy
    state = None
    while z > _LEAST_EDGE * energy:
        state = solve_pencil(nn, fit.populations, z, state).state
        start = RealPencilPoint(fit, State(signs * state.gamma, sign * state.zeta), float(np.log(z)))
        found: RealPencilPoint | None = start.to(start.log_z, least=_FAR)
        if found is not None:
            return found
        z /= _LOWER
    message = f"the bulk of the reused samples seems to start below {z:.1e}, or to have no lower edge"
    raise NumericalError(Status.NOT_CONVERGED, message)
