"""Derivatives of the form at fixed coefficients (docs/theory-same-data.md, section 5).

A sample of the form is a stationary value over h, ``h'N h - 2 eps eta'(h - psi) + (h - psi)'Gamma^-1 (h - psi)`` and
``(p - z'h)^2 / D''``, so that its derivative by Gamma is ``-g g'`` with ``g = Gamma^-1 (h - psi)``, and that by a
neuron's gain is the square of what the neuron has of it (eq-same-slopes).
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.same_samples.fit import FIRST_COORDINATE, OMEGA, Columns, Fit
from polyspike.theory.same_samples.pencil import State, q_inverse
from polyspike.theory.same_samples.potential import flat_gradient
from polyspike.theory.same_samples.sample_state import SampleState

__all__ = ["FormSlopes", "form_slopes", "given_residual", "own_weights"]


class FormSlopes(NamedTuple):
    """Derivatives of the form.

    Attributes
    ----------
    by_state : ndarray of shape (U,)
        In the order of :meth:`State.moved`.
    by_shift : list of ndarray of shape (E, B)
        ``-R^2 E rho^2`` of every population's nodes, with their weights.
    residuals : list of ndarray of shape (E, B)
        ``E rho`` of every population's nodes, with their weights.
    """

    by_state: Array
    by_shift: list[Any]
    residuals: list[Any]


class _Coefficients(NamedTuple):
    """Of all learned functions, of those of the readouts, of the latents by direction (C, m), and of the constraint."""

    functions: Array
    first: Array
    theta: Array
    eta: Array


def form_slopes(fit: Fit, state: State, parts: Any, found: Array) -> FormSlopes:
    """The derivatives at a real state, of the form at the coefficients ``found``."""
    places, size = fit.places, fit.neurons.size
    theta = found[places.functions : places.constraint.start].reshape(places.coordinates, -1)
    at = _Coefficients(found[: places.functions], found[: places.readouts], theta, found[places.constraint])
    by_gamma, by_gain = np.zeros((size, size)), _of_costs(fit, state, at)
    _add_gap(fit, state, at.first, by_gamma, by_gain)
    by_shift, residuals = [], []
    for k, part in enumerate(parts):
        sample = _OfSamples(fit, k, part, at)
        by_shift.append(-sample.square)
        residuals.append(sample.residual)
        by_gamma -= sample.of_latents
        by_gain += sample.of_gains
    return FormSlopes(flat_gradient(fit.neurons, state, by_gamma, by_gain), by_shift, residuals)


def _of_costs(fit: Fit, state: State, at: _Coefficients) -> Array:
    """By the gains ``sg = w zeta``: of ``1/(n zeta)``, of the pairs, of own moves and of the pencil's ``Q^-1``."""
    nn, places = fit.neurons, fit.places
    gains = nn.weights * state.zeta
    out = -(at.first**2) / (fit.n_samples * state.zeta * gains)
    if fit.pairs is not None:
        pairs = at.functions[places.readouts : places.readouts + places.pairs].reshape(fit.pairs.cost.shape[:2])
        each = (pairs[:, None, :] @ fit.pairs.cost @ pairs[:, :, None])[:, 0, 0]
        out[fit.pairs.places] -= each / gains[fit.pairs.places] ** 2
    if fit.own_moves is not None:
        others = fit.own_moves.others @ at.functions[places.readouts + places.pairs :]
        out -= others**2 / (gains**2 * nn.samples_per_dim)
    theta = at.theta[:, nn.blocks[0]]
    if fit.mean_weights is not None:
        theta = theta.copy()
        theta[OMEGA - FIRST_COORDINATE] -= fit.mean_weights.T @ at.first
    along = nn.chi @ q_inverse(nn, state) @ theta.T
    return np.asarray(out - (along**2).sum(axis=1) / nn.samples_per_dim)


def _add_gap(fit: Fit, state: State, first: Array, by_gamma: Array, by_gain: Array) -> None:
    """Of ``-(d/n) x'Y (Q^-1 - Q^-1 Gamma Q^-1) Y'x`` (eq-same-gap)."""
    if fit.mean_weights is None:
        return
    nn, theta = fit.neurons, fit.neurons.blocks[0]
    qinv = q_inverse(nn, state)
    along = qinv @ (fit.mean_weights.T @ first)
    by_gamma[theta, theta] += np.outer(along, along) / nn.samples_per_dim
    plain, full = nn.chi @ along, nn.chi @ (qinv @ (state.gamma[theta, theta] @ along))
    by_gain += (plain**2 - 2 * plain * full) / nn.samples_per_dim


