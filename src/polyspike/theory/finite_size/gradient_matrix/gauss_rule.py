"""The matrix ``M = X' diag(eps) X / n_0`` of the gradient's quadratic part (docs/theory-corrections.md, section 8).

Its resolvent is explicit when the subordinate variable ``w = -1/g(z)`` is the parameter instead of ``z``:
``z(w) = w + E[eps w / (w - phi_0 eps)]`` (eq-subordinate). From the line ``Im w = sqrt(phi_0 E eps^2)`` upwards every w
belongs to the physical sheet, so integrals against the spectral measures of M are integrals along a curve there, with
no equation to solve. The curve closes around the spectrum: a discrete form of the measures, from which Lanczos'
recurrence makes a Gauss rule (section 9).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array, Complex
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.gradient_matrix.measures import UNLIMITED, MeasureNodes, frame_gram, unlimited_samples
from polyspike.theory.finite_size.gradient_matrix.residual_law import ResidualLaw

__all__ = ["LARGEST_ROUNDING", "Contour", "contour", "measure_nodes", "outermost", "resolvent"]

# The contour: its largest step in the variable of _curve, and its nodes for each node of the rule.
_STEP, _PER_NODE = 0.12, 3
# The slope of its height at large distances, and the distance where that begins. With a slope the contour stays away
# from outliers and from single heavy labels; without one it rounds less.
_SLOPE, _START = 0.4, 4.0
# Beyond the outermost eigenvalue there is no mass. Labels at nodes of less weight than the first and noise of more
# standard deviations than the second are left out; an eigenvalue is smeared by so many standard deviations of M.
_NO_WEIGHT, _NOISE_RANGE, _SMEARED = 1e-14, 7.5, 7.0
# The contour passes an outlier at this multiple of its distance from the centre.
_CLEARANCE = 2.0
# How far below a lowest point the contour closes, and the steps that find the place.
_BEYOND, _NEWTON_STEPS = 0.3, 12
# The largest error of a mass: rounding, where unlimited samples make the spectrum a point.
_MASS_ERROR = 1e-5
# Length of the map for which the contour has height one; a shorter map needs a lower contour.
_LOWEST = 2.0
# Power of the map at large distances: between 1, good where the functions saturate inside the spectrum, and infinity.
_POWER = 3.0
# Mass of a uniform law in t that is added where the nodes are computed; it must be larger than the rounding.
_FLOORS = (1e-9, 1e-7, 1e-5)
_ROUNDING = 1e-9
# A recurrence ends where the squares of its polynomials are rounding to this share: beyond, rounding would decide
# whether there is one.
LARGEST_ROUNDING = 1e-3
# Largest relative change of a weight that matches moments.
_LARGEST_TILT = 0.05


class Contour(NamedTuple):
    """Points z around the spectrum, ``(g, block) dz / pi`` there (columns, bulk first), and the ends it encloses."""

    z: Complex
    measures: Complex
    ends: Array


def resolvent(law: ResidualLaw, w: Complex) -> tuple[Complex, Complex, Complex, Complex]:
    """``z``, ``g``, ``dz/dw`` (eq-subordinate) and the resolvent of M on the frame (eq-matrix, eq-frame) at subordinate
    points ``w = -1/g`` (Im w > 0).

    Returns
    -------
    z, g, slope : ndarray of shape (K,)
        ``z = w + E A``, ``dz/dw = 1 - phi_0 E[eps^2 / (w - phi_0 eps)^2]``.
    block : ndarray of shape (K, p+2, p+2)
        ``(M - z)^-1`` between (teacher directions ..., omega, beta).
    """
    averages = law.averages(w / law.phi_gradient)
    z = w + averages.scalar
    size = averages.matrix.shape[-1]
    k_inverse = np.linalg.inv(averages.matrix - z[:, None, None] * np.eye(size))
    k_inverse_t = np.einsum("kij,kj->ki", k_inverse, averages.vector)
    block = np.empty((len(w), size + 1, size + 1), dtype=complex)
    block[:, :size, :size] = k_inverse
    block[:, :size, size] = block[:, size, :size] = k_inverse_t
    block[:, size, size] = averages.beta_beta + np.einsum("ki,ki->k", averages.vector, k_inverse_t)
    return z, -1 / w, 1 - averages.slope / law.phi_gradient, block


def measure_nodes(
    law: ResidualLaw,
    n_nodes: int,
    length: float = 4.0,
    along: Callable[[ResidualLaw, int, float], Contour] | None = None,
    rounding: float = LARGEST_ROUNDING,
) -> MeasureNodes:
    """Quadrature nodes for functions of M that are smooth and grow no faster than its square.

    A Gauss rule for the sum of all measures, each of mass one, in ``t = tanh(asinh(x/L)/3)``, x the distance from the
    centre, L = ``length`` standard deviations of M: polynomials in t have the singularities that functions of M have,
    on the imaginary axis beyond L. The same nodes then carry interpolatory weights for every single measure. Last, all
    weights are changed so that mass, mean and variance of every measure are exact.

    ``along`` replaces :func:`contour`, so that the sums of one law can be shared by many rules. ``rounding`` is the
    share of rounding in a polynomial's square beyond which the rule has no more nodes.

    A short map (under 2) needs a low contour; where that would leave the physical sheet, the length is 2.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` when the contour does not give the measure the right mass, or no positive rule.
    """
    scale = law.deviation
    gram = frame_gram(law)
    if scale == 0.0:
        return MeasureNodes(np.zeros(1), np.ones(1), gram[None], np.ones(1))
    if law.phi_gradient < UNLIMITED:
        return unlimited_samples(law, gram)
    one_sided = np.isfinite(law.lowest)
    height = 1.0 if one_sided else min(1.0, length / _LOWEST)
    around = (along or contour)(law, n_nodes, height)
    if height < 1 and around.z.imag.min() <= 0:
        return measure_nodes(law, n_nodes, _LOWEST, along, rounding)
    t_of = _Map(length, around.ends[0] if one_sided else -np.inf)
    atom = None
    if one_sided and law.phi_gradient > 1:
        atom = float(t_of.forward(np.array([-law.centre / scale]))[0])
    t_along = t_of.forward((around.z - law.centre) / scale)
    rule = _gauss(t_along, _sum_of_measures(around.measures, gram), t_of.forward(around.ends), n_nodes, rounding, atom)
    # The weight of a measure at a node is the sum over k of p_k(node) <p_k, measure>, times the weight of the rule.
    weights = (rule.values.T @ (rule.orthonormal @ around.measures).imag) * rule.weights[:, None]
    x = t_of.back(rule.t)
    exact = _central(_power_moments(law), law.centre) / scale ** np.arange(3)[:, None]
    weights = _matched(x, weights, rule.weights, exact)
    count, size = len(x), len(gram)
    nodes = law.centre + scale * x
    return MeasureNodes(nodes, weights[:, 0], weights[:, 1:].reshape(count, size, size), np.ones(count))


def _sum_of_measures(measures: Complex, gram: Array) -> Complex:
    """The spectral distribution plus the measures at the directions of the frame, each divided by its mass."""
    size, masses = len(gram), np.diagonal(gram)
    shares = np.divide(1, masses, where=masses > 0, out=0 * masses)
    total: Complex = measures[:, 0] + measures[:, 1 + np.arange(size) * (size + 1)] @ shares
    return total


def contour(law: ResidualLaw, n_nodes: int, height: float) -> Contour:
    """The sums along a contour for rules of up to so many nodes.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` when it does not give the measures the right mass.
    """
    ends, gram = _ends(law), frame_gram(law)
    z, measures = _contour(law, law.deviation, ends, _PER_NODE * n_nodes, height)
    if height < 1 and z.imag.min() <= 0:
        return Contour(z, measures, ends)
    masses = np.diagonal(gram)
    sizes = np.append(1.0, np.sqrt(np.outer(masses, masses)) + np.finfo(float).tiny)
    error = (np.abs(measures.sum(axis=0).imag - np.append(1.0, gram)) / sizes).max()
    if not error < _MASS_ERROR:
        raise NumericalError(Status.OUT_OF_RANGE, f"the measures of M miss {error:.1e} of their mass: {_tails(law)}")
    return Contour(z, measures, ends)


def outermost(law: ResidualLaw) -> float:
    """Distance from the centre, in standard deviations of M, beyond which no eigenvalue is left to rounding."""
    return float(np.abs(_ends(law)).max()) if law.deviation > 0 else 0.0


def _tails(law: ResidualLaw) -> str:
    """The words of an error message for a law whose measures are hard to integrate."""
    eps, weights, *_ = law.joint_sample(6)
    kurtosis = weights @ (eps / sqrt(law.second_moment)) ** 4
    return f"few samples carry the gradient, E eps^4 = {kurtosis:.3g} (E eps^2)^2"


def _ends(law: ResidualLaw) -> Array:
    """The interval of the spectrum about the centre, in standard deviations.

    A single sample has an eigenvalue near ``phi_0 w``; outliers of the frame lie near the eigenvalues of ``E w k k'``
    when there are many samples.
    """
    labels = law.labels[law.weights > _NO_WEIGHT]
    noise = _NOISE_RANGE * sqrt(law.gaussian_variance)
    single = law.phi_gradient * law.weight(np.array([labels.min() - noise, labels.max() + noise]))
    eps, weights, _, pairs = law.joint_sample(6)
    outliers = np.linalg.eigvalsh(np.tensordot(weights * law.weight(eps), pairs, 1)) - law.centre
    furthest = np.concatenate([[0.0], single, _CLEARANCE * outliers]) / law.deviation
    low = max(furthest.min() - _SMEARED, (law.lowest - law.centre) / law.deviation)
    return np.array([low, furthest.max() + _SMEARED])


def _power_moments(law: ResidualLaw) -> Array:
    """Exact moments 0, 1, 2 of (bulk, frame ...), columns, from the expansion in 1/z of (eq-matrix, eq-frame).

    With w the weight of a sample (eps for M), ``e_j = E w^j``, ``t_j = E w^(j-1) eps k``, ``A_j = E w^j k k'``, the
    bulk has ``E mu = m_1 = e_1`` and ``E mu^2 = m_2 = phi_0 e_2 + e_1^2``. Between the k the moments are
    ``I, A_1, K_2 = A_1^2 + phi_0 A_2``, from k to beta
    ``t_1, A_1 t_1 + phi_0 t_2, K_2 t_1 + phi_0 (A_1 t_2 + m_1 t_2 + phi_0 t_3)``.
    """
    eps, weights, k, pairs = law.joint_sample(6)
    powers = weights * law.weight(eps) ** np.arange(3)[:, None]
    _, e1, e2 = powers.sum(axis=1)
    t1, t2, t3 = (powers * eps) @ k
    a1, a2 = np.tensordot(powers[1:], pairs, 1)
    phi, m1, m2 = law.phi_gradient, e1, law.phi_gradient * e2 + e1**2
    k2 = a1 @ a1 + phi * a2
    to_beta1 = a1 @ t1 + phi * t2
    to_beta2 = k2 @ t1 + phi * (a1 @ t2 + m1 * t2 + phi * t3)
    beta1, beta2 = _moments_of_beta(phi, (m1, m2), powers @ eps**2, (t1, t2, t3), (a1, k2))
    blocks = [frame_gram(law), _bordered(a1, to_beta1, beta1), _bordered(k2, to_beta2, beta2)]
    return np.column_stack([[1.0, m1, m2], np.stack([block.ravel() for block in blocks])])


def _moments_of_beta(phi: float, m: Any, s: Any, t: Any, a: Any) -> tuple[float, float]:
    """The moments ``beta' M beta`` and ``beta' M^2 beta``, in the symbols of :func:`_power_moments`.

    With ``s_j = E w^(j-2) eps^2`` the first is ``phi_0 (s_2 m_1 + phi_0 s_3)``, of a sample with itself, plus
    ``t_1' A_1 t_1 + 2 phi_0 t_1' t_2``, of different samples; the second continues both sums.
    """
    (m1, m2), (s2, s3, s4), (t1, t2, t3), (a1, k2) = m, s, t, a
    first = phi * (s2 * m1 + phi * s3) + t1 @ a1 @ t1 + 2 * phi * (t1 @ t2)
    second = phi * (s2 * m2 + 2 * phi * s3 * m1 + phi**2 * s4) + t1 @ k2 @ t1
    second += 2 * phi * (t1 @ a1 @ t2 + m1 * (t1 @ t2) + phi * (t1 @ t3)) + phi**2 * (t2 @ t2)
    return first, second


def _central(moments: Array, centre: float) -> Array:
    """Moments 0, 1, 2 about a centre."""
    zero, one, two = moments
    return np.stack([zero, one - centre * zero, two - 2 * centre * one + centre**2 * zero])


@dataclass(frozen=True)
class _Map:
    """The variable t of the polynomials: ``tanh(asinh(x/L)/3)``, or ``log(1 + (x - low)/L)`` where the spectrum has a
    lowest point.
    """

    length: float
    low: float

    def forward(self, x: Any) -> Any:
        """The variable t at the distances x from the centre."""
        if np.isfinite(self.low):
            return np.log1p((x - self.low) / self.length)
        return np.tanh(np.arcsinh(x / self.length) / _POWER)

    def back(self, t: Array) -> Array:
        """The distance x at t, the inverse of :meth:`forward`."""
        one_sided = np.isfinite(self.low)
        found: Array = np.expm1(t) if one_sided else np.sinh(_POWER * np.arctanh(t))
        return self.length * found + (self.low if one_sided else 0.0)


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


class _Rule(NamedTuple):
    """A Gauss rule in t.

    Attributes
    ----------
    t, weights : ndarray of shape (n,)
    values : ndarray of shape (n, n)
        The orthonormal polynomials (rows) at the nodes.
    orthonormal : ndarray of shape (n, K)
        The same along the contour.
    """

    t: Array
    weights: Array
    values: Array
    orthonormal: Complex


def _gauss(
    along: Complex, total: Complex, ends: Array, n_nodes: int, rounding: float, atom: float | None = None
) -> _Rule:
    """Gauss rule of the total measure at the points ``along`` the contour; where it has an atom, Gauss and Radau's
    with a node there.

    The measure's tails are smaller than the rounding of a sum along the contour, and polynomials of high degree cannot
    be made orthogonal below that rounding. A floor, the law uniform in the angle of t, keeps the measure that defines
    the nodes above it; the weights are those of the measures alone. Where no floor is enough, the rule has fewer nodes,
    as many as the longest recurrence: that happens for bounded spectra, whose functions need the fewest.
    """
    while n_nodes > 0:
        longest = 0
        angles = np.pi * (np.arange(2 * n_nodes) + 0.5) / (2 * n_nodes)
        uniform = ends.mean() + np.diff(ends) / 2 * np.cos(angles)
        points = np.concatenate([along, uniform])
        for floor in _FLOORS:
            weights = np.concatenate([total, np.full(2 * n_nodes, 0.5j * floor / n_nodes)])
            diagonal, off, orthonormal = _lanczos(points, weights, n_nodes, rounding)
            if len(diagonal) < n_nodes:
                longest = max(longest, len(diagonal))
                continue
            if atom is not None and n_nodes > 1:
                diagonal[-1] = atom + _radau(diagonal[:-1] - atom, off)
            t, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
            # The node at an atom is one of the ends, to rounding.
            if t.min() > ends[0] - _ROUNDING * (atom is not None) and t.max() < ends[1]:
                return _golub_welsch(t, vectors, orthonormal[:, : len(along)])
        n_nodes = max(longest, 3 * n_nodes // 4)
    raise NumericalError(Status.OUT_OF_RANGE, "the spectral measure of the gradient matrix gives no Gauss rule")


def _golub_welsch(t: Array, vectors: Array, orthonormal: Complex) -> _Rule:
    """The rule of Golub and Welsch, from eigenvalues and eigenvectors of the recurrence's matrix: the weights are the
    mass times the squared first components.
    """
    mass, first = 1 / orthonormal[0, 0].real ** 2, vectors[0]
    return _Rule(t, mass * first**2, vectors / first / sqrt(mass), orthonormal)


def _radau(diagonal: Array, off: Array) -> float:
    """The last coefficient of a recurrence that has a node at zero: ``b' J^-1 b`` with J the matrix before it."""
    before = np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1)
    return float(off[-1] ** 2 * np.linalg.inv(before)[-1, -1])


