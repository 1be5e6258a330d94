"""Solutions of a bulk's equations at an eigenvalue z, where the shift is -z, followed from one to the next.

As for fresh samples of isotropic inputs (theory/finite_size/spectrum/branches.py) there is a real solution outside the
bulk. Along it the unknowns and ``log z`` are smooth functions of an arc length, and at an edge of the bulk the branch
folds. The arc length is the change of ``log zeta`` and, at fixed z, of ``log R``, in their laws, along the tangent of
the point where it starts. Far from the bulk nothing of that changes, and z itself is the parameter.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.long_work import check_clock

__all__ = ["Point", "RealPoint", "Value", "cubic", "descend"]

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
class Point(ABC):
    """A solution at the eigenvalue z = exp(log_z), complex inside the bulk.

    Attributes
    ----------
    model : object
        Whose equations are solved.
    state : object
        The solution.
    log_z : complex
    """

    model: Any
    state: Any
    log_z: Any

    @property
    def z(self) -> Any:
        """The eigenvalue."""
        return np.exp(self.log_z)

    @property
    @abstractmethod
    def as_real(self) -> "RealPoint":
        """The real part, of a solution in a gap."""

    @property
    @abstractmethod
    def mean_r(self) -> Any:
        """``E R``, the trace of the resolvent over n."""

    @property
    @abstractmethod
    def unknowns(self) -> Any:
        """The unknowns, continuous along the upper half-plane's boundary."""

    @property
    @abstractmethod
    def diagonals(self) -> tuple[Any, Any]:
        """R of all samples and zeta of all neurons, in one axis each."""

    @property
    @abstractmethod
    def defect(self) -> Any:
        """Of the equations, zero at a solution."""

    @property
    @abstractmethod
    def by_unknowns(self) -> Any:
        """The defect's derivative by the unknowns, and by log z in the last column."""

    @abstractmethod
    def sized(self, change: Any) -> float:
        """How long a change of the unknowns is, relative."""

    @abstractmethod
    def at(self, change: Any) -> Any:
        """The state after a change of the unknowns."""

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
            return np.append(-known @ point.defect, 0.0)

        predicted = np.append(self.by_log_z * distance if change is None else change, distance)
        return self._corrected(predicted, correction, least, tolerance)

    def is_physical(self, tolerance: float = _TOLERANCE) -> bool:
        """Whether ``Im R >= 0 >= Im zeta``, as in the upper half-plane, to this share of either."""
        r, zeta = self.diagonals
        return bool((r.imag > -tolerance * np.abs(r)).all() and (zeta.imag < tolerance * np.abs(zeta)).all())

    @cached_property
    def _jacobian(self) -> Any:
        return self.by_unknowns

    @cached_property
    def _inverse(self) -> Any:
        return np.linalg.inv(self._jacobian[:, :-1])

    def _corrected(self, change: Any, correction_of: Any, least: float = _SMALL, tolerance: float = _TOLERANCE) -> Any:
        """The solution near a change, by the corrections of Newton's method; ``least`` they may always be."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            moved, corrected, last, size = self._moved(change), 0.0, np.inf, 0.0
            most = max(_LARGEST_CORRECTION * self._size(change), least)
            for _ in range(_MOST_NEWTON):
                check_clock()
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
        return bool(np.isfinite(moved.diagonals[1]).all())

    def _size(self, change: Any) -> float:
        """Of a change of the unknowns and, in the last place, of log z."""
        return max(self.sized(change[:-1]), float(np.abs(change[-1])))

    def _moved(self, change: Any) -> Any:
        return type(self)(self.model, self.at(change[:-1]), self.log_z + change[-1])


@dataclass(frozen=True, eq=False, repr=False)
class RealPoint(Point):
    """A real solution outside the bulk."""

    @property
    def z(self) -> float:
        """The eigenvalue."""
        return float(np.exp(self.log_z))

    @property
    @abstractmethod
    def as_complex(self) -> Point:
        """The same point as one of the complex solution."""

    @abstractmethod
    def arc_terms(self) -> Iterable[tuple[Array, Array]]:
        """Weights (S,) of nodes, and the derivatives of their log R, at fixed z, or log zeta by the unknowns (S, m)."""

    @property
    def is_outside(self) -> bool:
        """Whether this can be a solution outside the bulk."""
        return True

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
        direction = self.by_log_z
        out, square = np.zeros(len(direction)), 0.0
        for weights, rows in self.arc_terms():
            along = rows @ direction
            out += (weights * along) @ rows
            square += float(weights @ along**2)
        pace = float(np.sqrt(square))
        return np.append(out / pace, 0.0), pace

    def tangent(self, functional: Array) -> tuple[Array, float]:
        """The change of the unknowns and of log z along the arc length."""
        solved = self._bordered(functional)[:, -1]
        return solved[:-1], float(solved[-1])

    def step(self, functional: Array, length: float, tangent: tuple[Array, float] | None = None) -> Any:
        """The solution an arc length further; None where Newton's method fails."""
        try:
            change = self._predicted(functional, np.append(*(tangent or self.tangent(functional))), length)
        except np.linalg.LinAlgError:
            return None
        found = self._along_arc(functional, change)
        if found is not None:
            found.__dict__["_before"] = self, functional, length
        return found

    def _along_arc(self, functional: Array, change: Array) -> Any:
        """The solution near a change, at its arc length, by Newton's method on the bordered system, whose matrix is
        that of this point until that is slow.
        """
        known = self._bordered(functional)

        def correction(point: RealPoint, slow: bool) -> Array:
            nonlocal known
            known = point._bordered(functional) if slow else known
            found: Array = -known[:, :-1] @ point.defect
            return found

        return self._corrected(change, correction)

    def _predicted(self, functional: Array, along: Array, length: float) -> Array:
        """The change along the tangent or, after a step along the same arc, along the cubic through both points."""
        before: tuple[RealPoint, Array, float] | None = self.__dict__.get("_before")
        if before is None or before[1] is not functional or before[2] == 0:
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

    def towards(self, other: "RealPoint", share: float) -> Any:
        """The solution a share of the way to another one, which may be a fold; None where that fails."""
        if other.pace < _MOST_FELT:
            one, two = (Value(point.log_z, np.real(point.unknowns), point.by_log_z) for point in (self, other))
            log_z = self.log_z + share * (other.log_z - self.log_z)
            return self.to(log_z, cubic(one, two, log_z) - one.unknowns)
        functional = self.functional
        here, there = self._value(0.0, functional), other._value(0.0, functional)
        length = float(functional @ (there.unknowns - here.unknowns))
        change = cubic(here, there._replace(place=length), share * length) - here.unknowns
        return self._along_arc(functional, change)

    def _continues(self, moved: Point) -> bool:
        """No sample and no neuron passes through its pole."""
        return all(
            bool((np.sign(here) == np.sign(there)).all())
            for here, there in zip(self.diagonals, moved.diagonals, strict=True)
        )


def descend(start: Any) -> list[Any]:
    """Points from a start far above the bulk down to where the solution begins to feel it.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``.
    """
    path, length = [start], _STRIDE
    while path[-1].pace < _FELT:
        moved = path[-1].to(path[-1].log_z - length)
        if moved is None or moved.pace > _MOST_FELT or not moved.is_outside:
            length /= 2
        else:
            path.append(moved)
        if length < _LEAST_STRIDE:
            raise NumericalError(Status.NOT_CONVERGED, f"the bulk's solution is lost at z = {path[-1].z:.4g}")
    return path
