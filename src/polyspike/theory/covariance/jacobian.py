"""The Jacobian of the bulk's equations with a covariance (docs/theory-inputs.md, section 6).

What the form of the weights is made of enters it linearly: a sample as ``phi phi'`` beside V', a neuron as the square
``n n'`` beside S, the samples of the gradient as T. So the derivatives of the entries of its inverse X by any of these
are products of two entries (eq-full-jacobian), as they are of P and of the layer's T.
"""

from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import total, triangle
from polyspike.theory.covariance.state import CovarianceState
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian

__all__ = ["LinearisedLayer", "jacobian"]


def jacobian(state: CovarianceState) -> Any:
    """The derivative of :attr:`CovarianceState.defect` by (log R, log zeta, T), shape (K + A + q, K + A + q)."""
    return _Derivatives(state).jacobian()


@lru_cache(maxsize=4)
def _places_of_congruence(size: int) -> tuple[Any, Any]:
    """Where ``F_im F_jn`` and ``F_in F_jm`` stand among the products of two entries of a matrix F, for elements (i, j)
    and (m, n) on and above its diagonal; shape (q, q) both.
    """
    rows, columns = triangle(size)
    first = rows[:, None] * size**3 + columns[:, None] * size
    return first + rows * size**2 + columns, first + columns * size**2 + rows


