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

    ``n <D_a|G2|D_b>`` over pairs of eigendirections is a P, too; of the Q that belongs to it the weights' constant
    length and their moments along the known directions are taken account of, and the neurons' norms, which are made of
    the same weights.
    """
    pairs, model = state.pairs, state.model
    assert pairs is not None
    n, v2 = pairs.arrays.n_samples, pairs.v
    on_pairs, beyond = _on_pairs(model), _beyond(model)
    blocks, count = n * total(on_pairs, pairs.gam), len(on_pairs)
    q = n * over_neurons(beyond, state.weighted_zeta, pairs.arrays.chi_pairs)
    q[1:, 1:] += split(_extended(joined(blocks), joined(-v2 @ blocks)), count, count)
    plain = np.zeros_like(q)
    plain[range(1, 1 + count), range(1, 1 + count)] = v2
    seen = q.copy()
    seen[0], seen[1:] = 0.0, v2 @ q[1:]
    return ProductPrior(split(_extended(joined(q), joined(seen)), 1 + count, 1 + count), plain)


def _extended(matrix: Any, seen: Any) -> Any:
    """``matrix (1 + seen)^-1``."""
    return matrix @ inverse(np.eye(matrix.shape[-1]) + seen)


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
    known = along_known(model.direction_measures) @ weights
    total = model.problem.input_dim * (model.spectrum.weights * model.spectrum.values) @ weights
    return norm_direction(model) @ np.concatenate([known, total[None]])


def _beyond(model: CovarianceModel) -> Any:
    """What the covariance of the weights' products has beyond that of their eigenvalues, with the norms of the neurons
    first; shape (1 + m, 1 + m, A) (eq-products).
    """
    d, relative = model.problem.input_dim, model.relative
    scale = 2 / (d * (d + model.spectrum.weights @ relative**2))
    known, by_eigenvalue = (
        between_products(s.transpose(1, 2, 0), np.multiply)
        for s in (model.known * model.curvature.fluctuation, model.known_by_eigenvalue)
    )
    out = np.zeros((len(known) + 2, len(known) + 2, relative.shape[1]))
    out[1:-1, 1:-1] = known - by_eigenvalue
    # The length of an initial weight is one.
    along, along_square = np.split(along_products(model, np.concatenate([relative, relative**2], axis=1)), 2, axis=1)
    mean = model.spectrum.weights @ relative
    out[1:, 1:] -= along[:, None] * along / d
    out[0, 0] = model.norms.neurons / scale * 2
    out[0, 1:] = out[1:, 0] = (along_square - along * mean) / _ROOT
    return scale * out
