"""The quadratic form Q of the fit and the errors as its derivatives (docs/theory-same-data.md, sections 4 and 5)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.same_samples.fit import FIRST_COORDINATE, OMEGA, Columns, Fit
from polyspike.theory.same_samples.fixed_point import response, states
from polyspike.theory.same_samples.form_slopes import form_slopes, given_residual, own_weights
from polyspike.theory.same_samples.form_terms import (
    FormTerms,
    cost_of_mean_weights,
    cost_of_others,
    form_terms,
    pencil_cost,
)
from polyspike.theory.same_samples.mean_norm import at_mean_norm, by_mean_norm
from polyspike.theory.same_samples.pencil import State
from polyspike.theory.same_samples.potential import flat_gradient
from polyspike.theory.same_samples.sample_state import SampleState

__all__ = ["FitErrors", "by_log_shift", "fit_errors", "form_at", "solve_form"]


class FitErrors(NamedTuple):
    """The three errors, the mean squared leave-one-out residual of the second stage alone, and by how much, relatively,
    the train loss would change without the moves of weights along themselves.
    """

    train_loss: float
    train_error: float
    test_error: float
    leave_one_out: float
    own_moves: float = 0.0


def fit_errors(fit: Fit, state: State, shift: float, matrix: FactorisedJacobian | None = None) -> FitErrors:
    """All errors at a solved bulk: Q, and its derivatives by the shift and by the weight of fresh samples.

    The solution moves by ``-H^-1`` times the derivative of the potential's gradient, and Q with it at fixed
    coefficients (eq-same-test); as H is symmetric one solution, with the derivative of Q by the state (eq-same-slopes),
    is enough for all. ``matrix`` is H of the bulk's
    :class:`~polyspike.theory.same_samples.fixed_point.PencilSolution`, where it is at hand.
    """
    parts = states(fit.neurons, fit.populations, state, shift)
    plain, fit = fit, at_mean_norm(fit, parts)
    terms = form_terms(fit, state, parts)
    value, found = _solved(fit, terms)
    slopes = form_slopes(fit, state, parts, found)
    by_norm = by_mean_norm(plain, parts, found, slopes.residuals)
    moved = response(fit.neurons, state, parts, slopes.by_state + by_norm.by_state, matrix)
    by_shift, by_scaled, by_fresh = (float(moved @ side) for side in _sides(fit, state, parts))
    fitted = [part.population.fitted for part in parts]
    by_each_shift = [a + b for a, b in zip(slopes.by_shift, by_norm.by_shift, strict=True)]
    by_shift += sum(float(slope.sum()) for slope in by_each_shift)
    scaled = zip(by_each_shift, parts, fitted, strict=True)
    by_scaled += sum(float((slope / part.r**2).sum()) for slope, part, known in scaled if known)
    places = fit.places
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    by_fresh += _fresh_error(fit, state, found[: places.functions], theta)
    own = _own_moves_share(fit, terms, value)
    # Of a label that is zero they are zero, without a sign.
    return FitErrors(shift * value, 0.0 - shift**2 * by_shift, by_fresh, 0.0 - by_scaled, own)


def by_log_shift(fit: Fit, state: State, shift: float, matrix: FactorisedJacobian) -> Array:
    """The derivative of a solved bulk by the logarithm of the shift, in the order of :meth:`State.moved`."""
    parts = states(fit.neurons, fit.populations, state, shift)
    return np.asarray(response(fit.neurons, state, parts, shift * _by_shift(fit, state, parts, 2), matrix))


def _own_moves_share(fit: Fit, terms: FormTerms, value: float) -> float:
    """By how much, relatively, Q is another without the moves of weights along themselves."""
    if fit.own_moves is None or value == 0:
        return 0.0
    places = fit.places
    without = np.ones(places.total)
    without[places.readouts + places.pairs : places.functions] = 0.0
    without = without if fit.symmetric is None else without[fit.symmetric.one]
    side, matrix = without * (terms.side - terms.side_of_own), terms.matrix - terms.matrix_of_own
    matrix = without[:, None] * matrix * without
    return abs(_solved(fit, terms._replace(side=side, matrix=matrix))[0] / value - 1)


def _sides(fit: Fit, state: State, parts: Sequence[SampleState]) -> tuple[Array, Array, Array]:
    """Derivatives of the potential's gradient by D, by D along ``1/R^2``, and by the weight of fresh samples."""
    fresh = fit.fresh
    seen = (fresh.seen.T * fresh.weights) @ fresh.seen
    by_fresh = flat_gradient(fit.neurons, state, seen, fresh.weights @ fresh.noise)
    return _by_shift(fit, state, parts, 2), _by_shift(fit, state, parts, 0), by_fresh


def _by_shift(fit: Fit, state: State, parts: Sequence[SampleState], power: int) -> Array:
    """By D along ``R^(power - 2)``: ``-E R^power w w'`` and ``-E R^power q_a``."""
    size = fit.neurons.size
    by_gamma, by_gain = np.zeros((size, size)), np.zeros(len(state.zeta))
    for part in parts:
        if part.population.fitted:
            weights = (part.population.weights * part.r**power)[..., None]
            by_gamma -= (weights * part.outer).reshape(-1, size).T @ part.outer.reshape(-1, size)
            by_gain -= (weights * part.noise).sum(axis=(0, 1))
    return np.asarray(flat_gradient(fit.neurons, state, by_gamma, by_gain))


