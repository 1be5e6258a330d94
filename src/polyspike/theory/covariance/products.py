"""The quadratic features along the products of the known directions (docs/theory-inputs.md, section 7).

The products are ``b^b^``, the ``b^e^_k`` (symmetrised), the ``e^_j e^_k`` and ``c^``, the direction of a sample's norm:
the sum of all squares ``lambda_k g_k^2`` less what it has in common with all others. All of them have unit norm. Of one
index these are four.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import inverse, joined, over_neurons, split, total
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["ProductPrior", "along_known", "between_products", "label_products", "product_prior"]

_ROOT = 2**0.5


class ProductPrior(NamedTuple):
    """The prior of the quadratic features and the plain averages that it contains.

    The blocks are those of the neurons' norms (first) and of the m products; shape (1 + m, 1 + m, ..., p2, p2) both.
    """

    prior: Any
    plain: Any


def label_products(p: int) -> tuple[tuple[int, int], ...]:
    """The products ``e^_i e^_j`` of p indices, in the order of ``LabelParts.squares``: the square of the first, its
    products with the others, their squares, and their products.
    """
    others = range(2, p + 1)
    crossed = [(i, j) for i in others for j in others if i < j]
    return ((1, 1), *((1, j) for j in others), *((j, j) for j in others), *crossed)


@lru_cache(maxsize=16)
def _products(p: int) -> tuple[Any, Any, Any]:
    """The known products of p indices: two known directions each, b^ being zero, and the norm of ``v v' + v' v``."""
    pairs = np.array([(0, 0), *((0, k) for k in range(1, p + 1)), *label_products(p)])
    return pairs[:, 0], pairs[:, 1], np.where(pairs[:, 0] == pairs[:, 1], _ROOT, 1.0)


def product_prior(state: CovarianceState) -> ProductPrior:
    """``P = Q (1 + plain Q)^-1`` (eq-products).

    ``n <D_a|G2|D_b>`` over pairs of eigendirections is a P, too, with the neurons' norms, which are made of the same
    weights; of the Q that belongs to it the weights' constant length and their moments along the known directions are
    taken account of.
    """
    pairs, model = state.pairs, state.model
    assert pairs is not None
    n, v2 = pairs.arrays.n_samples, pairs.v
    on_pairs = _on_pairs(model)
    count = 1 + len(on_pairs)
    blocks = np.empty((count, count, *pairs.gam.shape[1:]), dtype=np.result_type(pairs.gam, v2))
    blocks[1:, 1:] = n * total(on_pairs, pairs.gam)
    blocks[0, 0], blocks[1:, 0] = _neurons_norms(state)
    blocks[0, 1:] = blocks[1:, 0].swapaxes(-1, -2)
    q = split(_extended(joined(blocks), joined(-_seen(v2, blocks))), count, count)
    q = q + n * over_neurons(_beyond(model), state.weighted_zeta, pairs.arrays.chi_pairs)
    plain = np.zeros_like(q)
    plain[range(1, count), range(1, count)] = v2
    return ProductPrior(split(_extended(joined(q), joined(_seen(v2, q))), count, count), plain)


def _seen(v2: Any, blocks: Any) -> Any:
    """``plain`` times blocks: samples see the products, not the norms."""
    out = np.zeros_like(blocks)
    out[1:] = v2 @ blocks[1:]
    return out


def _neurons_norms(state: CovarianceState) -> tuple[Any, Any]:
    """The blocks of P between the neurons' norms, and of the products with them, shapes (p2, p2) and (m, p2, p2).

    A neuron's norm is off by ``sum_k (s_k - avg s) omega_k`` at a constant length, ``omega_k`` the squares of its
    components, and its weight of ``h_2(g_k)`` is ``s_k omega_k``: what samples know of the latter they know of the
    former (eq-neurons-norm).
    """
    pairs, model = state.pairs, state.model
    assert pairs is not None
    arrays, same = pairs.arrays, pairs.arrays.first == pairs.arrays.second
    n, relative = arrays.n_samples, model.relative
    scale = 2 / (model.problem.input_dim * (model.problem.input_dim + model.spectrum.weights @ relative**2))
    off = relative - model.spectrum.weights @ relative
    known = pairs.known_of_pairs[same]
    crossed = over_neurons(scale * relative * off / _ROOT, state.weighted_zeta, arrays.chi_pairs)
    own = over_neurons(scale * off**2 / 2, state.weighted_zeta, arrays.chi_pairs)
    left = known @ crossed
    own = own - n * (crossed.swapaxes(-1, -2) @ pairs.v @ left)
    counts = model.problem.input_dim * model.spectrum.weights
    return n * total(counts, own), n * total(_squares_of_products(model), left)


def _extended(matrix: Any, seen: Any) -> Any:
    """``matrix (1 + seen)^-1``."""
    return matrix @ inverse(np.eye(matrix.shape[-1]) + seen)


def _squares_of_products(model: CovarianceModel) -> Any:
    """``<D_a|e_k e_k>``, over the eigendirections of every node of Sigma together, shape (m, L)."""
    known = along_known(model.direction_measures)
    whole = model.problem.input_dim * model.spectrum.weights * model.spectrum.values
    return norm_direction(model) @ np.concatenate([known, whole[None]])


def _on_pairs(model: CovarianceModel) -> Any:
    """``<D_a|pair|D_b>`` of every pair of nodes of Sigma, shape (m, m, B)."""
    nu, values = model.direction_measures, model.spectrum.values
    assert model.pairs is not None
    first, second = model.pairs.first, model.pairs.second
    same = first == second

    def both(x: Any, y: Any) -> Any:
        """The measure of x times that of y, symmetrised."""
        x_first, y_first = x[..., first], y[..., first]
        return np.where(same, x_first * y_first, x_first * y[..., second] + x[..., second] * y_first)

    known = between_products(nu, both)
    out = np.zeros((len(known) + 1, len(known) + 1, len(first)))
    out[:-1, :-1] = known
    out[-1, :-1] = out[:-1, -1] = np.where(same, along_known(nu)[:, first] * values[first], 0.0)
    count = model.problem.input_dim * model.spectrum.weights
    out[-1, -1] = np.where(same, (count * values**2)[first], 0.0)
    frame = norm_direction(model)
    return (frame @ out.transpose(2, 0, 1) @ frame.T).transpose(1, 2, 0)


def between_products(s: Any, times: Any) -> Any:
    """Between the known products, for second moments or measures s (1 + p, 1 + p, ...) of the known directions, shape
    (m - 1, m - 1, ...).
    """
    i, j, norm = _products(len(s) - 1)
    found = times(s[i[:, None], i], s[j[:, None], j]) + times(s[i[:, None], j], s[j[:, None], i])
    return found / (norm[:, None] * norm).reshape(len(i), len(i), *[1] * (found.ndim - 2))


def along_known(s: Any) -> Any:
    """The parts of measures s (1 + p, 1 + p, L) along the known products, shape (m - 1, L)."""
    i, j, norm = _products(len(s) - 1)
    return s[i, j] * (_ROOT / norm)[:, None]


def norm_direction(model: CovarianceModel) -> Any:
    """The products in terms of the known ones and of all squares ``sum lambda_k g_k^2``, shape (m, m).

    The last is zero where the known directions are all that a norm is made of.
    """
    known = along_known(model.direction_measures) @ model.spectrum.values
    frame = np.eye(len(known) + 1)
    frame[-1, :-1] = -known
    left = 2 * model.problem.input_dim**2 * model.norms.variance
    frame[-1] = frame[-1] / left**0.5 if left > 0 else 0.0
    return frame


def along_products(model: CovarianceModel, weights: Any) -> Any:
    """``<weights|D_a>`` of a function of the eigenvalue (L, A), shape (m, A)."""
    return _squares_of_products(model) @ weights


def _beyond(model: CovarianceModel) -> Any:
    """What the covariance of the weights' products has beyond that of their eigenvalues, and the norms of the neurons
    beyond what these make, which are first; shape (1 + m, 1 + m, A) (eq-products).
    """
    d, relative, known, factor = model.problem.input_dim, model.relative, model.known, model.curvature.fluctuation
    mean, square = model.spectrum.weights @ relative, model.spectrum.weights @ relative**2
    between, by_eigenvalue = (
        between_products(s.transpose(1, 2, 0), np.multiply) for s in (known.moments * factor, known.by_eigenvalue)
    )
    out = np.zeros((len(between) + 2, len(between) + 2, relative.shape[1]))
    out[1:-1, 1:-1] = between - by_eigenvalue
    # The length of an initial weight is one.
    of_bulk = along_products(model, relative)
    along = of_bulk + _along_products(model, known.beyond)
    out[1:, 1:] -= along[:, None] * along / d
    # A neuron that is long in a known direction is long.
    lost = known.mean(model.spectrum.weights, relative, d) * along - mean * of_bulk
    out[0, 1:] = out[1:, 0] = (_along_products(model, known.square_beyond * factor) - lost) / _ROOT
    # What moves along the weights themselves add to the lengths.
    out[0, 0] = (2 * d * model.norms.neurons - np.maximum(square - mean**2, 0.0)) * (d + square) / 2
    return 2 / (d * (d + square)) * out


def _along_products(model: CovarianceModel, moments: Any) -> Any:
    """``<moments|D_a>`` of matrices between the known directions (A, 1 + p, 1 + p), shape (m, A)."""
    between = moments.transpose(1, 2, 0)
    squares = np.einsum("ijl,l,ija->a", model.direction_measures, model.spectrum.values, between)
    return norm_direction(model) @ np.concatenate([along_known(between), squares[None]])
