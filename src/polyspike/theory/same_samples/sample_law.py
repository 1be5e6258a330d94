"""What a sample is given the step (docs/theory-same-data.md, section 1): nodes of (kappa, eps), and what is linear.

A sample of the gradient has the law of a fresh one in ``(kappa*, omega . x, g, f, nu)``, where g is its coordinate
along the noise of beta and f the nonlinear part of the initial output. Given ``(kappa*, a, b)`` with standard normal a
and b, ``eps = sigma*(kappa*) + sd a`` and kappa is linear in ``(kappa*, a, b)``; all else is Gaussian given them
(eq-same-coordinates).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, split_gauss_legendre, tensor_rule
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.labels.label_law import kinks_along, rotation

__all__ = ["Rules", "SampleLaw", "SpikeFrame", "residual_energy", "sample_law", "spike_frame"]

# Residuals and kappa are linear in four independent normal variables: nu/s, omega . x, f/sqrt C_g, g.
_NU, _OMEGA, _OUTPUT, _ACROSS = range(4)
_ROUNDING = 1e-13
_REACH, _PANEL_NODES = 7.0, 5


@dataclass(frozen=True)
class Rules:
    """Numbers of nodes: of every teacher's input, of the Gaussian part of eps, and of kappa given both."""

    teacher: int = 24
    noise: int = 7
    kappa: int = 13


@dataclass(frozen=True)
class SpikeFrame:
    """The spike in the frame (beta*, omega, noise of beta); omega counts for the full gradient only.

    Attributes
    ----------
    coordinates : ndarray of shape (3,)
        ``b / |b|``.
    strength : float
        ``r = |b| / sqrt(N)``.
    self_share : float
        ``sqrt(phi / E eps^2)``: a sample of the gradient has ``g + eps`` times this along the noise of beta.
    """

    coordinates: Array
    strength: Any
    self_share: float


@dataclass(frozen=True, eq=False)
class SampleLaw:
    """Nodes of a sample of the gradient: E of its residual times B of kappa.

    The hidden vector is ``(y, f, kappa*, along the noise of beta[, omega . x], further inputs of the teacher)``.

    Attributes
    ----------
    kappa : ndarray of shape (E, B)
        Without the sample's own share of beta: its law is that of a fresh sample.
    residual : ndarray of shape (E,)
        eps, what the gradient sees of the label.
    weights : ndarray of shape (E, B)
    hidden : ndarray of shape (E, B, H)
        Means of the hidden vector at the node.
    scatter : ndarray of shape (S, H)
        Its independent fluctuations around them: the covariance is ``scatter' scatter`` at every node.
    """

    kappa: Array
    residual: Array
    weights: Array
    hidden: Array
    scatter: Array

    def mean(self, values: Any) -> Any:
        """Average over the samples, of values of shape (E, B, ...)."""
        flat = values.reshape(self.weights.size, -1)
        return (self.weights.ravel() @ flat).reshape(values.shape[2:])

    def mean_over_residuals(self, values: Any) -> Any:
        """Average of values of shape (E, ...), which do not depend on kappa."""
        return (self.weights.sum(axis=1) @ values.reshape(len(values), -1)).reshape(values.shape[1:])


def residual_energy(problem: Problem) -> float:
    """``E eps^2``."""
    output = activation_numbers(problem.activation).second_moment if problem.gradient == "full" else 0.0
    return problem.label_second_moment + output


def spike_frame(problem: Problem) -> SpikeFrame:
    """``b = [omega] + eta c_1 beta``, ``beta = c*_1 beta* - [c_1 omega] + sqrt(phi E eps^2)`` times a unit vector."""
    eta, c1 = problem.step, activation_numbers(problem.activation).c1
    signal, energy = float(np.linalg.norm(problem.teacher.linear_coefficients)), residual_energy(problem)
    noise = sqrt(problem.phi_gradient * energy)
    if problem.gradient == "full":
        b = np.array([eta * c1 * signal, 1 - eta * c1**2, eta * c1 * noise])
        strength = float(np.linalg.norm(b))
    else:
        b = (-1.0 if c1 < 0 else 1.0) * np.array([signal, 0.0, noise])
        strength = eta * abs(c1) * float(np.linalg.norm(b))
    size = float(np.linalg.norm(b))
    share = sqrt(problem.phi_gradient / energy) if energy > 0 else 0.0
    return SpikeFrame(b / size if size > 0 else np.array([0.0, 0.0, 1.0]), strength / sqrt(problem.width), share)


