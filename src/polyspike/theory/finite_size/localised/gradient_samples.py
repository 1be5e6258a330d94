"""The samples of the gradient whose input makes eigenvalues of its own above a level (eq-localised-sample).

Every neuron has moved by ``(eta u/sqrt N)(eps_j/n_0) h(z_j) x_j`` along sample j. Of an input x the features see
``kappa_j = x.x_j/|x_j|`` with a weight that varies from neuron to neuron: linear in kappa_j with the square

    s_j/d,  s_j = (z_j + (eta u/sqrt N) phi_0 eps_j h)^2 + (eta u/sqrt N)^2 E h^2 (phi_0 E eps^2 + ...)

and ``h_2(kappa_j)`` with ``s_j/(d T^2)``. As along an outlier of M, eigenvalues lie above the level as ``1 - Q V``
has negative ones, with Q averaged over readouts and z_j.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.localised.neurons import LongNeurons

__all__ = ["HeavySamples"]

# Singular values of the slopes below this share of the largest are left out.
_RANK_TOLERANCE = 1e-4
# As outside the sampled range of u (spectral_model.py), 1/zeta is no nearer to zero than this: a single neuron that is
# about to have an eigenvalue of its own is hardly ever among the N.
_LEAST_INVERSE = 0.5
# Samples nearer in size than this share move together, not apart.
_APART = 0.3


@dataclass(frozen=True)
class HeavySamples:
    """The samples of the gradient at a level."""

    neurons: LongNeurons

    @cached_property
    def by_value(self) -> Array:
        """The number of eigenvalues above the level that a sample makes, at every value of its residual."""
        values = self.neurons.law.residual.values
        return np.array([self._separated(eps, more) for eps, more in zip(values, self._of_others, strict=True)])

    def of_largest(self, largest: float) -> int:
        """The number of eigenvalues above the level that the sample with the largest residual makes."""
        return int(self.by_value[np.flatnonzero(self.neurons.law.residual.values == largest)[0]])

    def expected(self, largest: float) -> float:
        """The expected number of those that the others make, given the largest residual."""
        residual = self.neurons.law.residual
        others, kept = residual.others(largest), np.abs(residual.values) <= abs(largest)
        return float(others.count * others.weights @ self.by_value[kept])

    @cached_property
    def _of_others(self) -> Array:
        """``phi_0 E eps^2`` and more: what the other samples add along an eigenvector near to x_j (eq-subordinate)."""
        residual, phi = self.neurons.law.residual, self.neurons.law.problem.phi_gradient
        squares = residual.values**2
        w = phi * squares
        distance = w[:, None] - w
        apart = np.abs(distance) > _APART * w[:, None]
        shares = np.where(apart, w[:, None] / np.where(apart, distance, 1.0), 0.0)
        found: Array = np.maximum(shares @ (residual.weights * squares), phi * residual.second_moment)
        return found

    @cached_property
    def _factors(self) -> tuple[Array, Array]:
        """The slopes and the curvatures of all neurons in the metric -R, shapes (A, T, p)."""
        neurons, root = self.neurons.neurons, np.sqrt(-self.neurons.level.weighted_r)[:, None]
        averages = neurons.averages
        slope, curvature = (_reduced(root * f) for f in (neurons.linear, averages.mean_by_log_norm / 2**0.5))
        return (
            np.moveaxis(neurons.by_length(slope), 0, -1),
            np.moveaxis(neurons.by_length(curvature), 0, -1),
        )

    @cached_property
    def _zeta(self) -> Array:
        """Zeta of every readout and length; zero where the neuron has an eigenvalue of its own."""
        inverse = 1 - self.neurons.forms
        return np.where(inverse > 0, 1 / np.maximum(inverse, _LEAST_INVERSE), 0.0)

    def _separated(self, eps: float, of_others: float) -> int:
        """The number of eigenvalues that a sample of this residual makes: linear ones and quadratic ones."""
        problem = self.neurons.law.problem
        s, squares = self._along(eps, of_others)
        place, share = self._place(squares)
        zeta, (slope, curvature) = _between(self._zeta, place, share), self._factors
        weight = self.neurons.weights[:, None] * self.neurons.law.z_weights * zeta
        n, d = problem.n_samples, problem.input_dim
        linear = _negative(n / d * weight * s, _between(slope, place, share))
        return linear + _negative(n * weight * (s / (d * squares)) ** 2, _between(curvature, place, share))

    def _along(self, eps: float, of_others: float) -> tuple[Array, Array]:
        """``s_j`` and ``|w|^2`` at every readout and z_j, shapes (A, Z)."""
        law = self.neurons.law
        problem, z, h = law.problem, law.z, law.h
        scale = problem.step * self.neurons.neurons.u[:, None] / problem.width**0.5
        variance = law.z_weights @ h**2
        own = scale * eps * h
        s = (1 - self._learned(eps)) * ((z + problem.phi_gradient * own) ** 2 + scale**2 * variance * of_others)
        n_0, d = problem.gradient_samples, problem.input_dim
        others = scale**2 * variance * problem.phi_gradient * law.residual.second_moment
        return s, 1 + others + 2 * own * z / n_0 + (own / n_0) ** 2 * (d + z**2)

    def _learned(self, eps: float) -> float:
        """The squared cosine of x_j with the learned direction b, in which is ``eta c_1 eps_j x_j/n_0``."""
        law = self.neurons.law
        problem = law.problem
        by_sample = (problem.step * activation_numbers(problem.activation).c1 * eps / problem.gradient_samples) ** 2
        own = by_sample * problem.input_dim
        others = problem.width * law.scalars.spike_strength**2
        return own / (own + others) if own > 0 else 0.0

    def _place(self, squares: Array) -> tuple[Any, Array]:
        """The length below each of these, and the share of the way to the next one."""
        lengths = self.neurons.neurons.lengths
        place = np.interp(np.log(squares) / 2, np.log(lengths), np.arange(len(lengths)))
        below = np.minimum(place.astype(int), len(lengths) - 2)
        return below, place - below


def _between(values: Array, place: Any, share: Array) -> Array:
    """Values (A, T, ...) at places between lengths, shape (A, Z, ...)."""
    rows = np.arange(len(values))[:, None]
    share = share.reshape(share.shape + (1,) * (values.ndim - 2))
    found: Array = values[rows, place] * (1 - share) + values[rows, place + 1] * share
    return found


def _negative(weight: Array, factors: Array) -> int:
    """The number of negative eigenvalues of one minus the weighted sum of squares of the factors."""
    square = np.einsum("az,azp,azq->pq", weight, factors, factors)
    return int(np.sum(np.linalg.eigvalsh(np.eye(len(square)) - square) < 0))


def _reduced(columns: Array) -> Array:
    """Coordinates (p, M) of columns (K, M) with the same inner products."""
    _, values, right = np.linalg.svd(columns, full_matrices=False)
    kept = max(1, int(np.sum(values > _RANK_TOLERANCE * values[0])))
    found: Array = values[:kept, None] * right[:kept]
    return found
