"""The spectrum of ``F F'/N`` on the rows of the fit, from the averaged resolvent at the eigenvalue (eq-data-density).

``B(z) = sum_u w_u zeta_u(z) K_u - z`` with ``zeta_u = 1 / (1 + tr(K_u B^-1)/N)``. Directions in which
the mean kernel has eigenvalues of their own are set apart: the others make the bulk, whose ``zeta`` serve the outliers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, optimize

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import hermite_functions
from polyspike.spectra import Spectrum, Spike
from polyspike.status import Status
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.resolvent import improved

__all__ = ["RowSpectrum", "row_spectrum"]

_TOLERANCE, _MOST = 1e-7, 40
_SLOW = 0.3
_HIGH, _HEIGHTS = 0.1, (0.03, 0.01, 1e-3)
"""Heights above the real axis relative to the eigenvalue: of the path along it, and of the way down from there."""

_REAL = 1e-6
_POINTS, _NODES = 30, 30
_LOWEST = 1e-5
"""Where a bulk is cut that reaches further down, as a share of its end."""

_EDGE_STEPS, _HALVINGS = 12, 6
_DEGREE = 3
_MOST_OUTLIERS = 40
# Halvings, in the logarithm, of the way down to a point from the last solution above it.
_MOST_STRIDES = 6


class _Solution(NamedTuple):
    """At one z: the unknowns, ``B^-1``, and the matrix of Newton's method."""

    zeta: Any
    inverse: Any
    newton: Any


