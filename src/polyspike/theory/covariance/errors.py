"""The quadratic form of the label and the three errors (docs/theory-inputs.md, section 6)."""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import total
from polyspike.theory.covariance.features import FeatureForms, Functions, component_degrees, mean_squares, side_by_side
from polyspike.theory.covariance.fixed_point import Solved, derivative
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.norm_response import CovarianceNormResponse
from polyspike.theory.covariance.products import along_products, label_products
from polyspike.theory.covariance.state import CovarianceState
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["LabelForm", "errors", "label_form"]


class LabelForm(NamedTuple):
    """``Q = (1/n) y' (F F'/N + D)^-1 y`` at its minimum over the learned functions; of several tangents arrays.

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
    response = CovarianceNormResponse(state)
    forms = FeatureForms(state, response)
    label, none = _label(state, response), np.zeros((len(state.model.grid.kappa), 1))
    functions = {s: side_by_side([g, label.get(s, none)]) for s, g in _learned(state, response, forms).items()}
    form, coefficients = forms.form(functions)
    side = form[..., :-1, -1:]
    x = np.linalg.solve(form[..., :-1, :-1] + inverse_neuron_form(state) / state.model.problem.n_samples, side)
    own = form[..., -1, -1] + (state.weighted_r * _rest(state, response)).sum(axis=-1)
    left = np.concatenate([-x, np.ones_like(x[..., :1, :])], axis=-2)
    residual = _residual_by_norm(state, response, forms, forms.unfitted(functions, coefficients, left))
    return LabelForm(own - (side * x).sum(axis=(-2, -1)), -2 * residual @ state.model.bulk.sample_weights)


def _label(state: CovarianceState, response: CovarianceNormResponse) -> Functions:
    """The label, (..., K, 1); the weight R makes the kappa_e narrower, and of the norm it knows nothing."""
    labels = state.model.labels
    values = np.concatenate([labels.g0[None], labels.g1, labels.squares])
    moved = np.einsum("i...k,isk->s...k", response.mean_log_e, _by_log_e(state))
    return dict(enumerate((_spread(values, state) + moved)[..., None]))


def _by_each(first: Any, all_of_them: Any, p: int) -> list[Any]:
    """A derivative by the logs of the deviations of the p kappa_e: of those but the first, which have one in common,
    equal parts.
    """
    return [first, *[(all_of_them - first) / (p - 1)] * (p - 1)] if p > 1 else [first]


def _by_log_e(state: CovarianceState) -> Any:
    """The derivatives of the label's parts by the logs of the deviations of the kappa_e, shape (p, S, K)."""
    labels = state.model.labels
    p, none = len(labels.g1), np.zeros_like(labels.squares)
    first = np.concatenate([labels.g0_by_log_first[None], labels.g1_by_log_first, none])
    return np.array(_by_each(first, np.concatenate([labels.g0_by_log_norm[None], labels.g1_by_log_norm, none]), p))


def _rest_by_log_e(state: CovarianceState) -> Any:
    """The derivatives of the label's energy beyond its parts by the same logs, shape (p, K)."""
    labels = state.model.labels
    return np.array(_by_each(labels.g2_by_log_first, labels.g2_by_log_norm, len(labels.g1)))


def _learned(state: CovarianceState, response: CovarianceNormResponse, forms: FeatureForms) -> Functions:
    """The learned functions ``m(., u) sqrt(w)``, and what the weights' second moments make of the activation's
    curvature: ``t`` times ``kappa kappa_e``, ``h_2(kappa_e)`` and Delta (eq-learned-parts); (..., K, A).
    """
    model, root = state.model, np.sqrt(state.model.grid.u_weights)
    p = len(model.labels.g1)
    slope, of_norm = model.averages.mean_by_log_norm * root, norm_share(model)
    along = model.norms.along * model.curvature.mean
    count = len(component_degrees(p))
    out = {0: model.mean * root + response.mean_deviation[..., None] * of_norm * slope}
    for k in range(1, 1 + p):
        out[k] = slope * model.grid.kappa[:, None] * along[:, 0, k]
    for k, (i, j) in enumerate(label_products(p), 1 + p):
        out[k] = slope * along[:, i, j] * (2**-0.5 if i == j else 1.0)
    out[count] = slope * of_norm
    if model.own_moves is not None:
        for s, moved in forms.column(0, *(f * root for f in along_b(model))).items():
            out[s] = out[s] + moved
    return out


def along_b(model: CovarianceModel) -> tuple[Any, Any]:
    """``kappa`` times the slope times the known weights along b, and the same of its derivative by the log of the norm
    (eq-known-overlaps), shape (K, A); their averages over the overlaps where these are not tied to the weights.
    """
    own, averages = model.own_moves, model.averages
    assert own is not None
    slope, by_log_norm = averages.slope, averages.slope_by_log_norm
    found = [own.mean * f for f in (slope - model.norms.of_b * by_log_norm, by_log_norm)]
    if not own.tied and np.ndim(model.grid.overlap):
        found = [model.grid.average_over_overlaps(f.T).T for f in found]
    kappa = model.grid.kappa[:, None]
    return kappa * (found[0] + own.with_length * by_log_norm), kappa * found[1]