def _lanczos(points: Complex, weights: Complex, n_nodes: int, rounding: float) -> tuple[Array, Array, Complex]:
    """Recurrence of the polynomials that are orthonormal in the real form ``Im sum_k weight f g``, and their values.

    It ends early where the form is not positive, or rounding to more than the given share.
    """
    unit = np.finfo(float).eps / rounding
    diagonal, off, found = np.zeros(n_nodes), np.zeros(n_nodes - 1), np.empty((n_nodes, len(points)), dtype=complex)
    found[0] = 1 / sqrt(weights.sum().imag)
    for k in range(n_nodes):
        following = points * found[k]
        weighted = weights * found[k]
        diagonal[k] = (weighted @ following).imag
        if k + 1 == n_nodes:
            break
        following -= diagonal[k] * found[k]
        if k > 0:
            following -= off[k - 1] * found[k - 1]
        squares = (weights * following) * following
        square = squares.sum().imag
        if not square > unit * np.abs(squares).sum():
            return diagonal[: k + 1], off[:k], found[: k + 1]
        off[k] = sqrt(square)
        found[k + 1] = following / off[k]
    return diagonal, off, found


def _contour(law: ResidualLaw, scale: float, ends: Array, least: int, height: float) -> tuple[Complex, Complex]:
    """Nodes ``z``, so many at least, along the contour and ``(g, block) dz / pi`` there, columns bulk first.

    The contour closes on both sides of the spectrum, whose measures are the imaginary parts of sums along it. Its w
    belongs to the physical sheet where Im z > 0; above height one, in standard deviations of M, that is everywhere.
    """
    low, high = np.arcsinh([_left_end(law, ends[0]) / scale if np.isfinite(law.lowest) else ends[0], ends[1]])
    count = int(np.ceil(max(np.pi * (high - low) / 2 / _STEP, least) / height))
    curve, tangent = _curve(np.pi * (np.arange(count) + 0.5) / count, low, high, height)
    z, g, by_w, block = resolvent(law, scale * curve)
    values = np.concatenate([g[:, None], block.reshape(count, -1)], axis=1)
    return z, values * (scale / count * tangent * by_w)[:, None]