@dataclass(frozen=True, eq=False)
class RowSpectrum:
    """The family of kernels split into the directions of the bulk and the ones set apart.

    Attributes
    ----------
    family : KernelFamily
    width : int
    axes : ndarray of shape (n, n)
        Eigenvectors of the mean kernel, the largest first.
    apart : int
        How many of them are set apart.
    """

    family: KernelFamily
    width: int
    axes: Array
    apart: int

    @cached_property
    def turned(self) -> Array:
        """The parts in these axes, shape (P, n, n)."""
        return np.matmul(self.axes.T, np.matmul(self.family.whole, self.axes))

    @cached_property
    def inner(self) -> Array:
        """The parts between the directions of the bulk."""
        return np.ascontiguousarray(self.turned[:, self.apart :, self.apart :])

    @property
    def rows(self) -> int:
        """Their number n."""
        return len(self.axes)

    def solve(self, z: Any, near: _Solution) -> _Solution:
        """The fixed point at z by Newton's method from one nearby.

        Raises
        ------
        NumericalError
            If it does not converge.
        """
        zeta, newton = near.zeta.astype(np.result_type(z, near.zeta)), near.newton
        gap = move = np.zeros_like(zeta)
        for _ in range(_MOST):
            inverse = self._inverse(z, zeta)
            before, gap = gap, 1 / (zeta * (1 + self._traces(inverse) / self.width)) - 1
            size, last = np.linalg.norm(gap * self.family.shares), np.linalg.norm(before * self.family.shares)
            if not np.isfinite(size) or size > 1e6:
                break
            if newton is None or size > _SLOW * last > 0:
                newton = self._newton(zeta, inverse)
            elif np.any(move):
                newton = improved(newton, move, before - gap)
            if size < _TOLERANCE:
                return _Solution(zeta, inverse, newton)
            move = newton @ gap
            move = move / max(1.0, float(np.max(np.abs(move))))
            zeta = zeta * np.exp(move)
        raise NumericalError(Status.NOT_CONVERGED, f"the spectrum on data at {z:.4g}")

    def far(self) -> tuple[float, _Solution]:
        """Above all eigenvalues, where ``zeta`` is near one."""
        top = float(np.linalg.eigvalsh(self._combined(self.family.weights))[-1])
        x = 4 * top * (1 + np.sqrt(self._size / self.width)) ** 2
        return x, self.solve(x, _Solution(np.ones(len(self.family.weights)), None, None))

    def edge(self) -> tuple[float, _Solution]:
        """Where the real solution ends when x falls, and the last solution above it."""
        high, found = self.far()
        factor = 0.7
        for _ in range(200):
            below = self._real(high * factor, found)
            if below is None:
                factor = np.sqrt(factor)
                if factor > 1 - 2.0**-_EDGE_STEPS:
                    return high, found
            else:
                high, found = high * factor, below
        raise NumericalError(Status.NOT_CONVERGED, "the upper edge of the spectrum on data")

    def _real(self, x: float, near: _Solution) -> _Solution | None:
        """The solution outside the bulk at x, None where there is none."""
        try:
            found = self.solve(x, near)
        except (NumericalError, linalg.LinAlgError):
            return None
        if np.min(found.zeta) <= 0 or np.max(found.zeta) > 1e6:
            return None
        whole = self._newton(found.zeta, found.inverse, inverted=False)
        below = np.linalg.eigvalsh(found.inverse)[-1] < 0
        return found if below and np.linalg.slogdet(whole)[0] > 0 else None

    def density(self, found: _Solution) -> float:
        """``Im tr B^-1 / (pi n)``."""
        return float(np.trace(found.inverse).imag) / (np.pi * self.rows)

    def outlier_matrix(self, x: float, found: _Solution) -> Array:
        """``C(x)`` on the directions set apart (eq-data-outliers); its eigenvalue x is an outlier."""
        whole = self._combined(self.family.weights * found.zeta, self.turned)
        m = self.apart
        matrix: Array = whole[:m, :m] - whole[:m, m:] @ found.inverse @ whole[m:, :m]
        return matrix

    def outlier_vector(self, found: _Solution, small: Array) -> Array:
        """An eigenvector of :meth:`outlier_matrix` on all rows, shape (n,)."""
        whole = self._combined(self.family.weights * found.zeta, self.turned)
        m = self.apart
        return self.axes @ np.concatenate([small, -found.inverse @ (whole[m:, :m] @ small)])

    @property
    def _size(self) -> int:
        return self.rows - self.apart

    def _combined(self, by_readout: Any, parts: Array | None = None) -> Any:
        return np.tensordot(self.family.mix.T @ by_readout, self.inner if parts is None else parts, axes=1)

    def _inverse(self, z: Any, zeta: Any) -> Any:
        matrix = self._combined(self.family.weights * zeta)
        matrix[np.diag_indices_from(matrix)] -= z
        return linalg.inv(matrix, overwrite_a=True, check_finite=False)

    def _traces(self, inverse: Any) -> Any:
        return self.family.mix @ (self.inner.reshape(len(self.inner), -1) @ inverse.ravel())

    def _newton(self, zeta: Any, inverse: Any, inverted: bool = True) -> Any:
        """``(1 - J)^-1``, or ``1 - J`` itself."""
        parts, mix = self.inner[: self.family.leading], self.family.mix[:, : self.family.leading]
        products = [inverse @ part for part in parts]
        turned = np.array([product.T.ravel() for product in products])
        traces = turned @ np.array([product.ravel() for product in products]).T
        pairs = mix @ traces @ mix.T
        whole = np.eye(len(zeta)) - (zeta / self.width)[:, None] * pairs * (self.family.weights * zeta)
        return linalg.inv(whole) if inverted else whole


def row_spectrum(family: KernelFamily, width: int, direction: Array) -> Spectrum:
    """Density, edges and outliers of ``F F'/N``; overlaps with Hermite functions of a direction's coordinate.

    Parameters
    ----------
    family : KernelFamily
        Of the kernels on n rows, in double precision.
    width : int
    direction : ndarray of shape (n,)
        ``b.x`` of the learned direction on the rows.

    Raises
    ------
    NumericalError
    """
    values, axes = np.linalg.eigh(family.combined(family.weights))
    values, axes = values[::-1], axes[:, ::-1]
    model = RowSpectrum(family, width, axes, _set_apart(values, width))
    high, above = model.edge()
    spikes = _outliers(model, high, above, _functions(direction))
    bulk = [_on_interval(model, *some) for some in _bulk(model, high, above)]
    n = len(values)

    def at(points: Array) -> Array:
        where = np.asarray(points, dtype=float)
        total = np.zeros(where.shape)
        for interval in bulk:
            total += interval(where)
        return total

    edges = tuple((float(interval.low), float(interval.high)) for interval in bulk)
    return Spectrum(density=at, edges=edges, atom=max(0.0, 1 - width / n), spikes=spikes)


