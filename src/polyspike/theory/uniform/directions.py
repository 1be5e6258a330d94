"""The forms of label and spikes at a solved bulk (docs/theory-uniform.md, sections 3, 8 and 11).

The label is known in few directions of the input: b, with the coordinate kappa, and the teacher's directions
orthogonal to it. Of each degree in those it is a coefficient of kappa, with its derivative by the sample's norm; a
learned function has degree 0. What the bulk's features fit of them is in feature_stack.py.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.uniform.bulk import BulkState
from polyspike.theory.uniform.feature_stack import FeatureStack
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.norm_response import NormResponse

__all__ = ["Directions", "LabelForm"]


class LabelForm(NamedTuple):
    """The form of a label with itself, its explicit derivatives, and how fast its residual grows with the norm.

    Attributes
    ----------
    value : float
    by_log_r, by_log_zeta : ndarray of shape (K,), (A,)
    growth : ndarray of shape (K,)
        ``d E[residual^2 | kappa]/dlog |x|``, the residual being that of a sample left out.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    growth: Any


class Directions:
    """The forms of one solved bulk.

    Attributes
    ----------
    stack : FeatureStack
    moved : ndarray of shape (K,)
        R times the quadrature weights.
    """

    def __init__(self, model: UniformModel, state: BulkState) -> None:
        self.model, self.state, self.response = model, state, NormResponse(model, state)
        self.moved = model.bulk.sample_weights * state.r
        labels, response = model.labels, self.response
        self._variance = response.variance
        # Along b the slope is less by its part in H_3(kappa): E[w_b sigma] d = kappa (E sigma' - E[z sigma'']/d).
        phi = response.leant(model.phi, model.phi_turn)
        self.stack = FeatureStack(model, state, response, phi, phi - 2 * self._variance * model.phi_turn)
        self._g0 = response.leant(labels.g0, labels.g0_turn)
        self._g1 = labels.g1 - response.lean * labels.g1_turn

    def forms(self, functions: Any, turned: Any) -> tuple[Any, Any]:
        """``<f_i, f_j>`` (m, m) and ``<f_i, y>`` (m,) of functions of kappa in the columns of shape (K, m) with their
        derivatives by ``log |x|``. The first lacks what those cost, the second has the cross form with kappa_perp.
        """
        labels, own, variance = self.model.labels, self.stack.degrees[0], self._variance
        leant = self.response.leant(functions, turned)
        v = own.functions.T @ (self.moved[:, None] * leant)
        v = v + variance * (own.turned.T @ (self.moved[:, None] * turned))
        t = self.stack.t[own.place]
        weighted = (self.moved[:, None] * leant).T
        gram = weighted @ leant - v.T @ (t[:, own.place] @ v)
        side = weighted @ self._g0 + variance * (turned.T @ (self.moved * labels.g0_turn))
        return gram, side - v.T @ (t @ self.stack.vector(*self._by_degree(self._g0, labels.g0_turn)))

    def of_label(self, fitted: Any, turned: Any) -> LabelForm:
        """``<y - f, y - f>`` for a learned function f of kappa and its derivative by ``log |x|``, without what the
        square of the latter costs.
        """
        labels, response, variance = self.model.labels, self.response, self._variance
        turned_rest = labels.g0_turn - turned
        rest = response.leant(labels.g0 - fitted, turned_rest)
        energy = rest**2 + response.factor * (self._g1**2).sum(axis=0)
        energy = energy + labels.g2 - response.lean * labels.g2_turn - 2 * variance * labels.g0_turn * turned
        parts, turns = self._by_degree(rest, turned_rest)
        v = self.stack.vector(parts, turns)
        coefficients = self.stack.t @ v
        value = self.moved @ energy - v @ coefficients
        along, turning = self.stack.fitted(coefficients)
        by_r, by_zeta = self.stack.derivatives(v, coefficients)
        by_r = by_r + energy + self._squares(parts - along, turns - turning) - self._squares(parts, turns)
        growth = self._growth(parts - along, turns - turning) + labels.g2_turn
        growth = growth - 4 * response.factor**2 * labels.square**2
        leaning = response.derivatives(-self.moved * growth)
        return LabelForm(value, by_r * self.moved + leaning[0], by_zeta + leaning[1], growth)

    def _by_degree(self, rest: Any, turned: Any) -> tuple[Any, Any]:
        """The label whose part along kappa is ``rest``, and its derivative by ``log |x|``, shape (S, K) each."""
        labels = self.model.labels
        still = np.zeros_like(labels.square)
        parts, turns = [rest, *self._g1, labels.square], [turned, *labels.g1_turn, still]
        return np.array(parts), np.array(turns)

    def _squares(self, parts: Any, turned: Any) -> Any:
        """``E[f^2 | kappa]`` of parts of every degree, with what their turning adds."""
        factors = np.array([degree.factor for degree in self.stack.degrees])
        return (factors * parts**2 + self._variance * turned**2).sum(axis=0)

    def _growth(self, parts: Any, turned: Any) -> Any:
        """Minus the derivative of :meth:`_squares` by ``v omega``."""
        degrees = np.array([0, *[1] * (len(parts) - 2), 2])[:, None]
        factors = np.array([degree.factor for degree in self.stack.degrees])
        return (2 * factors * parts * (turned + degrees * parts)).sum(axis=0)
