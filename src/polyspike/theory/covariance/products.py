"""The quadratic features along the products of the known directions (docs/theory-inputs.md, section 7).

The products are ``b^b^``, ``b^e^`` (symmetrised), ``e^e^`` and ``c^``, the direction of a sample's norm: the sum of all
squares ``lambda_k g_k^2`` less what it has in common with the other three. All of them have unit norm.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["ProductPrior", "product_prior"]

_ROOT = 2**0.5


class ProductPrior(NamedTuple):
    """The prior of the quadratic features and the plain averages that it contains.

    The blocks are those of the neurons' norms (first) and of the four products; shape (5, 5, p2, p2) both.
    """

    prior: Any
    plain: Any


def product_prior(state: CovarianceState) -> ProductPrior:
    """``P = Q (1 + plain Q)^-1`` (eq-products).

    ``n <D_a|G2|D_b>`` over pairs of eigendirections is a P, too; of the Q that belongs to it the weights' constant
    length and their moments along the known directions are taken account of, and the neurons' norms, which are made of
    the same weights.
    """
    pairs, model = state.pairs, state.model
    assert pairs is not None
    n, v2 = pairs.arrays.n_samples, pairs.v
    on_pairs, beyond = _of_model(model)
    p = _flat(n * np.tensordot(on_pairs, pairs.gam, 1))
    q = np.zeros((5, 5, *v2.shape), dtype=p.dtype)
    by_eigenvalue = p @ np.linalg.inv(np.eye(len(p)) - np.kron(np.eye(4), v2) @ p)
    q[1:, 1:] = _blocks(by_eigenvalue, 4)
    q += n * ((beyond * state.weighted_zeta) @ pairs.arrays.chi_pairs).reshape(q.shape)
    plain = np.einsum("ij,ab->ijab", np.diag([0.0, 1, 1, 1, 1]), v2)
    flat = _flat(q)
    return ProductPrior(_blocks(flat @ np.linalg.inv(np.eye(len(flat)) + _flat(plain) @ flat), 5), plain)


@lru_cache(maxsize=1)
def _of_model(model: CovarianceModel) -> tuple[Any, Any]:
    """What the state has no part in; both tangents of a state ask for it."""
    return _on_pairs(model), _beyond(model)


def _on_pairs(model: CovarianceModel) -> Any:
    """``<D_a|pair|D_b>`` of every pair of nodes of Sigma, shape (4, 4, B)."""
    nu, values = model.direction_measures, model.spectrum.values
    assert model.pairs is not None
    first, second = model.pairs.first, model.pairs.second
    same = first == second

    def both(x: Any, y: Any) -> Any:
        """The measure of x times that of y, symmetrised."""
        return np.where(same, x[first] * y[first], x[first] * y[second] + x[second] * y[first])

    bb, be, ee = nu[0, 0], nu[0, 1], nu[1, 1]
    out = np.zeros((4, 4, len(first)))
    out[:3, :3] = _products(both(bb, bb), both(bb, be), both(be, be), both(bb, ee), both(be, ee), both(ee, ee))
    out[3, :3] = out[:3, 3] = np.where(same, np.stack([bb, _ROOT * be, ee])[:, first] * values[first], 0.0)
    count = model.problem.input_dim * model.spectrum.weights
    out[3, 3] = np.where(same, (count * values**2)[first], 0.0)
    frame = norm_direction(model)
    return np.einsum("ai,ijp,bj->abp", frame, out, frame)


def norm_direction(model: CovarianceModel) -> Any:
    """The four products in terms of the first three and of all squares ``sum lambda_k g_k^2``, shape (4, 4).

    The last is zero where the known directions are all that a norm is made of.
    """
    sigma = model.direction_measures @ model.spectrum.values
    frame = np.eye(4)
    frame[3, :3] = -sigma[0, 0], -_ROOT * sigma[0, 1], -sigma[1, 1]
    left = 2 * model.problem.input_dim**2 * model.norms.variance
    frame[3] = frame[3] / left**0.5 if left > 0 else 0.0
    return frame


def along_products(model: CovarianceModel, weights: Any) -> Any:
    """``<weights|D_a>`` of a function of the eigenvalue (L, A), shape (4, A)."""
    nu = model.direction_measures
    known = np.einsum("lu,xl->xu", weights, np.stack([nu[0, 0], _ROOT * nu[0, 1], nu[1, 1]]))
    total = model.problem.input_dim * (model.spectrum.weights * model.spectrum.values) @ weights
    return norm_direction(model) @ np.concatenate([known, total[None]])


def _beyond(model: CovarianceModel) -> Any:
    """What the covariance of the weights' products has beyond that of their eigenvalues, with the norms of the neurons
    first; shape (5, 5, A) (eq-products).
    """
    d, relative = model.problem.input_dim, model.relative
    scale = 2 / (d * (d + model.spectrum.weights @ relative**2))
    out = np.zeros((5, 5, relative.shape[1]))
    known, by_eigenvalue = (_squared(np.moveaxis(s, 0, 2)) for s in (model.known, model.known_by_eigenvalue))
    out[1:4, 1:4] = known - by_eigenvalue
    # The length of an initial weight is one.
    along, mean = along_products(model, relative), model.spectrum.weights @ relative
    out[1:, 1:] -= along[:, None] * along / d
    out[0, 0] = model.norms.neurons / scale * 2
    out[0, 1:] = out[1:, 0] = (along_products(model, relative**2) - along * mean) / _ROOT
    return scale * out


def _squared(s: Any) -> Any:
    """The covariance of products of weights whose second moments are s (2, 2, A), over 2; shape (3, 3, A)."""
    bb, be, ee = s[0, 0], s[0, 1], s[1, 1]
    return _products(bb**2, bb * be, be**2, bb * ee, be * ee, ee**2)


def _products(bb_bb: Any, bb_be: Any, be_be: Any, bb_ee: Any, be_ee: Any, ee_ee: Any) -> Any:
    """Between b^b^, b^e^ (symmetrised) and e^e^, shape (3, 3, ...)."""
    rows = [
        [bb_bb, _ROOT * bb_be, be_be],
        [_ROOT * bb_be, bb_ee + be_be, _ROOT * be_ee],
        [be_be, _ROOT * be_ee, ee_ee],
    ]
    return np.array(rows)


def _flat(blocks: Any) -> Any:
    """Blocks (i, j, a, b) as one matrix."""
    count, size = blocks.shape[0], blocks.shape[2]
    return np.swapaxes(blocks, 1, 2).reshape(count * size, count * size)


def _blocks(matrix: Any, count: int) -> Any:
    """A matrix as blocks (count, count, a, b)."""
    size = len(matrix) // count
    return np.swapaxes(matrix.reshape(count, size, count, size), 1, 2)
