"""The forms of label and spikes at a solved bulk (docs/theory-finite-size.md, sections 3, 8 and 11).

The label is known in few directions of the input: b, with the coordinate kappa, and the teacher's directions
orthogonal to it. Of each degree in those it is a coefficient of kappa, with its derivative by the sample's norm, and so
is a learned function. What the features fit of them beside is in quadratic_directions.py.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.spikes.norm_response import NormResponse
from polyspike.theory.finite_size.spikes.quadratic_directions import FeatureStack

__all__ = ["Directions", "LabelForm"]


class LabelForm(NamedTuple):
    """The form of a label with itself, its explicit derivatives, and how fast its residual grows with the norm.

    Attributes
    ----------
    value : float
    by_log_r, by_log_zeta : ndarray of shape (K,), (A,)
    residual_by_log_norm : ndarray of shape (K,)
        ``d E[residual^2 | kappa]/dlog |x|``, the residual being that of a sample left out.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    residual_by_log_norm: Any


class Directions:
    """The forms of one solved bulk.

    Attributes
    ----------
    stack : FeatureStack
    weighted_r : ndarray of shape (K,)
        R times the quadrature weights.
    """

    def __init__(self, model: FiniteSizeModel, state: BulkState) -> None:
        self.model, self.state, self.response = model, state, NormResponse(model, state)
        self.weighted_r = model.bulk.sample_weights * state.r
        labels, response = model.labels, self.response
        self._variance = response.log_norm_variance
        # Along b the slope is less by its part in H_3(kappa): E[w_b sigma] d = kappa (E sigma' - E[z sigma'']/d).
        phi = response.at_mean_norm(model.phi, model.phi_by_log_norm)
        self.stack = FeatureStack(model, state, response, phi, phi - 2 * self._variance * model.phi_by_log_norm)
        self._g0 = response.at_mean_norm(labels.g0, labels.g0_by_log_norm)
        self._g1 = labels.g1 - response.lean * labels.g1_by_log_norm

    def forms(self, functions: Any, turned: Any) -> tuple[Any, Any]:
        """``<f_i, f_j>`` (m, m) and ``<f_i, y>`` (m,) of functions of every degree, shape (S, K, m), and their
        derivatives by ``log |x|`` at degree 0, shape (K, m). The first lacks what those cost.
        """
        labels, stack, variance = self.model.labels, self.stack, self._variance
        parts, turns = self._by_degree(self._g0, labels.g0_by_log_norm)
        leant = np.concatenate([self.response.at_mean_norm(functions[0], turned)[None], functions[1:]])
        v = stack.vectors(leant, turned)
        t = stack.t @ np.concatenate([v, stack.vector(parts, turns)[:, None]], axis=1)
        weighted = np.array([degree.factor for degree in stack.degrees])[:, :, None] * self.weighted_r[:, None] * leant
        gram = np.einsum("ski,skj->ij", weighted, leant) - v.T @ t[:, :-1]
        square = self._isotropic_squares(functions, turned)
        side = np.einsum("ski,sk->i", weighted, parts) + variance * (turned.T @ (self.weighted_r * turns[0]))
        return gram + square + square.T, side - v.T @ t[:, -1]

    def _isotropic_squares(self, functions: Any, turned: Any) -> Any:
        """``E[R f_i f_j]`` of functions along the squares of the e with what ``f_t`` has there, ``sqrt 2 v`` each.

        The squares of the ``f_t`` themselves are in what the norms of samples cost.
        """
        along = functions[self.stack.squares].sum(axis=0)
        return 2**0.5 * self._variance * (along.T @ (self.weighted_r[:, None] * turned))

    def of_label(self, fitted: Any, turned: Any) -> LabelForm:
        """``<y - f, y - f>`` for a learned function f (S, K) and its derivative by ``log |x|`` (K,), without what the
        square of the latter costs.
        """
        labels, response, variance = self.model.labels, self.response, self._variance
        turned_rest = labels.g0_by_log_norm - turned
        rest = response.at_mean_norm(labels.g0 - fitted[0], turned_rest)
        parts, turns = self._by_degree(rest, turned_rest)
        parts[1:] -= fitted[1:]
        factors = np.array([degree.factor for degree in self.stack.degrees])
        energy = (
            (factors * parts**2).sum(axis=0) + labels.g2 - (response.square_factor**2 * labels.squares**2).sum(axis=0)
        )
        energy = energy - response.lean * labels.g2_by_log_norm - 2 * variance * labels.g0_by_log_norm * turned
        energy = energy + 2**1.5 * variance * fitted[self.stack.squares].sum(axis=0) * turned
        v = self.stack.vector(parts, turns)
        coefficients = self.stack.t @ v
        value = self.weighted_r @ energy - v @ coefficients
        along, turning = self.stack.fitted(coefficients)
        by_r, by_zeta = self.stack.derivatives(v, coefficients)
        by_r = by_r + energy + self._squares(parts - along, turns - turning) - self._squares(parts, turns)
        growth = self._growth(parts - along, turns - turning) + labels.g2_by_log_norm
        growth = growth - 4 * response.square_factor**2 * (labels.squares**2).sum(axis=0)
        leaning = response.derivatives(-self.weighted_r * growth)
        return LabelForm(value, by_r * self.weighted_r + leaning[0], by_zeta + leaning[1], growth)

    def _by_degree(self, rest: Any, turned: Any) -> tuple[Any, Any]:
        """The label whose part along kappa is ``rest``, and its derivative by ``log |x|``, shape (S, K) each."""
        labels = self.model.labels
        still = np.zeros_like(labels.squares)
        return np.stack([rest, *self._g1, *labels.squares]), np.stack([turned, *labels.g1_by_log_norm, *still])

    def _squares(self, parts: Any, turned: Any) -> Any:
        """``E[f^2 | kappa]`` of parts of every degree, with what their turning adds."""
        factors = np.array([degree.factor for degree in self.stack.degrees])
        return (factors * parts**2 + self._variance * turned**2).sum(axis=0)

    def _growth(self, parts: Any, turned: Any) -> Any:
        """Minus the derivative of :meth:`_squares` by ``v omega``."""
        linear = len(self.model.labels.g1)
        degrees = np.array([0, *[1] * linear, *[2] * (len(parts) - 1 - linear)])[:, None]
        factors = np.array([degree.factor for degree in self.stack.degrees])
        return (2 * factors * parts * (turned + degrees * parts)).sum(axis=0)
