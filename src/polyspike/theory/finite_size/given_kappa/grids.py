"""Quadrature grids for kappa and u (docs/theory-numerics.md, section 9).

Once averaged over z everything is analytic in kappa and u, so the trapezoid rule converges geometrically. In kappa it
is uniform, with a step set by how fast ``r u kappa / tau(u)`` varies. In u it is graded by ``u = c sinh s``, which
resolves the scale ``1/r`` near zero and takes large steps where tau has grown with u, and about readouts at which
neurons lose their length as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import asinh, ceil, floor, log10, sinh, sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gaussian_rule
from polyspike.problem import Activation, Problem, Teacher
from polyspike.status import Status
from polyspike.theory.finite_size.conditioning import Conditioning
from polyspike.theory.finite_size.given_kappa.deviation import deviation, readouts_of_no_length

__all__ = ["Grid", "choose_grid", "trapezoid", "upper_half"]

# Steps and counts for 1e-8 in the errors, measured over random problems; a teacher that is no polynomial has poles or
# kinks at a distance that sets a narrower step.
_KAPPA_STEP = 0.61
_WIDEST_STEP = {"polynomial": 0.55, "other": 0.37}
_U_NODES = 33
_U_NODES_PER_DECADE = 24
_LEAST_U_NODES = 19
_LEAST_STRENGTH = 0.3
# About a readout at which weights have no length: the step of asinh of the distance over the width, the least width,
# and the exponent of a singularity's distance and weight below which a rule resolves it.
_STEP_OF_LENGTH, _LEAST_LENGTH, _LOST = 0.3, 1e-4, 18.5
# A deviation below this is one of neurons that have been turned.
_SHORT = 0.5
# Of N neurons none has a readout below 1/(N times this), so that nothing there is resolved.
_RESOLVED = 1e6
_MAX_KAPPA_NODES = 1500
# A kink smoothed by a Gaussian of deviation w takes steps of this times w. A deviation below the smallest is not
# resolved, which changes averages by the square of it.
_KINK_STEP = 0.8
# The step for a callable that is analytic in |Im z| < 0.8.
_STEEP_STEP = 0.2
_SMALLEST_WIDTH = 1e-5
_BISECTIONS = 60
# Up to this kappa the steps of a grid graded about a kink are no wider than those of a uniform one.
_GRADED_RANGE = 5.0
# Beyond the range of a grid less than this share of any second moment is left.
_TAIL = 1e-13
_RANGES = np.arange(6.6, 14.9, 0.2)


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes and weights of ``E_kappa`` and ``E_u``; both sets of weights sum to one.

    Where neurons are told apart by their overlap with the gradient as well, ``u`` are the nodes of pairs (u, g), the
    overlaps changing fastest, and ``overlap`` are their g; it is 0.0 otherwise. ``overlap_share`` is the share of the
    weights' moves by their overlap that is kept.
    """

    kappa: Array
    kappa_weights: Array
    u: Array
    u_weights: Array
    overlap: Any = 0.0
    overlap_share: float = 1.0

    @property
    def n_readouts(self) -> int:
        """The number of different nodes of u."""
        return len(self.u) if np.ndim(self.overlap) == 0 else len(np.unique(self.u))

    @property
    def moving_overlap(self) -> Any:
        """The overlaps times the share of the moves that is kept."""
        return self.overlap_share * self.overlap

    def average_over_overlaps(self, values: Any) -> Any:
        """The averages over the overlaps of neurons of the same readout of values (A, ...), at every node."""
        weights = self.u_weights.reshape(self.n_readouts, -1)
        share = weights / weights.sum(axis=1, keepdims=True)
        means = np.einsum("ug,ug...->u...", share, values.reshape(*weights.shape, *values.shape[1:]))
        return np.repeat(means, weights.shape[1], axis=0)


def choose_grid(
    problem: Problem,
    conditioning: Conditioning,
    refine: float = 1.0,
    ends: tuple[float | None, float | None] = (None, None),
) -> Grid:
    """The grid for the spike strength r and the variance q of a neuron's move in this problem.

    Parameters
    ----------
    refine : float
        Factor by which every step is divided; above 1 the grid also extends further.
    ends : tuple of float, optional
        Values of kappa and of u that are nodes, where laws will be cut.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` when the step is so far beyond order sqrt(n) that kappa would need too many nodes.
    """
    r, q = abs(conditioning.spike_strength), abs(conditioning.move_variance)
    sharpness = r**2 / (1 + min(2 * q, 20 + q))
    widest = _WIDEST_STEP["polynomial" if problem.teacher.is_polynomial else "other"]
    step = min(widest, _KAPPA_STEP / sqrt(1 + 5 * sharpness)) / refine
    extra = 0.4 * (refine > 1)
    extent = teacher_range(problem.teacher) + extra
    _check_count(extent / step, f"spike strength r = {r:.3g}")
    u, turned = _readout_rule(problem, conditioning, refine, extra, ends[1])
    bend = _width_of_bend(problem, conditioning, turned)
    kappa = _kappa_rule(problem.teacher, abs(np.real(conditioning.spike_cosine)), step, extent, refine, ends[0], bend)
    return Grid(*kappa, *u)


