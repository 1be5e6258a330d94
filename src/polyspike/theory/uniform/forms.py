"""The quadratic form ``Q(D) = (1/n) y' (F F'/N + D)^-1 y`` and its derivatives (docs/theory-uniform.md, sections 4, 5).

``Q`` is a minimum over the coefficients x of the learned functions, so its derivative in R and zeta is the explicit
one at fixed x (envelope theorem); one adjoint solve then gives the derivative along any change of the shift D.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.theory.uniform.bulk import BulkState, Linearised
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.quadratic_part import QuadraticPart

__all__ = ["Errors", "QuadraticForm", "errors", "learned_functions", "neuron_cost", "quadratic_form"]


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
        ``g0 - f x``, the part of the label along kappa that the learned functions leave.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    fitted: Any


def quadratic_form(model: UniformModel, state: BulkState) -> QuadraticForm:
    """``Q`` at a solved bulk, by the best coefficients of the learned functions."""
    blocks = _Blocks(model, state)
    turn, functions, cost = _turn(model), learned_functions(model), neuron_cost(model, state) / model.problem.n_samples
    learned = functions @ turn
    x = turn @ np.linalg.solve(blocks.gram(learned) + turn.T @ cost @ turn, blocks.against_label(learned))
    return blocks.form(model.labels.g0 - functions @ x, x, cost)


def learned_functions(model: UniformModel) -> Any:
    """Functions of kappa (K, 2 A): ``m(., u) sqrt(w)``, and ``t(., u) sqrt(w v)``, which the neurons' norms add."""
    root = np.sqrt(model.grid.u_weights)
    return np.concatenate([model.mean * root, model.norms.turn * root * np.sqrt(model.norms.neurons)], axis=1)


def neuron_cost(model: UniformModel, state: BulkState) -> Any:
    """What unit coefficients of the learned functions cost, n times over: ``U^-1`` and ``1/zeta``, block diagonal."""
    size = len(state.zeta)
    cost = np.diag(np.tile(1 / state.zeta, 2))
    cost = cost.astype(np.result_type(cost, model.mean))
    cost[:size, :size] = inverse_neuron_form(model, state)
    return cost


def _turn(model: UniformModel) -> Any:
    """Orthogonal change of the learned functions that keeps strong and weak spikes apart.

    A spike of strength n r^2 rounds the others' at its own relative precision unless it has a coordinate of its own.
    """
    size = len(model.grid.u_weights)
    turn = np.eye(2 * size)
    if model.problem.n_samples * np.abs(model.conditioning.strength) ** 2 < _STRONG:
        return turn
    weighted = np.sqrt(model.grid.kappa_weights)[:, None] * np.real(model.mean) * np.sqrt(model.grid.u_weights)
    turn[:size, :size] = np.linalg.svd(weighted)[2].T
    return turn


def inverse_neuron_form(model: UniformModel, state: BulkState) -> Any:
    """The inverse of ``U = E_u[h h' zeta]`` in the scaled nodal basis, plus what the samples' norms cost,
    ``n E_kappa[R t t'] cov(log tau, log tau')``; for the full gradient plus ``(n/N) sum_mu weight Y Psi Y'`` with
    ``Y = gain u q`` of :func:`_along_readout`.
    """
    root = np.sqrt(model.grid.u_weights)
    turn = model.norms.turn * root
    moved = (model.bulk.sample_weights * state.r)[:, None]
    inverse = np.diag(1 / state.zeta) + model.problem.n_samples * model.norms.samples * (turn.T @ (moved * turn))
    if model.conditioning.excluded == 0:
        return inverse
    weights, gains = _along_readout(model)
    y = (root * model.grid.u * gains)[:, :, None] * model.bulk.q
    left = (model.bulk.overload * weights)[:, None, None] * (y @ np.concatenate([state.psi, state.psi]))
    flat = (-1, left.shape[0] * left.shape[2])
    return inverse + left.transpose(1, 0, 2).reshape(flat) @ y.transpose(1, 0, 2).reshape(flat).T