def _set_apart(values: Array, width: int) -> int:
    """How many leading eigenvalues of the mean kernel leave the others, ``sum_j (l_j/(l - l_j))^2 < N``."""
    for k in range(min(_MOST_OUTLIERS, len(values) - 2)):
        rest = values[k + 1 :]
        with np.errstate(divide="ignore"):
            if not np.sum((rest / (values[k] - rest)) ** 2) < width:
                return k
    return min(_MOST_OUTLIERS, len(values) - 2)


def _functions(direction: Array) -> Array:
    """Hermite functions of the coordinate at unit variance, each of unit length, shape (degree + 1, n)."""
    centred = direction - direction.mean()
    spread = centred.std()
    values = hermite_functions(centred / spread if spread > 0 else centred, _DEGREE)
    found: Array = values / np.linalg.norm(values, axis=1, keepdims=True)
    return found


def _outliers(model: RowSpectrum, edge: float, above: _Solution, functions: Array) -> tuple[Spike, ...]:
    """Where an eigenvalue of the matrix of the directions set apart crosses x, largest first."""
    if not model.apart:
        return ()
    found = []
    for k in range(model.apart):
        at = _crossing(model, k, edge, above)
        if at is not None:
            found.append(_spike(model, k, *at, functions))
    return tuple(sorted(found, key=lambda spike: -spike.location))


def _crossing(model: RowSpectrum, k: int, edge: float, above: _Solution) -> tuple[float, _Solution] | None:
    """The root of ``lambda_k(x) = x`` above the edge; None where there is none."""
    if _level(model, k, edge, above) <= edge:
        return None
    top, far = model.far()
    while _level(model, k, top, far) >= top:  # above the bulk's eigenvalues, not yet above the outlier
        top *= 4
        far = model.solve(top, far)
    known = {edge: above, top: far}

    def gap(logarithm: float) -> float:
        x = float(np.exp(logarithm))
        if x not in known:
            known[x] = _from_above(model, x, known)
        return _level(model, k, x, known[x]) / x - 1

    root = float(np.exp(optimize.brentq(gap, np.log(edge), np.log(top), xtol=1e-7)))
    nearest = min(known, key=lambda there: abs(there - root))
    return root, model.solve(root, known[nearest])


def _from_above(model: RowSpectrum, x: float, known: dict[float, _Solution], strides: int = _MOST_STRIDES) -> _Solution:
    """The fixed point at x from the next known one above, in shorter strides where Newton does not get so far."""
    there = min((other for other in known if other >= x), default=max(known))
    try:
        return model.solve(x, known[there])
    except NumericalError:
        if strides == 0:
            raise
    middle = float(np.sqrt(x * there))
    known[middle] = _from_above(model, middle, known, strides - 1)
    return _from_above(model, x, known, strides - 1)


def _level(model: RowSpectrum, k: int, x: float, found: _Solution) -> float:
    return float(np.linalg.eigvalsh(model.outlier_matrix(x, found))[::-1][k])


def _spike(model: RowSpectrum, k: int, x: float, found: _Solution, functions: Array) -> Spike:
    """``(q.p)^2 / (1 - lambda')`` is the residue of ``p'B^-1 p``: the mean squared cosine."""
    small = np.linalg.eigh(model.outlier_matrix(x, found))[1][:, ::-1][:, k]
    h = 1e-4 * x
    slope = (_level(model, k, x + h, model.solve(x + h, found)) - _level(model, k, x, found)) / h
    cosines = functions @ model.outlier_vector(found, small)
    return Spike(location=float(x), overlaps=cosines**2 / (1 - slope))