def solve_form(fit: Fit, state: State, parts: Sequence[SampleState]) -> tuple[float, Array]:
    """Q and the coefficients at which it is stationary, at a real state (eq-same-forms)."""
    fit = at_mean_norm(fit, parts)
    return _solved(fit, form_terms(fit, state, parts))


def _solved(fit: Fit, terms: FormTerms) -> tuple[float, Array]:
    """Q and all coefficients."""
    value, found = _stationary(terms.constant, terms.side, terms.matrix)
    return value, found if fit.symmetric is None else fit.symmetric.all_of(found, fit.places.total)


def _stationary(constant: float, side: Array, matrix: Array) -> tuple[float, Array]:
    """The stationary value of ``constant - 2 side . v + v' matrix v``, and v."""
    scale = np.abs(matrix).max(axis=0)
    keep = scale > 0
    scale = 1 / np.sqrt(scale[keep])
    found = np.zeros(len(side))
    found[keep] = scale * np.linalg.solve(matrix[np.ix_(keep, keep)] * scale[:, None] * scale, side[keep] * scale)
    return float(constant - side @ found), found


def form_at(fit: Fit, state: State, parts: Sequence[SampleState], found: Array, fresh_weight: Any = 0.0) -> Any:
    """Q at fixed coefficients, whose derivatives are those of Q (envelope); ``t E_test (y - f)^2`` included."""
    places, nn, fit = fit.places, fit.neurons, at_mean_norm(fit, parts)
    x, first = found[: places.functions], found[: places.readouts]
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    value = (first**2 / (fit.n_samples * state.zeta)).sum()
    if fit.mean_weights is not None:
        alone, with_theta = cost_of_mean_weights(fit, fit.mean_weights, state)
        value = value + first @ alone @ first + 2 * first @ with_theta @ theta[OMEGA - FIRST_COORDINATE, nn.blocks[0]]
    if fit.pairs is not None:
        pairs = x[places.readouts : places.readouts + places.pairs].reshape(fit.pairs.cost.shape[:2])
        each = np.einsum("ai,aij,aj->a", pairs, fit.pairs.cost, pairs)
        value = value + (each / (nn.weights * state.zeta)[fit.pairs.places]).sum()
    if fit.own_moves is not None:
        others = x[places.readouts + places.pairs :]
        value = value + others @ cost_of_others(fit, fit.own_moves, state) @ others
    value = value + ((theta @ pencil_cost(nn, state)) * theta).sum()
    for k, part in enumerate(parts):
        value = value + _value_at(fit, k, part, found)
    return value + fresh_weight * _fresh_error(fit, state, x, theta)


def _value_at(fit: Fit, k: int, part: SampleState, found: Array) -> Any:
    """The k-th population in :func:`form_at`."""
    places, columns, pop = fit.places, fit.columns[k], part.population
    x, eta = found[: places.functions], found[places.constraint]
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    value: Any = 0.0
    if pop.fitted:
        fixed = fit.learned(k) @ x
        own = fit.own_moves_of(k)
        if own is not None:
            fixed = fixed + own @ own_weights(fit, part.state, theta)
        if columns.constrained:
            fixed = fixed + pop.residual[:, None] * (part.inner @ eta)
        output = 0 * fixed if columns.learned_output is None else columns.learned_output @ x[: places.readouts]
        along = part.outer @ theta.T
        left = np.concatenate([np.ones_like(along[..., :1]), -output[..., None], -along], axis=-1)
        if left.shape[-1] < columns.first.shape[-1]:
            norm = 0 * fixed if columns.by_hidden_norm is None else columns.by_hidden_norm @ x[: places.readouts]
            left = np.concatenate([left, -norm[..., None]], axis=-1)
        square = (columns.second @ left[..., None])[..., 0] - 2 * fixed[..., None] * columns.first
        value = (part.r * ((left * square).sum(axis=-1) + pop.weights * fixed**2)).sum()
        value = value - fit.output_energy * pop.mean(part.r * output**2)
        if columns.by_own_norm is not None:
            value = value + pop.mean(part.r * columns.by_own_norm.square(x[: places.readouts]))
    if np.any(pop.residual):
        value = value + _load_value(part, columns, theta, eta)
    return value


def _load_value(part: SampleState, columns: Columns, theta: Array, eta: Array) -> Any:
    """:func:`_load_terms` at fixed coefficients."""
    pop = part.population
    first, second, total = given_residual(columns, pop.weights, len(theta))
    along = theta @ part.effective_load
    value = (second * (along @ theta.T)).sum()
    if columns.constrained:
        moved = ((eta - eta @ part.left) * (first @ theta)).sum(axis=1)
        value = value + 2 * (pop.residual @ moved) - (total * pop.residual**2) @ (part.loaded @ eta @ eta)
    return value


def _fresh_error(fit: Fit, state: State, x: Array, theta: Array) -> float:
    """``E_test (y - f)^2`` without the bulk's own noise."""
    fresh = fit.fresh
    learned, along = fit.fresh_learned @ x, fresh.seen @ theta.T
    if fit.own_moves is not None:
        learned = learned + fit.own_moves.fresh @ np.real(own_weights(fit, state, theta))
    square = fresh.label_square - 2 * fresh.label * learned + learned**2
    cross = ((learned[:, None] * fresh.coordinates - fresh.label_coordinates) * along).sum(axis=1)
    both = np.einsum("kc,kcd,kd->k", along, fresh.products, along)
    if fresh.by_norm is not None:
        both = both + fresh.by_norm.square(x[: fit.places.readouts])
    return float(fresh.weights @ (square + 2 * cross + both))
