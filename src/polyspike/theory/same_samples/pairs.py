"""What samples learn of one another beyond the bulk, of relative order 1/n (docs/theory-same-data.md, section 4).

To second order in ``x_j . x_k`` the covariance of two samples' features over neurons has a mean: each is in the other's
move, and both see how the neurons of one readout differ, in how far they have moved along themselves and how far in
all. It is of finite rank and of the bulk's size.
"""

from functools import lru_cache
from math import sqrt

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gaussian_rule
from polyspike.problem import Activation, Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.same_samples.features import TrainingFeatures
from polyspike.theory.same_samples.fit import OwnMoves, PairFunctions
from polyspike.theory.same_samples.mirror import even_and_odd
from polyspike.theory.same_samples.residual import energy_with_norm
from polyspike.theory.same_samples.sample_law import SampleLaw
from polyspike.theory.same_samples.steps import Step

__all__ = [
    "own_moves",
    "pair_functions",
    "pair_moments",
    "seen_own_moves",
    "seen_pairs",
    "unseen_own_moves",
    "unseen_pairs",
]

_INDEPENDENT = 1e-8


def pair_functions(step: Step, law: SampleLaw, fresh: ActivationAverages) -> PairFunctions:
    """The functions that pairs of samples teach (eq-pairs), at readouts other than 0."""
    places, problem = np.flatnonzero(step.u), step.problem
    moments = pair_moments(problem, step.along_t[places], law)
    cost = problem.gradient_samples / problem.n_samples * np.linalg.inv(moments)
    return PairFunctions(places, unseen_pairs(step, fresh), np.asarray(cost, dtype=float))


def seen_pairs(step: Step, found: TrainingFeatures) -> Array:
    """The values of these functions at the gradient's samples, (E, B, 5 P)."""
    assert found.pairs is not None
    learned = np.moveaxis(found.pairs[..., np.flatnonzero(step.u)], 0, -1)
    return learned.reshape(*learned.shape[:2], -1)


def unseen_pairs(step: Step, fresh: ActivationAverages) -> Array:
    """Those at samples that the gradient has not seen, (..., 5 P)."""
    places = np.flatnonzero(step.u)
    radial, bend = _radial_slope(step, fresh)[..., places], _bend(step, fresh)[..., places]
    found = np.stack([radial, 0 * bend, bend, 0 * bend, 0 * bend], axis=-1)
    return found.reshape(*found.shape[:-2], -1)


def _bend(step: Step, fresh: ActivationAverages) -> Array:
    """``E sigma''(p)`` of fresh samples."""
    return np.asarray(fresh.mean_by_log_norm / step.tau**2)


def _radial_slope(step: Step, fresh: ActivationAverages) -> Array:
    """``E z sigma'(p)`` of fresh samples, ``(1 + u s) E sigma''(p)``: weights have stretched by ``u s`` in the mean.

    What the norm in the initial output stretches by itself, 1e-4 of an error, is left out where the label has no mean.
    """
    stretch = step.of_sample.stretch if step.problem.teacher.coefficients(0)[0] else 0.0
    return np.asarray((1 + step.u * stretch) * _bend(step, fresh))


def own_moves(step: Step, fresh: ActivationAverages, chi: Array, mirrored: bool = False) -> OwnMoves | None:
    """How neurons move along themselves by their overlap with beta, for ``c_3 != 0`` (eq-own-moves).

    Where they are ``mirrored`` the weights along beta are even functions of the readout.
    """
    size = float(np.linalg.norm(_beta(step.problem)))
    if step.numbers.c3 == 0 or size == 0:
        return None
    return OwnMoves(unseen_own_moves(step, fresh), _beta(step.problem) / size, _orthogonal_to(chi, mirrored))


def seen_own_moves(step: Step, found: TrainingFeatures) -> Array:
    """``6 c_3 |beta| k_u E z sigma'(p)`` of the gradient's samples, (E, B, A)."""
    assert found.pairs is not None
    return np.asarray(found.pairs[0] * _own_scale(step))


def unseen_own_moves(step: Step, fresh: ActivationAverages) -> Array:
    """``6 c_3 |beta| k_u E sigma''(p)`` of samples that the gradient has not seen, (..., A)."""
    return np.asarray(_radial_slope(step, fresh) * _own_scale(step))


def _own_scale(step: Step) -> Array:
    return np.asarray(6 * step.numbers.c3 * float(np.linalg.norm(_beta(step.problem))) * step.along_t)


def _orthogonal_to(chi: Array, mirrored: bool) -> Array:
    """An orthonormal basis (A, A - p), of the even functions alone where those are asked for."""
    even = even_and_odd(len(chi))[0] if mirrored else np.eye(len(chi))
    _, sizes, right = np.linalg.svd(chi.T @ even)
    return np.asarray(even @ right[int((sizes > _INDEPENDENT).sum()) :].T)


def _beta(problem: Problem) -> Array:
    """``beta = E eps x`` in the known directions (beta*, its noise[, omega], further inputs of the teacher)."""
    numbers = activation_numbers(problem.activation)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    noise = sqrt(problem.phi_gradient * energy_with_norm(problem))
    own = [-numbers.c1] if problem.gradient == "full" else []
    return np.array([signal, noise, *own, *[0.0] * (problem.teacher.n_indices - 1)])


def pair_moments(problem: Problem, kb: Array, law: SampleLaw) -> Array:
    """``K_u`` (eq-pairs), shape (A, 5, 5)."""
    numbers, phi = activation_numbers(problem.activation), problem.phi_gradient
    second, third, fourth = (float(law.mean_over_residuals(law.residual**k)) for k in (2, 3, 4))
    third = 0.0 if law.odd else third
    energy, radial, mixed, spread = _slope_moments(problem.activation)
    out = np.zeros((len(kb), 5, 5))
    out[:, 0, 1] = out[:, 1, 0] = kb
    out[:, 2, 3] = out[:, 3, 2] = kb**2 * phi / 2
    out[:, 4, 4] = kb**2 * phi
    out[:, 2, 4] = out[:, 4, 2] = kb**3 * phi * second * energy
    out[:, 0, 0] = kb**2 * second * (radial - 36 * numbers.c3**2)
    out[:, 0, 2] = out[:, 2, 0] = kb**3 / 2 * phi * third * mixed
    out[:, 2, 2] = kb**4 / 4 * (phi**2 * fourth * spread + 2 * phi * (second * energy) ** 2)
    return out


@lru_cache(maxsize=64)
def _slope_moments(activation: Activation) -> tuple[float, float, float, float]:
    """With ``v = sigma' - c_1``: ``E v^2``, ``Var zv``, ``cov(zv, v^2)`` and ``Var v^2``."""
    z, w = gaussian_rule(activation.smoothness.corners)
    v = activation.derivative(z) - activation_numbers(activation).c1
    radial, square = z * v - w @ (z * v), v**2 - w @ v**2
    return float(w @ v**2), float(w @ radial**2), float(w @ (radial * square)), float(w @ square**2)
