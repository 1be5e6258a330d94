"""The quadratic form of the label and the three errors (docs/theory-inputs.md, section 6)."""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import total, without_tangents
from polyspike.theory.covariance.features import FeatureForms, Functions, along_component, component_degrees
from polyspike.theory.covariance.fixed_point import Solved, derivative
from polyspike.theory.covariance.labels import labels_of
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.norm_response import norm_shifts
from polyspike.theory.covariance.products import along_products, label_products
from polyspike.theory.covariance.state import CovarianceState
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["LabelForm", "cost_of_neurons", "errors", "label_form"]


# Of the teacher across b^, below which nothing is told from rounding.
_SMALLEST_SQUARE = 1e-13


class LabelForm(NamedTuple):
    """``Q = (1/n) y' (F F'/N + D)^-1 y`` at its minimum over the learned functions; of several tangents arrays.

    Attributes
    ----------
    value : float
    covariance : float
        ``-2 E[Delta_R dE[residual^2]/dlog |x|]``, what the fluctuation of the diagonal adds to a test error; of the
        state itself, without tangents.
    """

    value: Any
    covariance: float


def label_form(state: CovarianceState) -> LabelForm:
    """The form of the label (eq-covariance-value).

    It is a minimum over the coefficients of the features and of the learned functions, so that tangents are taken at
    those of the state itself (eq-stationary-value).
    """
    shifts, tangents = norm_shifts(state), state.r.ndim - 1
    forms, labels, learned = FeatureForms(state, shifts), labels_of(state.model), _learned(state.model)
    moved = labels.moved(shifts)
    count, cost = moved.shape[1], inverse_neuron_form(state, learned) / state.model.problem.n_samples
    functions = _with_label(learned.functions, without_tangents(moved[0], tangents, 1))
    form, seen, coefficients = forms.form(functions)
    x = np.linalg.solve(form[:-1, :-1] + without_tangents(cost, tangents, 2), form[:-1, -1])
    weights = np.append(-x, 1.0)
    fitted = coefficients @ weights
    left = np.zeros((len(moved), *forms.factors.shape), dtype=state.r.dtype)
    left[0] = forms.at_mean(-forms.sum(learned.functions, x, fitted), shifts)
    left[:, :count] += moved
    energy = (forms.factors * left**2).sum(axis=(0, 1)) + labels.rest(shifts, forms.factors[:count]).sum(axis=0)
    value = (state.weighted_r * energy).sum(axis=-1) + forms.price(seen @ weights, fitted) + x @ cost @ x
    factors, left = (without_tangents(f, tangents, 1) for f in (forms.factors[:count], left))
    by_norm = labels.by_norm(shifts.known, factors, left)
    return LabelForm(value, -2 * float(by_norm @ state.model.bulk.sample_weights))


def _with_label(functions: Functions, label: Any) -> Functions:
    """Functions (2, K, m) with one more, which has the parts (S, K)."""
    parts = np.zeros((len(label), 2, label.shape[1], 1))
    parts[:, 0, :, 0] = label
    none = np.zeros_like(parts[0])
    return {s: np.concatenate([g, parts[s] if s < len(parts) else none], axis=-1) for s, g in functions.items()}


class _Learned(NamedTuple):
    """The learned functions ``m(., u) sqrt(w)`` of A neurons.

    Attributes
    ----------
    functions : Functions
        (2, K, A).
    of_norm : ndarray of shape (A,)
        The deviation of log tau with Delta.
    by_log_norm : ndarray of shape (K, A)
        Their derivatives by log tau.
    """

    functions: Functions
    of_norm: Any
    by_log_norm: Any


def _learned(model: CovarianceModel) -> _Learned:
    """With what the weights' second moments make of the activation's curvature: ``t`` times ``kappa kappa_e``,
    ``h_2(kappa_e)`` and Delta (eq-learned-parts).
    """
    root, p = np.sqrt(model.grid.u_weights), len(model.labels.g1)
    slope, of_norm = model.averages.mean_by_log_norm * root, norm_share(model)
    along, count = model.norms.along * model.curvature.mean, len(component_degrees(p))
    out = {s: np.zeros((2, *slope.shape)) for s in range(count + 1)}
    out[0][:] = model.mean * root, of_norm * slope
    for k in range(1, 1 + p):
        out[k][0] = slope * model.grid.kappa[:, None] * along[:, 0, k]
    for k, (i, j) in enumerate(label_products(p), 1 + p):
        out[k][0] = slope * along[:, i, j] * (2**-0.5 if i == j else 1.0)
    out[count][0] = slope * of_norm
    out[1][0] += _moved_output(model) * root
    if model.own_moves is None:
        return _Learned(out, of_norm, slope)
    values, slopes = (f * root for f in along_b(model))
    for s, moved in along_component(model, 0, values, slopes).items():
        out[s] += moved
    return _Learned(out, of_norm, slope + slopes)


def _moved_output(model: CovarianceModel) -> Any:
    """What a neuron has of ``M omega`` along the first teacher direction across b^ (eq-inputs-output-gain), shape
    (K, A); zero where it has nothing.
    """
    scalars = model.step.scalars
    rest = 1 - scalars.spike_cosine**2
    if scalars.spike_tilt == 0 or rest < _SMALLEST_SQUARE:
        return 0.0
    weight = -scalars.spike_cosine / rest**0.5 * scalars.spike_tilt * scalars.spike_strength * model.grid.u**2
    return weight * model.averages.slope


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


def inverse_neuron_form(state: CovarianceState, learned: _Learned) -> Any:
    """``U^-1`` in the nodal basis (eq-covariance-cost), shape (..., A, A).

    What of log tau fluctuates over samples, but not with Delta, is noise.
    """
    model = state.model
    rest = model.norms.covariance - np.outer(learned.of_norm, learned.of_norm)
    noise = model.problem.n_samples * rest * state.gram(learned.by_log_norm, learned.by_log_norm)
    cost = np.eye(len(rest)) / state.zeta[..., None] + noise
    return cost + _along_readout_cost(state)


def cost_of_neurons(state: CovarianceState) -> Any:
    """``U^-1`` without what norms cost, the leading order, shape (A, A)."""
    return np.diag(1 / state.zeta) + _along_readout_cost(state)


def _along_readout_cost(state: CovarianceState) -> Any:
    """What the bulk lacks along the readout, shape (..., A, A); zero for the target-only gradient."""
    model = state.model
    if model.step.scalars.excluded == 0:
        return 0.0
    weight = np.sqrt(model.grid.u_weights) * model.grid.u
    excluded = along_readout(state, model.gains - 1) - along_readout(state, model.gains)
    return model.problem.input_dim / model.problem.width * weight[:, None] * excluded * weight


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
    return Errors(gamma * float(form.value[0].real), -(gamma**2) * by_ridge, form.covariance - left_out)