class _Interval(NamedTuple):
    """The density on an interval in the angle of ``log x``, over how it vanishes at the ends."""

    low: float
    high: float
    angles: Array
    values: Array

    def __call__(self, x: Array) -> Array:
        """The density, zero outside."""
        inside = (x > self._start) & (x < self.high)
        centre, half = np.log(self._start * self.high) / 2, np.log(self.high / self._start) / 2
        angle = np.arccos(np.clip((np.log(np.where(inside, x, self.high)) - centre) / half, -1, 1))
        found: Array = np.where(inside, np.interp(angle, self.angles, self.values) * self.shape(angle), 0.0)
        return found

    def shape(self, angle: Array) -> Array:
        """Of square roots at the ends, or at the upper one where the bulk is cut."""
        return np.sin(angle) if self.low > 0 else np.sin(angle / 2)

    def at(self, angle: Array) -> Array:
        """The eigenvalue at an angle."""
        found: Array = np.sqrt(self._start * self.high) * (self.high / self._start) ** (np.cos(angle) / 2)
        return found

    @property
    def _start(self) -> float:
        return max(self.low, _LOWEST * self.high)


def _bulk(model: RowSpectrum, high: float, above: _Solution) -> list[tuple[float, float, _Solution]]:
    """Intervals of the bulk, ascending, each with a solution above its upper end."""
    x = high * np.geomspace(_LOWEST, 1, _POINTS)
    values, path = np.zeros(len(x)), []
    near = _Solution(above.zeta.astype(complex), above.inverse, None)
    for height in (1.0, 0.3, _HIGH):
        near = model.solve(x[-1] * (1 + 1j * height), near)
    for k in range(len(x) - 1, -1, -1):
        near = model.solve(x[k] * (1 + 1j * _HIGH), near)
        values[k] = _on_the_axis(model, x[k], near)
        path.append(near._replace(inverse=above.inverse))
    return _intervals(model, x, values, path[::-1], high)


def _on_interval(model: RowSpectrum, low: float, high: float, near: _Solution) -> _Interval:
    """The density at points that are dense near the ends."""
    angles = np.pi * (np.arange(_NODES) + 0.5) / _NODES
    bare = _Interval(low, high, angles, angles)
    values = np.zeros(_NODES)
    for k, x in enumerate(bare.at(angles)):
        near = model.solve(x * (1 + 1j * _HIGH), near)
        values[k] = _on_the_axis(model, x, near)
    return bare._replace(values=values / bare.shape(angles))


def _on_the_axis(model: RowSpectrum, x: float, near: _Solution) -> float:
    """The density at x, zero in a gap: in the upper half-plane the solution is unique and is followed down.

    Where Newton's method does not reach the axis itself, as next to an edge, the density just above.
    """
    for height in _HEIGHTS:
        near = model.solve(x * (1 + 1j * height), near)
    try:
        value = model.density(model.solve(complex(x), near))
    except (NumericalError, linalg.LinAlgError):
        value = model.density(near)
    return value if value * x > _REAL else 0.0


def _intervals(
    model: RowSpectrum, x: Array, density: Array, path: list[_Solution], high: float
) -> list[tuple[float, float, _Solution]]:
    """Runs of points with a density, with their ends found by halving."""
    inside = density[:-1] > 0  # the last point is the upper edge
    ends = [(0.0, path[0])] if inside[0] else []
    for k in np.flatnonzero(inside[1:] != inside[:-1]):
        within, without = (k + 1, k) if inside[k + 1] else (k, k + 1)
        ends.append((_halved(model, x[within], x[without], path[within]), path[within]))
    ends += [(high, path[-1])] if inside[-1] else []
    return [(low, top, near) for (low, _), (top, near) in zip(ends[::2], ends[1::2], strict=True)]


def _halved(model: RowSpectrum, inside: float, outside: float, near: _Solution) -> float:
    """The edge between two points, in the logarithm."""
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(inside * outside))
        there = _on_the_axis(model, middle, model.solve(middle * (1 + 1j * _HIGH), near)) > 0
        inside, outside = (middle, outside) if there else (inside, middle)
    return float(np.sqrt(inside * outside))