def _readout_rule(
    problem: Problem, conditioning: Conditioning, refine: float, extra: float, end: float | None
) -> tuple[tuple[Array, Array], Array]:
    """The rule for u, and the readouts at which neurons may lose their length."""
    if problem.readout == "rademacher":
        return (np.array([-1.0, 1.0]), np.array([0.5, 0.5])), np.array([-1.0, 1.0])
    if problem.readout == "constant":
        return (np.array([1.0]), np.array([1.0])), np.array([1.0])
    # The weaker the spike, the less the averages depend on u; for the weakest the nodes are those of the weight.
    r, q = abs(conditioning.spike_strength), abs(conditioning.move_variance)
    strength = min(max(r, sqrt(q), _LEAST_STRENGTH), _RESOLVED * problem.width)
    count = max(_LEAST_U_NODES, (_U_NODES + _U_NODES_PER_DECADE * log10(strength / 1.5)) * refine)
    rule = _graded(1 / strength, ceil(count / 2), activation_range(problem.activation) + extra, end)
    lost = _unresolved(readouts_of_no_length(problem, conditioning), 1 / strength, rule[0])
    return _about(lost, 1 / strength, rule, _STEP_OF_LENGTH / refine, end) if len(lost) else rule, np.real(lost)


def _width_of_bend(problem: Problem, conditioning: Conditioning, turned: Array) -> float:
    """Over what of kappa a kink of the activation at zero is smoothed where neurons have lost half of their length."""
    if problem.activation.kinks != (0.0,) or len(turned) == 0:
        return np.inf
    tau, strengths = np.real(deviation(problem, conditioning, turned)), np.abs(np.real(conditioning.strengths(turned)))
    short = (tau < _SHORT) & (strengths > 0)
    return float((tau[short] / strengths[short]).min()) if short.any() else np.inf


def _kappa_rule(
    teacher: Teacher,
    cosine: float,
    step: float,
    extent: float,
    refine: float,
    end: float | None,
    bend: float,
) -> tuple[Array, Array]:
    """A uniform rule with the given step, or a finer one for a label with a kink or a steep place, or for features that
    ``bend`` at zero over so little of kappa.

    These are smoothed over ``sqrt(1 - rho^2)/rho`` of kappa. About a kink at zero the rule is graded,
    ``kappa = c sinh s``: as fine as the smoothed kink there, no coarser than ``step`` where the weight is not small.
    """
    sharp = bool(teacher.kinks) or teacher.function is not None
    width = max(sqrt(1 - cosine**2), _SMALLEST_WIDTH) / cosine if cosine > 0 and sharp else np.inf
    fine = _KINK_STEP * width / refine
    if not teacher.kinks and teacher.function is not None:
        fine = max(fine, _STEEP_STEP * 2.0**-teacher.smoothness.level / refine)
    uniform = fine < step and teacher.kinks != (0.0,)
    fine = min(fine, _KINK_STEP * bend / refine)
    if fine >= step:
        return trapezoid(_ending(step, end), extent)
    if uniform:
        _check_count(extent / fine, f"a kinked or steep teacher seen at rho = {cosine:.6g}")
        return trapezoid(_ending(fine, end), extent)
    step_of_s = step / _GRADED_RANGE
    scale = fine / step_of_s
    half = asinh(extent / scale) / step_of_s
    _check_count(half, f"a kinked label or feature seen at rho = {cosine:.6g}")
    return _graded(scale, ceil(half), extent, end)


def _ending(step: float, end: float | None) -> float:
    """The largest step up to the given one of which ``end`` is a multiple."""
    return step if end is None else end / ceil(end / step)


def _graded(scale: float, half: int, extent: float, end: float | None) -> tuple[Array, Array]:
    """The graded rule, with ``end`` among its nodes."""
    if end is None:
        return graded(scale, half, extent)
    step = _ending(asinh(extent / scale) / half, asinh(end / scale))
    half = ceil(asinh(extent / scale) / step)
    return graded(scale, half, scale * sinh(half * step))


def _check_count(half: float, reason: str) -> None:
    if half > _MAX_KAPPA_NODES / 2:
        message = f"{reason}: the average over kappa would need {2 * half:.0f} nodes"
        raise NumericalError(Status.OUT_OF_RANGE, message)


