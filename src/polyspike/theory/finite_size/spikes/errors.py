"""The quadratic form ``Q(D) = (1/n) y' (F F'/N + D)^-1 y`` and its derivatives (docs/theory-finite-size.md, sections
4, 5).

``Q`` is a minimum over the coefficients x of the learned functions, so its derivative in R and zeta is the explicit
one at fixed x (envelope theorem); one adjoint solve then gives the derivative along any change of the shift D.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.spikes.learned_functions import (
    cost_derivatives,
    inverse_neuron_form,
    learned_by_degree,
    separating_turn,
    turned_functions,
)
from polyspike.theory.finite_size.spikes.linear_directions import Directions

__all__ = ["Errors", "QuadraticForm", "errors", "quadratic_form"]


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
    covariance : float
        Of ``-2 log R`` with the squared residual of a sample left out, over samples of the same kappa.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    fitted: Any
    covariance: Any


def quadratic_form(model: FiniteSizeModel, state: BulkState) -> QuadraticForm:
    """``Q`` at a solved bulk, by the best coefficients of the learned functions."""
    directions = Directions(model, state)
    functions, turned = learned_by_degree(model), turned_functions(model)
    cost = inverse_neuron_form(model, state) / model.problem.n_samples
    x = _best(directions, model, functions, turned, cost)
    fitted = functions @ x
    label = directions.of_label(fitted, turned @ x)
    by_r, by_zeta = cost_derivatives(model, state, x)
    return QuadraticForm(
        label.value + x @ cost @ x,
        label.by_log_r + by_r,
        label.by_log_zeta + by_zeta,
        model.labels.g0 - fitted[0],
        2 * (model.bulk.sample_weights * directions.response.lean) @ label.residual_by_log_norm,
    )


def _best(directions: Directions, model: FiniteSizeModel, functions: Any, turned: Any, cost: Any) -> Any:
    """The coefficients of the learned functions at the minimum."""
    turn = separating_turn(model)
    if turn is None:
        gram, side = directions.forms(functions, turned)
        return np.linalg.solve(gram + cost, side)
    gram, side = directions.forms(functions @ turn, turned @ turn)
    return turn @ np.linalg.solve(gram + turn.T @ cost @ turn, side)


def errors(model: FiniteSizeModel, state: BulkState, at: Linearised | None = None) -> Errors:
    """Train loss ``gamma Q``, train error ``-gamma^2 dQ/dgamma``, test error ``-dQ/de`` at the shift
    ``D = gamma + e/R_ii^2``.

    The residual of a sample left out is its residual over ``R_ii``. Over samples of the same kappa ``R_ii`` varies with
    their norm: ``D`` has the mean ``gamma + e/(R^2 (1 + nu))``, its fluctuation is correlated with that of ``R_ii``,
    which moves zeta, and with the squared residual.
    ``at`` is the state's Jacobian, where it is known already.
    """
    form = quadratic_form(model, state)
    gamma, size = state.shift, len(state.r)
    gradient = np.concatenate([form.by_log_r, form.by_log_zeta])
    adjoint = (at or Linearised(state)).solve_transposed(gradient)
    by_r, by_zeta = adjoint[:size], adjoint[size:]
    test = (by_r / (state.r * (1 + state.diagonal_variance))).sum() + form.covariance
    if state.next_order is not None:
        lost_r, lost_zeta = state.next_order.by_fluctuating_shift
        test = test - (lost_r * state.r) @ by_r - (lost_zeta * state.zeta) @ by_zeta
    return Errors(gamma * form.value, gamma**2 * (by_r @ state.r), test)
