"""The quadratic form of the fit as a matrix in its coefficients (docs/theory-same-data.md, section 4)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.fit import FIRST_COORDINATE, OMEGA, Columns, Fit, OwnMoves, Places, Symmetric
from polyspike.theory.same_samples.form_slopes import given_residual
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation, State, q_inverse, spread
from polyspike.theory.same_samples.sample_state import SampleState

__all__ = ["FormTerms", "cost_of_mean_weights", "cost_of_others", "form_terms", "pencil_cost", "side_of"]


class FormTerms(NamedTuple):
    """``constant - 2 side . v + v' matrix v`` in the coefficients v, those that are free where samples are halves of
    mirror images; and what own moves add to side and matrix.
    """

    constant: Any
    side: Any
    matrix: Any
    side_of_own: Any
    matrix_of_own: Any


def form_terms(fit: Fit, state: State, parts: Sequence[SampleState]) -> FormTerms:
    """The form of the label as a quadratic function of the coefficients, at a real state."""
    terms = [_terms(fit, k, part) for k, part in enumerate(parts)]
    constant, side, matrix, side_of_own, matrix_of_own = (sum(one) for one in zip(*terms, strict=True))
    rest = _costs(fit, state) + sum(_load_terms(fit.places, *one) for one in zip(parts, fit.columns, strict=True))
    if fit.symmetric is not None:
        rest = fit.symmetric.form(rest)
    return FormTerms(constant, side, matrix + rest, side_of_own, matrix_of_own)


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
    if fit.pairs is not None:
        gains = (nn.weights * state.zeta)[fit.pairs.places]
        place = places.readouts + np.arange(places.pairs).reshape(len(gains), -1)
        out[place[:, :, None], place[:, None, :]] = fit.pairs.cost / gains[:, None, None]
    if fit.own_moves is not None:
        others = slice(places.readouts + places.pairs, places.functions)
        out[others, others] = cost_of_others(fit, fit.own_moves, state)
    pencil = pencil_cost(nn, state)
    for k in range(places.coordinates):
        out[places.direction(k), places.direction(k)] = pencil
    if fit.mean_weights is not None:
        alone, with_theta = cost_of_mean_weights(fit, fit.mean_weights, state)
        readouts, theta = slice(0, places.readouts), _theta_along_omega(places, nn)
        out[readouts, readouts] += alone
        out[readouts, theta] += with_theta
        out[theta, readouts] += with_theta.T
    return out


def cost_of_mean_weights(fit: Fit, mean_weights: Array, state: State) -> tuple[Any, Any]:
    """What the cost of the latents along omega, ``(d/n)(theta - Y'x)'Q^-1 (theta - Y'x)`` with the mean weights Y'x,
    has besides that of theta alone, less what the bulk lacks along the readout, ``(d/n) x'Y (Q^-1 - Q^-1 Gamma Q^-1)
    Y'x`` (eq-same-gap): a form of x (A, A), and its product with theta (A, p).
    """
    nn, theta = fit.neurons, fit.neurons.blocks[0]
    along = mean_weights @ q_inverse(nn, state) / nn.samples_per_dim
    return nn.samples_per_dim * along @ state.gamma[theta, theta] @ along.T, -along


def _theta_along_omega(places: Places, nn: Neurons) -> slice:
    start = places.direction(OMEGA - FIRST_COORDINATE).start
    return slice(start + nn.blocks[0].start, start + nn.blocks[0].stop)


def pencil_cost(nn: Neurons, state: State) -> Any:
    """``(d/n) P/d`` on the latents of one direction."""
    theta, qinv = nn.blocks[0], q_inverse(nn, state)
    out = nn.coupling.astype(qinv.dtype)
    out[theta, theta] = qinv / nn.samples_per_dim
    return out


def cost_of_others(fit: Fit, own: OwnMoves, state: State) -> Any:
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


_LABEL, _OUTPUT = 0, 1


def _terms(fit: Fit, k: int, part: SampleState) -> FormTerms:
    """``E[R rho^2]`` of the k-th population."""
    columns, pop, symmetric = fit.columns[k], part.population, fit.symmetric
    size = fit.places.total if symmetric is None else len(symmetric.one)
    sides, matrices = np.zeros((2, size)), np.zeros((2, size, size))
    constant = 0.0
    if pop.fitted:
        moments = _weighted_moments(columns, pop, part.r)
        blocks = _blocks(fit, k, part)
        if symmetric is not None:
            blocks = [_folded(block, symmetric) for block in blocks]
        blocks.sort(key=lambda block: _row(block.hidden))
        constant = float(moments[_LABEL, _LABEL].sum())
        side, products = _stacked_products(blocks, moments)
        ends = np.cumsum([block.values.shape[1] for block in blocks])
        places_of = [slice(end - block.values.shape[1], end) for end, block in zip(ends, blocks, strict=True)]
        for one, rows in zip(blocks, places_of, strict=True):
            sides[one.own, one.place] += side[rows]
            for other, columns_of in zip(blocks, places_of, strict=True):
                matrices[one.own or other.own, one.place, other.place] += products[rows, columns_of]
        _add_independent(matrices[0], fit, columns, pop, part.r)
    return FormTerms(constant, sides.sum(axis=0), matrices.sum(axis=0), sides[1], matrices[1])


def _folded(block: _Block, symmetric: Symmetric) -> _Block:
    """On the free coefficients."""
    place, values = symmetric.folded(block.place, block.values)
    return block._replace(place=place, values=values)


def _stacked_products(blocks: list[_Block], moments: Any) -> tuple[Any, Any]:
    """The side and the matrix of all blocks beside one another, those that share an entry of the hidden vector (which
    follow one another) by one product.
    """
    groups = {
        row: np.concatenate([b.values for b in blocks if _row(b.hidden) == row], axis=1)
        for row in dict.fromkeys(_row(block.hidden) for block in blocks)
    }
    side = np.concatenate([values.T @ moments[row, _LABEL] for row, values in groups.items()])
    out, start = np.empty((len(side),) * 2, dtype=side.dtype), 0
    rest = list(groups.items())
    while rest:
        row, left = rest[0]
        right = np.concatenate([values * moments[row, other][:, None] for other, values in rest], axis=1)
        end = start + left.shape[1]
        out[start:end, start:] = left.T @ right
        out[start:, start:end] = out[start:end, start:].T
        start, rest = end, rest[1:]
    return side, out


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
    if columns.by_hidden_norm is not None:
        last = columns.first.shape[-1] - 1
        out.append(_Block(slice(0, places.readouts), _flat_nodes(columns.by_hidden_norm), last))
    outer = _flat_nodes(part.outer)
    for c in range(places.coordinates):
        out.append(_Block(places.direction(c), outer, FIRST_COORDINATE + c))
    own = fit.own_moves_of(k)
    if fit.own_moves is not None and own is not None:
        out += _own_blocks(fit, fit.own_moves, own, part.state)
    return out


def _own_blocks(fit: Fit, own: OwnMoves, learned: Array, state: State) -> list[_Block]:
    """The moves along themselves of the weights that the latents of each direction know."""
    moved = _flat_nodes(learned @ _weights_along_beta(fit.neurons, state))
    first = [fit.places.direction(c).start for c in range(len(own.along))]
    size = moved.shape[1]
    return [
        _Block(slice(a, a + size), share * moved, None, 1) for a, share in zip(first, own.along, strict=True) if share
    ]


def _flat_nodes(values: Any) -> Any:
    return values.reshape(-1, values.shape[-1])


def _add_independent(matrix: Array, fit: Fit, columns: Columns, pop: SamplePopulation, r: Any) -> None:
    """The norms' fluctuation, and what the neurons' own parts of f are not shared by others."""
    weights, found = pop.weights * r, np.zeros((fit.places.readouts, fit.places.readouts))
    if columns.by_own_norm is not None:
        found = found + columns.by_own_norm.form(weights)
    if columns.learned_output is not None:
        own = _flat_nodes(columns.learned_output)
        found = found - fit.output_energy * (own.T * weights.ravel()) @ own
    place = slice(0, fit.places.readouts)
    if fit.symmetric is not None:
        rows = fit.symmetric.folded(place, found)[1].T
        place, found = fit.symmetric.folded(place, rows)
    matrix[place, place] += found


def _load_terms(places: Places, part: SampleState, columns: Columns) -> Any:
    """``E[psi'N L psi + 2 eps eta'(1 - L) psi - eps^2 eta'Gamma'eta]``: what the gradient's own samples add, in the
    latents of the known directions and in eta_c.
    """
    pop = part.population
    if not np.any(pop.residual):
        return 0.0
    nn, gamma, count, last = part.neurons, part.state.gamma, places.coordinates, places.constraint
    out = np.zeros((places.total, places.total))
    first, second, total = given_residual(columns, pop.weights, count)
    known = out[places.functions : last.start, places.functions : last.start].reshape((count, places.latents) * 2)
    known += spread(nn, _summed(second, part.load_where_loaded)).transpose(0, 2, 1, 3)
    if columns.constrained:
        # ``1 - L = Gamma N L``, and ``Gamma' = Gamma - Gamma N L Gamma``.
        coupling = gamma @ spread(nn, _summed(pop.residual[:, None] * first, part.load_where_loaded))
        out[last, places.functions : last.start] = coupling.transpose(1, 0, 2).reshape(places.latents, -1)
        out[places.functions : last.start, last] = out[last, places.functions : last.start].T
        weights = total * pop.residual**2
        load = spread(nn, _summed(weights, part.load_where_loaded))
        out[last, last] -= weights.sum() * gamma - gamma @ load @ gamma
    return out


def _summed(weights: Array, values: Any) -> Any:
    """Over the residuals, of weights (E, ...) and values (E, m, m)."""
    flat = weights.reshape(len(weights), -1).T @ values.reshape(len(values), -1)
    return flat.reshape(*weights.shape[1:], *values.shape[1:])
