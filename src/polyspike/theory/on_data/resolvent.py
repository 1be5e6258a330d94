"""The resolvent of features averaged over the network (eq-data-fixed), and how its unknowns answer (eq-data-response).

``B = sum_u w_u zeta_u K_u + gamma`` with ``zeta_u = 1 / (1 + tr(K_u B^-1) / N)``. The kernels of many readouts u are
combinations of few, which are found once for a step and serve every ridge.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.linalg.lapack import dpotrf, dpotri

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status

__all__ = ["Family", "Resolvent", "compress", "solve"]

COMPRESSION = 1e-7
"""Share of the Frobenius norm of the kernels that their compression may lose."""

RESPONSE = 1e-3
"""The same for the response, on which the errors depend to second order in what is lost."""

_RARE = 1e-4
"""A readout of a smaller weight, relative to the largest, is held as accurately as one of this weight."""

_TOLERANCE = 1e-9
_MOST = 60
_SLOW = 0.5
"""A step of Newton's method that shortens the gap by less has the response worked out anew."""


@dataclass(frozen=True, eq=False)
class Family:
    """Kernels of A readouts as combinations of P symmetric matrices: ``K_u = sum_p mix[u, p] parts[p]``.

    Attributes
    ----------
    weights : ndarray of shape (A,)
        Of the law of u.
    mix : ndarray of shape (A, P)
    parts : ndarray of shape (P, n, n)
        The largest first.
    leading : int
        How many of them count for the response.
    """

    weights: Array
    mix: Array
    parts: Array
    leading: int

    def combined(self, by_readout: Array) -> Array:
        """``sum_u c_u K_u``, shape (n, n)."""
        return _sum(self.mix.T @ by_readout, self.parts)

    def traces(self, matrix: Array) -> Array:
        """``tr(K_u X)`` for a symmetric matrix, shape (A,)."""
        flat = self.parts.reshape(len(self.parts), -1)
        return self.mix @ (flat @ matrix.ravel())

    def forms(self, vector: Array) -> Array:
        """``v' K_u v``, shape (A,)."""
        return self.mix @ np.array([vector @ part @ vector for part in self.parts])


def _sum(coefficients: Array, parts: Array) -> Array:
    return np.tensordot(coefficients, parts, axes=1)


def compress(kernels: Array, weights: Array, tolerance: float = COMPRESSION) -> Family:
    """The smallest family that holds these kernels, shape (A, n, n), to a share of their norm.

    By the eigenvectors of their Gram matrix, each kernel weighted by the root of its readout's weight.
    """
    roots = np.sqrt(np.maximum(weights, _RARE * np.max(weights)))
    flat = kernels.reshape(len(kernels), -1)
    values, vectors = np.linalg.eigh((flat @ flat.T) * np.outer(roots, roots))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    keep = _needed(values, tolerance)
    chosen = vectors[:, :keep]
    parts = (chosen * roots[:, None]).T @ flat
    family = parts.reshape(-1, *kernels.shape[1:])
    return Family(weights, chosen / roots[:, None], family, _needed(values, RESPONSE))


