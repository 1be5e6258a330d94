"""How far an outlier spreads over draws (docs/theory-corrections.md, on section 6).

To order 1/n the variance of an outlier z is the sum of three parts:

1. What the gradient's sample moves: ``log |b|^2``, the mean square V of its residuals and the mean of M. z moves with
   them by its derivatives, and they have the covariance of (eq-moves).
2. Sample averages of the fit and averages over the neurons in the matrix E(z) of (eq-count), at its null vector: the
   variance of (eq-mixing) of the outlier with itself, linear directions included (eq-self-mixing).
3. The outlier of M on which it rests.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.spectra import Spike
from polyspike.theory.finite_size.bulk.fixed_point import jacobian
from polyspike.theory.finite_size.conditioning import StepScalars, activation_numbers, condition
from polyspike.theory.finite_size.gradient_matrix.residual_law import teacher_sample
from polyspike.theory.finite_size.localised.residual_tail import energy_variance_of_network
from polyspike.theory.finite_size.spectrum.outlier_means import Outliers, outliers_at, strength_variance
from polyspike.theory.finite_size.spectrum.outliers import FiniteRankParts, Root
from polyspike.theory.finite_size.spectrum.sample_moments import sample_moments
from polyspike.theory.finite_size.spectrum.spectral_model import in_sampled_range
from polyspike.theory.finite_size.spikes.learned_functions import neuron_cost

__all__ = ["move_covariance", "outlier_spreads"]

# The least range of a derivative, a difference over plus and minus sqrt(3) standard deviations.
_LEAST_RANGE = 0.1


def outlier_spreads(problem: Problem, spikes: tuple[Spike, ...], refine: float = 1.0) -> tuple[float, ...]:
    """Standard deviation over draws of the eigenvalue of every spike above the bulk, to order 1/n; nan for others.

    Parameters
    ----------
    problem : Problem
    spikes : tuple
        Of its spectrum, largest first.
    refine : float
        That of the spectrum's nodes.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` as for the spectrum itself.
    """
    outliers = outliers_at(problem, refine)
    moves, covariance = _by_moves(problem, outliers, refine), move_covariance(problem)
    found = []
    for by, root in zip(moves, outliers.roots, strict=True):
        mixing = _self_mixing(outliers.parts, root)
        matrix = _by_matrix(outliers.parts, root) ** 2 * _end_variance(problem)
        found.append(float((by @ covariance @ by + mixing + matrix) ** 0.5))
    return tuple(found + [float("nan")] * (len(spikes) - len(found)))


def move_covariance(problem: Problem) -> Array:
    """The covariance over draws of ``log |b|^2``, of V over its expectation and of the mean of M (eq-moves), shape
    (3, 3).
    """
    scalars, moments = condition(problem), sample_moments(problem)
    length_squared = problem.width * scalars.spike_strength**2
    units = np.array([length_squared if length_squared > 0 else np.inf, moments.energy, 1.0])
    found: Array = moments.covariance / np.multiply.outer(units, units) / problem.gradient_samples
    found[0, 0] = strength_variance(problem)
    found[1, 1] += energy_variance_of_network(problem, moments.energy)
    # The mean of M is that of eps |x|^2/d.
    found[2, 2] += 2 / problem.input_dim * moments.energy / problem.gradient_samples
    return found


def _by_moves(problem: Problem, here: Outliers, refine: float) -> Array:
    """The derivatives of every location by ``log r^2``, by log V at fixed r and by the mean of M, shape (R, 3).

    An outlier that a move takes into the bulk is taken to grow in proportion to r^2, and with nothing else.
    """
    deviations = np.sqrt(np.diagonal(move_covariance(problem)))
    spans = [max(_LEAST_RANGE, 3**0.5 * x) for x in deviations[:2]] + [3**0.5 * deviations[2]]
    found = np.zeros((len(here.roots), 3))
    found[:, 0] = here.locations
    for k, span in enumerate(spans):
        if k == 2 and condition(problem).quadratic_step == 0:
            continue
        below, above = (_moved(problem, refine, k, sign * span / 2).locations for sign in (-1, 1))
        count = min(len(below), len(above), len(here.roots))
        found[:count, k] = (np.array(above[:count]) - below[:count]) / span
    return found


def _moved(problem: Problem, refine: float, which: int, by: float) -> Outliers:
    """The outliers where one of the three has moved."""
    if which == 0:
        return outliers_at(problem, refine, float(np.exp(by / 2)))
    if which == 2:
        return outliers_at(problem, refine, shift=by)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    output = -activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
    sample = StepScalars(float(np.exp(by)), signal, output, 1.0)
    strength = condition(problem, sample=sample).spike_strength
    fixed = condition(problem).spike_strength / strength if strength > 0 else 1.0
    return outliers_at(problem, refine, fixed, sample)


def _self_mixing(parts: FiniteRankParts, root: Root) -> float:
    """``n Var(R f^2) + Var(zeta g^2)/N`` and what the off-diagonal entries of the resolvent add (eq-self-mixing), over
    the squared slope.
    """
    problem, state = parts.spectral.model.problem, parts.spectral.on_whole_laws(root.branch.state)
    samples, neurons = _on_samples(parts, root), _on_neurons(parts, root)
    model = parts.spectral.model
    total = problem.n_samples * _variance_of_square(model.grid.kappa_weights, state.r, samples)
    total += _variance_of_square(model.bulk.neuron_weights, state.zeta, neurons) / problem.width
    if problem.gradient == "full":
        total -= 4 * _along_readout(parts, root) ** 2 / problem.width
    total += _between(parts, root, samples.square, neurons.square / problem.width)
    return float(max(total, 0.0) / root.slope**2)


class _Normal(NamedTuple):
    """A function that is normal given a node: its means and variances there."""

    mean: Array
    variance: Array

    @property
    def square(self) -> Array:
        """Its mean square."""
        return self.mean**2 + self.variance

    @property
    def fourth(self) -> Array:
        """The mean of its fourth power."""
        return self.mean**4 + 6 * self.mean**2 * self.variance + 3 * self.variance**2


def _on_samples(parts: FiniteRankParts, root: Root) -> _Normal:
    """f: known given kappa but for the sample's norm and its parts along the outliers of M."""
    model = parts.spectral.model
    (functions, _, t), ends = _blocks(parts, root)
    count, phi, d = len(model.grid.u), model.bulk.phi, model.problem.input_dim
    along_b = t + sum((w**0.5 * s for w, _, s, _ in ends), np.zeros(len(t)))
    known = parts.functions @ functions + model.grid.kappa * (phi @ along_b) / d**0.5
    by_norm = model.norms.mean_by_log_norm * np.sqrt(model.grid.u_weights) * functions[:count]
    variance = ((by_norm @ model.norms.sample_covariance) * by_norm).sum(axis=1)
    return _Normal(known, variance + sum((1 - w) * (phi @ s) ** 2 / d for w, _, s, _ in ends))


