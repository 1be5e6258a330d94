"""The test error of a trained network over the whole population, without a test set.

For ``x ~ N(0, I)`` the pre-activations of two neurons are jointly Gaussian, so that Mehler's formula gives
``E f(x)^2`` and ``E g(x) f(x)`` as series in the cosines between the first-layer weights. Given the network nothing is
random any more: of the spread of a simulated test error only that of the draw of the network remains.
"""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import RANGE, factorials, gaussian_rule, hermite_functions
from polyspike.problem import Activation, Teacher

__all__ = ["Population", "population"]

# Terms of Mehler's series at most, and where it stops: two terms in turn below this share of the sum.
_TERMS = 40
_NEGLIGIBLE = 1e-8


@dataclass(frozen=True, eq=False)
class Population:
    """A first layer seen by the whole population.

    Attributes
    ----------
    weights : ndarray of shape (width, d)
    lengths : ndarray of shape (width,)
        ``t_i = |w_i|``.
    coefficients : ndarray of shape (width, terms)
        ``b_k(i) = E[sigma(t_i z) h_k(z)]``, h_k the orthonormal Hermite polynomials.
    squares : ndarray of shape (width,)
        ``E sigma(t_i z)^2``.
    """

    weights: Array
    lengths: Array
    coefficients: Array
    squares: Array

    def second_moments(self, readouts: Array) -> Array:
        """``E f(x)^2`` for every column ``a`` of ``readouts``, shape (width, m).

        ``E f^2 = sum_i a_i^2 E sigma(t_i z)^2 + sum_{i != j} a_i a_j sum_k b_k(i) b_k(j) cos_ij^k``.
        """
        cosines = self.weights @ self.weights.T
        cosines /= self.lengths[:, None]
        cosines /= self.lengths
        np.fill_diagonal(cosines, 0.0)
        total = self.squares @ readouts**2
        scaled = self.coefficients[:, 0, None] * readouts
        total += scaled.sum(axis=0) ** 2 - (scaled**2).sum(axis=0)
        power, small = cosines.copy(), 0
        for k in range(1, self.coefficients.shape[1]):
            scaled = self.coefficients[:, k, None] * readouts
            term = (scaled * (power @ scaled)).sum(axis=0)
            total += term
            small = small + 1 if np.all(np.abs(term) <= _NEGLIGIBLE * total) else 0
            if small == 2:
                break
            power *= cosines
        return total

    def with_teacher(self, teacher: Teacher, directions: int = 1) -> Array:
        """``E[sigma*(x_m) sigma(w_i . x)]`` for teachers of one index along the coordinates m = 0 .. directions - 1.

        Returns
        -------
        ndarray of shape (width, directions)
        """
        terms = self.coefficients.shape[1]
        teaching = teacher.coefficients(terms - 1) * np.sqrt(factorials(terms - 1))
        cosines = teacher.direction[0] * self.weights[:, :directions] / self.lengths[:, None]
        total, power = np.zeros_like(cosines), np.ones_like(cosines)
        for k in range(terms):
            total += teaching[k] * self.coefficients[:, k, None] * power
            power *= cosines
        return total


def population(weights: Array, activation: Activation, terms: int = _TERMS) -> Population:
    """What the errors of any readout on these first-layer weights need.

    Parameters
    ----------
    weights : ndarray of shape (width, d)
    activation : Activation
        Kinked at zero only, or smooth.
    terms : int
        Terms of Mehler's series; they fall like ``cos^k``, and the diagonal is exact whatever their number.
    """
    z, w = gaussian_rule(activation.smoothness.corners, RANGE)
    lengths = np.linalg.norm(weights, axis=1)
    values = activation(lengths[:, None] * z)
    functions = hermite_functions(z, terms - 1)
    return Population(weights, lengths, (values * w) @ functions.T, values**2 @ w)
