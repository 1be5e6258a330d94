"""The quadratic form Q of the fit and the errors as its derivatives (docs/theory-same-data.md, sections 4 and 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.fixed_point import response, states
from polyspike.theory.same_samples.pencil import Neurons, Population, SampleState, State, pair_indices

__all__ = ["Columns", "FitErrors", "FreshSamples", "fit_errors", "form"]

_H = 1e-30


@dataclass(frozen=True, eq=False)
class Columns:
    """What the fit sees of one population besides the bulk.

    Attributes
    ----------
    learned : ndarray of shape (E, B, A)
        ``m sqrt(w_a)``.
    learned_output : ndarray of shape (E, B, A) or None
        The part in proportion to f (full gradient), times ``sqrt(w_a)``.
    hidden : ndarray of shape (E, B, H)
        Means of ``(y, f, coordinates ...)``.
    scatter : ndarray of shape (S, H)
        Their fluctuations.
    constrained : bool
        Whether the samples are the gradient's: then their other coordinates X satisfy ``X' eps = 0``.
    """

    learned: Array
    learned_output: Array | None
    hidden: Array
    scatter: Array
    constrained: bool = True


@dataclass(frozen=True, eq=False)
class FreshSamples:
    """Test samples at nodes of kappa.

    Attributes
    ----------
    weights : ndarray of shape (K,)
    seen : ndarray of shape (K, m)
        ``z_t``, without a part along mu.
    noise : ndarray of shape (K, A)
        ``A_2^2``.
    learned : ndarray of shape (K, A)
        ``m^t sqrt(w_a)``.
    label : ndarray of shape (K,)
        ``E y`` given kappa.
    label_square : ndarray of shape (K,)
    coordinates : ndarray of shape (K, C)
        Means of the coordinates given kappa.
    label_coordinates : ndarray of shape (K, C)
        ``E[y c]`` given kappa.
    products : ndarray of shape (K, C, C)
        ``E[c c']`` given kappa.
    """

    weights: Array
    seen: Array
    noise: Array
    learned: Array
    label: Array
    label_square: Array
    coordinates: Array
    label_coordinates: Array
    products: Array


class FitErrors(NamedTuple):
    """The three errors, and the mean squared leave-one-out residual of the second stage alone."""

    train_loss: float
    train_error: float
    test_error: float
    leave_one_out: float


class Terms(NamedTuple):
    """``Q = constant - 2 side . v + v' matrix v``, stationary in v = (readouts, theta_k ..., eta_c)."""

    constant: Any
    side: Any
    matrix: Any


@dataclass(frozen=True, eq=False)
class Fit:
    """All that the form needs besides the pencil."""

    neurons: Neurons
    populations: Sequence[Population]
    columns: Sequence[Columns]
    fresh: FreshSamples
    cost: Any
    gap: Any
    n_samples: int

    @property
    def n_coordinates(self) -> int:
        """The known directions."""
        return self.fresh.coordinates.shape[1]


def form(fit: Fit, state: State, parts: Sequence[SampleState], fresh_weight: Any = 0.0) -> Any:
    """Q at a state, not necessarily stationary in it."""
    nn = fit.neurons
    n_a, m, n_c = len(nn.weights), nn.size, fit.n_coordinates
    total = n_a + (n_c + 1) * m
    dtype = np.result_type(state.zeta, parts[0].r, fresh_weight)
    constant, side, matrix = np.zeros((), dtype), np.zeros(total, dtype), np.zeros((total, total), dtype)
    np.fill_diagonal(matrix[:n_a, :n_a], 1 / (fit.n_samples * state.zeta))
    matrix[:n_a, :n_a] += fit.gap(state, parts)
    pencil = _pencil_cost(nn, state)
    for k in range(n_c):
        place = slice(n_a + k * m, n_a + (k + 1) * m)
        matrix[place, place] += pencil
    for part, columns in zip(parts, fit.columns, strict=True):
        added = _terms(nn, part, columns, n_a, n_c)
        constant, side, matrix = constant + added.constant, side + added.side, matrix + added.matrix
    if np.any(fresh_weight != 0):
        added = _fresh_terms(fit.fresh, m, n_a, n_c)
        constant = constant + fresh_weight * added.constant
        side, matrix = side + fresh_weight * added.side, matrix + fresh_weight * added.matrix
    scale = 1 / np.sqrt(np.abs(np.diag(matrix).real) + 1e-300)
    scaled = matrix * scale[:, None] * scale
    keep = np.abs(matrix).max(axis=0) > 0
    solved = np.linalg.solve(scaled[np.ix_(keep, keep)], (side * scale)[keep])
    return constant - (side * scale)[keep] @ solved


def _pencil_cost(nn: Neurons, state: State) -> Any:
    """``(d/n) P/d`` on the latents of one direction."""
    theta, t, mu = nn.blocks
    qinv = np.linalg.inv((nn.chi.T * (nn.weights * state.zeta)) @ nn.chi)
    out = np.zeros((nn.size, nn.size), dtype=qinv.dtype)
    out[theta, theta] = qinv / nn.samples_per_dim
    out[t, mu] = out[mu, t] = -nn.gradient_share * np.eye(nn.xi.shape[1])
    return out


def _terms(nn: Neurons, part: SampleState, columns: Columns, n_a: int, n_c: int) -> Terms:
    """``E[R rho^2 + psi'N L psi + 2 eps eta'(1 - L) psi - eps^2 eta'Gamma'eta]`` of one population (eq-same-forms)."""
    pop, m = part.population, nn.size
    total = n_a + (n_c + 1) * m
    last = slice(n_a + n_c * m, total)
    dtype = np.result_type(part.r)
    constant, side, matrix = np.zeros((), dtype), np.zeros(total, dtype), np.zeros((total, total), dtype)
    if pop.fitted:
        weights = (pop.weights * part.r).reshape(-1)
        for hidden, mean in _rows(columns):
            rows = np.empty((*pop.weights.shape, total), dtype)
            rows[..., :n_a] = columns.learned if mean else 0.0
            if columns.learned_output is not None:
                rows[..., :n_a] += hidden[..., 1:2] * columns.learned_output
            for k in range(n_c):
                rows[..., n_a + k * m : n_a + (k + 1) * m] = hidden[..., 2 + k, None] * part.outer
            own = pop.residual[:, None, None] * part.inner if mean and columns.constrained else 0.0
            rows[..., last] = own
            flat = rows.reshape(-1, total)
            label = np.broadcast_to(hidden[..., 0], pop.weights.shape).reshape(-1)
            weighted = flat.T * weights
            constant = constant + weights @ label**2
            side = side + weighted @ label
            matrix = matrix + weighted @ flat
    if np.any(pop.residual):
        matrix = matrix + _load_terms(nn, part, columns, n_a, n_c)
    return Terms(constant, side, matrix)


def _rows(columns: Columns) -> list[tuple[Array, bool]]:
    return [(columns.hidden, True), *((one[None, None], False) for one in columns.scatter)]


def _load_terms(nn: Neurons, part: SampleState, columns: Columns, n_a: int, n_c: int) -> Any:
    """What the gradient's own samples add to the form, in the latents of the known directions and in eta_c."""
    pop, m = part.population, nn.size
    total = n_a + (n_c + 1) * m
    out = np.zeros((total, total), dtype=np.result_type(part.r))
    last = slice(n_a + n_c * m, total)
    c, scatter = columns.hidden[..., 2:], columns.scatter[:, 2:]
    first = (pop.weights[..., None] * c).sum(axis=1)
    second = np.einsum("eb,ebk,ebl->ekl", pop.weights, c, c, optimize=True)
    second = second + pop.weights.sum(axis=1)[:, None, None] * (scatter.T @ scatter)
    moved = np.eye(m) - part.left
    for k in range(n_c):
        rows = slice(n_a + k * m, n_a + (k + 1) * m)
        for l in range(n_c):  # noqa: E741
            out[rows, n_a + l * m : n_a + (l + 1) * m] += np.einsum("e,eij->ij", second[:, k, l], part.effective_load)
        if columns.constrained:
            coupling = np.einsum("e,eij->ij", pop.residual * first[:, k], moved)
            out[last, rows] += coupling
            out[rows, last] += coupling.T
    if columns.constrained:
        out[last, last] -= np.einsum("e,eij->ij", pop.weights.sum(axis=1) * pop.residual**2, part.loaded)
    return out


def _fresh_terms(fresh: FreshSamples, m: int, n_a: int, n_c: int) -> Terms:
    """``E_test (y - m x - z_t . psi_t)^2``."""
    w = fresh.weights
    total = n_a + (n_c + 1) * m
    rows = n_c * m
    side, matrix = np.zeros(total), np.zeros((total, total))
    known = slice(n_a, n_a + rows)
    seen = fresh.seen
    side[:n_a] = (w * fresh.label) @ fresh.learned
    side[known] = np.einsum("k,kc,ki->ci", w, fresh.label_coordinates, seen).ravel()
    matrix[:n_a, :n_a] = (fresh.learned.T * w) @ fresh.learned
    cross = np.einsum("k,ka,kc,ki->aci", w, fresh.learned, fresh.coordinates, seen, optimize=True).reshape(n_a, rows)
    matrix[:n_a, known], matrix[known, :n_a] = cross, cross.T
    both = np.einsum("k,kcd,ki,kj->cidj", w, fresh.products, seen, seen, optimize=True)
    matrix[known, known] = both.reshape(rows, rows)
    return Terms(w @ fresh.label_square, side, matrix)


def fit_errors(fit: Fit, state: State, shift: float) -> FitErrors:
    """All errors at a solved bulk: Q, and its derivatives by the shift and by the weight of fresh samples.

    The solution moves by ``-H^-1`` times the derivative of the potential's gradient; carried as an infinitesimal
    imaginary part through Q it gives every derivative to rounding (eq-same-test).
    """
    nn = fit.neurons
    parts = states(nn, fit.populations, state, shift)
    value = float(form(fit, state, parts))
    by_shift, by_leaving, by_fresh = _sides(fit, state, parts)
    moves = response(nn, state, parts, np.stack([by_shift, by_leaving, by_fresh], axis=1))
    ones = [np.ones_like(part.r) for part in parts]
    left = [1 / part.r**2 for part in parts]
    zeros = [0 * part.r for part in parts]
    slopes = [
        _slope(fit, state, shift, moves[:, k], shifts, weight)
        for k, (shifts, weight) in enumerate([(ones, 0.0), (left, 0.0), (zeros, 1.0)])
    ]
    return FitErrors(shift * value, -(shift**2) * slopes[0], slopes[2], -slopes[1])


def _slope(fit: Fit, state: State, shift: float, move: Array, shifts: list[Array], weight: float) -> float:
    moved = state.moved(1j * _H * move)
    parts = [
        SampleState(fit.neurons, population, moved, shift + 1j * _H * by)
        for population, by in zip(fit.populations, shifts, strict=True)
    ]
    return float(np.imag(form(fit, moved, parts, 1j * _H * weight)) / _H)


def _sides(fit: Fit, state: State, parts: Sequence[SampleState]) -> tuple[Array, Array, Array]:
    """Derivatives of the potential's gradient by D, by D along ``1/R^2``, and by the weight of fresh samples."""
    nn = fit.neurons
    i, j = pair_indices(nn.size)
    double = np.where(i == j, 1.0, 2.0)
    gains = nn.weights * state.zeta

    def flat(by_gamma: Array, by_gain: Array) -> Array:
        return np.concatenate([double * by_gamma[i, j], gains * by_gain])

    out = []
    for power in (2, 0):
        by_gamma, by_gain = np.zeros((nn.size, nn.size)), np.zeros(len(gains))
        for part in parts:
            if part.population.fitted:
                weights = (part.population.weights * part.r**power)[..., None]
                by_gamma -= (weights * part.outer).reshape(-1, nn.size).T @ part.outer.reshape(-1, nn.size)
                by_gain -= (weights * part.noise).sum(axis=(0, 1))
        out.append(flat(by_gamma, by_gain))
    fresh = fit.fresh
    seen = (fresh.seen.T * fresh.weights) @ fresh.seen
    return out[0], out[1], flat(seen, fresh.weights @ fresh.noise)
