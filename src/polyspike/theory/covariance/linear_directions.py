"""The linear features along the known directions (docs/theory-inputs.md, section 5)."""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import inverse, joined, split, total
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["KnownParts", "known_parts", "linear_block"]


class KnownParts(NamedTuple):
    """What the ``G`` between the directions of the frame is made of (eq-known-directions): c directions on which the
    residual depends, b of the gradient, fields of size f p.

    Attributes
    ----------
    alone : ndarray of shape (c + b, c + b, ..., p, p)
        ``G`` as if the residual did not know its sample, with what each term of beta adds by itself.
    half : ndarray of shape (..., c p, c f p)
        Between the linear features and the fields along the former.
    seen_mean : ndarray of shape (..., c f p, b p)
        The same of the mean of the latter.
    moved : ndarray of shape (..., c f p, b p)
        What the samples in beta put into the fields.
    fields : ndarray of shape (..., c f p, c f p)
        Pi, the fields' covariance.
    knows : ndarray of shape (..., c f p, c f p)
        ``T_k``.
    """

    alone: Any
    half: Any
    seen_mean: Any
    moved: Any
    fields: Any
    knows: Any


def known_parts(state: CovarianceState, measures: Any) -> KnownParts:
    """At a state, for the spectral measures (c + b, c + b, L) of the frame."""
    model, blocks, law = state.model, state.blocks, state.model.law
    count = len(model.step.mean_gradient)
    inner, powers = measures[:count, :count], _powers(model.spectrum.values, len(measures) - count)
    phi_gradient, across = model.step.phi_gradient, model.step.across
    answers = joined(total(law.eps * law.first, state.samples.answer)[:, None])
    mean_seen = joined(total(model.spectrum.weights * powers, blocks.seen)[None])
    along_mean = total(model.step.mean_gradient, inner.swapaxes(0, 1))
    energy = total(law.weights * law.eps**2, state.samples.answer)
    own = phi_gradient**2 * across * _transposed(mean_seen) @ energy @ mean_seen
    alone = total(measures, blocks.gam)
    alone[count:, count:] += split(own, len(powers), len(powers))
    return KnownParts(
        alone=alone,
        half=joined(total(inner, blocks.half)),
        seen_mean=joined(total(along_mean[:, None] * powers, blocks.seen)),
        moved=phi_gradient * across**0.5 * answers @ mean_seen,
        fields=joined(total(inner, blocks.fields)),
        knows=joined(total(law.second, state.samples.answer)),
    )


def linear_block(state: CovarianceState, directions: Any) -> Any:
    """``G`` between directions (m, P) in the frame (eq-known-directions), shape (m, m, ..., p, p).

    Nothing is divided by V': where H would be subtracted from it, ``V'^-1 - V'^-1 H V'^-1 = Gam``.
    """
    step = state.model.step
    parts, count = known_parts(state, step.frame_measures), len(step.mean_gradient)
    others = len(step.frame_measures) - count
    # (1 + Pi T_k)^-1 of two symmetric matrices, and what follows from it.
    between = inverse(np.eye(parts.knows.shape[-1]) + parts.fields @ parts.knows)
    gathered, returned = parts.knows @ between, _transposed(between)
    half, seen_mean, moved, out = parts.half, parts.seen_mean, parts.moved, parts.alone
    out[:count, :count] += split(half @ gathered @ _transposed(half), count, count)
    beside = split(half @ (gathered @ seen_mean + returned @ moved), count, others)
    out[:count, count:] += beside
    out[count:, :count] += _transposed(beside.swapaxes(0, 1))
    cross = _transposed(seen_mean) @ returned @ moved
    corrected = parts.fields - parts.fields @ gathered @ parts.fields
    between = _transposed(seen_mean) @ gathered @ seen_mean + cross + _transposed(cross)
    between = between - _transposed(moved) @ corrected @ moved
    out[count:, count:] += split(between, others, others)
    return total(directions, total(directions, out.swapaxes(0, 1)).swapaxes(0, 1))


def _powers(values: Any, count: int) -> Any:
    """1 and lambda: what the gradient's directions in the frame are times the first of them, shape (count, L)."""
    return values ** np.arange(count)[:, None]


def _transposed(matrices: Any) -> Any:
    return matrices.swapaxes(-1, -2)