def norm_share(model: CovarianceModel) -> Any:
    """The deviation of log tau with Delta, ``<s_u|c^>/(sqrt 2 d tau^2)``, shape (A,); zero at leading order."""
    return along_products(model, model.relative)[-1] / (2**0.5 * model.problem.input_dim)


def _rest(state: CovarianceState, response: CovarianceNormResponse) -> Any:
    """The energy of the label beyond its known parts, under the weight R, shape (..., K)."""
    labels = state.model.labels
    moved = np.einsum("i...k,ik->...k", response.mean_log_e, _rest_by_log_e(state))
    return labels.g2 + moved - _squares(state, response).sum(axis=0)


def _squares(state: CovarianceState, response: CovarianceNormResponse) -> Any:
    """The energies of the label's quadratic parts, which g2 contains, under the weight R, (p (p + 1)/2, ..., K)."""
    squares = state.model.labels.squares
    degrees = component_degrees(len(response.square_factor))[-len(squares) :]
    found = mean_squares(response, degrees)
    return found * _spread(squares**2, state)


def _residual_by_norm(state: CovarianceState, response: CovarianceNormResponse, forms: FeatureForms, left: Any) -> Any:
    """``Delta dE[residual^2 | kappa]/dDelta`` of what is left (2 S, ..., K) of the label, by the norm and by the
    deviations of the kappa_e (eq-inputs-mean-norm), shape (..., K).
    """
    half = len(left) // 2
    values, factors = left[:half], forms.factors[:half]
    degrees = _spread(component_degrees(len(response.square_factor)).T[:, :, None], state)
    by_norm = 2 * (factors * values * left[half:]).sum(axis=0)
    by_e = 2 * (factors * values * (_spread(_by_log_e(state), state) + degrees * values)).sum(axis=1)
    squares = _squares(state, response)
    by_e = by_e + _spread(_rest_by_log_e(state), state) - 2 * (degrees[:, -len(squares) :] * squares).sum(axis=1)
    return response.mean_deviation * by_norm + (response.mean_log_e * by_e).sum(axis=0)


def _spread(values: Any, state: CovarianceState) -> Any:
    """Functions of kappa (..., K) with the axis of the state's tangents before the last."""
    return values.reshape(*values.shape[:-1], *[1] * (state.r.ndim - 1), values.shape[-1])


def inverse_neuron_form(state: CovarianceState) -> Any:
    """``U^-1`` in the nodal basis (eq-covariance-cost), shape (..., A, A).

    What of log tau fluctuates over samples, but not with Delta, is noise.
    """
    model = state.model
    root, of_norm = np.sqrt(model.grid.u_weights), norm_share(model)
    by_log_norm = model.averages.mean_by_log_norm * root
    if model.own_moves is not None:
        by_log_norm = by_log_norm + along_b(model)[1] * root
    rest = model.norms.covariance - np.outer(of_norm, of_norm)
    noise = model.problem.n_samples * rest * state.gram(by_log_norm, by_log_norm)
    cost = np.eye(len(root)) / state.zeta[..., None] + noise
    if model.step.scalars.excluded == 0:
        return cost
    weight = root * model.grid.u
    excluded = along_readout(state, model.gains - 1) - along_readout(state, model.gains)
    return cost + model.problem.input_dim / model.problem.width * weight[:, None] * excluded * weight


def along_readout(state: CovarianceState, gains: Any) -> Any:
    """``Theta_uv`` (eq-theta): what the neurons' linear features lack along their readout, shape (..., A, A)."""
    neurons = state.model.neurons(gains)
    neurons = neurons.reshape(len(neurons), *[1] * (state.r.ndim - 1), *neurons.shape[1:])
    return total(state.model.spectrum.weights, neurons @ state.blocks.x @ np.swapaxes(neurons, -1, -2))


def errors(solved: Solved) -> Errors:
    """Train loss ``gamma Q``, train error ``-gamma^2 dQ/dgamma``, and test error ``-dQ/de`` at
    ``D = gamma + e/R_ii^2`` (eq-inputs-test), whose mean is ``e/(R^2 (1 + nu))``.
    """
    state, gamma = solved.state, solved.state.shift
    shift, lost_zeta = 1 / state.r**2, np.zeros(len(state.zeta))
    if state.pairs is not None:
        lost_r, lost_zeta = state.pairs.by_fluctuating_shift
        shift = shift / (1 + state.pairs.diagonal_variance) - lost_r
    by_zeta = np.array([0 * lost_zeta, -state.model.bulk.samples_per_neuron * lost_zeta])
    form = label_form(solved.moved(np.array([np.ones_like(shift), shift]), by_zeta))
    by_ridge, left_out = derivative(form.value)
    value, covariance = (float(x[0]) for x in np.real(form))
    return Errors(gamma * value, -(gamma**2) * by_ridge, covariance - left_out)