def _left_end(law: ResidualLaw, low: float) -> float:
    """The real w whose z lies a little below the lowest point, by Newton from the left: z is concave there."""
    goal = law.centre + (low - _BEYOND) * law.deviation
    w = goal - law.centre - law.deviation
    for _ in range(_NEWTON_STEPS):
        averages = law.averages(np.array([w / law.phi_gradient], dtype=complex))
        w -= float((w + averages.scalar[0].real - goal) / (1 - averages.slope[0].real / law.phi_gradient))
    return w


def _curve(angles: Array, low: float, high: float, lowest: float) -> tuple[Complex, Complex]:
    """``x = sinh(s)``, s between low and high, at ``sin(angle) (lowest + slope x^2/(start + sqrt(1 + x^2)))``, and the
    derivative by the angle.

    With its mirror image it is a closed curve, on which the trapezoid rule is exponentially accurate.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    s = (high + low) / 2 - (high - low) / 2 * cos
    x, root = np.sinh(s), np.cosh(s)
    x_by_angle, denominator = (high - low) / 2 * sin * root, _START + root
    height = lowest + _SLOPE * x**2 / denominator
    height_by_angle = _SLOPE * x_by_angle * x * (2 * denominator - x**2 / root) / denominator**2
    return x + 1j * sin * height, x_by_angle + 1j * (cos * height + sin * height_by_angle)
