"""The law of a neuron's length after the step, with its tails (docs/theory-corrections.md, localised outliers).

Across the learned direction neuron i has moved by ``(eta u/sqrt N)(1/n_0) sum_j eps_j h_j x_j``,
``h = sigma'(w.x_j) - c_1``. Given ``z_j = w.x_j`` and ``eps_j`` the rest of every x_j is normal, so that its squared
length is ``1 + 2 sum_j c_j z_j + (sum_j c_j z_j)^2 + chi^2 sum_j c_j^2``, ``c_j = eta u eps_j h_j/(sqrt N n_0)``, with
one chi-square of d - 1 degrees (eq-weight-length). The first sum has a mean m, by which the label's mean and the
neuron's own output move the weight along itself; with what is left, s, this is ``(1 + m)^2 + 2 (1 + m) s + s^2 + ...``.
Of the square of s the terms j = k are kept: in a sum of independent terms large ones stand alone. The mean of ``z h``
is the same for all neurons, so that a sample whose residuals have another mean moves all of them: of readouts of one
size m has this ``shift``, and s what differs between them.
"""

from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers
from polyspike.theory.finite_size.localised.compound_sum import tail_of_sum
from polyspike.theory.finite_size.localised.residual_tail import ResidualTail

__all__ = ["WeightLengths"]

_Z_RANGE, _Z_NODES, _CHI_NODES = 6.0, 49, 5
# Values of the sum at which its tail is computed, in units of the mean size of its terms times their number.
_SUMS = np.geomspace(1e-4, 1e9, 140)
# Lengths that fewer neurons than this exceed do not occur.
_NO_NEURON = 1e-4


class WeightLengths:
    """The tails of ``|w|^2`` across the learned direction.

    Parameters
    ----------
    problem : Problem
    scalars : Conditioning
    residual : ResidualTail
        Of all samples of the gradient.
    shift : float
        The mean of the residuals over its expectation.

    Attributes
    ----------
    z, z_weights : ndarray of shape (Z,)
        Nodes of a neuron's initial pre-activation.
    h : ndarray of shape (Z,)
        ``sigma'(z) - c_1``.
    """

    def __init__(self, problem: Problem, scalars: Conditioning, residual: ResidualTail, shift: float = 0.0) -> None:
        self.problem, self.scalars, self.residual, self.shift = problem, scalars, residual, shift
        self.z = np.linspace(-_Z_RANGE, _Z_RANGE, _Z_NODES)
        weights = np.exp(-(self.z**2) / 2)
        self.z_weights = weights / weights.sum()
        self._tails: dict[tuple[float, float], tuple[Array, Array]] = {}
        self.h = problem.activation.derivative(self.z) - activation_numbers(problem.activation).c1

    def coefficient(self, u: float, eps: Array) -> Array:
        """``c = eta u eps h(z)/(sqrt N n_0)``, shape (E, Z); with the full gradient eps has the neuron's own output."""
        problem, scale = self.problem, u / self.problem.width**0.5
        own = scale * problem.activation(self.z) + self._of_length if problem.gradient == "full" else 0.0
        found: Array = problem.step * scale * (np.atleast_1d(eps)[:, None] - own) * self.h / problem.gradient_samples
        return found

    @cached_property
    def _of_length(self) -> Array:
        """The mean output of all neurons given z, shape (Z,): a constant readout has ``c_2 sqrt(N) (|x|^2/d - 1)``, and
        z^2 is a part of ``|x|^2``.
        """
        coherent = activation_numbers(self.problem.activation).c2 if self.problem.readout == "constant" else 0.0
        return coherent * self.problem.width**0.5 * (self.z**2 - 1) / self.problem.input_dim

    def _expected_move(self, u: float) -> float:
        """The mean of ``sum_j c_j z_j`` over samples of the gradient."""
        c = self.coefficient(u, self.residual.values)
        return self.residual.count * float(self.residual.weights @ c @ (self.z_weights * self.z))

    def _mean_move(self, u: float) -> float:
        """The m of neurons of a readout in this sample."""
        return self._expected_move(u) + float(np.real(self.scalars.quadratic_step)) * u * self.shift

    def _terms(self, u: float, eps: Array) -> Array:
        """What a sample adds to ``|w|^2``, shape (E, Z)."""
        c = self.coefficient(u, eps)
        if self.problem.readout == "gaussian":
            common: Any = self._expected_move(u) / self.residual.count
        else:
            common = (c @ (self.z_weights * self.z))[:, None]
        move = 2 * (1 + self._mean_move(u)) * (c * self.z - common)
        return np.asarray(move + c**2 * (self.problem.input_dim - 1 + self.z**2))

    def beyond(self, u: float, squares: Array, largest: float, energies: Array) -> Array:
        """``P(|w|^2 > t | u)`` given the largest residual and the mean of the others' squares.

        Parameters
        ----------
        u : float
            The neuron's readout in its standard deviations.
        squares : ndarray of shape (T,)
            t.
        largest : float
            The largest residual.
        energies : ndarray of shape (V,)
            The mean of the other squared residuals, over its expectation.

        Returns
        -------
        ndarray of shape (V, T)
        """
        sums, tail = self._tail_given(u, largest)
        own = self._terms(u, np.array([largest]))[0]
        left = squares - (1 + self._mean_move(u)) ** 2
        factors, weights = self._chi_square
        rest = (left[:, None, None] / factors[:, None] - own) / energies[:, None, None, None]
        found: Array = np.einsum("vtcz,c,z->vt", np.interp(rest, sums, tail), weights, self.z_weights)
        return found

    def _tail_given(self, u: float, largest: float) -> tuple[Array, Array]:
        """That of the sum over the others, given the largest residual, computed once."""
        if (u, largest) not in self._tails:
            self._tails[u, largest] = self._tail(u, self.residual.others(largest))
        return self._tails[u, largest]

    def _tail(self, u: float, residual: ResidualTail) -> tuple[Array, Array]:
        """Ascending values of the sum over the samples, and the probabilities to exceed them."""
        terms = self._terms(u, residual.values)
        weights = residual.weights[:, None] * self.z_weights
        size = float((weights * np.abs(terms)).sum()) * residual.count
        sums = (size or 1.0) * np.concatenate([-_SUMS[::-1], [0.0], _SUMS])
        return sums, tail_of_sum(terms.ravel(), weights.ravel(), residual.count, sums)

    @cached_property
    def _chi_square(self) -> tuple[Array, Array]:
        """``chi^2/(d - 1)`` as a lognormal variable at nodes."""
        x, weights = gauss_hermite(_CHI_NODES)
        deviation = np.log1p(2 / max(self.problem.input_dim - 1, 1)) ** 0.5
        return np.exp(deviation * x - deviation**2 / 2), weights

    def longest(self, u: float) -> float:
        """The length that no neuron of this readout exceeds."""
        sums, tail = self._tail(u, self.residual)
        occurs = tail * self.problem.width > _NO_NEURON
        reach = max(float(sums[occurs][-1]) if occurs.any() else 0.0, 0.0)
        return float(((1 + self._mean_move(u)) ** 2 + reach * self._chi_square[0].max()) ** 0.5)
