"""Solutions of the pencil at an eigenvalue z, where the shift is -z, followed from one to the next.

As for fresh samples (theory/finite_size/spectrum/branches.py) there is a real solution outside the bulk. Along it
``Gamma``, ``log zeta`` and ``log z`` are smooth functions of an arc length, and at an edge of the bulk the branch
folds. The arc length is the change of ``log zeta`` and, at fixed z, of ``log R``, in their laws, along the tangent of
the point where it starts. Far from the bulk nothing of that changes, and z itself is the parameter.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.same_samples.fit import Fit
from polyspike.theory.same_samples.fixed_point import solve_pencil, states
from polyspike.theory.same_samples.hessian import hessian_of
from polyspike.theory.same_samples.pencil import State
from polyspike.theory.same_samples.potential import gradient_of
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = ["Point", "RealPoint", "Value", "above", "below", "cubic", "descend"]

_TOLERANCE = 1e-7
_MOST_NEWTON = 16
# Corrections that are not this much smaller than the one before are slow.
_SLOW = 0.3
# A step whose prediction needs more correction than this share of it may have left its branch.
_LARGEST_CORRECTION = 0.35
# Steps in log z, the least of them, and the pace at which the arc length takes over.
_STRIDE, _LEAST_STRIDE, _FELT, _MOST_FELT = 0.5, 1e-4, 0.3, 1.0
# Far from the bulk a prediction that needs less correction than this is taken, however short the step.
_SMALL = 1e-3
# So much correction the solution below the bulk may need when z leaves the negative axis.
_FAR = 1.0
# The lower edge is searched from a share of the Marchenko-Pastur law's down to the last share of the features' energy.
_BELOW, _LOWER, _LEAST_EDGE = 0.2, 10.0, 1e-13


class Value(NamedTuple):
    """A place on a path, the unknowns there, and their derivative along it."""

    place: float
    unknowns: Any
    slope: Any


def cubic(one: Value, other: Value, place: float) -> Any:
    """Hermite's interpolation between two places, or extrapolation beyond them."""
    width = other.place - one.place
    t = (place - one.place) / width
    values = (1 - t) ** 2 * ((1 + 2 * t) * one.unknowns + t * width * one.slope)
    return values + t**2 * ((3 - 2 * t) * other.unknowns - (1 - t) * width * other.slope)


