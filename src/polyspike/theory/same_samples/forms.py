"""The quadratic form Q of the fit and the errors as its derivatives (docs/theory-same-data.md, sections 4 and 5)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.same_samples.fit import Columns, Fit, OwnMoves, Places
from polyspike.theory.same_samples.fixed_point import response, states
from polyspike.theory.same_samples.form_slopes import form_slopes, given_residual, own_weights
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation, SampleState, State, flat_gradient, q_inverse

__all__ = [
    "FitErrors",
    "FormTerms",
    "by_log_shift",
    "fit_errors",
    "form_at",
    "form_terms",
    "side_of",
    "solve_form",
]


class FitErrors(NamedTuple):
    """The three errors, the mean squared leave-one-out residual of the second stage alone, and by how much, relatively,
    the train loss would change without the moves of weights along themselves.
    """

    train_loss: float
    train_error: float
    test_error: float
    leave_one_out: float
    own_moves: float = 0.0


class FormTerms(NamedTuple):
    """``constant - 2 side . v + v' matrix v`` in the coefficients v; and what own moves add to side and matrix."""

    constant: Any
    side: Any
    matrix: Any
    side_of_own: Any
    matrix_of_own: Any


def fit_errors(fit: Fit, state: State, shift: float, matrix: FactorisedJacobian | None = None) -> FitErrors:
    """All errors at a solved bulk: Q, and its derivatives by the shift and by the weight of fresh samples.

    The solution moves by ``-H^-1`` times the derivative of the potential's gradient, and Q with it at fixed
    coefficients (eq-same-test); as H is symmetric one solution, with the derivative of Q by the state (eq-same-slopes),
    is enough for all. ``matrix`` is H of the bulk's
    :class:`~polyspike.theory.same_samples.fixed_point.PencilSolution`, where it is at hand.
    """
    parts = states(fit.neurons, fit.populations, state, shift)
    terms = form_terms(fit, state, parts)
    value, found = _stationary(terms.constant, terms.side, terms.matrix)
    slopes = form_slopes(fit, state, parts, found)
    moved = response(fit.neurons, state, parts, slopes.by_state, matrix)
    by_shift, by_scaled, by_fresh = (float(moved @ side) for side in _sides(fit, state, parts))
    fitted = [part.population.fitted for part in parts]
    by_shift += sum(float(slope.sum()) for slope in slopes.by_shift)
    scaled = zip(slopes.by_shift, parts, fitted, strict=True)
    by_scaled += sum(float((slope / part.r**2).sum()) for slope, part, known in scaled if known)
    places = fit.places
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    by_fresh += _fresh_error(fit, state, found[: places.functions], theta)
    own = _own_moves_share(fit, terms, value)
    return FitErrors(shift * value, -(shift**2) * by_shift, by_fresh, -by_scaled, own)


def by_log_shift(fit: Fit, state: State, shift: float, matrix: FactorisedJacobian) -> Array:
    """The derivative of a solved bulk by the logarithm of the shift, in the order of :meth:`State.moved`."""
    parts = states(fit.neurons, fit.populations, state, shift)
    return np.asarray(response(fit.neurons, state, parts, shift * _by_shift(fit, state, parts, 2), matrix))


def _own_moves_share(fit: Fit, terms: FormTerms, value: float) -> float:
    """By how much, relatively, Q is another without the moves of weights along themselves."""
    if fit.own_moves is None:
        return 0.0
    places = fit.places
    kept = np.r_[: places.readouts + places.pairs, places.functions : places.total]
    side, matrix = (terms.side - terms.side_of_own)[kept], (terms.matrix - terms.matrix_of_own)[np.ix_(kept, kept)]
    return abs(_stationary(terms.constant, side, matrix)[0] / value - 1)


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
    terms = form_terms(fit, state, parts)
    return _stationary(terms.constant, terms.side, terms.matrix)


