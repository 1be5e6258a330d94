"""The linear features along the known directions (docs/theory-inputs.md, section 5)."""

from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import total
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["linear_block"]


def linear_block(state: CovarianceState, directions: Any) -> Any:
    """``G`` between directions (m, P) in the frame (eq-known-directions), shape (m, m, p, p).

    Nothing is divided by V': where H would be subtracted from it, ``V'^-1 - V'^-1 H V'^-1 = Gam``.
    """
    model, blocks, law = state.model, state.blocks, state.model.law
    measures, count = model.step.frame_measures, len(model.step.mean_gradient)
    inner, size, fields = measures[:count, :count], len(state.v), len(state.t)

    def joined(arrays: Any) -> Any:
        """(q, q', x, y) as one matrix."""
        rows, columns, x, y = arrays.shape
        return np.swapaxes(arrays, 1, 2).reshape(rows * x, columns * y)

    half = joined(total(inner, blocks.half))
    fields_along = joined(total(inner, blocks.fields))
    t_along = joined(total(law.second, state.samples.answer))
    # (1 + Pi T_k)^-1 and what follows from it.
    one = np.eye(len(t_along))
    inverse = np.linalg.inv(one + fields_along @ t_along)
    gathered = t_along @ inverse
    phi_gradient = model.step.phi_gradient
    weighted_eps = law.eps * law.first
    answers = total(weighted_eps, state.samples.answer).reshape(count * fields, fields)
    powers = _powers(model.spectrum.values, len(measures) - count)
    sources = len(powers) * size
    mean_seen = np.swapaxes(total(model.spectrum.weights * powers, blocks.seen), 0, 1).reshape(fields, sources)
    moved = phi_gradient * model.step.across**0.5 * answers @ mean_seen
    along_mean = np.einsum("xkl,k->xl", inner, model.step.mean_gradient)
    seen_mean = np.swapaxes(total(along_mean[:, None] * powers, blocks.seen), 1, 2).reshape(count * fields, sources)
    out = total(measures, blocks.gam)
    out[:count, :count] += _split(half @ gathered @ half.T, count, size)
    returned = np.linalg.inv(one + t_along @ fields_along)
    beside = half @ (gathered @ seen_mean + returned @ moved)
    beside = beside.reshape(count, size, len(powers), size).transpose(0, 2, 1, 3)
    out[:count, count:] += beside
    out[count:, :count] += beside.transpose(1, 0, 3, 2)
    cross = seen_mean.T @ returned @ moved
    own = (
        phi_gradient**2
        * model.step.across
        * mean_seen.T
        @ total(law.weights * law.eps**2, state.samples.answer)
        @ mean_seen
    )
    corrected = fields_along - fields_along @ gathered @ fields_along
    between = seen_mean.T @ gathered @ seen_mean + cross + cross.T + own - moved.T @ corrected @ moved
    out[count:, count:] += _split(between, len(powers), size)
    return total(directions, np.swapaxes(total(directions, np.swapaxes(out, 0, 1)), 0, 1))


def _powers(values: Any, count: int) -> Any:
    """1 and lambda: what the gradient's directions in the frame are times the first of them, shape (count, L)."""
    return values ** np.arange(count)[:, None]


def _split(matrix: Any, count: int, size: int) -> Any:
    return np.swapaxes(matrix.reshape(count, size, count, size), 1, 2)
