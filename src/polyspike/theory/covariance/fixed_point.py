"""The fixed point of the bulk with the gradient's samples as a layer of their own (docs/theory-inputs.md, section 4).

Unknown: ``R(kappa)``, ``zeta(u)`` and the matrix T.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.covariance.layer import Blocks, LayerCoefficients, Samples
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.pairs import PairsState
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.bulk.newton import solve_bulk

__all__ = ["CovarianceState", "Solved", "solve"]

_TOLERANCE, _ROUNDING = 1e-11, 1e-8
_MOST, _MEMORY, _LONGEST = 80, 8, 1.0
# Continuation in D: the first ratio of two shifts and the least.
_FARTHEST, _RATIO, _LEAST_RATIO = 1e4, 10.0, 1.3
# The size of the imaginary part of a tangent: its square is nothing beside one.
_H = 1e-20
_TANGENT_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class CovarianceState:
    """A triple (R, zeta, T) with the matrices that belong to it; everything may be complex (tangents).

    Attributes
    ----------
    shift : float or ndarray of shape (K,)
        D.
    r, zeta : ndarray of shape (K,), (A,)
    t : ndarray of shape (f p, f p)
    """

    model: CovarianceModel
    shift: Any
    r: Any
    zeta: Any
    t: Any

    @cached_property
    def weighted_r(self) -> Any:
        """R times the quadrature weights."""
        return self.model.bulk.sample_weights * self.r

    @cached_property
    def weighted_zeta(self) -> Any:
        """The zeta times the quadrature weights."""
        return self.model.bulk.neuron_weights * self.zeta

    def gram(self, f: Any, g: Any) -> Any:
        """``E[R f g']`` of functions of kappa in columns."""
        return f.T @ (self.weighted_r[:, None] * g)

    @cached_property
    def coefficients(self) -> LayerCoefficients:
        """The averages over the neurons."""
        return self.model.coefficients(self.weighted_zeta)

    @cached_property
    def v(self) -> Any:
        """``V = E[R phi phi']``, shape (p, p)."""
        return self.gram(self.model.bulk.phi, self.model.bulk.phi)

    @cached_property
    def blocks(self) -> Blocks:
        """The form of the weights."""
        return Blocks(self.coefficients, self.t, self.model.bulk.samples_per_dim * self.v)

    @cached_property
    def samples(self) -> Samples:
        """The samples of the gradient."""
        mean = np.tensordot(self.model.spectrum.weights, self.blocks.fields, 1)
        return Samples(self.coefficients, self.model.law, self.model.problem.phi_gradient, mean)

    @cached_property
    def pairs(self) -> PairsState | None:
        """The quadratic features."""
        arrays = self.model.pairs
        if arrays is None:
            return None
        return PairsState(arrays, self.weighted_r, self.weighted_zeta, self.r, self.model.norms.variance)

    @cached_property
    def inverse_r(self) -> Any:
        """X, the right-hand side of the equation for 1/R (eq-covariance-fixed)."""
        bulk = self.model.bulk
        gam = np.tensordot(self.model.spectrum.weights, self.blocks.gam, 1)
        found = self.shift + bulk.noise_variance @ self.weighted_zeta + bulk.phi_pairs @ gam.ravel()
        return found if self.pairs is None else found + self.pairs.over_r

    @cached_property
    def inverse_zeta(self) -> Any:
        """Y, the right-hand side of the equation for 1/zeta (eq-covariance-fixed)."""
        bulk = self.model.bulk
        found = self.weighted_r @ bulk.noise_variance + self._linear / bulk.samples_per_dim
        found = found if self.pairs is None else found + self.pairs.over_zeta
        return 1 + bulk.samples_per_neuron * found

    @property
    def _linear(self) -> Any:
        """``Theta_uu + (n/d) q u^2 chi' W chi`` (eq-theta), shape (A,)."""
        scalars, u = self.model.step.scalars, self.model.grid.u
        weights, values = self.model.spectrum.weights, self.model.spectrum.values
        own = (weights * values)[:, None] * self.model.gains**2 * self._forms(self.blocks.h)
        found = own.sum(axis=0) + scalars.gradient_noise_variance * u**2 * self._forms(self.samples.noise_form)
        if not self.model.tilted:
            return found
        mixed, square = self.blocks.tilt_form
        e_u = scalars.quadratic_step * u
        crossed = (weights * values**0.5)[:, None] * self.model.gains * self._forms(mixed)
        return found + 2 * e_u * crossed.sum(axis=0) + e_u**2 * self._forms(np.tensordot(weights, square, 1))

    def _forms(self, matrices: Any) -> Any:
        """``chi' matrix chi`` at every u, shape (..., A)."""
        return matrices.reshape(*matrices.shape[:-2], -1) @ self.model.bulk.chi_pairs.T

    @cached_property
    def defect(self) -> Any:
        """``(log R X, log zeta Y)``, zero at the fixed point where T is the layer's own."""
        return np.concatenate([np.log(self.r * self.inverse_r), np.log(self.zeta * self.inverse_zeta)])

    def with_layer(self) -> "CovarianceState":
        """The same R and zeta with the T that the samples of the gradient give."""
        return replace(self, t=self.samples.t)

    @property
    def vector(self) -> Any:
        """``(log R, log zeta, T)`` as one vector; the elements of T on and above its diagonal."""
        return np.concatenate([np.log(self.r), np.log(self.zeta), self.t[np.triu_indices(len(self.t))]])

    def at(self, vector: Any) -> "CovarianceState":
        """The state of a vector."""
        k, a, size = len(self.r), len(self.zeta), len(self.t)
        t = np.zeros((size, size), dtype=vector.dtype)
        rows, columns = np.triu_indices(size)
        t[rows, columns] = t[columns, rows] = vector[k + a :]
        return replace(self, r=np.exp(vector[:k]), zeta=np.exp(vector[k : k + a]), t=t)


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved state, with the Jacobian that made it: of the bulk with M and C at their moments."""

    state: CovarianceState
    nearby: Linearised
    iterations: int

    def moved(self, by_r: Any, by_zeta: Any = 0.0) -> CovarianceState:
        """The state moved along its derivative, as an infinitesimal imaginary part ``i h``, when 1/R and 1/zeta
        gain ``by_r`` (K,) and ``by_zeta`` (A,) (eq-tangent).

        Raises
        ------
        NumericalError
            ``SINGULAR`` where the derivative is not found.
        """
        state, start = self.state, self.state.vector
        k, a = len(state.r), len(state.zeta)
        force = np.zeros(k + a)
        force[:k], force[k:] = state.r * by_r, state.zeta * by_zeta
        push = np.zeros(len(start))
        push[: k + a] = -self.nearby.solve(force)

        def residual(direction: Array) -> Array:
            moved = _improved(state.at(start + _H * 1j * direction), self.nearby)
            return np.asarray(direction - moved.imag / _H)

        operator = LinearOperator((len(start),) * 2, matvec=residual, dtype=float)
        slope, failed = gmres(operator, push, rtol=_TANGENT_TOLERANCE, atol=0.0, restart=60, maxiter=4)
        if failed:
            raise NumericalError(
                Status.SINGULAR, "the derivative of the bulk's fixed point is not found", partial=state
            )
        return state.at(start + _H * 1j * slope)


def derivative(value: Any) -> Any:
    """The derivative that a value carries as its imaginary part (eq-tangent)."""
    return np.imag(value) / _H


def _improved(state: CovarianceState, nearby: Linearised) -> Any:
    """The vector after T is taken from the layer, and a quasi-Newton step of the bulk at that T."""
    layered = state.with_layer()
    k = len(state.r) + len(state.zeta)
    vector = layered.vector
    step = -_solved_by(nearby, layered.defect)
    largest = float(np.abs(step.real).max())
    vector[:k] += step * min(1.0, _LONGEST / largest) if largest > 0 else step
    return vector


def _solved_by(nearby: Linearised, right: Any) -> Any:
    """With a real Jacobian, for a real or a complex right-hand side."""
    if not np.iscomplexobj(right):
        return nearby.solve(right)
    parts = nearby.solve(np.stack([right.real, right.imag], axis=1))
    return parts[:, 0] + 1j * parts[:, 1]


def solve(model: CovarianceModel, shift: float) -> Solved:
    """The fixed point at the shift D, from that of the bulk with M and C at their moments.

    Quasi-Newton steps with that bulk's Jacobian, accelerated by Anderson's method; where these fail, D is lowered from
    far above.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` with the last state as ``partial``.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = _attempt(_start(model, shift))
        if found is None:
            found = _lower(model, shift)
    if found is None:
        raise NumericalError(Status.NOT_CONVERGED, "bulk fixed point with a covariance: not found", partial=model)
    return found


def _start(model: CovarianceModel, shift: float) -> CovarianceState:
    """From the bulk with M and C at their moments, and ``T = E b``."""
    plain, _ = solve_bulk(model.bulk, shift)
    return _first_layer(CovarianceState(model, shift, plain.r, plain.zeta, None))


def _first_layer(state: CovarianceState) -> CovarianceState:
    vertices = state.coefficients.vertices(state.model.law)
    return replace(state, t=np.tensordot(state.model.law.weights, vertices, 1))


def _attempt(start: CovarianceState) -> Solved | None:
    """Anderson's method from a start; None where it does not converge."""
    nearby = Linearised(BulkState(start.model.bulk, start.shift, start.r, start.zeta))

    def improved(vector: Array) -> Array:
        return np.asarray(_improved(start.at(vector), nearby))

    try:
        vector, size, iterations = _anderson(improved, start.vector)
    except np.linalg.LinAlgError:
        return None
    if not size <= _ROUNDING:
        return None
    state = start.at(vector).with_layer()
    return Solved(state, Linearised(BulkState(start.model.bulk, start.shift, state.r, state.zeta)), iterations)


def _anderson(improved: Callable[[Array], Array], start: Array) -> tuple[Array, float, int]:
    """A fixed point of a map, the size of its residual and the number of evaluations."""
    points, residuals = [start], [improved(start) - start]
    best, size = start, float(np.abs(residuals[0]).max())
    for iteration in range(1, _MOST):
        last = residuals[-1]
        following = points[-1] + last
        if len(residuals) > 1:
            changes = np.array([last - old for old in residuals[:-1]]).T
            moves = np.array([points[-1] - old for old in points[:-1]]).T
            mixed = np.linalg.lstsq(changes, last, rcond=1e-12)[0]
            following = following - (moves + changes) @ mixed
        points, residuals = [*points[-_MEMORY:], following], [*residuals[-_MEMORY:], improved(following) - following]
        now = float(np.abs(residuals[-1]).max())
        if not np.isfinite(now):
            break
        if now < size:
            best, size = following, now
        if size <= _TOLERANCE:
            return best, size, iteration
    return best, size, _MOST


def _lower(model: CovarianceModel, shift: float) -> Solved | None:
    """Continuation in D from far above; None where it fails."""
    level, ratio = _FARTHEST, _RATIO
    found = _attempt(_start(model, shift * level))
    while found is not None and level > 1:
        step = min(ratio, level)
        nearer = _attempt(replace(found.state, shift=shift * level / step))
        if nearer is None:
            if ratio <= _LEAST_RATIO:
                return None
            ratio = max(_LEAST_RATIO, step**0.5)
            continue
        found, level = nearer, level / step
    return found