class _Derivatives:
    """The parts of the Jacobian at a state; q elements of T on and above its diagonal."""

    def __init__(self, state: CovarianceState) -> None:
        self.state, self.model, self.blocks, self.samples = state, state.model, state.blocks, state.samples
        self.rows, self.columns = triangle(len(state.t))
        # An element off the diagonal stands for two.
        self.twice = np.where(self.rows == self.columns, 1.0, 2.0)
        self.weights, self.c = self.model.spectrum.weights, self.model.bulk.samples_per_dim

    def jacobian(self) -> Any:
        """The whole."""
        state, bulk, c = self.state, self.model.bulk, self.c
        k, a, q = len(state.r), len(state.zeta), len(self.rows)
        by_r, cross, by_zeta = self._of_quadratic_features()
        cross = cross + bulk.noise_variance + self._average(self._between**2)
        out = np.zeros((k + a + q, k + a + q), dtype=np.result_type(cross, state.inverse_r, state.t))
        out[:k, :k] = by_r - c * self._between_samples()
        out[:k, k : k + a] = cross
        out[:k, k + a :] = self._samples_by_t * self.twice
        out[k : k + a, :k] = cross.T
        out[k : k + a, k : k + a] = by_zeta - (self._between_neurons() + self._through_noise()) / c
        out[k : k + a, k + a :] = -self._neurons_by_t * self.twice / c
        weights = np.concatenate([state.weighted_r, state.weighted_zeta])
        out[:, : k + a] *= weights
        by_p = self._fields_by_state(weights)
        out[k : k + a] += (self._layer_by_neurons * self.twice / c) @ by_p
        out[k + a :] = self._layer_by_fields() @ by_p
        out[k + a :, k : k + a] -= state.weighted_zeta * self._layer_by_neurons.T
        out[:k] /= state.inverse_r[:, None]
        out[k : k + a] *= (bulk.samples_per_neuron / state.inverse_zeta)[:, None]
        out[range(k + a + q), range(k + a + q)] += 1
        if state.pairs is not None:
            out[range(k), range(k)] += state.pairs.diagonal_derivative / state.inverse_r
        return out

    def _of_quadratic_features(self) -> tuple[Any, Any, Any]:
        return (0.0, 0.0, 0.0) if self.state.pairs is None else self.state.pairs.second_derivatives()

    def _average(self, values: Any) -> Any:
        """Over the eigenvalues, the first axis."""
        return total(self.weights, values)

    @cached_property
    def _features(self) -> Any:
        """``phi' V'^-1 X``, shape (L, K, m)."""
        return self.model.bulk.phi @ self.blocks.responses

    @cached_property
    def _between(self) -> Any:
        """``phi' V'^-1 X n``, shape (L, K, A)."""
        return self._features @ np.swapaxes(self.model.known_neurons, 1, 2)

    def _between_samples(self) -> Any:
        """``avg (phi' Gam phi)^2``, shape (K, K), by products of factors."""
        phi, gam = self.model.bulk.phi_pairs, self.blocks.gam
        count, size = len(gam), gam.shape[1]
        flat = gam.reshape(count, -1)
        products = (self.weights[:, None] * flat).T @ flat
        pairs = products.reshape((size,) * 4).transpose(0, 2, 1, 3).reshape(size**2, size**2)
        return phi @ pairs @ phi.T

    @cached_property
    def _x_neurons(self) -> Any:
        """``n' X``, shape (L, A, m)."""
        return self.model.known_neurons @ self.blocks.x

    def _between_neurons(self) -> Any:
        """``avg (n' X n)^2``, shape (A, A)."""
        return self._average((self._x_neurons @ np.swapaxes(self.model.known_neurons, 1, 2)) ** 2)

    def _squares(self, weights: Any, vectors: Any) -> Any:
        """The elements of ``sum weights f f'`` of vectors (L, ..., f p), over the first axis; shape (..., q)."""
        vectors = vectors.swapaxes(0, -2)
        found = np.swapaxes(vectors, -1, -2) @ (weights[:, None] * vectors)
        return found[..., self.rows, self.columns]

    @cached_property
    def _samples_by_t(self) -> Any:
        """``avg f f'`` of the fields ``f`` of :attr:`_features`, shape (K, q)."""
        return self._squares(self.weights, self.blocks.on_fields(self._features))

    @cached_property
    def _neurons_by_t(self) -> Any:
        """``avg f f'`` of the fields of ``X n``, shape (A, q)."""
        return self._squares(self.weights, self.blocks.on_fields(self._x_neurons))

    def _fields_by_state(self, weights: Any) -> Any:
        """The derivative of P by (log R, log zeta, T), shape (q, K + A + q)."""
        k = len(self.state.r)
        by_t = self._congruence(self.weights, self.blocks.fields)
        by_bulk = np.concatenate([self.c * self._samples_by_t, -self._neurons_by_t]) * weights[:, None]
        assert len(by_bulk) == k + len(self.state.zeta)
        return np.concatenate([by_bulk.T, -by_t], axis=1)

    def _congruence(self, weights: Any, matrices: Any) -> Any:
        """The map ``dT -> sum weights F dT F`` of symmetric matrices F, on their elements, shape (q, q)."""
        count, size = matrices.shape[:2]
        flat = matrices.reshape(count, -1)
        products = ((weights[:, None] * flat).T @ flat).ravel()
        once, again = _places_of_congruence(size)
        found = products[once]
        found += products[again]
        found *= self.twice / 2
        return found

    @cached_property
    def _vertex_sides(self) -> Any:
        """``chi' (1 + phi_0 P b)^-1`` of the first field, shape (J, A, f p)."""
        size = len(self.state.v)
        return self.model.bulk.chi @ self.samples.inverse[:, :size]

    @cached_property
    def _layer_by_neurons(self) -> Any:
        """The derivative of T by a neuron's share of Q_1, and of its noise in the layer by P, shape (A, q)."""
        law = self.model.law
        found = self._squares(law.weights * law.relative, self._vertex_sides)
        return self.model.noise_of_neurons[:, None] * found

    def _layer_by_fields(self) -> Any:
        """Minus the derivative of T by P, shape (q, q)."""
        law, samples = self.model.law, self.samples
        return samples.phi_gradient * self._congruence(law.weights, samples.answer)

    def _through_noise(self) -> Any:
        """``phi_0 q^2 u^2 u'^2 E[c_j^2 (chi' (P^-1 + phi_0 b)^-1 chi)^2]``, shape (A, A)."""
        law, size, noise = self.model.law, len(self.state.v), self.model.noise_of_neurons
        fields = (self.samples.inverse @ self.samples.p)[:, :size, :size]
        chi = self.model.bulk.chi
        squares = total(law.weights * law.relative**2, (chi @ fields @ chi.T) ** 2)
        return self.samples.phi_gradient * np.outer(noise, noise) * squares


class LinearisedLayer(FactorisedJacobian):
    """The factorised Jacobian of a state."""

    def __init__(self, state: CovarianceState) -> None:
        super().__init__(jacobian(state), state)
