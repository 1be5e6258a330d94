"""Lengths through the gradient's matrix M and noise (docs/theory-inputs.md, section 7).

Given the gradient's samples the weights of one readout have the second moments
``S = (gamma + e u A K) Sigma (gamma + e u K A) + q u^2 A K_2 A``, with ``K`` and ``K_2`` the sums
``(1/n_0) sum eps g g'`` and ``(1/n_0) sum eps^2 g g'/E eps^2`` over inputs of covariance one, less the mean of the
first, which is in gamma. The eigenvalues of Sigma have the mean of S alone. Beside it S is a random matrix, by which
``x' S x`` fluctuates from sample to sample and the lengths from neuron to neuron.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.norm_moments import NormMoments
from polyspike.theory.covariance.preconditioned import reach
from polyspike.theory.covariance.residuals import Residuals
from polyspike.theory.covariance.step import Step
from polyspike.theory.finite_size.conditioning import activation_numbers

__all__ = ["MatrixLengths", "with_matrix"]


class MatrixLengths:
    """The second moments of the lengths at the ``readouts`` u (A,), with gains of the weights (L, A)."""

    def __init__(self, problem: Problem, spectrum: Eigenvalues, step: Step, law: Residuals, gain: Any, u: Any) -> None:
        self.input_dim, self.readouts = problem.input_dim, u
        self._numbers, self._step = activation_numbers(problem.activation), step
        self._goes, self._phi = reach(problem, spectrum), problem.phi_gradient
        self._values, self._weights, self._along = spectrum.values[:, None], spectrum.weights, step.reach[:, None]
        self._e, self._moved = step.scalars.quadratic_step * u, step.scalars.scaled_step * u
        self._gain = gain + law.mean * self._e * self._along
        self._mean, self._mean_residual = law.mean, law.mean + law.explained
        m, phi = law.of_matrix, step.phi_gradient
        # E eps^k, and the free cumulants k(K, K), k(K, K, K), ...; with K_2, not over E eps^2, in the place of some K.
        self._energy, self._cube, self._fourth = (float(law.weights @ law.eps**k) for k in (2, 3, 4))
        self._k2, self._k3, self._k4 = (phi ** (k - 1) * float(law.weights @ m**k) for k in (2, 3, 4))
        self._k12, self._k112 = (phi**k * float(law.weights @ (m**k * law.eps**2)) for k in (1, 2))
        self._k22 = phi * self._fourth
        self._m_once, self._m_square = (float(law.weights @ (m * law.eps**k)) for k in (1, 2))

    def of_eigenvalues(self, relative: Any) -> Any:
        """The variance of means (L, A) over the eigenvalues, shape (A,)."""
        return np.maximum(self._average(relative**2) - self._average(relative) ** 2, 0.0)

    def _average(self, values: Any) -> Any:
        """Over the eigenvalues, the first axis of (L, ...)."""
        return self._weights @ values

    @cached_property
    def _reach_square(self) -> float:
        """``avg A^2``."""
        return float(self._average(self._along**2)[0])

    @property
    def of_samples(self) -> Any:
        """``tr S_u S_v/d`` beyond that of the eigenvalues, shape (A, A) (eq-matrix-lengths)."""
        values, along, u, e = self._values, self._along, self.readouts, self._e
        a2, first, second = self._reach_square, float(self._average(values)[0]), float(self._average(values**2)[0])
        q = self._step.scalars.gradient_noise_variance * u**2 / (self._energy or 1.0)
        gained = self._average(self._gain * values * along)
        pairs = (self._weights[:, None] * self._gain * values).T @ (self._gain * values)
        linear = 2 * self._k2 * np.outer(e, e) * (np.outer(gained, gained) + a2 * pairs)
        # What multiplies the linear part at one readout is the square one at the other.
        crossed = 2 * a2 * np.outer(e * gained, self._k3 * first * e**2 + self._k12 * q)
        square = self._k4 * (a2 * first) ** 2 + self._k2**2 * a2**2 * second
        of_squares = np.outer(e**2, e**2) * square + self._k22 * a2**2 * np.outer(q, q)
        of_noise = self._k112 * first * a2**2 * np.outer(e**2, q)
        return linear + crossed + crossed.T + of_squares + of_noise + of_noise.T

    @property
    def of_neurons(self) -> Any:
        """``d/2`` times the variance of ``w' Sigma w`` over neurons of initial length one, shape (A,)
        (eq-matrix-neurons).
        """
        numbers, moved, a2 = self._numbers, self._moved, self._reach_square
        # A sample moves a weight by sigma'(z) along itself: y, of this overlap with z, is what that adds to the length.
        overlap = self._average(self._along * self._gain * self._values)
        square = moved**2 * self._step.phi_gradient * a2
        of_square = square * numbers.square_slope
        linear = 4 * self._k2 * numbers.c2**2 * self._average((self._along * self._gain) ** 2 * self._values)
        linear = linear + self._returned(overlap) + self._through_length(overlap)
        with_square = (2 * numbers.c2 * self._m_square + 12 * numbers.c4 * self._cube) * overlap
        slopes = 2 * moved**2 * linear + 4 * self._phi * moved * of_square * with_square
        slopes += self._phi * self._fourth * of_square**2
        return self._of_mean(overlap) + slopes + self._beyond(overlap, square) + self._of_pairs()

    def _returned(self, overlap: Any) -> Any:
        """What the move by M has in common with its transpose: of the residual's fluctuation and of its mean, of which
        a preconditioned step leaves the share ``missed``.
        """
        mean, goes = self._mean_residual, self._goes
        left = self._average(self._along * self._gain * self._values * goes.missed[:, None])
        of_mean = mean**2 * goes.inflation * left**2
        return 4 * self._numbers.c2**2 * self._phi * ((self._energy - mean**2) * overlap**2 + of_mean)

    def _through_length(self, overlap: Any) -> Any:
        """What ``c_4`` makes of the samples' quadratic part, and its product with that of ``c_2``."""
        fourth = 12 * self._numbers.c4 * overlap
        with_second = 8 * self._numbers.c2 * overlap * fourth
        return self._phi * (self._m_once * with_second + 2 * self._energy * fourth**2)

    def _of_mean(self, overlap: Any) -> Any:
        """The variance over the eigenvalues of ``gamma^2 lambda`` and of the means of the rest, all in proportion to
        lambda.
        """
        numbers = self._numbers
        more = 24 * numbers.c4 * overlap * self._moved * self._mean
        more = more + self._moved**2 * self._k2 * numbers.square_slope * self._reach_square
        return self.of_eigenvalues((self._gain**2 + more) * self._values)

    def _beyond(self, overlap: Any, square: Any) -> Any:
        """What of the samples' shares is beyond degree 2: of ``sigma'(z) y`` and of ``sigma'(z)^2``."""
        numbers, moved = self._numbers, self._moved
        own = self._goes.inflation * self._average((self._along * self._gain) ** 2 * self._values) - overlap**2
        of_slope = numbers.derivative_variance - 4 * numbers.c2**2
        found = 2 * self._phi * self._energy * moved**2 * (overlap**2 * numbers.radial_variance + own * of_slope)
        found += 2 * self._phi * self._cube * moved * square * overlap * numbers.radial_square
        return found + self._phi * self._fourth * square**2 * numbers.square_variance / 2

    def _of_pairs(self) -> Any:
        """Of the products of the shares of two samples."""
        e, scalars = self._e, self._step.scalars
        moves = scalars.gradient_noise_variance * self.readouts**2 + e**2 * self._step.matrix_noise
        return moves**2 * float(self._average(self._along**4)[0])


def with_matrix(norms: NormMoments, lengths: MatrixLengths, relative: Any, tau: Any) -> NormMoments:
    """The fluctuations of the norms with those through M, of whose means ``relative`` (L, A) is made.

    Lengths of neurons that the means make are tied to their products, and are left to them: what is added to their
    variance is not negative.
    """
    square, twice = tau**2, 2 * lengths.input_dim
    of_samples = lengths.of_samples / np.outer(square, square)
    of_neurons = np.maximum(lengths.of_neurons / square**2 - lengths.of_eigenvalues(relative), 0.0)
    return replace(norms, covariance=norms.covariance + of_samples / twice, neurons=norms.neurons + of_neurons / twice)