def _along_readout(model: UniformModel) -> tuple[Any, Any]:
    """Weights and gains, over the nodes of M twice, of what the neurons' linear part lacks and has along the readout.

    With the full gradient the own weights are ``a omega' + (I - a a') W0'``. The bulk has no part along the readout
    (weight -1, in every direction of x); the gain moves ``a omega'`` too, by ``gain - 1`` (in the direction omega).
    """
    return np.concatenate([-model.bulk.mu_weights, model.omega]), np.concatenate([model.gains, model.gains - 1])


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
        terms = state.next_order
        self.quadratic = None if terms is None else QuadraticPart(terms, model.grid.kappa, self.moved, model.labels)

    def label_vector(self, g0: Any) -> Any:
        """``v`` of a label whose part along kappa is ``g0``, stacked over the directions."""
        parts = [self.lever.T @ g0, *((g1 * self.moved) @ self.model.bulk.phi for g1 in self.model.labels.g1)]
        return np.concatenate(parts)

    def gram(self, functions: Any) -> Any:
        """``<f_i, f_j>`` of functions of kappa, the columns."""
        v = self.lever.T @ functions
        lost = self.model.bulk.aspect * (v.T @ self.t[: self.size, : self.size] @ v)
        if self.quadratic is not None:
            lost = lost + self.quadratic.between(functions, functions)
        return functions.T @ (self.moved[:, None] * functions) - lost

    def against_label(self, functions: Any) -> Any:
        """``<f_i, y>``, the cross form with kappa_perp included."""
        label = self.t[: self.size] @ self.label_vector(self.model.labels.g0)
        lead = functions.T @ (self.moved * self.model.labels.g0)
        lost = self.model.bulk.aspect * (functions.T @ (self.lever @ label))
        if self.quadratic is not None:
            lost = lost + self.quadratic.between(functions, self.model.labels.g0[:, None])[:, 0]
        return lead - lost

    def form(self, rest: Any, x: Any, cost: Any) -> QuadraticForm:
        """``<y - f x, y - f x> + x' cost x`` and its derivatives at fixed x."""
        model, state, bulk = self.model, self.state, self.model.bulk
        labels, size = model.labels, len(state.zeta)
        energy = rest**2 + (labels.g1**2).sum(axis=0) + labels.g2
        v = self.label_vector(rest)
        tv = self.t @ v
        value = self.moved @ energy - bulk.aspect * (v @ tv) + x @ cost @ x
        by_r, by_zeta = self._derivatives(v, tv, rest, energy)
        if self.quadratic is not None:
            loss = self.quadratic.form(rest)
            value, by_r, by_zeta = value - loss[0], by_r - loss[1], by_zeta - loss[2]
        by_zeta = by_zeta - (x[:size] ** 2 + x[size:] ** 2) / (model.problem.n_samples * state.zeta)
        extra_r, extra_zeta = self._excluded(x[:size])
        return QuadraticForm(value, by_r + extra_r + self._by_norms(x[:size]), by_zeta + extra_zeta, rest)

    def _by_norms(self, x: Any) -> Any:
        """By log R of ``E[R (t x)' cov (t x)]``, what the samples' norms cost."""
        turned = self.model.norms.turn * (np.sqrt(self.model.grid.u_weights) * x)
        return ((turned @ self.model.norms.samples) * turned).sum(axis=1) * self.moved

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
        """By log R and log zeta of ``(1/N) sum_mu weight x' Y Psi Y' x``: ``dPsi = E dV E' - c Psi dQ Psi``."""
        model, state, bulk = self.model, self.state, self.model.bulk
        if model.conditioning.excluded == 0:
            return 0.0, 0.0
        weights, gains = _along_readout(model)
        y = (gains * np.sqrt(model.grid.u_weights) * model.grid.u * x) @ bulk.q
        e, psi, moves = (np.concatenate([part, part]) for part in (state.e, state.psi, bulk.moves))
        through_phi = np.einsum("kab,kb->ka", np.swapaxes(e, 1, 2), y) @ bulk.phi.T
        through_q = (np.einsum("kab,kb->ka", psi, y) @ bulk.q.T) ** 2 * moves
        scale = bulk.overload / model.problem.n_samples
        by_r = scale * (weights @ through_phi**2) * self.moved
        by_zeta = -scale * bulk.aspect * (weights @ through_q) * bulk.neuron_weights * state.zeta
        return by_r, by_zeta


def errors(model: UniformModel, state: BulkState, at: Linearised | None = None) -> Errors:
    """Train loss ``gamma Q``, train error ``-gamma^2 dQ/dgamma``, test error ``-dQ/de`` at the shift
    ``D = gamma + e/(R^2 (1 + nu))``.

    The residual of a sample left out is its residual over ``R_ii``, whose square is averaged over samples of the same
    kappa: nu is the relative variance of the diagonal.
    ``at`` is the state's Jacobian, where it is known already.
    """
    form = quadratic_form(model, state)
    gamma = state.shift
    gradient = np.concatenate([form.by_log_r, form.by_log_zeta])
    adjoint = (at or Linearised(state)).solve_transposed(gradient)[: len(state.r)]
    test = (adjoint / (state.r * (1 + state.diagonal_variance))).sum()
    return Errors(gamma * form.value, gamma**2 * (adjoint @ state.r), test)
