"""Quadrature grids for kappa and u (docs/theory-finite-size.md, section 9).

Once averaged over z everything is analytic in kappa and u, so the trapezoid rule converges geometrically. In kappa it
is uniform, its step set by how fast ``r u kappa / tau(u)`` turns; in u it is graded by ``u = c sinh s``, which resolves
the scale ``1/r`` near zero and takes long strides where tau has grown with u.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import asinh, ceil, log10, sqrt

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import gaussian_rule
from polyspike.problem import Activation, Problem, Teacher
from polyspike.status import Status
from polyspike.theory.finite_size.conditioning import Conditioning

__all__ = ["Grid", "choose_grid", "trapezoid"]

# Steps and counts for 1e-8 in the errors, measured over random problems; a teacher that is no polynomial has poles or
# kinks at a distance that sets a narrower step.
_KAPPA_STEP = 0.61
_WIDEST_STEP = {"polynomial": 0.55, "other": 0.37}
_U_NODES = 33
_U_NODES_PER_DECADE = 24
_LEAST_U_NODES = 19
_LEAST_STRENGTH = 0.3
_MAX_KAPPA_NODES = 1500
# A kink smoothed by a Gaussian of deviation w takes steps of this times w; under the sharpest it is not resolved, which
# moves averages by the square of that.
_KINK_STEP = 0.8
# A callable analytic in |Im z| < 0.8 asks for this.
_STEEP_STEP = 0.2
_SHARPEST = 1e-5
_PACE_REACH = 5.0
# Beyond the reach less than this share of any second moment is left.
_TAIL = 1e-13
_REACHES = np.arange(6.6, 14.9, 0.2)


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes and weights of ``E_kappa`` and ``E_u``; both sets of weights sum to one."""

    kappa: Array
    kappa_weights: Array
    u: Array
    u_weights: Array


def choose_grid(problem: Problem, conditioning: Conditioning, refine: float = 1.0) -> Grid:
    """The grid that the spike strength r and the spread q of this problem ask for.

    Parameters
    ----------
    refine : float
        Factor by which every step is divided, and by whose logarithm the grid reaches further.

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
    reach = teacher_range(problem.teacher) + extra
    _check_count(reach / step, f"spike strength r = {r:.3g}")
    kappa = _kappa_rule(problem.teacher, abs(np.real(conditioning.spike_cosine)), step, reach, refine)
    if problem.readout == "rademacher":
        u = (np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
    elif problem.readout == "constant":
        u = (np.array([1.0]), np.array([1.0]))
    else:
        # The weaker the spike, the less turns with u; in the end the nodes are those of the weight alone.
        strength = max(r, sqrt(q), _LEAST_STRENGTH)
        count = max(_LEAST_U_NODES, (_U_NODES + _U_NODES_PER_DECADE * log10(strength / 1.5)) * refine)
        u = graded(1 / strength, ceil(count / 2), activation_range(problem.activation) + extra)
    return Grid(*kappa, *u)


def _kappa_rule(teacher: Teacher, cosine: float, step: float, reach: float, refine: float) -> tuple[Array, Array]:
    """Uniform, and finer where a kink or a steep place of the label, smoothed over ``sqrt(1 - rho^2)/rho`` of kappa,
    asks for it.

    About a kink at zero it is graded, ``kappa = c sinh s``: as fine as the kink there, and no coarser than ``step`` out
    to where little weight is left.
    """
    sharp = bool(teacher.kinks) or teacher.function is not None
    width = max(sqrt(1 - cosine**2), _SHARPEST) / cosine if cosine > 0 and sharp else np.inf
    fine = _KINK_STEP * width / refine
    if not teacher.kinks and teacher.function is not None:
        fine = max(fine, _STEEP_STEP * 2.0**-teacher.smoothness.level / refine)
    if fine >= step:
        return trapezoid(step, reach)
    if teacher.kinks != (0.0,):
        _check_count(reach / fine, f"a kinked or steep teacher seen at rho = {cosine:.6g}")
        return trapezoid(fine, reach)
    pace = step / _PACE_REACH
    scale = fine / pace
    half = asinh(reach / scale) / pace
    _check_count(half, f"a kinked teacher seen at rho = {cosine:.6g}")
    return graded(scale, ceil(half), reach)


def _check_count(half: float, reason: str) -> None:
    if half > _MAX_KAPPA_NODES / 2:
        message = f"{reason}: the average over kappa would need {2 * half:.0f} nodes"
        raise NumericalError(Status.OUT_OF_RANGE, message)


@lru_cache(maxsize=128)
def trapezoid(step: float, reach: float) -> tuple[Array, Array]:
    """The trapezoid rule against the normal density on [-reach, reach], zero a node."""
    n = ceil(reach / step)
    x: Array = step * np.arange(-n, n + 1.0)
    weights = np.exp(-(x**2) / 2)
    return x, weights / weights.sum()


@lru_cache(maxsize=128)
def graded(scale: float, half: int, reach: float) -> tuple[Array, Array]:
    """The trapezoid rule in s for ``u = scale sinh s`` against the normal density, ``2 half + 1`` nodes."""
    s = asinh(reach / scale) / half * np.arange(-half, half + 1)
    u = scale * np.sinh(s)
    weights = np.exp(-(u**2) / 2) * np.cosh(s)
    return u, weights / weights.sum()


@lru_cache(maxsize=256)
def teacher_range(teacher: Teacher) -> float:
    """How far kappa must go for the second moment of ``(1 + x^2)(1 + sigma*^2)``."""
    if teacher.n_indices > 1:
        return _reach(lambda x: np.asarray(teacher(np.stack([x] * teacher.n_indices, axis=-1))), teacher.kinks)
    return _reach(teacher, teacher.kinks)


@lru_cache(maxsize=256)
def activation_range(activation: Activation) -> float:
    """The same for u, with the activation."""
    return _reach(activation, activation.kinks)


def _reach(function: object, kinks: tuple[float, ...]) -> float:
    x, weights = gaussian_rule(kinks)
    assert callable(function)
    energy = weights * (1 + np.asarray(function(x)) ** 2)
    left = np.array([energy[np.abs(x) > reach].sum() for reach in _REACHES])
    enough = np.flatnonzero(left < _TAIL * energy.sum())
    return float(_REACHES[enough[0]] if len(enough) else _REACHES[-1])