class _OfSamples:
    """What a population adds.

    Attributes
    ----------
    square : ndarray of shape (E, B)
        ``R^2 E rho^2`` with the weights.
    residual : ndarray of shape (E, B)
        ``E rho`` with the weights.
    of_latents : ndarray of shape (m, m)
        ``E g g'``.
    of_gains : ndarray of shape (A,)
    """

    def __init__(self, fit: Fit, k: int, part: SampleState, at: _Coefficients) -> None:
        self._fit, self._part, self._at = fit, part, at
        columns, pop = fit.columns[k], part.population
        self._eta = at.eta if columns.constrained else 0 * at.eta
        self.square, self.of_latents, self.of_gains = np.zeros(pop.weights.shape), *self._of_loads(columns)
        self.residual = np.zeros(pop.weights.shape)
        if pop.fitted:
            self._add_residuals(columns, k)

    def _of_loads(self, columns: Columns) -> tuple[Array, Array]:
        """Without the residual: ``g = eps L'eta - N L psi``, and ``eps xi.(L psi + eps Gamma' eta)_mu`` of neurons."""
        part, pop, nn = self._part, self._part.population, self._fit.neurons
        first, second, total = given_residual(columns, pop.weights, len(self._at.theta))
        eps, v = pop.residual, nn.noise_energy
        # One direction more, of the constraint, whose coordinate is one.
        self._g = np.concatenate(
            [-(self._at.theta @ part.effective_load), (eps[:, None] * (self._eta @ part.left))[:, None]], axis=1
        )
        felt = eps[:, None] * (part.loaded[:, nn.blocks[2]] @ self._eta) @ nn.xi.T
        self._felt = eps[:, None, None] * np.concatenate(
            [self._at.theta @ part.projected.transpose(0, 2, 1), felt[:, None]], axis=1
        )
        moments = np.concatenate(
            [np.concatenate([second, first[:, :, None]], axis=2), np.append(first, total[:, None], axis=1)[:, None]],
            axis=1,
        )
        of_latents = (self._g.transpose(0, 2, 1) @ moments @ self._g).sum(axis=0)
        of_gains = -v * ((moments @ self._felt) * self._felt).sum(axis=(0, 1))
        return of_latents, of_gains

    def _add_residuals(self, columns: Columns, k: int) -> None:
        """With it: ``w R rho`` of the latents, ``R^2 rho^2 q_a`` and ``R rho e_a`` of the neurons."""
        part, nn = self._part, self._fit.neurons
        rho = self._residual(columns, k)
        self.square, self.residual = part.r**2 * rho.square, rho.products[..., -1]
        outer, flat = part.outer, (-1, nn.size)
        weighted = (self.square[..., None] * outer).reshape(flat)
        # (E, C + 1, B): the products of R rho with the coordinates, and R rho.
        with_coordinates = (part.r[..., None] * rho.products).transpose(0, 2, 1)
        cross = np.tensordot((with_coordinates @ outer), self._g, axes=([0, 1], [0, 1]))
        self.of_latents = self.of_latents + weighted.T @ outer.reshape(flat) + cross + cross.T
        own = ((with_coordinates @ part.left_over) * self._felt).sum(axis=(0, 1))
        noise = self.square.ravel() @ part.noise.reshape(-1, len(nn.weights))
        self.of_gains = self.of_gains - noise + 2 * nn.noise_energy * own
        moves = self._fit.own_moves_of(k)
        if moves is not None:
            self.of_gains = self.of_gains + self._of_own_moves(part.r * rho.products[..., -1], moves)

    def _residual(self, columns: Columns, k: int) -> "_Residual":
        """Moments of ``rho = y - fixed - f output - w.psi``."""
        fit, part, at = self._fit, self._part, self._at
        pop = part.population
        fixed = fit.learned(k) @ at.functions + pop.residual[:, None] * (part.inner @ self._eta)
        own = fit.own_moves_of(k)
        if own is not None:
            fixed = fixed + own @ own_weights(fit, part.state, at.theta)
        along = -(part.outer @ at.theta.T)
        output = None if columns.learned_output is None else columns.learned_output @ at.first
        # Of (y, f, coordinates ...).
        known = _coordinates(len(at.theta))
        slopes = np.empty(columns.first.shape)
        slopes[..., 0], slopes[..., 1], slopes[..., known] = 1.0, 0.0 if output is None else -output, along
        if columns.first.shape[-1] > known.stop:
            slopes[..., -1] = 0.0 if columns.by_hidden_norm is None else -columns.by_hidden_norm @ at.first
        products = (columns.second @ slopes[..., None])[..., 0] - fixed[..., None] * columns.first
        mean = (slopes * columns.first).sum(axis=-1) - fixed * pop.weights
        square = (slopes * products).sum(axis=-1) - fixed * mean
        if output is not None:
            square = square - fit.output_energy * pop.weights * output**2
        if columns.by_own_norm is not None:
            square = square + pop.weights * columns.by_own_norm.square(at.first)
        return _Residual(square, np.concatenate([products[..., known], mean[..., None]], axis=-1))

    def _of_own_moves(self, residual: Array, learned: Array) -> Array:
        """``-2 E R rho`` times the change of the weights along beta with the gains (eq-own-moves)."""
        fit, nn, state = self._fit, self._fit.neurons, self._part.state
        own = fit.own_moves
        assert own is not None
        qinv, theta = q_inverse(nn, state), nn.blocks[0]
        felt = residual.ravel() @ learned.reshape(residual.size, -1)
        along = nn.chi @ (qinv @ (own.along @ self._at.theta)[theta])
        back = nn.chi @ (qinv @ ((nn.weights * state.zeta * felt) @ nn.chi))
        return np.asarray(-2 * along * (felt - back))


class _Residual(NamedTuple):
    """``E rho^2`` (E, B) and ``E rho c_k``, ``E rho`` (E, B, C + 1) at the nodes, with their weights."""

    square: Any
    products: Any


def own_weights(fit: Fit, state: State, theta: Array) -> Any:
    """The neurons' weights along beta (A,), as far as the latents know them."""
    nn, own = fit.neurons, fit.own_moves
    assert own is not None
    along = q_inverse(nn, state) @ (own.along @ theta)[nn.blocks[0]]
    return nn.weights * state.zeta * (nn.chi @ along)


def given_residual(columns: Columns, weights: Array, count: int) -> tuple[Array, Array, Array]:
    """First and second moments of the known coordinates given the residual, with the weights, and these."""
    known = _coordinates(count)
    first, second = columns.plain or (columns.first, columns.second)
    return first[..., known].sum(axis=1), second[..., known, known].sum(axis=1), weights.sum(axis=1)


def _coordinates(count: int) -> slice:
    """Places of so many in the hidden vector."""
    return slice(FIRST_COORDINATE, FIRST_COORDINATE + count)
