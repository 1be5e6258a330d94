"""From a problem to its pencil and its form."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages
from polyspike.theory.finite_size.given_kappa.grids import activation_range, choose_grid, graded
from polyspike.theory.finite_size.given_kappa.label_parts import label_parts
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.same_samples.features import StepNumbers, training_features
from polyspike.theory.same_samples.forms import Columns, Fit, FreshSamples
from polyspike.theory.same_samples.pencil import Neurons, Population, State
from polyspike.theory.same_samples.sample_law import Rules, SpikeFrame, residual_energy, sample_law, spike_frame

__all__ = ["Model", "build"]

_LEAST_STRENGTH = 0.3
_CUT = 1e-3


@dataclass(frozen=True, eq=False)
class Model:
    """A problem's fit, and its spike."""

    problem: Problem
    fit: Fit
    frame: SpikeFrame


def _u_rule(problem: Problem, strength: float, half: int) -> tuple[Array, Array]:
    if problem.readout == "rademacher":
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    if problem.readout == "constant":
        return np.array([1.0]), np.array([1.0])
    return graded(1 / max(strength, _LEAST_STRENGTH), half, min(activation_range(problem.activation), 6.0))


def build(problem: Problem, rules: Rules = Rules(), half: int = 8, cut: float = _CUT, same: bool = True) -> Model:
    """The model of a problem whose fit uses the gradient's own samples, or fresh ones (``same`` False)."""
    numbers = activation_numbers(problem.activation)
    v_h = max(problem.activation.derivative_variance - 4 * numbers.c2**2, 0.0)
    eta, width = problem.step, problem.width
    phi0, energy = problem.phi_gradient, residual_energy(problem)
    frame = spike_frame(problem)
    law = sample_law(problem, frame, rules)
    scaled = eta / sqrt(width)
    mean_eps = float(problem.teacher.coefficients(0)[0])
    stretch = 2 * numbers.c2 * scaled * mean_eps
    q = phi0 * scaled**2 * energy * problem.activation.derivative_variance
    step = StepNumbers(frame.strength, scaled * phi0, q, stretch, numbers.c1, numbers.c2)
    u, u_weights = _u_rule(problem, max(frame.strength, sqrt(q), step.self_gain), half)
    root = np.sqrt(u_weights)

    # Fresh samples.
    grid = choose_grid(problem, condition(problem))
    kappa, kw = grid.kappa, grid.kappa_weights
    gain = 1 + u * stretch
    tau = np.sqrt(gain**2 + q * u**2)
    test = activation_averages(problem.activation, frame.strength * kappa[:, None] * u, tau * np.ones((len(kappa), 1)))
    kb = scaled * u
    own_phi = phi0

    if same:
        f = training_features(problem.activation, step, law.kappa, law.residual, u)
        b = f.slope * kb
        # p knows x . t less its own part; along w it has the stretch by the mean of M besides.
        linear = f.linear - scaled * (2 * numbers.c2 * mean_eps) * u * f.slope
        along_w = linear - 2 * numbers.c2 * own_phi * law.residual[:, None, None] * b
        c = f.own / v_h if v_h > 0 else 0 * f.own
        own = c - own_phi * law.residual[:, None, None] * b
        noise = f.second_moment - f.mean**2 - f.linear**2 - f.slope**2 * q * u**2 - f.own * c
        weights = law.weights
    else:
        raise NotImplementedError
    test_b = test.slope * kb
    functions_w = [along_w.reshape(-1, len(u)), test.slope * gain * 0 + test.slope]
    functions_t = [b.reshape(-1, len(u)), test_b]
    measures = [weights.ravel(), kw]
    if numbers.c2 != 0:
        chi = xi = _basis([*functions_w, *functions_t], measures * 2, u_weights, cut)
    else:
        chi, xi = _basis(functions_w, measures, u_weights, cut), _basis(functions_t, measures, u_weights, cut)
    pinv_w, pinv_t = (_coordinates(v, u_weights) for v in (chi, xi))
    population = Population(
        weights, law.residual, along_w @ pinv_w, b @ pinv_t, own, np.maximum(noise, 0.0)
    )
    neurons = Neurons(
        u_weights, chi, xi, v_h, 2 * numbers.c2, problem.n_samples / problem.input_dim,
        problem.n_samples / width, problem.gradient_samples / problem.n_samples,
    )
    output = problem.activation.residual_strength
    full = problem.gradient == "full"
    learned_output = f.output * (u * root / (sqrt(width) * output)) if full and output > 0 else None
    columns = Columns(f.mean * root, learned_output, law.hidden, law.scatter)

    seen = np.concatenate([test.slope @ pinv_w, test_b @ pinv_t, np.zeros((len(kappa), xi.shape[1]))], axis=1)
    fresh = _fresh(problem, frame, kappa, kw, seen, test, root)

    def gap(state: State, parts: Any) -> Any:
        if not full:
            return 0.0
        theta = neurons.blocks[0]
        qinv = np.linalg.inv((chi.T * (u_weights * state.zeta)) @ chi)
        middle = qinv - qinv @ state.gamma[theta, theta] @ qinv
        y = (root * u)[:, None] * chi
        found = problem.input_dim / (problem.n_samples * width) * (y @ middle @ y.T)
        if learned_output is not None:
            part = parts[0]
            l = f.output * (root * u)
            w = (part.population.weights * part.r).reshape(-1)
            flat = l.reshape(-1, len(u))
            found = found + (flat.T * w) @ flat / (width * output)
        return -found

    fit = Fit(neurons, [population], [columns], fresh, None, gap, problem.n_samples)
    return Model(problem, fit, frame)


def _fresh(problem, frame, kappa, kw, seen, test, root) -> FreshSamples:
    full = problem.gradient == "full"
    order = [0, 2, *([1] if full else [])]
    b = frame.coordinates[order]
    rho = float(b[0])
    labels = label_parts(problem.teacher, kappa, rho, problem.noise)
    others = problem.teacher.n_indices - 1
    width = sqrt(max(1 - rho**2, 0.0))
    e = (np.eye(len(b))[0] - rho * b) / width if width > 0 else np.zeros(len(b))
    n_c = len(b) + others
    b_all = np.concatenate([b, np.zeros(others)])
    mean = kappa[:, None] * b_all
    label_coordinates = labels.g0[:, None] * mean
    label_coordinates[:, : len(b)] += labels.g1[0][:, None] * e
    for j in range(others):
        label_coordinates[:, len(b) + j] += labels.g1[1 + j]
    products = np.eye(n_c) + (kappa**2 - 1)[:, None, None] * np.outer(b_all, b_all)
    square = labels.g0**2 + (labels.g1**2).sum(axis=0) + labels.g2
    return FreshSamples(
        kw, seen, test.noise_variance, test.mean * root, labels.g0, square, mean, label_coordinates, products
    )


def _basis(functions: list[Array], measures: list[Array], u_weights: Array, cut: float) -> Array:
    """Right singular functions, orthonormal under the weights; none where all functions vanish."""
    root = np.sqrt(u_weights)
    matrix = np.concatenate([np.sqrt(np.abs(w))[:, None] * f * root for f, w in zip(functions, measures, strict=True)])
    _, s, right = np.linalg.svd(matrix, full_matrices=False)
    keep = (s > cut * s[0]) & (s > 1e-12)
    return right[keep].T / root[:, None]


def _coordinates(basis: Array, u_weights: Array) -> Array:
    """The matrix that takes a function of u to its coordinates in an orthonormal basis."""
    return basis * u_weights[:, None]
