"""The few directions of the input along which the label is linear (docs/theory-uniform.md, sections 3, 8 and 11).

They are b, with the coordinate kappa, and the teacher's directions orthogonal to it. A label, or a learned function, is
a coefficient of kappa for each of them, with its derivative by the sample's norm.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.uniform.bulk import BulkState
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.norm_response import NormResponse
from polyspike.theory.uniform.quadratic_part import QuadraticPart

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
    """``G``, ``Dt`` and ``T`` over the directions (b, kappa_perp ...), each of p factors, at a solved bulk.

    Attributes
    ----------
    t : ndarray of shape (P p, P p)
        ``T``, P the number of directions.
    lever : ndarray of shape (K, p)
        ``w R kappa phi``: ``v_f = lever' f`` along b.
    moved : ndarray of shape (K,)
        R times the quadrature weights.
    """

    def __init__(self, model: UniformModel, state: BulkState) -> None:
        self.model, self.state, self.response = model, state, NormResponse(model, state)
        self.size, self.count = state.v.shape[0], model.directions.shape[1]
        self.moved = model.bulk.sample_weights * state.r
        labels, response = model.labels, self.response
        self._variance, self._turned = response.variance, model.phi_turn
        # Along b the slope is less by its part in H_3(kappa): E[w_b sigma] d = kappa (E sigma' - E[z sigma'']/d).
        self._phi = response.leant(model.phi, model.phi_turn)
        self._phi_b = self._phi - 2 * self._variance * model.phi_turn
        self._g0 = response.leant(labels.g0, labels.g0_turn)
        self._g1 = labels.g1 - response.lean * labels.g1_turn
        self._blocks = self._extra()
        g = np.einsum("kij,kab->iajb", model.directions, state.gam)
        g = g.reshape(self.count * self.size, self.count * self.size)
        inner = np.eye(len(g), dtype=g.dtype)
        for part, block in zip(self._parts(), self._blocks, strict=True):
            inner[:, part] = inner[:, part] + g[:, part] @ block
        self.t = np.linalg.solve(inner, g)
        weighted = (model.grid.kappa * self.moved)[:, None]
        self.lever, self._turned_lever = weighted * self._phi_b, self._variance * weighted * self._turned
        terms = state.next_order
        self._quadratic = None if terms is None else QuadraticPart(terms, model.grid.kappa, self.moved, labels)

    def _parts(self) -> list[slice]:
        return [slice(j * self.size, (j + 1) * self.size) for j in range(self.count)]

    def _extra(self) -> list[Any]:
        """``Dt = c (V_direction - V)`` of every direction."""
        kappa2 = self.model.grid.kappa**2
        along_b = _second_moment(self._phi_b, kappa2 * self.moved)
        along_b = along_b + self._variance * _second_moment(self._turned, kappa2 * self.moved)
        along_e = _second_moment(self._phi, self.response.factor * self.moved)
        along_e = along_e + self._variance * _second_moment(self._turned, self.moved)
        c, v = self.model.bulk.aspect, self.state.v
        return [c * (along_b - v), *[c * (along_e - v)] * (self.count - 1)]

    def forms(self, functions: Any, turned: Any) -> tuple[Any, Any]:
        """``<f_i, f_j>`` (m, m) and ``<f_i, y>`` (m,) of functions of kappa in the columns of shape (K, m) with their
        derivatives by ``log |x|``. The first lacks what those cost, the second has the cross form with kappa_perp.
        """
        labels, c = self.model.labels, self.model.bulk.aspect
        leant = self.response.leant(functions, turned)
        v = self.lever.T @ leant + self._turned_lever.T @ turned
        t = self.t[: self.size]
        weighted = (self.moved[:, None] * leant).T
        gram = weighted @ leant - c * (v.T @ (t[:, : self.size] @ v))
        side = weighted @ self._g0 + self._variance * (turned.T @ (self.moved * labels.g0_turn))
        side = side - c * (v.T @ (t @ self._vector(self._g0, labels.g0_turn)))
        if self._quadratic is None:
            return gram, side
        lost = self._quadratic.between(functions, np.concatenate([functions, labels.g0[:, None]], axis=1))
        return gram - lost[:, :-1], side - lost[:, -1]

    def of_label(self, fitted: Any, turned: Any) -> LabelForm:
        """``<y - f, y - f>`` for a learned function f of kappa and its derivative by ``log |x|``, without what the
        square of the latter costs.
        """
        labels, response, variance = self.model.labels, self.response, self._variance
        turned_rest = labels.g0_turn - turned
        rest = response.leant(labels.g0 - fitted, turned_rest)
        energy = rest**2 + response.factor * (self._g1**2).sum(axis=0)
        energy = energy + labels.g2 - response.lean * labels.g2_turn - 2 * variance * labels.g0_turn * turned
        v = self._vector(rest, turned_rest)
        tv = self.t @ v
        value = self.moved @ energy - self.model.bulk.aspect * (v @ tv)
        by_r, by_zeta, growth = self._derivatives(v, tv, rest, turned_rest, energy)
        growth = growth + labels.g2_turn
        leaning = response.derivatives(-self.moved * growth)
        by_r, by_zeta = by_r + leaning[0], by_zeta + leaning[1]
        if self._quadratic is not None:
            loss = self._quadratic.form(labels.g0 - fitted)
            value, by_r, by_zeta = value - loss[0], by_r - loss[1], by_zeta - loss[2]
        return LabelForm(value, by_r, by_zeta, growth)

    def _vector(self, g0: Any, turned: Any) -> Any:
        """``v`` of a label whose part along kappa is ``g0``, stacked over the directions."""
        labels = self.model.labels
        across = (self.response.factor * self.moved * self._g1) @ self._phi
        across = across + (self._variance * self.moved * labels.g1_turn) @ self._turned
        return np.concatenate([self.lever.T @ g0 + self._turned_lever.T @ turned, across.ravel()])

    def _derivatives(self, v: Any, tv: Any, rest: Any, turned: Any, energy: Any) -> tuple[Any, Any, Any]:
        """By log R and log zeta of ``E[energy R] - c v' T v`` at fixed omega, and minus the linear parts' derivative by
        v omega, over w R.
        """
        model, state, bulk, variance = self.model, self.state, self.model.bulk, self._variance
        c, kappa, factor = bulk.aspect, model.grid.kappa, self.response.factor
        # a = (I + Dt G)^-1 v, so that v' dT v = a' dG a - (Tv)' dDt (Tv).
        a = v.copy()
        for part, block in zip(self._parts(), self._blocks, strict=True):
            a[part] = a[part] - block @ tv[part]
        slopes = c * tv.reshape(self.count, self.size).T
        plain, along = (bulk.phi @ slopes).T, (self._phi @ slopes).T
        along_b, moving = self._phi_b @ slopes[:, 0], (self._turned @ slopes).T
        left, left_turned = rest - kappa * along_b, turned - kappa * moving[0]
        across, across_turned = self._g1 - along[1:], model.labels.g1_turn - moving[1:]
        by_r = energy + left**2 - rest**2 + variance * (left_turned**2 - turned**2)
        by_r = by_r + (factor * (across**2 - self._g1**2)).sum(axis=0)
        by_r = by_r + variance * (across_turned**2 - model.labels.g1_turn**2).sum(axis=0) - (plain**2).sum(axis=0)
        growth = 2 * left * left_turned + (2 * factor * across * (across + across_turned)).sum(axis=0)
        pieces = a.reshape(self.count, self.size)
        e_a = np.einsum("kab,jb->kja", state.e, pieces)
        g_a = np.einsum("kab,jb->kja", state.gam, pieces)
        through_q, through_phi = e_a @ bulk.q.T, g_a @ bulk.phi.T
        dg_zeta = np.einsum("kij,kia,kja,ka->a", model.directions, through_q, through_q, bulk.moves)
        dg_r = np.einsum("kij,kix,kjx->x", model.directions, through_phi, through_phi)
        by_zeta = -c * dg_zeta * bulk.neuron_weights * state.zeta
        return (by_r + c**2 * dg_r) * self.moved, by_zeta, growth


def _second_moment(phi: Any, weights: Any) -> Any:
    """``E[phi phi']`` under weights."""
    return phi.T @ (weights[:, None] * phi)
