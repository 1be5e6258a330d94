"""The resolvent of features averaged over the network (eq-data-fixed).

``B = sum_u w_u zeta_u K_u + gamma`` with ``zeta_u = 1 / (1 + tr(K_u B^-1) / N)``. How its unknowns answer a change is
in :mod:`polyspike.theory.on_data.response`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.symmetric import mirrored, shifted_inverse

__all__ = ["Resolvent", "improved", "solve"]

_MOST = 60
_SLOW = 0.5
"""A step of Newton's method that shortens the gap by less has its matrix worked out anew."""


@dataclass(frozen=True, eq=False)
class Resolvent:
    """The solution at one shift.

    Attributes
    ----------
    shift : float
        ``gamma = ridge n / N``.
    zeta : ndarray of shape (A,)
    inverse : ndarray of shape (n, n)
        ``B^-1``.
    newton : ndarray of shape (A, A)
        About ``(1 - d log zeta_u / d log zeta_v)^-1`` of the right-hand side.
    gap : ndarray of shape (A,)
        What is left of the equation, in ``log zeta``.
    traces : ndarray of shape (A,)
        ``tr K_u B^-1``.
    """

    shift: float
    zeta: Array
    inverse: Array
    newton: Array
    gap: Array
    traces: Array

    @property
    def nearer(self) -> Array:
        """``log zeta`` after one step more, from which others start, shape (A,)."""
        found: Array = np.log(self.zeta) + self.newton @ self.gap
        return found


def solve(
    family: KernelFamily, shift: float, width: int, newton: Array | None = None, zeta: Array | None = None
) -> Resolvent:
    """The fixed point by Newton's method on ``zeta (1 + tr(K B^-1)/N) = 1`` in ``log zeta``.

    The matrix of Newton's method is corrected by Broyden's, and made anew where a step helps little. Where a step has
    widened the gap the plain iteration is taken instead, which is monotone: a larger ``zeta`` makes B larger.

    Parameters
    ----------
    family : KernelFamily
    shift : float
    width : int
    newton : ndarray of shape (A, A), optional
        The matrix of Newton's method at a solution nearby.
    zeta : ndarray of shape (A,), optional
        Where to begin.

    Raises
    ------
    NumericalError
        If it does not converge, or B is not positive definite up to rounding.
    """
    zeta = _start(family, shift, width) if zeta is None else zeta
    gap, move = np.zeros(len(zeta)), np.zeros(len(zeta))
    for _ in range(_MOST):
        inverse = shifted_inverse(family.upper(family.weights * zeta), shift)
        traces = family.traces(inverse)
        implied = 1 / _whole(1 + traces / width)
        before, gap = gap, np.log(implied / zeta)
        if newton is None or np.linalg.norm(gap) > _SLOW * np.linalg.norm(before) > 0:
            newton = _newton(family, zeta, implied, mirrored(inverse), width)
        elif np.any(move):
            newton = improved(newton, move, before - gap)
        if np.max(np.abs(gap) * family.shares) < family.precision.fixed_point:
            return Resolvent(shift, zeta, mirrored(inverse), newton, gap, traces)
        grew = np.linalg.norm(gap * family.shares) > np.linalg.norm(before * family.shares) > 0
        move = gap if grew else np.clip(newton @ gap, -2.0, 2.0)
        zeta = zeta * np.exp(move)
    raise NumericalError(Status.NOT_CONVERGED, f"the resolvent at ridge {shift:g} N/n after {_MOST} steps")


def _whole(inverse_zeta: Array) -> Array:
    """The same, if it is positive, as it is for kernels that are.

    Raises
    ------
    NumericalError
        Where few columns and a large step make the signed mean over lengths (eq-data-length) no kernel.
    """
    if not np.all(inverse_zeta > 0):
        raise NumericalError(Status.OUT_OF_RANGE, "few columns and a large step: a kernel is not positive definite")
    return inverse_zeta


def improved(newton: Array, move: Array, change: Array) -> Array:
    """Broyden's rank-one correction, after which the inverse maps ``change`` to ``move``."""
    turned = newton @ change
    along = move @ turned
    if abs(along) < 1e-2 * abs(move @ move):
        return newton
    updated: Array = newton + np.outer(move - turned, move @ newton) / along
    return updated


def _newton(family: KernelFamily, zeta: Array, implied: Array, inverse: Array, width: int) -> Array:
    """``(1 - J)^-1`` with ``J_uv = (implied_u/N) tr(K_u B^-1 K_v B^-1) w_v zeta_v`` (eq-data-response).

    ``1/implied_u = 1 + tr(K_u B^-1)/N``, so that the rows of J add up to less than 1 wherever ``zeta`` is.
    """
    slope = (implied / width)[:, None] * family.pair_traces(inverse) * (family.weights * zeta)
    answer: Array = linalg.inv(np.eye(len(zeta)) - slope)
    return answer


def _start(family: KernelFamily, shift: float, width: int) -> Array:
    """``zeta`` of kernels that are multiples ``k_u`` of the identity, the means of their diagonals.

    ``1/zeta_u = 1 + (n/N) k_u / (gamma + m)`` with the one root ``m = sum_u w_u zeta_u k_u``, which lies below the
    mean of k.
    """
    n, weights = family.rows, family.weights
    means = np.maximum(family.traces(np.eye(n, dtype=family.parts.dtype)) / n, 0.0)

    def zeta(mean: float) -> Array:
        return 1 / (1 + n / width * means / (shift + mean))

    most = float(weights @ means)
    if most == 0:
        return np.ones(len(weights))
    found: Array = zeta(float(optimize.brentq(lambda m: m - weights @ (zeta(m) * means), 0.0, most, rtol=1e-6)))
    return found