def _on_neurons(parts: FiniteRankParts, root: Root) -> _Normal:
    """g: known given u but for the neuron's norm and its own weights along b and the outliers of M."""
    state, model = parts.spectral.on_whole_laws(root.branch.state), parts.spectral.model
    (functions, _, _), ends = _blocks(parts, root)
    chi, bulk = model.bulk.chi, model.bulk
    known, by_norm = np.split(neuron_cost(model, state) @ functions, 2) / np.sqrt(model.grid.u_weights)
    variance = by_norm**2 + (bulk.mu_weights @ bulk.weight_variance) * _own_along_b(parts, root) ** 2
    return _Normal(known, variance + sum(bulk.weight_variance[node] * (chi @ m) ** 2 for _, m, _, node in ends))


def _own_along_b(parts: FiniteRankParts, root: Root) -> Array:
    """The coefficient of a neuron's own weight along b in g, shape (A,)."""
    state, bulk = parts.spectral.on_whole_laws(root.branch.state), parts.spectral.model.bulk
    (_, prior, t), _ = _blocks(parts, root)
    found: Array = bulk.chi @ (prior - bulk.samples_per_dim * state.v @ t)
    return found


def _along_readout(parts: FiniteRankParts, root: Root) -> Any:
    """The part of own weights along b that goes with u, which they do not have with the full gradient."""
    state, model = parts.spectral.on_whole_laws(root.branch.state), parts.spectral.model
    deviation = np.sqrt(model.bulk.mu_weights @ model.bulk.weight_variance)
    own = _own_along_b(parts, root) * deviation * model.grid.u
    return model.bulk.neuron_weights @ (state.zeta * _on_neurons(parts, root).mean * own)