def _stationary(constant: float, side: Array, matrix: Array) -> tuple[float, Array]:
    """The stationary value of ``constant - 2 side . v + v' matrix v``, and v."""
    scale = np.abs(matrix).max(axis=0)
    keep = scale > 0
    scale = 1 / np.sqrt(scale[keep])
    found = np.zeros(len(side))
    found[keep] = scale * np.linalg.solve(matrix[np.ix_(keep, keep)] * scale[:, None] * scale, side[keep] * scale)
    return float(constant - side @ found), found


def form_terms(fit: Fit, state: State, parts: Sequence[SampleState]) -> FormTerms:
    """The form of the label as a quadratic function of the coefficients, at a real state."""
    terms = [_terms(fit, k, part) for k, part in enumerate(parts)]
    constant, side, matrix, side_of_own, matrix_of_own = (sum(one) for one in zip(*terms, strict=True))
    return FormTerms(constant, side, matrix + _costs(fit, state), side_of_own, matrix_of_own)


def side_of(fit: Fit, k: int, part: SampleState, values: Array, labels: bool = False) -> Array:
    """The side that a function of a sample has, of values (E, B) at the nodes of the k-th population, which is fitted.

    With ``labels`` it is the label, and the values are factors of it.
    """
    moments = _weighted_moments(fit.columns[k], part.population, part.r * values)
    side = np.zeros(fit.places.total)
    for one in _blocks(fit, k, part):
        side[one.place] += one.values.T @ moments[_row(one.hidden), _LABEL if labels else _row(None)]
    return side


def _costs(fit: Fit, state: State) -> Array:
    """What the coefficients cost: ``1/(n zeta)``, ``K_u^-1/sg``, and the pencil's ``(d/n) P/d`` of each direction."""
    places, nn = fit.places, fit.neurons
    out = np.zeros((places.total, places.total))
    first = np.arange(places.readouts)
    out[first, first] = 1 / (fit.n_samples * state.zeta)
    out[: places.readouts, : places.readouts] -= _gap(fit, state)
    if fit.pairs is not None:
        gains = (nn.weights * state.zeta)[fit.pairs.places]
        place = places.readouts + np.arange(places.pairs).reshape(len(gains), -1)
        out[place[:, :, None], place[:, None, :]] = fit.pairs.cost / gains[:, None, None]
    if fit.own_moves is not None:
        others = slice(places.readouts + places.pairs, places.functions)
        out[others, others] = _cost_of_others(fit, fit.own_moves, state)
    pencil = _pencil_cost(nn, state)
    for k in range(places.coordinates):
        out[places.direction(k), places.direction(k)] = pencil
    return out


def _gap(fit: Fit, state: State) -> Any:
    """``(d/(n N)) Y (Q^-1 - Q^-1 Gamma Q^-1) Y'``: what the bulk lacks along the readout (eq-same-gap)."""
    if fit.excluded is None:
        return 0.0
    qinv, theta = q_inverse(fit.neurons, state), fit.neurons.blocks[0]
    return fit.excluded @ (qinv - qinv @ state.gamma[theta, theta] @ qinv) @ fit.excluded.T


def _pencil_cost(nn: Neurons, state: State) -> Any:
    """``(d/n) P/d`` on the latents of one direction."""
    theta, t, mu = nn.blocks
    qinv = q_inverse(nn, state)
    out = np.zeros((nn.size, nn.size), dtype=qinv.dtype)
    out[theta, theta] = qinv / nn.samples_per_dim
    out[t, mu] = out[mu, t] = -nn.gradient_share * np.eye(nn.xi.shape[1])
    return out


def _cost_of_others(fit: Fit, own: OwnMoves, state: State) -> Any:
    """``(d/n) V'(1/sg)V`` of the weights along beta that the latents do not see."""
    nn = fit.neurons
    return (own.others.T / (nn.weights * state.zeta * nn.samples_per_dim)) @ own.others


def _weights_along_beta(nn: Neurons, state: State) -> Any:
    """``sg chi Q^-1`` (A, p): the neurons' weights along beta by the latents theta there (eq-own-moves)."""
    return (nn.weights * state.zeta)[:, None] * (nn.chi @ q_inverse(nn, state))