@dataclass(frozen=True, eq=False, repr=False)
class Point:
    """A solution at the eigenvalue z = exp(log_z), complex inside the bulk."""

    fit: Fit
    state: State
    log_z: Any

    @property
    def z(self) -> Any:
        """The eigenvalue."""
        return np.exp(self.log_z)

    @cached_property
    def parts(self) -> list[SampleState]:
        """The samples."""
        return states(self.fit.neurons, self.fit.populations, self.state, -self.z)

    @property
    def mean_r(self) -> Any:
        """``E R``, the trace of the resolvent over n (eq-same-density)."""
        return sum(part.population.mean(part.r) for part in self.parts)

    @cached_property
    def by_log_z(self) -> Any:
        """The change of the unknowns by log z."""
        return -self._inverse @ self._jacobian[:, -1]

    def to(self, log_z: Any, change: Any = None, least: float = _SMALL, tolerance: float = _TOLERANCE) -> Any:
        """The solution at another z by Newton's method, whose Jacobian is that of this point until that is slow; None
        where it fails.

        Parameters
        ----------
        log_z : complex
        change : ndarray, optional
            The predicted change of the unknowns; along the tangent when None.
        least : float
            So much correction the prediction may need in any case.
        tolerance : float
            Of the last correction.
        """
        known, distance = self._inverse, log_z - self.log_z

        def correction(point: Point, slow: bool) -> Any:
            nonlocal known
            known = point._inverse if slow else known
            return np.append(-known @ point._gradient, 0.0)

        predicted = np.append(self.by_log_z * distance if change is None else change, distance)
        return self._corrected(predicted, correction, least, tolerance)

    @property
    def unknowns(self) -> Any:
        """Gamma's upper triangle and log zeta, whose imaginary part is between -3 pi/2 and pi/2."""
        logs = np.log(1j * self.state.zeta) - 0.5j * np.pi
        return np.concatenate([self.state.gamma[pair_indices(self.fit.neurons.size)], logs])

    def is_physical(self, tolerance: float = _TOLERANCE) -> bool:
        """Whether ``Im R >= 0 >= Im zeta``, as in the upper half-plane, to this share of either."""
        sheet = all((part.r.imag > -tolerance * np.abs(part.r)).all() for part in self.parts)
        return bool(sheet and (self.state.zeta.imag < tolerance * np.abs(self.state.zeta)).all())

    @cached_property
    def _jacobian(self) -> Any:
        """Of the potential's gradient by the unknowns, and by log z in the last column."""
        return np.column_stack([hessian_of(self.fit.neurons, self.state, self.parts), self._by_log_z])

    @property
    def _by_log_z(self) -> Any:
        """Of the potential's gradient by log z: ``z E R^2 w w'`` and ``z sg_a E R^2 q_a``."""
        nn, gains = self.fit.neurons, self.fit.neurons.weights * self.state.zeta
        i, j = pair_indices(nn.size)
        by_gamma, by_gain = 0.0, 0.0
        for part in self.parts:
            square = part.r[..., None] ** 2
            by_gamma = by_gamma + part.population.mean(square * part.outer[..., i] * part.outer[..., j])
            by_gain = by_gain + part.population.mean(square * part.noise)
        return self.z * np.concatenate([np.where(i == j, 1.0, 2.0) * by_gamma, gains * by_gain])

    @property
    def _gradient(self) -> Any:
        return gradient_of(self.fit.neurons, self.state, self.parts)

    @cached_property
    def _inverse(self) -> Any:
        return np.linalg.inv(self._jacobian[:, :-1])

    def _corrected(self, change: Any, correction_of: Any, least: float = _SMALL, tolerance: float = _TOLERANCE) -> Any:
        """The solution near a change, by the corrections of Newton's method; ``least`` they may always be."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            moved, corrected, last, size = self._moved(change), 0.0, np.inf, 0.0
            most = max(_LARGEST_CORRECTION * self._size(change), least)
            for _ in range(_MOST_NEWTON):
                if not self._continues(moved):
                    return None
                try:
                    correction = correction_of(moved, size > _SLOW * last)
                except np.linalg.LinAlgError:
                    return None
                last, size = size, self._size(correction)
                corrected += size
                if not corrected <= most:
                    return None
                moved = moved._moved(correction)
                if size < tolerance:
                    return moved if self._continues(moved) else None
        return None

    def _continues(self, moved: "Point") -> bool:
        """Whether a solution may be on the branch of this one."""
        return bool(np.isfinite(moved.state.zeta).all())

    def _moved(self, change: Any) -> Any:
        return type(self)(self.fit, self.state.moved(change[:-1]), self.log_z + change[-1])

    def _size(self, change: Any) -> float:
        pairs = len(change) - 1 - len(self.state.zeta)
        by_gamma = np.abs(change[:pairs]).max() / np.abs(self.state.gamma).max()
        return max(float(by_gamma), float(np.abs(change[pairs:]).max()))


@dataclass(frozen=True, eq=False, repr=False)
class RealPoint(Point):
    """A real solution outside the bulk."""

    @property
    def z(self) -> float:
        """The eigenvalue."""
        return float(np.exp(self.log_z))

    @property
    def complex(self) -> Point:
        """The same point as one of the complex solution."""
        state = State(self.state.gamma.astype(complex), self.state.zeta.astype(complex))
        return Point(self.fit, state, complex(self.log_z))

    @property
    def functional(self) -> Array:
        """The arc length ``functional . (change of the unknowns, change of log z)``."""
        return self._arc[0]

    @property
    def pace(self) -> float:
        """The arc length over the change of log z, which vanishes far away and has no bound next to a fold."""
        return self._arc[1]

    @cached_property
    def _arc(self) -> tuple[Array, float]:
        nn, gains = self.fit.neurons, self.fit.neurons.weights * self.state.zeta
        i, j = pair_indices(nn.size)
        double, direction = np.where(i == j, 1.0, 2.0), self.by_log_z
        out, square = np.zeros(len(direction)), 0.0
        for part in self.parts:
            r, w = part.r[..., None], part.outer
            rows = np.concatenate([-r * double * w[..., i] * w[..., j], -r * gains * part.noise], axis=-1)
            along = rows @ direction
            out += part.population.mean(along[..., None] * rows)
            square += float(part.population.mean(along**2))
        of_zeta = direction[len(i) :]
        out[len(i) :] += nn.weights * of_zeta
        pace = float(np.sqrt(square + nn.weights @ of_zeta**2))
        return np.append(out / pace, 0.0), pace

    def tangent(self, functional: Array) -> tuple[Array, float]:
        """The change of the unknowns and of log z along the arc length."""
        solved = self._bordered(functional)[:, -1]
        return solved[:-1], float(solved[-1])

    def step(self, functional: Array, length: float, tangent: tuple[Array, float] | None = None) -> "RealPoint | None":
        """The solution an arc length further; None where Newton's method fails."""
        try:
            change = self._predicted(functional, np.append(*(tangent or self.tangent(functional))), length)
        except np.linalg.LinAlgError:
            return None
        found = self._along_arc(functional, change)
        if found is not None:
            found.__dict__["_before"] = self, functional, length
        return found

    def _along_arc(self, functional: Array, change: Array) -> "RealPoint | None":
        """The solution near a change, at its arc length, by Newton's method on the bordered system, whose matrix is
        that of this point until that is slow.
        """
        known = self._bordered(functional)

        def correction(point: RealPoint, slow: bool) -> Array:
            nonlocal known
            known = point._bordered(functional) if slow else known
            return -known[:, :-1] @ point._gradient

        found: RealPoint | None = self._corrected(change, correction)
        return found

    def _predicted(self, functional: Array, along: Array, length: float) -> Array:
        """The change along the tangent or, after a step along the same arc, along the cubic through both points."""
        before: tuple[RealPoint, Array, float] | None = self.__dict__.get("_before")
        if before is None or before[1] is not functional:
            return along * length
        point, _, step = before
        start, here = point._value(-step, functional), self._value(0.0, functional)
        return np.asarray(cubic(start, here, length) - here.unknowns)

    def _value(self, place: float, functional: Array) -> Value:
        """The unknowns and log z, with their derivatives by the arc length, at a place of it."""
        unknowns = np.append(np.real(self.unknowns), self.log_z)
        return Value(place, unknowns, np.append(*self.tangent(functional)))

    def _bordered(self, functional: Array) -> Array:
        """The inverse of the Jacobian bordered by the arc length; that of the last arc length is kept."""
        known: tuple[Array, Array] | None = self.__dict__.get("_known")
        if known is None or known[0] is not functional:
            known = functional, np.asarray(np.linalg.inv(np.vstack([self._jacobian, functional])))
            self.__dict__["_known"] = known
        return known[1]

    def towards(self, other: "RealPoint", share: float) -> "RealPoint | None":
        """The solution a share of the way to another one, which may be a fold; None where that fails."""
        if other.pace < _MOST_FELT:
            one, two = (Value(point.log_z, np.real(point.unknowns), point.by_log_z) for point in (self, other))
            log_z = self.log_z + share * (other.log_z - self.log_z)
            found: RealPoint | None = self.to(log_z, cubic(one, two, log_z) - one.unknowns)
            return found
        functional = self.functional
        here, there = self._value(0.0, functional), other._value(0.0, functional)
        length = float(functional @ (there.unknowns - here.unknowns))
        change = cubic(here, there._replace(place=length), share * length) - here.unknowns
        return self._along_arc(functional, change)

    def _continues(self, moved: Point) -> bool:
        """No sample and no neuron passes through its pole."""
        same = (np.sign(moved.state.zeta) == np.sign(self.state.zeta)).all()
        pairs = zip(self.parts, moved.parts, strict=True)
        return bool(same and all((np.sign(here.r) == np.sign(there.r)).all() for here, there in pairs))