@lru_cache(maxsize=128)
def trapezoid(step: float, extent: float) -> tuple[Array, Array]:
    """The trapezoid rule against the normal density on [-extent, extent], zero a node."""
    n = ceil(extent / step)
    x: Array = step * np.arange(-n, n + 1.0)
    weights = np.exp(-(x**2) / 2)
    return x, weights / weights.sum()


@lru_cache(maxsize=128)
def graded(scale: float, half: int, extent: float) -> tuple[Array, Array]:
    """The trapezoid rule in s for ``u = scale sinh s`` against the normal density, ``2 half + 1`` nodes."""
    s = asinh(extent / scale) / half * np.arange(-half, half + 1)
    u = scale * np.sinh(s)
    weights = np.exp(-(u**2) / 2) * np.cosh(s)
    return u, weights / weights.sum()


def _unresolved(singular: Array, scale: float, u: Array) -> Array:
    """Those of the complex u whose distance from the real axis the rule graded by ``u = scale sinh s`` does not
    resolve.
    """
    h = asinh(float(u[-1]) / scale) / (len(u) // 2)
    distance = np.abs(np.imag(np.arcsinh(singular / scale))) * 2 * np.pi / h
    near = distance + np.real(singular) ** 2 / 2 < _LOST
    # Those about zero are what the scale is for.
    found: Array = singular[near & (np.imag(singular) > 0) & (np.abs(np.real(singular)) > np.imag(singular))]
    return found


def _about(
    singular: Array, scale: float, rule: tuple[Array, Array], step: float, end: float | None
) -> tuple[Array, Array]:
    """A rule graded by ``u = scale sinh s`` that resolves what is singular at complex u as well.

    Its nodes are where ``asinh(u/scale)/h + sum_k asinh((u - Re u_k)/Im u_k)/step``, h the step of the rule, is an
    integer times its unit but for a shift. Where ``end`` is given, it and its negative are nodes.
    """
    extent, half = float(rule[0][-1]), len(rule[0]) // 2
    h = asinh(extent / scale) / half
    centres, widths = np.real(singular), np.maximum(np.imag(singular), _LEAST_LENGTH)

    def place(u: Array) -> Array:
        found: Array = np.arcsinh(u / scale) / h + np.arcsinh((u[..., None] - centres) / widths).sum(axis=-1) / step
        return found

    least, low, high, most = place(np.array([-extent, -(end or extent), end or extent, extent]))
    unit = (high - low) / ceil(high - low)
    goals = low + unit * np.arange(ceil((least - low) / unit - 1e-9), floor((most - low) / unit + 1e-9) + 1)
    u = _increasing_inverse(place, goals, extent)
    density = 1 / (h * np.hypot(u, scale)) + (1 / np.hypot(u[:, None] - centres, widths)).sum(axis=1) / step
    weights = np.exp(-(u**2) / 2) / density
    return u, weights / weights.sum()


def _increasing_inverse(function: Callable[[Array], Array], values: Array, extent: float) -> Array:
    """Where an increasing function on [-extent, extent] has the values: by bisection, to rounding."""
    low, high = np.full(len(values), -extent), np.full(len(values), extent)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = function(middle) < values
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def upper_half(nodes: Array, weights: Array) -> tuple[Array, Array]:
    """The same averages of even functions by those nodes of a symmetric rule that are not negative."""
    kept = nodes >= 0
    return nodes[kept], np.where(nodes > 0, 2.0, 1.0)[kept] * weights[kept]


@lru_cache(maxsize=256)
def teacher_range(teacher: Teacher) -> float:
    """The largest kappa that the second moment of ``sigma*`` needs."""
    if teacher.n_indices > 1:
        return _range(lambda x: np.asarray(teacher(np.stack([x] * teacher.n_indices, axis=-1))), teacher.kinks)
    return _range(teacher, teacher.kinks)


@lru_cache(maxsize=256)
def activation_range(activation: Activation) -> float:
    """The largest u that the second moment of the activation needs."""
    return _range(activation, activation.kinks)


def _range(function: object, kinks: tuple[float, ...]) -> float:
    """The first of :data:`_RANGES` beyond which less than the tail's share of ``E (1 + f^2)`` is left."""
    x, weights = gaussian_rule(kinks)
    assert callable(function)
    energy = weights * (1 + np.asarray(function(x)) ** 2)
    left = np.array([energy[np.abs(x) > extent].sum() for extent in _RANGES])
    enough = np.flatnonzero(left < _TAIL * energy.sum())
    return float(_RANGES[enough[0]] if len(enough) else _RANGES[-1])