def sample_law(problem: Problem, frame: SpikeFrame, rules: Rules) -> SampleLaw:
    """The law of a sample of the gradient."""
    labels, label_weights, inputs = _teacher_nodes(problem.teacher, rules.teacher)
    c1, output = activation_numbers(problem.activation).c1, problem.activation.residual_strength
    full = problem.gradient == "full"
    of_residual = np.array([problem.noise, -c1 * full, -sqrt(output) * full, 0.0])
    of_kappa = np.array([0.0, frame.coordinates[1], 0.0, frame.coordinates[2]])
    axes, deviation, slopes = _two_axes(of_residual, of_kappa)
    a, a_weights = gauss_hermite(rules.noise) if deviation > 0 else (np.zeros(1), np.ones(1))
    b, b_weights = gauss_hermite(rules.kappa) if slopes[1] > 0 else (np.zeros(1), np.ones(1))
    t, a_nodes = np.repeat(np.arange(len(labels)), len(a)), np.tile(a, len(labels))
    residual = labels[t] + deviation * a_nodes
    normal = a_nodes[:, None, None] * axes[0] + b[:, None] * axes[1]
    kappa = frame.coordinates[0] * inputs[t, :1] + slopes[0] * a_nodes[:, None] + slopes[1] * b
    parts = [
        labels[t, None] + problem.noise * normal[..., _NU],
        sqrt(output) * normal[..., _OUTPUT],
        inputs[t, :1] + 0 * kappa,
        normal[..., _ACROSS] + frame.self_share * residual[:, None],
        *([normal[..., _OMEGA]] if full else []),
        *(inputs[t, j : j + 1] + 0 * kappa for j in range(1, inputs.shape[1])),
    ]
    weights = (label_weights[:, None] * a_weights).ravel()[:, None] * b_weights
    scatter = _scatter(axes, problem.noise, sqrt(output) * full, full, len(parts))
    return SampleLaw(kappa, residual, weights / weights.sum(), np.stack(parts, axis=-1), scatter)


def _two_axes(of_residual: Array, of_kappa: Array) -> tuple[Array, float, tuple[float, float]]:
    """Orthonormal directions of eps and of kappa given eps (zero where there is none), the deviation of eps, and the
    slopes of kappa along both.
    """
    deviation = float(np.linalg.norm(of_residual))
    first = of_residual / deviation if deviation > 0 else np.zeros(4)
    slope = float(of_kappa @ first)
    rest = of_kappa - slope * first
    size = float(np.linalg.norm(rest))
    second = rest / size if size > _ROUNDING else np.zeros(4)
    return np.stack([first, second]), deviation, (slope, size if size > _ROUNDING else 0.0)


def _scatter(axes: Array, noise: float, output: float, full: bool, size: int) -> Array:
    """What the hidden vector does in the directions of the normal variables that are not nodes."""
    free = np.linalg.svd(np.eye(4) - axes.T @ axes)
    directions = free[0][:, free[1] > 0.5].T
    of_hidden = np.zeros((size, 4))
    of_hidden[0, _NU], of_hidden[1, _OUTPUT], of_hidden[3, _ACROSS] = noise, output, 1.0
    if full:
        of_hidden[4, _OMEGA] = 1.0
    scatter = directions @ of_hidden.T
    return np.asarray(scatter[np.linalg.norm(scatter, axis=1) > _ROUNDING])


def _teacher_nodes(teacher: Teacher, count: int) -> tuple[Array, Array, Array]:
    """``sigma*``, weights and inputs, the first along beta*."""
    p = teacher.n_indices
    if teacher.is_polynomial:
        rules = [gauss_hermite(count)] * p
    else:
        rules = [split_gauss_legendre(kinks_along(teacher) if p == 1 else teacher.kinks, _PANEL_NODES, _REACH)] * p
    inputs, weights = tensor_rule(rules)
    frame = rotation(teacher)
    if p == 1:
        # Nodes along beta*, which is the index or its mirror image.
        along = inputs[:, 0]
        return np.asarray(teacher(along * frame[0, 0]), dtype=float), weights, inputs
    return np.asarray(teacher(inputs), dtype=float), weights, inputs @ frame.T