def above(fit: Fit, z: float) -> RealPoint:
    """The solution at a z far above the bulk, near ``R = -1/z``, ``zeta = 1``.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when z is not far enough.
    """
    beyond = solve_pencil(fit.neurons, fit.populations, z).state
    found = RealPoint(fit, solve_pencil(fit.neurons, fit.populations, -z, beyond).state, float(np.log(z)))
    if not ((found.state.zeta > 0).all() and all((part.r < 0).all() for part in found.parts)):
        raise NumericalError(Status.NOT_CONVERGED, f"no solution of the reused samples' bulk above z = {z:.3g}")
    return found


def descend(start: RealPoint) -> list[RealPoint]:
    """Points from a start far above the bulk down to where the solution begins to feel it.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``.
    """
    path, length = [start], _STRIDE
    while path[-1].pace < _FELT:
        moved = path[-1].to(path[-1].log_z - length)
        if moved is None or moved.pace > _MOST_FELT:
            length /= 2
        else:
            path.append(moved)
        if length < _LEAST_STRIDE:
            message = f"the bulk of the reused samples is lost at z = {path[-1].z:.4g}"
            raise NumericalError(Status.NOT_CONVERGED, message)
    return path


def below(fit: Fit, energy: float, atom: bool) -> RealPoint:
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
        start = RealPoint(fit, State(signs * state.gamma, sign * state.zeta), float(np.log(z)))
        found: RealPoint | None = start.to(start.log_z, least=_FAR)
        if found is not None:
            return found
        z /= _LOWER
    message = f"the bulk of the reused samples seems to start below {z:.1e}, or to have no lower edge"
    raise NumericalError(Status.NOT_CONVERGED, message)
