"""The limiting spectrum of the gradient's quadratic part ``M = X' diag(eps) X / n_0``.

Section 8 of docs/theory-finite-size.md. With the subordinate variable ``w = -1/g(z)`` the resolvent is explicit
(eq-subordinate), and so is the spectrum: above each real x the curve ``w = x + i v(x)`` on which z is real has the one
height ``v >= 0`` with

    phi_0 E[eps^2 / ((x - phi_0 eps)^2 + v^2)] = 1

(``v = 0`` where the left side is below 1 for every v). Along it z(x) increases, the density at z is
``v / (pi (x^2 + v^2))``, and the support is where ``v > 0``. Outliers are the zeros of ``det K_z`` where v = 0.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from polyspike.arraytypes import Array
from polyspike.hermite import RANGE, split_gauss_legendre
from polyspike.problem import Problem
from polyspike.spectra import GradientSpectrum, GradientSpike
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.gradient_matrix.gauss_rule import resolvent
from polyspike.theory.finite_size.gradient_matrix.measures import frame_gram
from polyspike.theory.finite_size.gradient_matrix.residual_law import ResidualLaw, residual_law, rotation
from polyspike.theory.scope import check_isotropic

__all__ = ["gradient_matrix_spectrum"]

Complex = NDArray[Any]

# Nodes of x, on both sides of zero, between these multiples of the scale of M.
_NODES, _NEAREST, _FARTHEST = 120, 1e-3, 60.0
# Heights below this multiple of the scale are zero.
_LEAST_HEIGHT = 1e-8
_BISECTIONS, _ROOT_BISECTIONS, _NEWTON_STEPS = 28, 45, 7
# Fewer eigenvalues than this are expected beyond an edge of an unbounded support.
_LEAST_COUNT = 0.5
# Labels are bounded where their largest value at all inputs is that at inputs of probability above 1e-6.
_COMMON_INPUT, _BOUNDED = 5.0, 1e-3
_REAL = 1e-14
# Unbounded labels without noise are averaged at nodes, which are smeared out only at a height of this multiple of the
# scale.
_SMEARED = 0.02
_PANEL_NODES = 30
# An outlier nearer to zero than this is the atom.
_ZERO = 1e-9


def gradient_matrix_spectrum(problem: Problem) -> GradientSpectrum:
    """The spectrum of ``M = X' diag(eps) X / n_0``, eps the residual that the gradient sees.

    M (d x d) is the quadratic part of the first step: neuron i moves by ``2 c_2 eta a_i M w_i``. It depends neither on
    the step nor on the ridge. With label noise, or with the Gaussian initial output in the residual, eps is unbounded
    and the limiting support is the whole line: the edges are then where less than half an eigenvalue of d is expected
    beyond (``bounded`` is False), and an outlier is a resonance that lies beyond them, as sharp as d can tell. For
    d > n_0 without noise the density within a percent of its mass around z = 0, made of ever smaller labels, is rough.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    GradientSpectrum

    Examples
    --------
    >>> problem = Problem(teacher="tanh", n_samples=4000, input_dim=1000, noise=0.0, gradient="target", step_size=1.0)
    >>> found = gradient_matrix_spectrum(problem)
    >>> found.bounded
    True
    """
    check_isotropic(problem)
    law = _resolved(residual_law(problem, condition(problem)), problem)
    if law.second_moment == 0:
        return GradientSpectrum(_Nothing(), (), 1.0, (), True)
    curve = _trace(law)
    atom = max(0.0, 1 - 1 / law.phi_gradient)
    bounded = _is_bounded(law)
    edges = _edges(law, curve) if bounded else _visible(curve, problem.input_dim)
    smeared = 0.0 if bounded or law.gaussian_variance > 0 else _SMEARED * _scale(law)
    spikes = _outliers(law, curve.w + 1j * np.maximum(smeared - curve.w.imag, 0.0), edges)
    return GradientSpectrum(_Density(law, curve, edges), edges, atom, spikes, bounded)


@dataclass(frozen=True)
class _Curve:
    """Nodes of the curve on which z is real: w, z and the density there."""

    w: Complex
    z: Array
    density: Array


def _resolved(law: ResidualLaw, problem: Problem) -> ResidualLaw:
    """The law with more nodes where no noise smooths the labels of a teacher of one index."""
    if law.gaussian_variance > 0 or problem.teacher.n_indices > 1:
        return law
    x, weights = split_gauss_legendre(problem.teacher.smoothness.corners, _PANEL_NODES, RANGE)
    inputs = x[:, None] @ rotation(problem.teacher)
    return replace(
        law,
        labels=np.asarray(problem.teacher(x), dtype=float),
        weights=weights,
        inputs=inputs,
        pairs=inputs[:, :, None] ** 2,
    )


def _scale(law: ResidualLaw) -> float:
    return float(law.phi_gradient * law.second_moment) ** 0.5 + abs(law.mean)


def _trace(law: ResidualLaw) -> _Curve:
    scale = _scale(law)
    farthest = _FARTHEST * max(1.0, law.phi_gradient**0.5)
    half = scale * np.geomspace(_NEAREST, farthest, _NODES)
    dense = np.linspace(-4, 4, 2 * _NODES + 1)[1::2] * scale * max(1.0, law.phi_gradient**0.5)
    x = np.unique(np.concatenate([-half, dense, half]))
    height = _heights(law, x)
    w = x + 1j * height
    z, g, _, _ = resolvent(law, w)
    return _Curve(w, z.real, g.imag / np.pi)


def _heights(law: ResidualLaw, x: Array) -> Array:
    """``v(x)`` by bisection in log v: the left side falls with v."""
    scale = _scale(law)
    low, high = (
        np.full(len(x), np.log(_LEAST_HEIGHT * scale)),
        np.full(len(x), np.log(4 * scale * max(1, law.phi_gradient))),
    )
    inside = _excess(law, x, low) > 0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = _excess(law, x, middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(inside, np.exp(low), _REAL * scale)


def _excess(law: ResidualLaw, x: Array, log_v: Array) -> Array:
    """``phi_0 E[eps^2 / |w - phi_0 eps|^2] - 1``, from ``Im E[eps^2 / (w - phi_0 eps)] = -v E[eps^2 / |..|^2]``."""
    v = np.exp(log_v)
    excess: Array = law.averages((x + 1j * v) / law.phi_gradient).beta_beta.imag / v - 1
    return excess


def _is_bounded(law: ResidualLaw) -> bool:
    if law.gaussian_variance > 0:
        return False
    common = np.sqrt(np.diagonal(law.pairs, axis1=1, axis2=2).max(axis=1)) <= _COMMON_INPUT
    largest = np.abs(law.labels).max()
    return bool(np.abs(law.labels[common]).max() > (1 - _BOUNDED) * largest)


def _edges(law: ResidualLaw, curve: _Curve) -> tuple[tuple[float, float], ...]:
    """Intervals with ``v > 0``, their ends by bisection in x.

    The average diverges at v = 0 wherever ``x / phi_0`` is a label, so that gaps lie outside the labels' range only.
    """
    inside = curve.w.imag > 2 * _REAL * _scale(law)
    inside |= (curve.w.real > law.phi_gradient * law.labels.min()) & (
        curve.w.real < law.phi_gradient * law.labels.max()
    )
    change = np.flatnonzero(inside[1:] != inside[:-1])
    a, b, starts = curve.w.real[change], curve.w.real[change + 1], inside[change + 1]
    floor = np.full(len(a), np.log(_LEAST_HEIGHT * _scale(law)))
    for _ in range(_ROOT_BISECTIONS):
        middle = (a + b) / 2
        after = (_excess(law, middle, floor) > 0) == starts
        a, b = np.where(after, a, middle), np.where(after, middle, b)
    ends = resolvent(law, a + 1j * _REAL * _scale(law))[0].real
    return tuple((float(low), float(high)) for low, high in zip(ends[::2], ends[1::2], strict=True))


def _visible(curve: _Curve, d: int) -> tuple[tuple[float, float], ...]:
    """The points beyond which half an eigenvalue is left."""
    mass = np.concatenate([[0.0], np.cumsum(np.diff(curve.z) * (curve.density[1:] + curve.density[:-1]) / 2)])
    share = _LEAST_COUNT / d
    low, high = np.interp([share, mass[-1] - share], mass, curve.z)
    return ((float(low), float(high)),)


@dataclass(frozen=True)
class _Density:
    """The density of the bulk at any z: zero outside the edges."""

    law: ResidualLaw
    curve: _Curve
    edges: tuple[tuple[float, float], ...]

    def __call__(self, z: Array) -> Array:
        points = np.asarray(z, dtype=float)
        inside = np.zeros(points.shape, dtype=bool)
        for low, high in self.edges:
            inside |= (points > low) & (points < high)
        out = np.zeros(points.shape)
        if inside.any():
            out[inside] = self._solved(points[inside])
        return out

    def _solved(self, z: Array) -> Array:
        """Newton for ``z(w) = z`` from the interpolated curve, kept where it brings z nearer."""
        w: Any = self._start(z)
        best, off = w, np.full(z.shape, np.inf)
        for _ in range(_NEWTON_STEPS):
            averages = self.law.averages(w / self.law.phi_gradient)
            missing = w + averages.scalar - z
            nearer = (np.abs(missing) < off) & (w.imag > 0)
            best, off = np.where(nearer, w, best), np.where(nearer, np.abs(missing), off)
            following = w - missing / (1 - averages.slope / self.law.phi_gradient)
            w = np.where(following.imag > 0, following, best)
        density: Array = (-1 / best).imag / np.pi
        return density

    def _start(self, z: Array) -> Complex:
        """``x`` and ``v^2``, which is smooth up to the edges, between the nodes."""
        curve = self.curve
        x, square = (PchipInterpolator(curve.z, part)(z) for part in (curve.w.real, curve.w.imag**2))
        least = (_REAL * _scale(self.law)) ** 2
        start: Complex = x + 1j * np.sqrt(np.maximum(square, least))
        return start


@dataclass(frozen=True)
class _Nothing:
    """The density where the residual vanishes."""

    def __call__(self, z: Array) -> Array:
        return np.zeros(np.shape(z))


def _outliers(law: ResidualLaw, w: Complex, edges: Any) -> tuple[GradientSpike, ...]:
    """Roots of the eigenvalues of ``K_z = E[A k k'] - z`` outside the edges, largest first; they fall along z."""
    z = _matrix(law, w)[0]
    outside = np.ones(len(z), dtype=bool)
    for low, high in edges:
        outside &= (z <= low) | (z >= high)
    values = _eigenvalues(law, w)
    spikes = []
    for i in np.flatnonzero(outside[1:] | outside[:-1]):
        for j in np.flatnonzero((values[i] > 0) & (values[i + 1] <= 0)):
            spike = _located(law, w[i], w[i + 1], int(j))
            if abs(spike.location) > _ZERO and not any(low < spike.location < high for low, high in edges):
                spikes.append(spike)
    return tuple(sorted(spikes, key=lambda spike: -spike.location))


def _matrix(law: ResidualLaw, w: Any) -> tuple[Any, Any, Any]:
    averages = law.averages(w / law.phi_gradient)
    z = (w + averages.scalar).real
    # Without the initial output in the residual its direction is one like any other.
    size = averages.matrix.shape[-1] - (law.output_covariance == 0)
    k = averages.matrix.real[:, :size, :size] - z[:, None, None] * np.eye(size)
    return z, k, averages.vector.real[:, :size]


def _eigenvalues(law: ResidualLaw, w: Complex) -> Array:
    values: Array = np.linalg.eigvalsh(_matrix(law, w)[1])
    return values


def _located(law: ResidualLaw, left: complex, right: complex, j: int) -> GradientSpike:
    """The root by bisection along the curve, and minus the residues of the resolvent on the frame there."""
    a, b = left, right
    for _ in range(_ROOT_BISECTIONS):
        middle = (a + b) / 2
        above = _eigenvalues(law, np.array([middle]))[0, j] > 0
        a, b = (middle, b) if above else (a, middle)
    step = 1e-4 * abs(right - left)
    z, k, t = _matrix(law, np.array([b - step, b, b + step]))
    vector = np.linalg.eigh(k[1])[1][:, j]
    slope = float(vector @ (k[2] - k[0]) @ vector / (z[2] - z[0]))
    beta = float(vector @ t[1]) ** 2 / -slope
    shares, p = vector**2 / -slope, law.inputs.shape[1]
    output = float(shares[p]) if len(shares) > p else 0.0
    return GradientSpike(float(z[1]), shares[:p], output, beta / float(frame_gram(law)[-1, -1]))
