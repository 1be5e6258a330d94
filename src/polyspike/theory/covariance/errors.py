"""The quadratic form of the label and the three errors (docs/theory-inputs.md, section 6)."""

from typing import Any

import numpy as np

from polyspike.theory.covariance.directions import FeatureForms
from polyspike.theory.covariance.fixed_point import CovarianceState, Solved, derivative
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["errors", "label_form"]


def label_form(state: CovarianceState) -> Any:
    """``Q = (1/n) y' (F F'/N + D)^-1 y`` at its minimum over the learned functions (eq-covariance-value)."""
    model, forms = state.model, FeatureForms(state)
    labels, root = model.labels, np.sqrt(model.grid.u_weights)
    parts = np.stack([labels.g0, labels.g1[0], labels.squares[0]])[:, :, None]
    learned = np.zeros((3, *model.mean.shape))
    learned[0] = model.mean * root
    rest = labels.g2 - labels.squares[0] ** 2
    own = forms.form(parts, parts)[0, 0] + state.weighted_r @ rest
    gram, side = forms.form(learned, learned), forms.form(learned, parts)[:, 0]
    cost = inverse_neuron_form(state) / model.problem.n_samples
    return own - side @ np.linalg.solve(gram + cost, side)


def inverse_neuron_form(state: CovarianceState) -> Any:
    """``U^-1`` in the nodal basis (eq-covariance-cost), shape (A, A)."""
    model = state.model
    root = np.sqrt(model.grid.u_weights)
    by_log_norm = model.averages.mean_by_log_norm * root
    of_norms = model.problem.n_samples * model.norm_covariance * state.gram(by_log_norm, by_log_norm)
    cost = np.diag(1 / state.zeta) + of_norms
    if model.step.scalars.excluded == 0:
        return cost
    weight = root * model.grid.u
    excluded = along_readout(state, model.gains - 1) - along_readout(state, model.gains)
    return cost + model.problem.input_dim / model.problem.width * weight[:, None] * excluded * weight


def along_readout(state: CovarianceState, gains: Any) -> Any:
    """``Theta_uv`` (eq-theta): what the neurons' linear features lack along their readout, shape (A, A)."""
    model, blocks = state.model, state.blocks
    weights, values, chi = model.spectrum.weights, model.spectrum.values, model.bulk.chi
    own = chi @ blocks.h @ chi.T
    found = np.einsum("l,lu,luv,lv->uv", weights * values, gains, own, gains)
    if not model.tilted:
        return found
    e_u = model.step.scalars.quadratic_step * model.grid.u
    mixed, square = blocks.tilt_form
    crossed = np.einsum("l,lu,luv->uv", weights * values**0.5, gains, chi @ mixed @ chi.T) * e_u
    return found + crossed + crossed.T + e_u[:, None] * (chi @ np.tensordot(weights, square, 1) @ chi.T) * e_u


def errors(solved: Solved) -> Errors:
    """Train loss ``gamma Q``, train error ``-gamma^2 dQ/dgamma``, and test error ``-dQ/de`` at
    ``D = gamma + e/R^2``.
    """
    state = solved.state
    gamma = state.shift
    by_ridge = derivative(label_form(solved.moved(np.ones(len(state.r)))))
    by_left_out = derivative(label_form(solved.moved(1 / state.r**2)))
    return Errors(gamma * label_form(state), -(gamma**2) * by_ridge, -by_left_out)
