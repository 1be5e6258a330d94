"""The quadratic form ``Q(D) = (1/n) y' (F F'/N + D)^-1 y`` and its derivatives.

The form is that of section 4 of docs/theory-finite-size.md, the errors are those of section 5.

``Q`` is a minimum over the coefficients x of the learned functions, so its derivative in R and zeta is the explicit
one at fixed x (envelope theorem); one adjoint solve then gives the derivative along any change of the shift D.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.spikes.learned_functions import (
    cost_derivatives,
    functions_by_log_norm,
    inverse_neuron_form,
    learned_by_degree,
    separating_rotation,
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
        ``-2 E_kappa[Delta_R dE[residual^2]/dlog |x|]``: the covariance of ``-2 log R`` with the squared residual of a
        sample left out, over samples of the same kappa (eq-fluctuating-shift).
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    fitted: Any
    covariance: Any


def quadratic_form(model: FiniteSizeModel, state: BulkState) -> QuadraticForm:
    """``Q`` at a solved bulk, at the coefficients x of the learned functions that minimise it (eq-minimum, eq-value).

    x is the minimum, so the derivatives by R and zeta are the explicit ones at fixed x.
    """
    directions = Directions(model, state)
    functions, by_log_norm = learned_by_degree(model), functions_by_log_norm(model)
    cost = inverse_neuron_form(model, state) / model.problem.n_samples
    x = _best(directions, model, functions, by_log_norm, cost)
    fitted = functions @ x
    label = directions.of_label(fitted, by_log_norm @ x)
    by_r, by_zeta = cost_derivatives(model, state, x)
    return QuadraticForm(
        label.value + x @ cost @ x,
        label.by_log_r + by_r,
        label.by_log_zeta + by_zeta,
        model.labels.g0 - fitted[0],
        -2 * (model.bulk.sample_weights * directions.response.mean_log_norm) @ label.residual_by_log_norm,
    )


def _best(directions: Directions, model: FiniteSizeModel, functions: Any, by_log_norm: Any, cost: Any) -> Any:
    """The coefficients of the learned functions at the minimum, ``(S' H S + U^-1/n)^-1 S' w`` (eq-value)."""
    rotation = separating_rotation(model)
    if rotation is None:
        gram, side = directions.forms(functions, by_log_norm)
        return _at_minimum(gram + cost, side)
    gram, side = directions.forms(functions @ rotation, by_log_norm @ rotation)
    return rotation @ _at_minimum(gram + rotation.T @ cost @ rotation, side)


def _at_minimum(form: Any, side: Any) -> Any:
    """The coefficients at the minimum of a form.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where the learned functions range over so many decades that rounding leaves no minimum.
    """
    try:
        return np.linalg.solve(form, side)
    except np.linalg.LinAlgError as error:
        sizes = np.abs(np.diagonal(form))
        message = f"what is learned ranges from {sizes.min():.0e} to {sizes.max():.0e}: rounding leaves it no minimum"
        raise NumericalError(Status.OUT_OF_RANGE, message) from error


def errors(model: FiniteSizeModel, state: BulkState, at: Linearised | None = None) -> Errors:
    """The three errors, from the form and one adjoint solve (eq-adjoint).

    The train loss is ``gamma Q``, the train error ``-gamma^2 dQ/dgamma`` (eq-train). The test error is ``-dQ/de`` at
    the shift ``D = gamma + e/R_ii^2`` (eq-test), since the residual of a sample left out is its residual over ``R_ii``.
    Over samples of the same kappa ``R_ii`` varies with their norm: D has the mean ``gamma + e/(R^2 (1 + nu))``, and its
    fluctuation is correlated with that of ``R_ii``, which changes R and zeta, and with the squared residual
    (eq-fluctuating-shift).

    Parameters
    ----------
    model : FiniteSizeModel
    state : BulkState
    at : Linearised, optional
        The Jacobian at the state, where the caller has it.
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