class _Block(NamedTuple):
    """Coefficients at ``place`` act on a sample by ``values`` (nodes, size), times an entry of its hidden vector; 1
    where that is by the neurons' moves along themselves.
    """

    place: slice
    values: Any
    hidden: int | None
    own: int = 0


_LABEL, _OUTPUT, _FIRST_COORDINATE = 0, 1, 2


def _terms(fit: Fit, k: int, part: SampleState) -> FormTerms:
    """``E[R rho^2 + psi'N L psi + 2 eps eta'(1 - L) psi - eps^2 eta'Gamma'eta]`` of the k-th population."""
    places, columns, pop = fit.places, fit.columns[k], part.population
    sides, matrices = np.zeros((2, places.total)), np.zeros((2, places.total, places.total))
    constant = 0.0
    if pop.fitted:
        moments = _weighted_moments(columns, pop, part.r)
        blocks = _blocks(fit, k, part)
        constant = float(moments[_LABEL, _LABEL].sum())
        for i, one in enumerate(blocks):
            sides[one.own, one.place] += one.values.T @ moments[_row(one.hidden), _LABEL]
            for other in blocks[: i + 1]:
                product = (one.values.T * moments[_row(one.hidden), _row(other.hidden)]) @ other.values
                matrix = matrices[one.own or other.own]
                matrix[one.place, other.place] += product
                if other is not one:
                    matrix[other.place, one.place] += product.T
        _add_independent(matrices[0], fit, columns, pop, part.r)
    if np.any(pop.residual):
        matrices[0] += _load_terms(places, part, columns)
    return FormTerms(constant, sides.sum(axis=0), matrices.sum(axis=0), sides[1], matrices[1])


def _row(hidden: int | None) -> int:
    """Of the moments: the last is that of one."""
    return -1 if hidden is None else hidden


def _weighted_moments(columns: Columns, pop: SamplePopulation, r: Any) -> Any:
    """``w R E[v v']`` of ``v = (y, f, coordinates ..., 1)`` given the node, shape (H + 1, H + 1, nodes)."""
    count = columns.first.shape[-1]
    out = np.empty((count + 1, count + 1, pop.weights.size), dtype=np.result_type(r))
    out[:count, :count] = columns.second.reshape(-1, count, count).transpose(1, 2, 0)
    out[-1, :count] = out[:count, -1] = columns.first.reshape(-1, count).T
    out[-1, -1] = pop.weights.ravel()
    return out * r.ravel()


def _blocks(fit: Fit, k: int, part: SampleState) -> list[_Block]:
    """All that acts on a fitted sample but its noise."""
    places, columns, pop = fit.places, fit.columns[k], part.population
    out = [_Block(slice(0, places.functions), _flat_nodes(fit.learned(k)), None)]
    if columns.constrained:
        felt = pop.residual[:, None, None] * part.inner
        out.append(_Block(places.constraint, _flat_nodes(felt), None))
    if columns.learned_output is not None:
        out.append(_Block(slice(0, places.readouts), _flat_nodes(columns.learned_output), _OUTPUT))
    outer = _flat_nodes(part.outer)
    for c in range(places.coordinates):
        out.append(_Block(places.direction(c), outer, _FIRST_COORDINATE + c))
    if fit.own_moves is not None and k == 0:
        out += _own_blocks(fit, fit.own_moves, part.state)
    return out


def _own_blocks(fit: Fit, own: OwnMoves, state: State) -> list[_Block]:
    """The moves along themselves of the weights that the latents of each direction know."""
    moved = _flat_nodes(own.learned @ _weights_along_beta(fit.neurons, state))
    first = [fit.places.direction(c).start for c in range(len(own.along))]
    size = moved.shape[1]
    return [
        _Block(slice(a, a + size), share * moved, None, 1) for a, share in zip(first, own.along, strict=True) if share
    ]


def _flat_nodes(values: Any) -> Any:
    return values.reshape(-1, values.shape[-1])


