"""The quadratic form of the label and the three errors (docs/theory-inputs.md, section 6)."""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.directions import FeatureForms, Parts
from polyspike.theory.covariance.fixed_point import CovarianceState, Solved, derivative
from polyspike.theory.covariance.norm_response import NormResponse
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["LabelForm", "errors", "label_form"]


class LabelForm(NamedTuple):
    """``Q = (1/n) y' (F F'/N + D)^-1 y`` at its minimum over the learned functions.

    Attributes
    ----------
    value : float
    covariance : float
        ``-2 E[Delta_R dE[residual^2]/dlog |x|]``, what the fluctuation of the diagonal adds to a test error.
    """

    value: Any
    covariance: Any


def label_form(state: CovarianceState) -> LabelForm:
    """The form of the label (eq-covariance-value)."""
    response = NormResponse(state)
    forms, label, learned = FeatureForms(state, response), _label(state, response), _learned(state, response)
    gram, side = forms.form(learned, learned), forms.form(learned, label)[:, 0]
    x = np.linalg.solve(gram + inverse_neuron_form(state) / state.model.problem.n_samples, side)
    own = forms.form(label, label)[0, 0] + state.weighted_r @ _rest(state, response)
    left = [part - (function @ x)[:, :, None] for part, function in zip(label, learned, strict=True)]
    residual = _residual_by_norm(state, response, forms, Parts(*left))
    return LabelForm(own - side @ x, -2 * state.model.bulk.sample_weights @ residual)


def _label(state: CovarianceState, response: NormResponse) -> Parts:
    """The label by degree in kappa_e, which the weight R makes narrower; it knows of no other norm."""
    labels = state.model.labels
    values = np.stack([labels.g0, labels.g1[0], labels.squares[0]])
    values = (values + response.mean_log_e * _by_log_e(state))[:, :, None]
    return Parts(values, np.zeros_like(values))


def _by_log_e(state: CovarianceState) -> Any:
    """The derivative of the label's parts by the log of kappa_e's deviation, shape (3, K)."""
    labels = state.model.labels
    return np.stack([labels.g0_by_log_norm, labels.g1_by_log_norm[0], 0 * labels.g0])


def _learned(state: CovarianceState, response: NormResponse) -> Parts:
    """The learned functions: ``m(., u) sqrt(w)``, and what the weights' second moments along the known directions make
    of the activation's curvature, ``t`` times ``kappa kappa_e`` and ``h_2(kappa_e)`` (eq-learned-parts).
    """
    model, root = state.model, np.sqrt(state.model.grid.u_weights)
    slope, along = model.averages.mean_by_log_norm * root, model.norms.along
    mean = response.at_mean_norm(model.mean * root, slope)
    crossed = slope * model.grid.kappa[:, None] * along[:, 0, 1]
    square = slope * along[:, 1, 1] / 2**0.5
    none = np.zeros_like(slope)
    return Parts(np.stack([mean, crossed + 0 * mean, square + 0 * mean]), np.stack([slope, none, none]))


def _rest(state: CovarianceState, response: NormResponse) -> Any:
    """The energy of the label beyond its three parts, under the weight R, shape (K,)."""
    labels = state.model.labels
    return labels.g2 + response.mean_log_e * labels.g2_by_log_norm - response.square_factor**2 * labels.squares[0] ** 2


def _residual_by_norm(state: CovarianceState, response: NormResponse, forms: FeatureForms, left: Parts) -> Any:
    """``Delta dE[residual^2 | kappa]/dDelta`` of what the learned functions leave, by the norm and by the deviation of
    kappa_e (eq-inputs-mean-norm), shape (K,).
    """
    labels = state.model.labels
    fitted = forms.fitted(forms.levers(left))
    values, slopes = (part[:, :, 0] - other[:, :, 0] for part, other in zip(left, fitted, strict=True))
    by_norm = 2 * (forms.factors * values * slopes).sum(axis=0)
    by_e = 2 * (forms.factors * values * (_by_log_e(state) + np.arange(3)[:, None] * values)).sum(axis=0)
    by_e = by_e + labels.g2_by_log_norm - 4 * response.square_factor**2 * labels.squares[0] ** 2
    return response.mean_log_norm * by_norm + response.mean_log_e * by_e


def inverse_neuron_form(state: CovarianceState) -> Any:
    """``U^-1`` in the nodal basis (eq-covariance-cost), shape (A, A)."""
    model = state.model
    root = np.sqrt(model.grid.u_weights)
    by_log_norm = model.averages.mean_by_log_norm * root
    of_norms = model.problem.n_samples * model.norms.covariance * state.gram(by_log_norm, by_log_norm)
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
    ``D = gamma + e/R_ii^2`` (eq-inputs-test), whose mean is ``e/(R^2 (1 + nu))``.
    """
    state = solved.state
    gamma, form = state.shift, label_form(state)
    by_ridge = derivative(label_form(solved.moved(np.ones(len(state.r)))).value)
    shift, lost_zeta = 1 / state.r**2, np.zeros(len(state.zeta))
    if state.pairs is not None:
        lost_r, lost_zeta = state.pairs.by_fluctuating_shift
        shift = shift / (1 + state.pairs.diagonal_variance) - lost_r
    left_out = solved.moved(shift, -state.model.bulk.samples_per_neuron * lost_zeta)
    by_left_out = derivative(label_form(left_out).value)
    return Errors(gamma * form.value, -(gamma**2) * by_ridge, form.covariance - by_left_out)
