"""Solutions of the layer at an eigenvalue z, where the shift is -z; the unknowns are log R, log zeta and T."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.bulk_support.point import Point, RealPoint
from polyspike.theory.covariance.averages import triangle
from polyspike.theory.covariance.fixed_point import solve
from polyspike.theory.covariance.jacobian import jacobian
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["LayerPoint", "RealLayerPoint", "above", "below"]

# So much correction the solution may need when z leaves the negative axis.
_FAR = 1.0
# The least D R of a sample that is not seen.
_UNSEEN = 0.9
# The lower edge is searched from a share of the Marchenko-Pastur law's down to the last share of the features' energy.
_BELOW, _LOWER, _LEAST_EDGE = 0.2, 10.0, 1e-13


@dataclass(frozen=True, eq=False, repr=False)
class LayerPoint(Point):
    """A solution, complex inside the bulk.

    Attributes
    ----------
    model : CovarianceModel
        The bulk of a :class:`~polyspike.theory.covariance.layer_spectrum.model.LayerModel`.
    state : CovarianceState
        At any shift.
    """

    model: CovarianceModel
    state: CovarianceState

    @cached_property
    def here(self) -> CovarianceState:
        """The state at this point's shift."""
        return replace(self.state, shift=-self.z)

    @property
    def as_real(self) -> "RealLayerPoint":
        """The real part, of a solution in a gap."""
        state = replace(self.state, **{name: np.real(getattr(self.state, name)) for name in ("r", "zeta", "t")})
        return RealLayerPoint(self.model, state, float(np.real(self.log_z)))

    @property
    def mean_r(self) -> Any:
        """``E R``, the trace of the resolvent over n."""
        return self.model.bulk.sample_weights @ self.state.r

    @property
    def unknowns(self) -> Any:
        """Of log R, whose imaginary part is between -pi/2 and 3 pi/2; log zeta, between -3 pi/2 and pi/2; and
        T's upper triangle.
        """
        of_r = np.log(-1j * self.state.r) + 0.5j * np.pi
        of_zeta = np.log(1j * self.state.zeta) - 0.5j * np.pi
        return np.concatenate([of_r, of_zeta, self.state.t[triangle(len(self.state.t))]])

    @property
    def diagonals(self) -> tuple[Any, Any]:
        """R and zeta."""
        return self.state.r, self.state.zeta

    @property
    def defect(self) -> Any:
        """Of (eq-full-system)."""
        return self.here.defect

    @property
    def by_unknowns(self) -> Any:
        """The Jacobian of (eq-full-jacobian)."""
        matrix = jacobian(self.here)
        by_log_z = np.zeros(len(matrix), dtype=matrix.dtype)
        by_log_z[: len(self.state.r)] = -self.z / self.here.inverse_r
        return np.column_stack([matrix, by_log_z])

    def at(self, change: Any) -> CovarianceState:
        """The state after a change of the unknowns."""
        return self.state.moved(change)

    def sized(self, change: Any) -> float:
        """Of the logarithms, and of T relative to what it is large beside."""
        count, scale = len(self.state.r) + len(self.state.zeta), self.here.scale_of_t
        by_t = float(np.abs(change[count:]).max(initial=0.0))
        return max(float(np.abs(change[:count]).max()), by_t / scale if scale > 0 else by_t)


@dataclass(frozen=True, eq=False, repr=False)
class RealLayerPoint(RealPoint, LayerPoint):
    """A real solution outside the bulk."""

    @property
    def as_complex(self) -> LayerPoint:
        """The same point as one of the complex solution."""
        state = replace(self.state, **{name: getattr(self.state, name) + 0j for name in ("r", "zeta", "t")})
        return LayerPoint(self.model, state, complex(self.log_z))

    @cached_property
    def is_outside(self) -> bool:
        """Whether all R rise along z and all zeta fall, as the diagonals of ``(S - z)^-1`` and of ``1 - S (S - z)^-1``
        do: where nodes make bands of their own there are other real solutions.
        """
        k, a = len(self.state.r), len(self.state.zeta)
        change = self.by_log_z[: k + a] * np.concatenate([self.state.r, -self.state.zeta])
        return bool((change >= 0).all())

    def _continues(self, moved: Point) -> bool:
        """No sample, no neuron and no eigenvalue of Sigma passes through its pole: beyond the band of an eigenvalue, be
        it light, lies another branch.
        """
        assert isinstance(moved, LayerPoint)
        bulk = self.model.spectrum.weights > 0
        return super()._continues(moved) and bool((self.here.blocks.signs == moved.here.blocks.signs)[bulk].all())

    def arc_terms(self) -> Iterator[tuple[Array, Array]]:
        """Of the samples, and of the neurons."""
        k, bulk = len(self.state.r), self.model.bulk
        one = np.eye(len(self.by_log_z))
        yield bulk.sample_weights, one[:k] - self._jacobian[:k, :-1]
        yield bulk.neuron_weights, one[k : k + len(self.state.zeta)]


def above(model: CovarianceModel, z: float) -> RealLayerPoint:
    """The solution at a z far above the bulk, near ``R = -1/z``, ``zeta = 1``, from the one at the shift D = z.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when z is not far enough.
    """
    found = _turned(model, z, -1.0, 1.0)
    if found is None or not ((found.state.r < 0).all() and (found.state.zeta > 0).all()):
        raise NumericalError(Status.NOT_CONVERGED, f"no solution of the bulk above z = {z:.3g}")
    return found


def below(model: CovarianceModel, energy: float, atom: bool) -> RealLayerPoint:
    """The solution at a z > 0 below the bulk, from the one at the shift D = z.

    With an atom at zero ``R ~ 1/D`` and, as all N neurons count in the rank, ``zeta ~ D`` change their signs with D;
    otherwise both are continuous there, but for R of samples that no neuron sees (ReLU of one sign after a long step).

    Parameters
    ----------
    energy : float
        Of the features.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the bulk seems to reach down to zero.
    """
    sign = -1.0 if atom else 1.0
    z = _BELOW * (1 - model.bulk.samples_per_neuron**0.5) ** 2 * energy
    while z > _LEAST_EDGE * energy:
        found = _turned(model, z, sign, sign)
        if found is not None:
            return found
        z /= _LOWER
    message = f"the bulk seems to start below {z:.1e}, or to have no lower edge"
    raise NumericalError(Status.NOT_CONVERGED, message)


def _turned(model: CovarianceModel, z: float, of_r: float, of_zeta: float) -> RealLayerPoint | None:
    """The solution at z from that at the shift D = z, where R and zeta change their signs so, and R where it is 1/D;
    ``T_11`` does with zeta and ``T_22`` with R. None where Newton's method fails.
    """
    state = solve(model, z).state
    unseen = state.r * z > _UNSEEN
    size = len(state.t) // (2 if model.tilted else 1)
    signs = np.ones_like(state.t)
    signs[:size, :size], signs[size:, size:] = of_zeta, of_r
    moved = replace(state, r=np.where(unseen, -1.0, of_r) * state.r, zeta=of_zeta * state.zeta, t=signs * state.t)
    start = RealLayerPoint(model, moved, float(np.log(z)))
    found: RealLayerPoint | None = start.to(start.log_z, np.zeros(len(start.unknowns)), least=_FAR)
    return found
