"""The quadratic form ``Q(D) = (1/n) y' (F F'/N + D)^-1 y`` and its derivatives (docs/theory-uniform.md, sections 4, 5).

``Q`` is a minimum over the coefficients x of the learned functions, so its derivative in R and zeta is the explicit
one at fixed x (envelope theorem); one adjoint solve then gives the derivative along any change of the shift D.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.theory.uniform.bulk import BulkState, Linearised
from polyspike.theory.uniform.model import UniformModel

__all__ = ["Errors", "QuadraticForm", "errors", "quadratic_form"]


# Spikes stronger than this (n r^2) get their own coordinates; below, their rounding stays under 1e-11.
_STRONG = 1e5


@dataclass(frozen=True)
class Errors:
    """Train loss (with the penalty), train error and test error."""

    train_loss: Any
    train_error: Any
    test_error: Any


@dataclass(frozen=True)
class QuadraticForm:
    """The value of ``Q(D)`` with its explicit derivatives by log R and log zeta.

    Attributes
    ----------
    value : float
    by_log_r, by_log_zeta : ndarray of shape (K,), (A,)
    fitted : ndarray of shape (K,)
        ``g0 - m x``, the part of the label along kappa that the learned functions leave.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    fitted: Any


def quadratic_form(model: UniformModel, state: BulkState) -> QuadraticForm:
    """``Q`` at a solved bulk, by the best coefficients of the learned functions ``m(., u)``."""
    blocks = _Blocks(model, state)
    turn = _turn(model)
    learned = (model.mean * np.sqrt(model.grid.u_weights)) @ turn
    cost = turn.T @ inverse_neuron_form(model, state) @ turn / model.problem.n_samples
    source = blocks.against_label(learned)
    x = np.linalg.solve(blocks.gram(learned) + cost, source)
    return blocks.form(model.labels.g0 - learned @ x, turn @ x)


def _turn(model: UniformModel) -> Any:
    """Orthogonal change of the learned functions that keeps strong and weak spikes apart.

    A spike of strength n r^2 rounds the others' at its own relative precision unless it has a coordinate of its own.
    """
    size = len(model.grid.u_weights)
    if model.problem.n_samples * np.abs(model.conditioning.strength) ** 2 < _STRONG:
        return np.eye(size)
    weighted = np.sqrt(model.grid.kappa_weights)[:, None] * np.real(model.mean) * np.sqrt(model.grid.u_weights)
    return np.linalg.svd(weighted)[2].T


def inverse_neuron_form(model: UniformModel, state: BulkState) -> Any:
    """The inverse of ``U = E_u[h h' zeta]`` in the scaled nodal basis; for the full gradient, whose bulk has no linear
    part along the readout itself, less ``(n/N) sum_mu Y Psi Y'`` with ``Y = gain u q``.
    """
    inverse = np.diag(1 / state.zeta)
    if model.conditioning.excluded == 0:
        return inverse
    root = np.sqrt(model.grid.u_weights) * model.grid.u
    y = (root * model.gains)[:, :, None] * model.bulk.q
    left = (model.bulk.overload * model.bulk.mu_weights)[:, None, None] * (y @ state.psi)
    flat = (-1, left.shape[0] * left.shape[2])
    return inverse - left.transpose(1, 0, 2).reshape(flat) @ y.transpose(1, 0, 2).reshape(flat).T


