"""The matrix ``M = X' diag(eps) X / n_0`` of the gradient's quadratic part (docs/theory-uniform.md, section 8).

Its resolvent is explicit once the subordinate variable ``w = -1/g(z)`` is the parameter instead of ``z``:
``z(w) = w + E[eps w / (w - phi_0 eps)]``. From the line ``Im w = sqrt(phi_0 E eps^2)`` upwards every w belongs to the
physical sheet, so integrals against the spectral measures of M are integrals along a curve there, with no equation to
solve.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.uniform.residual_law import ResidualLaw

__all__ = ["MeasureNodes", "frame_gram", "measure_nodes", "resolvent"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# The contour: step, half the number of nodes, and where its strides begin to grow.
_STEP = 0.1
_HALF = 120
_STRIDE = 12.0
# How it opens: slope far out and where that begins, each pair with the error that the measure's mass may have. A flat
# contour rounds least; one that opens keeps its distance from outliers and single heavy labels.
_OPENINGS = ((1.0, 16.0, 1e-10), (2.0, 4.0, 1e-6))
# Scale of t in standard deviations of M, and the largest relative change of a weight that matches moments.
_LENGTH = 5.0
_LARGEST_TILT = 0.05
# Recurrence coefficients outside this range are rounding: the law of t lives on [-1, 1].
_SMALLEST_BETA, _LARGEST_BETA = 1e-3, 0.6


@dataclass(frozen=True)
class MeasureNodes:
    """One set of nodes for all spectral measures of M.

    Attributes
    ----------
    nodes : ndarray of shape (K,)
    bulk : ndarray of shape (K,)
        Weights of the spectral distribution of M.
    frame : ndarray of shape (K, p+2, p+2)
        Weights of the (signed) spectral measures between the directions (teacher ..., omega, beta); their sum is the
        Gram matrix of these directions.
    noise : ndarray of shape (K,)
        The covariance of the gradient's noise there, of mean one.
    """

    nodes: Array
    bulk: Array
    frame: Array
    noise: Array


def frame_gram(law: ResidualLaw) -> Array:
    """Inner products of (teacher directions ..., omega, beta)."""
    p = law.inputs.shape[1]
    gram = np.eye(p + 2)
    linear = np.append((law.weights * law.labels) @ law.inputs, law.omega)
    gram[:-1, -1] = gram[-1, :-1] = linear
    gram[-1, -1] = linear @ linear + law.phi * law.second_moment
    return gram


def resolvent(law: ResidualLaw, w: Complex) -> tuple[Complex, Complex, Complex, Complex]:
    """``z``, ``g``, ``dz/dw`` and the resolvent of M on the frame at subordinate points ``w = -1/g`` (Im w > 0).

    Returns
    -------
    z, g, slope : ndarray of shape (K,)
        ``z = w + E A``, ``dz/dw = 1 - phi_0 E[eps^2 / (w - phi_0 eps)^2]``.
    block : ndarray of shape (K, p+2, p+2)
        ``(M - z)^-1`` between (teacher directions ..., omega, beta).
    """
    averages = law.averages(w / law.phi)
    z = w + averages.scalar
    size = averages.matrix.shape[-1]
    k_inverse = np.linalg.inv(averages.matrix - z[:, None, None] * np.eye(size))
    moved = np.einsum("kij,kj->ki", k_inverse, averages.vector)
    block = np.empty((len(w), size + 1, size + 1), dtype=complex)
    block[:, :size, :size] = k_inverse
    block[:, :size, size] = block[:, size, :size] = moved
    block[:, size, size] = averages.own + np.einsum("ki,ki->k", averages.vector, moved)
    return z, -1 / w, 1 - averages.slope / law.phi, block


def measure_nodes(law: ResidualLaw, n_nodes: int) -> MeasureNodes:
    """Quadrature nodes for functions of M that are smooth and grow no faster than its square.

    A Gauss rule for the sum of all measures, each of mass one, in ``t = x / sqrt(x^2 + L^2)``, x the distance from the
    centre, L five standard deviations of M, in which its unbounded spectrum is compact; the same nodes then carry
    interpolatory weights for every single measure. Fewer nodes come back where rounding ends the recurrence. Last, all
    weights are tilted so that mass, mean and variance of every measure are exact.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the contour does not give the measure the right mass.
    """
    scale = law.deviation
    gram = frame_gram(law)
    if scale == 0.0:
        return MeasureNodes(np.zeros(1), np.ones(1), gram[None], np.ones(1))
    size = gram.shape[0]
    moments = _moments(law, scale, 2 * n_nodes)
    own = np.diagonal(gram)
    total = moments[:, 0] + moments[:, 1 + np.arange(size) * (size + 1)] @ np.divide(1, own, where=own > 0, out=0 * own)
    t, vectors = _gauss(*_chebyshev(total), _compact(law.lowest - law.centre, scale))
    n = len(t)
    # Orthonormal polynomials of the total measure at the nodes are the scaled eigenvectors; their Legendre
    # coefficients turn the Legendre moments of any other measure into its interpolatory weights.
    orthonormal = vectors / vectors[0] / sqrt(total[0])
    expansion = np.linalg.solve(_legendre(t, n).T, orthonormal.T)
    gauss = total[0] * vectors[0] ** 2
    weights = (orthonormal.T @ (expansion.T @ moments[:n])) * gauss[:, None]
    offsets = _LENGTH * t / np.sqrt(1 - t**2)
    weights = _matched(
        offsets, weights, gauss, _central(_power_moments(law), law.centre) / scale ** np.arange(3)[:, None]
    )
    nodes = law.centre + scale * offsets
    return MeasureNodes(nodes, weights[:, 0], weights[:, 1:].reshape(n, size, size), np.ones(n))


def _power_moments(law: ResidualLaw) -> Array:
    """Exact moments 0, 1, 2 of (bulk, frame ...), columns, from the resolvent's expansion in 1/z.

    With w the weight of a sample (eps for M), ``e_j = E w^j``, ``t_j = E w^(j-1) eps k``, ``A_j = E w^j k k'``:
    E mu = e_1, E mu^2 = phi_0 e_2 + e_1^2; between the k: ``I, A_1, A_1^2 + phi_0 A_2``; from k to beta:
    ``t_1, A_1 t_1 + phi_0 t_2, ...``.
    """
    eps, weights, k, pairs = law.joint_sample(6)
    powers = weights * law.weight(eps) ** np.arange(3)[:, None]
    _, e1, e2 = powers.sum(axis=1)
    s2, s3, s4 = powers @ eps**2
    t1, t2, t3 = (powers * eps) @ k
    a1, a2 = np.tensordot(powers[1:], pairs, 1)
    phi, m1, m2 = law.phi, e1, law.phi * e2 + e1**2
    k2 = a1 @ a1 + phi * a2
    side1 = a1 @ t1 + phi * t2
    side2 = k2 @ t1 + phi * (a1 @ t2 + m1 * t2 + phi * t3)
    own1 = phi * (s2 * m1 + phi * s3) + t1 @ a1 @ t1 + 2 * phi * (t1 @ t2)
    own2 = phi * (s2 * m2 + 2 * phi * s3 * m1 + phi**2 * s4) + t1 @ k2 @ t1
    own2 += 2 * phi * (t1 @ a1 @ t2 + m1 * (t1 @ t2) + phi * (t1 @ t3)) + phi**2 * (t2 @ t2)
    blocks = [frame_gram(law), _bordered(a1, side1, own1), _bordered(k2, side2, own2)]
    return np.column_stack([[1.0, m1, m2], np.stack([block.ravel() for block in blocks])])


def _central(moments: Array, centre: float) -> Array:
    """Moments 0, 1, 2 about a centre."""
    zero, one, two = moments
    return np.stack([zero, one - centre * zero, two - 2 * centre * one + centre**2 * zero])


def _compact(offset: Any, scale: float) -> Any:
    """``t = x / sqrt(x^2 + L^2)`` of the distance x from the centre."""
    length = _LENGTH * scale
    return np.sign(offset) if np.isscalar(offset) and np.isinf(offset) else offset / np.sqrt(offset**2 + length**2)


def _bordered(block: Array, side: Array, corner: float) -> Array:
    return np.block([[block, side[:, None]], [side[None], np.array([[corner]])]])


def _matched(nodes: Array, weights: Array, gauss: Array, exact: Array) -> Array:
    """Weights plus the smallest change (in the Gauss measure) that makes the moments 0, 1, 2 exact.

    The highest are left where that would be no small change: heavy labels carry them far out in the tails.
    """
    for count in range(min(3, len(nodes)), 0, -1):
        powers = nodes ** np.arange(count)[:, None]
        missing = exact[:count] - powers @ weights
        change = powers.T @ np.linalg.solve((powers * gauss) @ powers.T, missing)
        if np.abs(change).max() < _LARGEST_TILT:
            break
    return weights + gauss[:, None] * change


def _gauss(diagonal: Array, beta: Array, lowest: float) -> tuple[Array, Array]:
    """Nodes and eigenvectors of the Jacobi matrix, cut to the size at which all nodes lie inside ``[lowest, 1]``."""
    sound = np.cumprod((beta[1:] > _SMALLEST_BETA) & (beta[1:] < _LARGEST_BETA)).astype(bool)
    largest = len(diagonal) if sound.all() else max(1, int(sound.sum()) - 1)
    for n in range(largest, 0, -1):
        off = np.sqrt(beta[1:n])
        t, vectors = np.linalg.eigh(np.diag(diagonal[:n]) + np.diag(off, 1) + np.diag(off, -1))
        if t.min() > lowest and t.max() < 1:
            return t, vectors
    raise NumericalError(Status.NOT_CONVERGED, "the spectral measure of the gradient matrix gives no Gauss rule")


def _chebyshev(moments: Array) -> tuple[Array, Array]:
    """Recurrence ``alpha, beta`` of a measure from its orthonormal Legendre moments (modified Chebyshev algorithm)."""
    n = len(moments) // 2
    k = np.arange(2 * n)
    b2 = k**2 / np.abs(4.0 * k**2 - 1)
    mixed, before = moments * np.cumprod(np.append(1.0, np.sqrt(b2[1:]))), np.zeros(2 * n)
    alpha, beta = np.zeros(n), np.zeros(n)
    alpha[0] = mixed[1] / mixed[0]
    for i in range(1, n):
        new = np.zeros(2 * n)
        j = np.arange(i, 2 * n - i)
        new[j] = mixed[j + 1] - alpha[i - 1] * mixed[j] - beta[i - 1] * before[j] + b2[j] * mixed[j - 1]
        if new[i] == 0:
            break
        alpha[i] = new[i + 1] / new[i] - mixed[i] / mixed[i - 1]
        beta[i] = new[i] / mixed[i - 1]
        before, mixed = mixed, new
    return alpha, beta


def _legendre(t: Any, count: int) -> Any:
    """Orthonormal Legendre polynomials, of the uniform law on [-1, 1], stacked on a new first axis."""
    out = np.ones((count, *np.shape(t)), dtype=np.result_type(t, float))
    if count > 1:
        out[1] = t
    for k in range(1, count - 1):
        out[k + 1] = ((2 * k + 1) * t * out[k] - k * out[k - 1]) / (k + 1)
    return out * np.sqrt(2 * np.arange(count) + 1.0).reshape(-1, *([1] * np.ndim(t)))


def _moments(law: ResidualLaw, scale: float, count: int) -> Array:
    """Moments of (bulk, frame ...), columns, in the Legendre polynomials of t."""
    ends = np.append(1.0, frame_gram(law).ravel())
    both = _legendre(np.array([-1.0, 1.0]), count).sum(axis=1)[:, None] * ends / np.pi
    for slope, start, allowed in _OPENINGS:
        z, integrand, end = _contour(law, scale, slope, start)
        polynomials = _legendre(_compact(z - law.centre, scale), count)
        # The arcs that close the contour at infinity, where g dz = -dz/z and t = +-1.
        moments = (polynomials @ integrand).imag / np.pi + both * np.angle(end)
        error = abs(moments[0, 0] - 1)
        if error < allowed:
            return moments
    message = f"the mass of the gradient matrix's spectral measure is off by {error:.1e}"
    raise NumericalError(Status.NOT_CONVERGED, message)


def _contour(law: ResidualLaw, scale: float, slope: float, start: float) -> tuple[Complex, Complex, complex]:
    """Nodes ``z`` along the contour, ``(g, block) dz`` there, columns bulk first, and the direction of its end.

    The strides grow as ``s = x (1 + (x/X)^6)``: far out, where a contour that opens is smooth on the scale of log z.
    """
    x = _STEP * np.append(np.arange(-_HALF, _HALF + 1), _HALF + 0.5)
    power = (x / _STRIDE) ** 6
    curve, tangent = _curve(x * (1 + power), slope, start)
    dw = scale * (_STEP * (1 + 7 * power) * tangent)[:-1]
    z, g, by_w, block = resolvent(law, scale * curve[:-1])
    values = np.concatenate([g[:, None], block.reshape(len(z), -1)], axis=1)
    return z, values * (dw * by_w)[:, None], curve[-1]


def _curve(s: Array, slope: float, start: float) -> tuple[Complex, Complex]:
    """``sinh s + i (1 + slope sinh^2 s/(start + cosh s))`` and its derivative."""
    sinh, cosh = np.sinh(s), np.cosh(s)
    bend = start + cosh
    height = 1 + slope * sinh**2 / bend
    return sinh + 1j * height, cosh + 1j * slope * sinh * (2 * cosh * bend - sinh**2) / bend**2