def _add_independent(matrix: Array, fit: Fit, columns: Columns, pop: SamplePopulation, r: Any) -> None:
    """The norms' fluctuation, and what the neurons' own parts of f are not shared by others."""
    weights, first = (pop.weights * r).ravel(), slice(0, fit.places.readouts)
    if columns.by_norm is not None:
        norms = _flat_nodes(columns.by_norm)
        matrix[first, first] += (norms.T * weights) @ norms
    if columns.learned_output is not None:
        own = _flat_nodes(columns.learned_output)
        matrix[first, first] -= fit.output_energy * (own.T * weights) @ own


def _load_terms(places: Places, part: SampleState, columns: Columns) -> Array:
    """What the gradient's own samples add, in the latents of the known directions and in eta_c."""
    pop = part.population
    out = np.zeros((places.total, places.total))
    first, second, total = given_residual(columns, pop.weights)
    moved = np.eye(places.latents) - part.left
    last = places.constraint
    for k in range(places.coordinates):
        rows = places.direction(k)
        for j in range(places.coordinates):
            out[rows, places.direction(j)] += _summed(second[:, k, j], part.effective_load)
        if columns.constrained:
            coupling = _summed(pop.residual * first[:, k], moved)
            out[last, rows] += coupling
            out[rows, last] += coupling.T
    if columns.constrained:
        out[last, last] -= _summed(total * pop.residual**2, part.loaded)
    return out


def _summed(weights: Array, values: Any) -> Any:
    """Over the residuals, of values (E, m, m)."""
    return (weights @ values.reshape(len(values), -1)).reshape(values.shape[1:])


def form_at(fit: Fit, state: State, parts: Sequence[SampleState], found: Array, fresh_weight: Any = 0.0) -> Any:
    """Q at fixed coefficients, whose derivatives are those of Q (envelope); ``t E_test (y - f)^2`` included."""
    places, nn = fit.places, fit.neurons
    x, first = found[: places.functions], found[: places.readouts]
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    value = (first**2 / (fit.n_samples * state.zeta)).sum()
    if fit.excluded is not None:
        value = value - first @ _gap(fit, state) @ first
    if fit.pairs is not None:
        pairs = x[places.readouts : places.readouts + places.pairs].reshape(fit.pairs.cost.shape[:2])
        each = np.einsum("ai,aij,aj->a", pairs, fit.pairs.cost, pairs)
        value = value + (each / (nn.weights * state.zeta)[fit.pairs.places]).sum()
    if fit.own_moves is not None:
        others = x[places.readouts + places.pairs :]
        value = value + others @ _cost_of_others(fit, fit.own_moves, state) @ others
    value = value + ((theta @ _pencil_cost(nn, state)) * theta).sum()
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
        if fit.own_moves is not None and k == 0:
            fixed = fixed + fit.own_moves.learned @ own_weights(fit, part.state, theta)
        if columns.constrained:
            fixed = fixed + pop.residual[:, None] * (part.inner @ eta)
        output = 0 * fixed if columns.learned_output is None else columns.learned_output @ x[: places.readouts]
        along = part.outer @ theta.T
        left = np.concatenate([np.ones_like(along[..., :1]), -output[..., None], -along], axis=-1)
        square = (columns.second @ left[..., None])[..., 0] - 2 * fixed[..., None] * columns.first
        value = (part.r * ((left * square).sum(axis=-1) + pop.weights * fixed**2)).sum()
        value = value - fit.output_energy * pop.mean(part.r * output**2)
        if columns.by_norm is not None:
            value = value + pop.mean(part.r * (columns.by_norm @ x[: places.readouts]) ** 2)
    if np.any(pop.residual):
        value = value + _load_value(part, columns, theta, eta)
    return value


def _load_value(part: SampleState, columns: Columns, theta: Array, eta: Array) -> Any:
    """:func:`_load_terms` at fixed coefficients."""
    pop = part.population
    first, second, total = given_residual(columns, pop.weights)
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
        both = both + (fresh.by_norm @ x[: fresh.by_norm.shape[1]]) ** 2
    return float(fresh.weights @ (square + 2 * cross + both))
