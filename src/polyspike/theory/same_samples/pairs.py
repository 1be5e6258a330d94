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
from polyspike.theory.same_samples.sample_law import SampleLaw, residual_energy
from polyspike.theory.same_samples.steps import Step

__all__ = ["own_moves", "pair_functions", "pair_moments"]


def pair_functions(step: Step, law: SampleLaw, found: TrainingFeatures, fresh: ActivationAverages) -> PairFunctions:
    """The functions that pairs of samples teach (eq-pairs), at readouts other than 0."""
    places = np.flatnonzero(step.u)
    assert found.pairs is not None
    learned = np.moveaxis(found.pairs[..., places], 0, -1)
    bend = _bend(step, fresh)[:, places]
    tests = np.stack([bend, 0 * bend, bend, 0 * bend, 0 * bend], axis=-1)
    moments = pair_moments(step.problem, step.along_t[places], law)
    flat = (*law.weights.shape, -1)
    return PairFunctions(
        places, learned.reshape(flat), tests.reshape(len(bend), -1), np.asarray(np.linalg.inv(moments), dtype=float)
    )


def _bend(step: Step, fresh: ActivationAverages) -> Array:
    """``E sigma''(p)`` of fresh samples."""
    return np.asarray(fresh.mean_by_log_norm / step.tau**2)


def own_moves(step: Step, found: TrainingFeatures, fresh: ActivationAverages, chi: Array) -> OwnMoves | None:
    """How neurons move along themselves by their overlap with beta, for ``c_3 != 0`` (eq-own-moves)."""
    beta = _beta(step.problem)
    size = float(np.linalg.norm(beta))
    if step.numbers.c3 == 0 or found.pairs is None or size == 0:
        return None
    scale = 6 * step.numbers.c3 * size * step.along_t
    others = np.linalg.svd(chi.T)[2][chi.shape[1] :].T
    return OwnMoves(found.pairs[0] * scale, _bend(step, fresh) * scale, beta / size, others)


def _beta(problem: Problem) -> Array:
    """``beta = E eps x`` in the known directions (beta*, its noise[, omega], further inputs of the teacher)."""
    numbers = activation_numbers(problem.activation)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    noise = sqrt(problem.phi_gradient * residual_energy(problem))
    own = [-numbers.c1] if problem.gradient == "full" else []
    return np.array([signal, noise, *own, *[0.0] * (problem.teacher.n_indices - 1)])


def pair_moments(problem: Problem, kb: Array, law: SampleLaw) -> Array:
    """``K_u`` (eq-pairs), shape (A, 5, 5)."""
    numbers, phi = activation_numbers(problem.activation), problem.phi_gradient
    second, third, fourth = (float(law.mean_over_residuals(law.residual**k)) for k in (2, 3, 4))
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