def _between(parts: FiniteRankParts, root: Root, of_samples: Array, of_neurons: Array) -> float:
    """``2 sum_(k != l) q_k q_l G_kl^2`` over samples and neurons, G the resolvent of the bulk in both.

    When a shift is added to entry l of its inverse, the diagonal entry k moves by ``-G_kl^2``: the squares are those of
    the response of (R, -zeta), the inverse Jacobian but for the entry's own.
    """
    state, problem = root.branch.state, parts.spectral.model.problem
    rows, columns = in_sampled_range(parts.spectral.model)
    diagonal = np.concatenate([state.r, -state.zeta])
    count = np.concatenate([problem.n_samples * state.model.sample_weights, problem.width * state.model.neuron_weights])
    q = np.concatenate([of_samples[rows], of_neurons[columns]]) * diagonal
    response = np.linalg.inv(jacobian(state)) - np.eye(len(diagonal))
    return float(2 * (count * q) @ response @ q)


def _blocks(
    parts: FiniteRankParts, root: Root
) -> tuple[tuple[Array, Array, Array], list[tuple[float, Array, Array, int]]]:
    """The null vector of E in its blocks: x, l and t, and for every outlier of M its weight in b, m, s and its node."""
    size, p = parts.functions.shape[1], parts.spectral.bulk.phi.shape[1]
    x, rest = (
        root.vector[:size],
        root.vector[size:].reshape(-1, 2, p) if p else np.zeros((1 + len(parts.spectral.outliers_of_matrix), 2, 0)),
    )
    ends = zip(parts.spectral.outliers_of_matrix, rest[1:], strict=True)
    return (x, rest[0, 0], rest[0, 1]), [(w, pair[0], pair[1], node) for (node, w), pair in ends]


def _variance_of_square(weights: Array, factor: Array, f: _Normal) -> Any:
    """The variance of ``factor f^2``."""
    return weights @ (factor**2 * f.fourth) - (weights @ (factor * f.square)) ** 2


def _by_matrix(parts: FiniteRankParts, root: Root) -> float:
    """The derivative of a location by the outlier mu of M (for c_2 = 0, of the noise's covariance) on which it rests.

    Only the block Q of E depends on mu: ``dz/dmu = y_m' dQ/dmu y_m / (y' E' y)``.
    """
    model = parts.spectral.model
    scalars, bulk, u = model.conditioning, model.bulk, model.grid.u
    zeta = parts.spectral.on_whole_laws(root.branch.state).zeta
    p, total = bulk.phi.shape[1], 0.0
    for i, (node, _) in enumerate(parts.spectral.outliers_of_matrix):
        first = parts.functions.shape[1] + 2 * p * (1 + i)
        part = root.vector[first : first + p]
        by = (
            scalars.gradient_noise_variance * u**2
            if scalars.quadratic_step == 0
            else 2 * model.gains[node] * scalars.quadratic_step * u
        )
        total += float((bulk.neuron_weights * zeta * by) @ (bulk.chi @ part) ** 2) / root.slope
    return total


def _end_variance(problem: Problem) -> float:
    """Variance of an outlier of M, or of the noise's covariance over its mean, along the teacher's first direction:
    that of the sample average of ``eps k^2`` (``eps^2 k^2``), to leading order in d/n_0.
    """
    scalars = condition(problem)
    labels, weights, inputs = teacher_sample(problem.teacher)
    v, k2 = scalars.gaussian_variance, inputs[:, 0] ** 2
    if scalars.quadratic_step != 0:
        mean, square = weights @ (labels * k2), weights @ ((labels**2 + v) * k2**2)
        return float(square - mean**2) / problem.gradient_samples
    fourth = labels**4 + 6 * labels**2 * v + 3 * v**2
    mean, square = weights @ ((labels**2 + v) * k2), weights @ (fourth * k2**2)
    return float(square - mean**2) / problem.gradient_samples / scalars.residual_moment**2
