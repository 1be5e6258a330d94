"""Outliers of quadratic features (docs/theory-inputs.md, section 8).

Beside the bulk stand the mean over the neurons, what the neurons' lengths make of it, and what their weights have along
the label's directions; all of them are functions on the products ``g_i g_j``. As in (eq-count) there are as many
outliers above z as the symmetric matrix E(z) has negative eigenvalues more than far above (eq-quadratic-count)::

    rows x (coefficients)              C + n E[R P P'] + sum B' F B,   n E[R P phi_a']
    rows y, psi (constant and norm)    [[n E[R phi_a phi_b'] - V_ab, 1], [1, -sum l_a l_b G]],
                                       -sum B' (1 - V G) l_a between x and psi
    rows l, t (a single pair)          [[-Q, 1], [1, V]],   B'V between x and t,   -l_a between psi and t
    rows l of every label's direction  -X,   1 to the column of x that is what the weights have along it
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.covariance.averages import over_neurons
from polyspike.theory.covariance.pair_spectrum.model import PairModel, QuadraticFeatures
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.spectrum.branches import Branch
from polyspike.theory.finite_size.spectrum.outliers import FiniteRankParts

__all__ = ["Columns", "PairParts", "columns"]

_LEAST_SCALE = 1e-12
# A single pair counts so many times its strength in a bound on all eigenvalues.
_BOUND = 3.0


@dataclass(frozen=True, eq=False)
class Columns:
    """What coefficients x stand for: the mean over the neurons of a readout (A), their fluctuation that a fixed length
    of the initial weights takes away (A), and that along the D directions of the label (D p); C in all.

    Attributes
    ----------
    squares : ndarray of shape (L, p, C)
        On the products ``h_2(g_k)`` of an eigendirection, ``B``.
    along : ndarray of shape (D, p, C)
        On ``h_2`` of a label's direction.
    functions : ndarray of shape (K, C)
        P, of kappa alone, beside the part that comes with the products.
    drawn : ndarray of shape (p, C)
        On the square of every eigendirection's pairs with each other, times ``sqrt 2 lambda lambda'`` and a random
        number of variance one: what the gradient's matrix M makes of the mean, beside its own.
    energies : ndarray of shape (D, L)
        Of the label's directions over the nodes of Sigma.
    beyond : ndarray of shape (D, A)
        The variance of the weights' squares along the label's directions beyond that of their eigenvalues.
    """

    squares: Any
    along: Any
    drawn: Any
    functions: Any
    energies: Any
    beyond: Any


def columns(features: QuadraticFeatures) -> Columns:
    """The columns of x."""
    model, pairs, d = features.model, features.pairs, features.model.problem.input_dim
    root, known = np.sqrt(model.grid.u_weights), model.known
    per_root, size, p = pairs.chi.T * root, len(model.grid.u), pairs.chi.shape[1]
    count = known.beyond.shape[1] - 1
    squares = np.zeros((len(features.squares), p, 2 * size + count * p))
    squares[:, :, :size] = per_root * features.squares[:, None, :]
    squares[:, :, size : 2 * size] = (2 / d) ** 0.5 * squares[:, :, :size]
    along = np.zeros((count, *squares.shape[1:]))
    for j in range(count):
        along[j, :, :size] = per_root * known.beyond[:, 1 + j, 1 + j] / d
        along[j, :, 2 * size + j * p : 2 * size + (j + 1) * p] = np.eye(p)
    own = d * model.spectrum.weights
    of_products = (np.einsum("l,lpc->pc", own, squares) + along.sum(axis=0)) / 2**0.5
    functions = np.zeros((len(features.mean), squares.shape[2]))
    functions[:, :size] = features.mean * root - pairs.phi @ of_products[:, :size]
    drawn = np.zeros(squares.shape[1:])
    drawn[:, :size] = per_root * _drawn(features)
    places = np.arange(1, 1 + count)
    scale = 2 / (d * (d + model.spectrum.weights @ model.relative**2))
    beyond = scale * (known.moments[:, places, places] ** 2 - known.by_eigenvalue[:, places, places] ** 2).T
    return Columns(squares, along, drawn, functions, model.direction_measures[places, places], beyond)


def _drawn(features: QuadraticFeatures) -> Any:
    """``2 e u gain/(d tau^2)`` times the deviation of an element of M, shape (A,) (eq-quadratic-drawn)."""
    model, d = features.model, features.model.problem.input_dim
    spectrum, along = model.spectrum, model.step.reach
    gain = (spectrum.weights * along**2) @ model.gains / (spectrum.weights @ along**2)
    square = spectrum.weights @ model.bulk.weight_variance
    return 2 * model.tilt_of_neurons * gain / (d * square) * (model.step.matrix_noise / d) ** 0.5


class PairParts(FiniteRankParts):
    """The parts of finite rank of quadratic features."""

    spectral: PairModel

    @cached_property
    def columns(self) -> Columns:
        """What the coefficients stand for."""
        return columns(self.spectral.features)

    @cached_property
    def functions(self) -> Array:
        """The means over the neurons (K, A): what of the columns an eigenvalue far above the bulk is made of."""
        features = self.spectral.features
        return np.asarray(features.mean * np.sqrt(features.grid.u_weights))

    @cached_property
    def strongest(self) -> float:
        """A bound on the outliers: the means and their products, and the strongest single pair."""
        features, size = self.spectral.features, len(self.spectral.features.grid.u)
        d, found = features.model.problem.input_dim, self.columns
        of_products = (found.squares[:, :, :size] ** 2).sum(axis=(1, 2)) @ (d * features.model.spectrum.weights)
        energy = (
            of_products + 2 * (found.along[:, :, :size] ** 2).sum() + float(self._draws.sum()) * (found.drawn**2).sum()
        )
        if len(self.spectral.single):
            per_neuron = features.pairs.products[self.spectral.single[0]] * features.grid.u_weights
            energy = energy + _BOUND * per_neuron @ (features.pairs.chi**2).sum(axis=1)
        of_phi = features.grid.kappa_weights @ (features.pairs.phi**2).sum(axis=1)
        return float(self.rotation[1].sum() + features.model.problem.n_samples * of_phi * energy)

    @property
    def at_infinity(self) -> int:
        """The negative eigenvalues of E far above everything."""
        p, size = self.spectral.features.pairs.chi.shape[1], len(self.spectral.features.grid.u)
        return size + p * (len(self.columns.along) + 2 + len(self.spectral.single))

    def matrix(self, state: BulkState) -> Any:
        """E at a solution of the bulk (eq-quadratic-count)."""
        whole, rows = self.spectral.on_whole_laws(state), self._rows
        forms, found = self._forms(state, whole), self.columns
        out = np.zeros((rows[-1].stop,) * 2, dtype=np.result_type(forms.v, forms.priors))
        _put(out, rows[0], rows[0], self._of_columns(forms, whole))
        self._put_collective(out, forms, whole)
        p, size, one = len(forms.v), len(whole.zeta), np.eye(len(forms.v))
        for j, beyond in enumerate(found.beyond):
            start = rows[1].start + j * p
            here, column = slice(start, start + p), slice(2 * size + j * p, 2 * size + (j + 1) * p)
            _put(out, here, here, -over_neurons(beyond[None], forms.weighted_zeta, self._pairs.chi_pairs)[0])
            _put(out, column, here, one)
        for k, pair in enumerate(self.spectral.single):
            self._put_single(out, k, int(pair), forms)
        return (out + out.T) / 2

    def rows(self, state: BulkState, functions: Array) -> Any:
        """The rows of E that functions of kappa (K, m) would have, shape (size, m) (eq-overlap)."""
        whole, n, rows = self.spectral.on_whole_laws(state), self._n, self._rows
        out = np.zeros((rows[-1].stop, functions.shape[1]), dtype=np.result_type(whole.r, functions))
        out[rows[0]] = n * whole.gram(self.columns.functions, functions)
        out[rows[2]] = n * whole.gram(self._collective, functions)
        return out

    def scaled(self, branch: Branch) -> tuple[Array, Array]:
        """``Z' E Z`` and Z, by which a mean of strength s has the eigenvalue ``(z - s)/(z + s)``, and the two rows of
        what is eliminated together entries of order one.
        """
        rotation, strengths = self.rotation
        matrix, rows, size = self.matrix(branch.state), self._rows, len(rotation)
        scale = np.eye(len(matrix))
        scale[:size, :size] = rotation / np.sqrt(1 + strengths / branch.z)
        firsts = [*range(*rows[1].indices(len(scale))), *range(*rows[3].indices(len(scale)))]
        seconds = [*range(2 * size, rows[0].stop), *range(*rows[2].indices(len(scale)))]
        p = self._pairs.chi.shape[1]
        for start in range(rows[4].start, rows[4].stop, 2 * p):
            firsts += range(start, start + p)
            seconds += range(start + p, start + 2 * p)
        roots = np.sqrt(np.maximum(np.abs(np.diag(matrix)[firsts]), _LEAST_SCALE))
        scale[firsts, firsts], scale[seconds, seconds] = 1 / roots, roots
        return scale.T @ matrix @ scale, scale

    @cached_property
    def _draws(self) -> Any:
        """``2 lambda^2 lambda'^2`` times the counts of the pairs, shape (B,)."""
        along, pairs = self.spectral.features.model.step.reach, self._pairs
        return 2 * pairs.counts * (along[pairs.first] * along[pairs.second]) ** 2

    @property
    def _n(self) -> int:
        return int(self.spectral.model.problem.n_samples)

    @property
    def _pairs(self) -> Any:
        return self.spectral.features.pairs

    @cached_property
    def _rows(self) -> list[slice]:
        """Of x, of the label's directions, of y, of psi, and of the single pairs."""
        p = self._pairs.chi.shape[1]
        sizes = [self.columns.squares.shape[2], p * len(self.columns.along), 2 * p, 2 * p]
        ends = np.cumsum([0, *sizes, 2 * p * len(self.spectral.single)]).tolist()
        return [slice(a, b) for a, b in pairwise(ends)]

    @cached_property
    def _collective(self) -> Any:
        """phi, and what there is of it along the sample's norm, shape (K, 2 p): what the constant function and the
        norm have of the products.
        """
        features = self.spectral.features
        return np.concatenate([features.pairs.phi, features.by_norm], axis=1)

    @cached_property
    def _parts_of_squares(self) -> Any:
        """``l_a``, the parts of an eigendirection's ``h_2`` in the constant function, with which a length comes, and in
        the norm of the sample, shape (2, L).
        """
        spectrum = self.spectral.features.model.spectrum
        of_norm = spectrum.values / (self._own @ spectrum.values**2) ** 0.5
        return np.stack([np.full(len(of_norm), 0.5**0.5), of_norm])

    @property
    def _own(self) -> Any:
        """How many eigenvalues each node of Sigma has."""
        model = self.spectral.features.model
        return model.problem.input_dim * model.spectrum.weights

    @cached_property
    def _squares(self) -> Any:
        """The places of the pairs of a node with itself."""
        return np.flatnonzero(self._pairs.first == self._pairs.second)

    @cached_property
    def _in_bulk(self) -> Any:
        """Which pairs are not single ones."""
        out = np.ones(len(self._pairs.counts), dtype=bool)
        out[self.spectral.single] = False
        return out

    def _forms(self, state: BulkState, whole: BulkState) -> "_Forms":
        v, weighted = self._n * state.v, self.spectral.features.grid.u_weights * whole.zeta
        q = over_neurons(self._pairs.products, weighted, self._pairs.chi_pairs)
        kept = self._in_bulk[:, None, None]
        known = np.where(kept, q @ np.linalg.inv(np.eye(len(v)) + np.where(kept, v @ q, 0.0)), 0.0)
        return _Forms(v, weighted, q, known, np.where(kept, v - v @ known @ v, 0.0))

    def _of_columns(self, forms: "_Forms", whole: BulkState) -> Any:
        """``C + n E[R P P'] + sum B' F B``."""
        found, pairs, size = self.columns, self._pairs, len(whole.zeta)
        out = self._n * whole.gram(found.functions, found.functions)
        cost = np.concatenate([1 / whole.zeta, -1 / whole.zeta])
        out[np.arange(2 * size), np.arange(2 * size)] += cost
        squares = forms.left[self._squares]
        out = out + np.einsum("l,lpi,lpq,lqj->ij", self._own, found.squares, squares, found.squares, optimize=True)
        out = out + found.drawn.T @ np.einsum("b,bpq->pq", self._draws, forms.left) @ found.drawn
        for j, along in enumerate(found.along):
            crossed = np.einsum("l,lpi,lpq,qj->ij", found.energies[j], found.squares, squares, along, optimize=True)
            out = out + crossed + crossed.T
            for k, other in enumerate(found.along):
                weights = _overlap(found.energies[j], found.energies[k], pairs, self._own, j == k)
                out = out + along.T @ np.einsum("b,bpq->pq", weights, forms.left) @ other
        return out

    def _put_collective(self, out: Any, forms: "_Forms", whole: BulkState) -> None:
        """The rows of the constant function and of the norm."""
        found, n, p = self.columns, self._n, len(forms.v)
        x, _, y, psi, _ = self._rows
        between = n * whole.gram(self._collective, self._collective)
        between[p:, p:] -= forms.v
        _put(out, y, y, between)
        _put(out, x, y, n * whole.gram(found.functions, self._collective))
        _put(out, y, psi, np.eye(2 * p))
        known, parts = forms.known[self._squares], self._parts_of_squares
        inner = -np.einsum("l,al,bl,lpq->apbq", self._own, parts, parts, known, optimize=True)
        _put(out, psi, psi, inner.reshape(2 * p, 2 * p))
        in_bulk = self._in_bulk[self._squares][:, None, None]
        left = np.where(in_bulk, np.eye(p) - forms.v @ known, np.eye(p))
        mixed = np.einsum("l,al,lpi,lpq->iaq", self._own, parts, found.squares, left, optimize=True)
        for energy, along in zip(found.energies, found.along, strict=True):
            mixed = mixed + np.einsum("l,al,pi,lpq->iaq", energy, parts, along, left, optimize=True)
        _put(out, x, psi, -mixed.reshape(len(mixed), 2 * p))

    def _put_single(self, out: Any, place: int, pair: int, forms: "_Forms") -> None:
        """The rows of a single pair."""
        found, p, one = self.columns, len(forms.v), np.eye(len(forms.v))
        x, _, _, psi, rest = self._rows
        start = rest.start + 2 * p * place
        prior, own = slice(start, start + p), slice(start + p, start + 2 * p)
        i, j = int(self._pairs.first[pair]), int(self._pairs.second[pair])
        component = found.squares[i] if i == j else np.zeros_like(found.squares[i])
        for energy, along in zip(found.energies, found.along, strict=True):
            component = component + (energy[i] if i == j else (2 * energy[i] * energy[j]) ** 0.5) * along
        _put(out, prior, prior, -forms.priors[pair])
        _put(out, prior, own, one)
        _put(out, own, own, forms.v)
        _put(out, x, own, component.T @ forms.v)
        out[x, x] += component.T @ forms.v @ component
        if i == j:
            _put(out, psi, own, -np.kron(self._parts_of_squares[:, i : i + 1], one))


@dataclass(frozen=True, eq=False)
class _Forms:
    """``V = n E[R phi phi']``, zeta times its weights, and of every pair Q; of those of the bulk
    ``G = Q (1 + V Q)^-1`` and ``F = V - V G V``, of the single ones zero.
    """

    v: Any
    weighted_zeta: Any
    priors: Any
    known: Any
    left: Any


def _overlap(first: Any, second: Any, pairs: Any, own: Any, same: bool) -> Any:
    """What the squares of two of the label's directions have in common on every pair of nodes, shape (B,): of different
    ones, whose signs are random, on the squares of eigendirections alone.
    """
    i, j = pairs.first, pairs.second
    if same:
        return first[i] * first[j] * np.where(i == j, 1.0, 2.0)
    return np.where(i == j, first[i] * second[j] / np.maximum(own[i], 1.0), 0.0)


def _put(out: Any, rows: slice, columns: slice, values: Any) -> None:
    out[rows, columns], out[columns, rows] = values, values.T