class _Blocks:
    """``G``, ``Dt`` and ``T`` over the directions (b, kappa_perp ...), each of p factors."""

    def __init__(self, model: UniformModel, state: BulkState) -> None:
        self.model, self.state = model, state
        bulk = model.bulk
        p, directions = state.v.shape[0], model.directions.shape[1]
        self.size, self.count = p, directions
        g = np.einsum("kij,kab->iajb", model.directions, state.gam)
        self.g = g.reshape(directions * p, directions * p)
        kappa2 = model.grid.kappa**2
        self.moved = bulk.sample_weights * state.r
        self.dt = bulk.aspect * (bulk.phi.T @ (((kappa2 - 1) * self.moved)[:, None] * bulk.phi))
        # (I + G Dt)^-1 with Dt acting on the first block only.
        inner = np.eye(directions * p, dtype=self.g.dtype)
        inner[:, :p] = inner[:, :p] + self.g[:, :p] @ self.dt
        self.inner = inner
        self.t = np.linalg.solve(inner, self.g)
        self.lever = (model.grid.kappa * self.moved)[:, None] * bulk.phi

    def label_vector(self, g0: Any) -> Any:
        """``v`` of a label whose part along kappa is ``g0``, stacked over the directions."""
        parts = [self.lever.T @ g0, *((g1 * self.moved) @ self.model.bulk.phi for g1 in self.model.labels.g1)]
        return np.concatenate(parts)

    def gram(self, functions: Any) -> Any:
        """``<f_i, f_j>`` of functions of kappa, the columns."""
        v = self.lever.T @ functions
        return functions.T @ (self.moved[:, None] * functions) - self.model.bulk.aspect * (
            v.T @ self.t[: self.size, : self.size] @ v
        )

    def against_label(self, functions: Any) -> Any:
        """``<f_i, y>``, the cross form with kappa_perp included."""
        label = self.t[: self.size] @ self.label_vector(self.model.labels.g0)
        lead = functions.T @ (self.moved * self.model.labels.g0)
        return lead - self.model.bulk.aspect * (functions.T @ (self.lever @ label))

    def form(self, rest: Any, x: Any) -> QuadraticForm:
        """``<y - m x, y - m x> + x' U^-1 x / n`` and its derivatives at fixed x."""
        model, state, bulk = self.model, self.state, self.model.bulk
        labels = model.labels
        energy = rest**2 + (labels.g1**2).sum(axis=0) + labels.g2
        v = self.label_vector(rest)
        tv = self.t @ v
        cost = x @ inverse_neuron_form(model, state) @ x / model.problem.n_samples
        value = self.moved @ energy - bulk.aspect * (v @ tv) + cost
        by_r, by_zeta = self._derivatives(v, tv, rest, energy)
        by_zeta = by_zeta - x**2 / (model.problem.n_samples * state.zeta)
        extra_r, extra_zeta = self._excluded(x)
        return QuadraticForm(value, by_r + extra_r, by_zeta + extra_zeta, rest)

    def _derivatives(self, v: Any, tv: Any, rest: Any, energy: Any) -> tuple[Any, Any]:
        """By log R and log zeta of ``E[energy R] - c v' T v``."""
        model, state, bulk = self.model, self.state, self.model.bulk
        c, kappa = bulk.aspect, model.grid.kappa
        p = self.size
        # a = (I + Dt G)^-1 v, so that v' dT v = a' dG a - (Tv)_b' dDt (Tv)_b.
        a = v.copy()
        a[:p] = a[:p] - self.dt @ tv[:p]
        along = (bulk.phi @ tv.reshape(self.count, p).T).T
        slope = kappa * rest * along[0] + (model.labels.g1 * along[1:]).sum(axis=0)
        by_r = energy - 2 * c * slope + c**2 * (kappa**2 - 1) * along[0] ** 2
        pieces = a.reshape(self.count, p)
        e_a = np.einsum("kab,jb->kja", state.e, pieces)
        g_a = np.einsum("kab,jb->kja", state.gam, pieces)
        through_q, through_phi = e_a @ bulk.q.T, g_a @ bulk.phi.T
        dg_zeta = np.einsum("kij,kia,kja,ka->a", model.directions, through_q, through_q, bulk.moves)
        dg_r = np.einsum("kij,kix,kjx->x", model.directions, through_phi, through_phi)
        by_r = (by_r + c**2 * dg_r) * self.moved
        by_zeta = -c * dg_zeta * bulk.neuron_weights * state.zeta
        return by_r, by_zeta

    def _excluded(self, x: Any) -> tuple[Any, Any]:
        """By log R and log zeta of ``-(1/N) sum_mu x' Y Psi Y' x``: ``dPsi = E dV E' - c Psi dQ Psi``."""
        model, state, bulk = self.model, self.state, self.model.bulk
        if model.conditioning.excluded == 0:
            return 0.0, 0.0
        scaled = np.sqrt(model.grid.u_weights) * model.grid.u * x
        y = (model.gains * scaled) @ bulk.q
        psi_y = np.einsum("kab,kb->ka", state.psi, y)
        through_phi = np.einsum("kab,kb->ka", np.swapaxes(state.e, 1, 2), y) @ bulk.phi.T
        through_q = (psi_y @ bulk.q.T) ** 2 * bulk.moves
        scale = bulk.overload / model.problem.n_samples
        by_r = -scale * (bulk.mu_weights @ through_phi**2) * self.moved
        by_zeta = scale * bulk.aspect * (bulk.mu_weights @ through_q) * bulk.neuron_weights * state.zeta
        return by_r, by_zeta


def errors(model: UniformModel, state: BulkState, at: Linearised | None = None) -> Errors:
    """Train loss ``gamma Q``, train error ``-gamma^2 dQ/dgamma``, test error ``-dQ/de`` at D = gamma + e/R^2.

    ``at`` is the state's Jacobian, where it is known already.
    """
    form = quadratic_form(model, state)
    gamma = state.shift
    gradient = np.concatenate([form.by_log_r, form.by_log_zeta])
    adjoint = (at or Linearised(state)).solve_transposed(gradient)[: len(state.r)]
    return Errors(gamma * form.value, gamma**2 * (adjoint @ state.r), (adjoint / state.r).sum())
