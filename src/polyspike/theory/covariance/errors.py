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
    side = side + response.log_norm_variance * (
        learned.by_log_norm[0].T @ (state.weighted_r * label.by_log_norm[0, :, 0])
    )
    x = np.linalg.solve(gram + inverse_neuron_form(state) / state.model.problem.n_samples, side)
    own = forms.form(label, label)[0, 0] + state.weighted_r @ _rest(state, response)
    left = [part - (function @ x)[:, :, None] for part, function in zip(label, learned, strict=True)]
    residual = _residual_by_log_norm(state, response, forms, Parts(*left))
    return LabelForm(own - side @ x, -2 * (state.model.bulk.sample_weights * response.mean_log_norm) @ residual)


def _label(state: CovarianceState, response: NormResponse) -> Parts:
    """The label by degree in kappa_e; kappa_e grows with the norm at its own rate."""
    labels, rate = state.model.labels, state.model.norms.along_e
    slopes = rate * np.stack([labels.g0_by_log_norm, labels.g1_by_log_norm[0], 0 * labels.g0])
    values = np.stack([labels.g0, labels.g1[0], labels.squares[0]])
    return Parts(
        np.stack([response.at_mean_norm(f, t) for f, t in zip(values, slopes, strict=True)])[:, :, None],
        slopes[:, :, None],
    )


def _learned(state: CovarianceState, response: NormResponse) -> Parts:
    """The learned functions ``m(., u) sqrt(w)``, all of degree 0."""
    model, root = state.model, np.sqrt(state.model.grid.u_weights)
    slope = model.averages.mean_by_log_norm * root
    mean = response.at_mean_norm(model.mean * root, slope)
    none = np.zeros_like(mean)
    return Parts(np.stack([mean, none, none]), np.stack([slope, 0 * slope, 0 * slope]))


def _rest(state: CovarianceState, response: NormResponse) -> Any:
    """The energy of the label beyond its three parts, at the mean norm, shape (K,)."""
    labels = state.model.labels
    slope = state.model.norms.along_e * labels.g2_by_log_norm
    return labels.g2 + response.mean_log_norm * slope - response.square_factor**2 * labels.squares[0] ** 2


def _residual_by_log_norm(state: CovarianceState, response: NormResponse, forms: FeatureForms, left: Parts) -> Any:
    """``dE[residual^2 | kappa]/dlog |x|`` of what the learned functions leave (eq-inputs-mean-norm), shape (K,)."""
    labels, rate = state.model.labels, state.model.norms.along_e
    fitted = forms.fitted(forms.levers(left))
    values, slopes = (part[:, :, 0] - other[:, :, 0] for part, other in zip(left, fitted, strict=True))
    degrees = rate * np.arange(3)[:, None]
    found = (2 * forms.factors * values * (slopes + degrees * values)).sum(axis=0)
    return found + rate * (labels.g2_by_log_norm - 4 * response.square_factor**2 * labels.squares[0] ** 2)


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
