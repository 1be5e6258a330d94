"""The linear features along the known directions (docs/theory-inputs.md, section 5)."""

from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import inverse, joined, split, total
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["linear_block"]


def linear_block(state: CovarianceState, directions: Any) -> Any:
    """``G`` between directions (m, P) in the frame (eq-known-directions), shape (m, m, ..., p, p).

    Nothing is divided by V': where H would be subtracted from it, ``V'^-1 - V'^-1 H V'^-1 = Gam``.
    """
    model, blocks, law = state.model, state.blocks, state.model.law
    measures, count = model.step.frame_measures, len(model.step.mean_gradient)
    inner = measures[:count, :count]
    half = joined(total(inner, blocks.half))
    fields_along = joined(total(inner, blocks.fields))
    t_along = joined(total(law.second, state.samples.answer))
    # (1 + Pi T_k)^-1 of two symmetric matrices, and what follows from it.
    between = inverse(np.eye(t_along.shape[-1]) + fields_along @ t_along)
    gathered, returned = t_along @ between, _transposed(between)
    phi_gradient = model.step.phi_gradient
    answers = joined(total(law.eps * law.first, state.samples.answer)[:, None])
    powers = _powers(model.spectrum.values, len(measures) - count)
    mean_seen = joined(total(model.spectrum.weights * powers, blocks.seen)[None])
    moved = phi_gradient * model.step.across**0.5 * answers @ mean_seen
    along_mean = total(model.step.mean_gradient, inner.swapaxes(0, 1))
    seen_mean = joined(total(along_mean[:, None] * powers, blocks.seen))
    out = total(measures, blocks.gam)
    out[:count, :count] += split(half @ gathered @ _transposed(half), count, count)
    beside = split(half @ (gathered @ seen_mean + returned @ moved), count, len(powers))
    out[:count, count:] += beside
    out[count:, :count] += _transposed(beside.swapaxes(0, 1))
    cross = _transposed(seen_mean) @ returned @ moved
    energy = total(law.weights * law.eps**2, state.samples.answer)
    own = phi_gradient**2 * model.step.across * _transposed(mean_seen) @ energy @ mean_seen
    corrected = fields_along - fields_along @ gathered @ fields_along
    between = _transposed(seen_mean) @ gathered @ seen_mean + cross + _transposed(cross) + own
    between = between - _transposed(moved) @ corrected @ moved
    out[count:, count:] += split(between, len(powers), len(powers))
    return total(directions, total(directions, out.swapaxes(0, 1)).swapaxes(0, 1))


def _powers(values: Any, count: int) -> Any:
    """1 and lambda: what the gradient's directions in the frame are times the first of them, shape (count, L)."""
    return values ** np.arange(count)[:, None]


def _transposed(matrices: Any) -> Any:
    return matrices.swapaxes(-1, -2)