def _needed(squares: Array, tolerance: float) -> int:
    """How many of descending squared norms leave no more than a share ``tolerance`` of the norm."""
    left = np.cumsum(squares[::-1])[::-1]
    return max(1, int(np.sum(left > tolerance**2 * left[0])))


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
    response : ndarray of shape (A, A)
        ``J_uv = (zeta_u^2 / N) tr(K_u B^-1 K_v B^-1) w_v``.
    """

    shift: float
    zeta: Array
    inverse: Array
    response: Array

    def answered(self, by_readout: Array) -> Array:
        """``(1 - J)^-1 x``, shape (A,)."""
        answer: Array = linalg.solve(np.eye(len(self.zeta)) - self.response, by_readout)
        return answer

    def adjoint(self, by_readout: Array) -> Array:
        """``(1 - J)^-T x``, shape (A,)."""
        answer: Array = linalg.solve(np.eye(len(self.zeta)) - self.response.T, by_readout)
        return answer


def solve(family: Family, shift: float, width: int, start: Resolvent | None = None) -> Resolvent:
    """The fixed point by Newton's method on ``zeta (1 + tr(K B^-1)/N) = 1`` in ``log zeta``.

    The matrix of Newton's method is corrected by Broyden's, and made anew where a step helps little.

    Raises
    ------
    NumericalError
        If it does not converge, or B is not positive definite up to rounding.
    """
    zeta = _start(family, shift, width) if start is None else _predicted(start, family, shift, width)
    newton = None if start is None else _newton(start.response, start.zeta)
    gap, move = np.zeros(len(zeta)), np.zeros(len(zeta))
    for _ in range(_MOST):
        inverse = _inverse(family.combined(family.weights * zeta), shift)
        before, gap = gap, -np.log(zeta * _whole(1 + family.traces(inverse) / width))
        if np.max(np.abs(gap)) < _TOLERANCE:
            return Resolvent(shift, zeta, inverse, _response(family, zeta, inverse, width))
        if newton is None or np.linalg.norm(gap) > _SLOW * np.linalg.norm(before) > 0:
            newton = _newton(_response(family, zeta, inverse, width), zeta)
        elif np.any(move):
            newton = _improved(newton, move, before - gap)
        move = np.clip(newton @ gap, -2.0, 2.0)
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


def _improved(newton: Array, move: Array, change: Array) -> Array:
    """Broyden's rank-one correction, after which the inverse maps ``change`` to ``move``."""
    turned = newton @ change
    updated: Array = newton + np.outer(move - turned, move @ newton) / (move @ turned)
    return updated


def _newton(response: Array, zeta: Array) -> Array:
    """The inverse of ``1 - d log zeta_u / d log zeta_v`` of the right-hand side, ``J_uv zeta_v / zeta_u``."""
    inverse: Array = linalg.inv(np.eye(len(zeta)) - response * zeta / zeta[:, None])
    return inverse


def _start(family: Family, shift: float, width: int) -> Array:
    """One ``zeta`` for all readouts from ``1/zeta = 1 + tr(K) / (N gamma + zeta tr(K) N/n)``, roughly B = its mean."""
    n = family.parts.shape[1]
    mean = float(np.mean(np.diagonal(family.combined(family.weights))))
    zeta = 1.0
    for _ in range(200):
        zeta = (zeta + 1 / (1 + n * mean / width / (shift + zeta * mean))) / 2
    return np.full(len(family.weights), zeta)


def _predicted(start: Resolvent, family: Family, shift: float, width: int) -> Array:
    """From a neighbouring shift along the derivative by its logarithm."""
    source = family.traces(start.inverse @ start.inverse)
    slope = start.answered(start.zeta**2 / width * source) * start.shift / start.zeta
    move = np.clip(slope * np.log(shift / start.shift), -1.0, 1.0)
    return np.minimum(start.zeta * np.exp(move), 1.0)


def _inverse(kernel: Array, shift: float) -> Array:
    """``(kernel + shift)^-1``, shape (n, n); the kernel is overwritten.

    Raises
    ------
    NumericalError
        If it is not positive definite up to rounding.
    """
    kernel[np.diag_indices_from(kernel)] += shift
    factor, failed = dpotrf(kernel.T, lower=1, overwrite_a=1, clean=1)
    inverse, failed_too = dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise NumericalError(Status.SINGULAR, "the averaged Gram matrix plus the ridge is not positive definite")
    whole: Array = inverse.T
    whole += inverse
    whole[np.diag_indices_from(whole)] /= 2
    return whole


def _response(family: Family, zeta: Array, inverse: Array, width: int) -> Array:
    """J (eq-data-response), from the leading parts."""
    parts, mix = family.parts[: family.leading], family.mix[:, : family.leading]
    traces = np.empty((len(parts), len(parts)))
    products = [inverse @ part for part in parts]
    for p, left in enumerate(products):
        turned = np.ascontiguousarray(left.T).ravel()
        traces[p, p:] = [turned @ right.ravel() for right in products[p:]]
    pairs = mix @ (np.triu(traces) + np.triu(traces, 1).T) @ mix.T
    return (zeta**2 / width)[:, None] * pairs * family.weights
