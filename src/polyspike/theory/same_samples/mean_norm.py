"""The norm of a sample as one of its hidden variables (docs/theory-same-data.md, section 7).

With ``nu = sqrt(d/2) (|x|^2/d - 1)`` a sample of the gradient has ``eps sqrt(phi/E eps^2) (1 + sqrt(2/d) nu)`` along
the noise of beta, besides what a fresh one has there (eq-own-share-by-norm). And samples of large norm have a small R:
where ``1/R`` grows by X with the log of the norm, the mean of nu under the weight R is ``-R X / sqrt(2d)``
(eq-same-mean-norm). X is a difference between a sample and one that is longer.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.features import TrainingFeatures
from polyspike.theory.same_samples.fit import ACROSS, FIRST_COORDINATE, Columns, Fit, MeanNorm
from polyspike.theory.same_samples.potential import flat_gradient
from polyspike.theory.same_samples.sample_law import SampleLaw
from polyspike.theory.same_samples.sample_state import SampleState
from polyspike.theory.same_samples.steps import Step

__all__ = [
    "ByMeanNorm",
    "at_mean_norm",
    "by_mean_norm",
    "longer",
    "norm_slope",
    "own_share_by_norm",
    "responds",
    "uncorrelated",
    "with_norm",
]

_LONGER = 1e-3
# Of z, for differences between lengths: the kinks of a slope do not move with it, but for those off zero.
_NODES = 100


def responds(problem: Problem) -> bool:
    """Whether the norm is a hidden variable of every sample: neurons that add up learn the mean of a label by their
    curvature.
    """
    if problem.readout != "constant" or problem.step == 0:
        return False
    return bool(problem.teacher.coefficients(0)[0] and activation_numbers(problem.activation).c2)


def longer(step: Step) -> Step:
    """The same step, for samples whose norm is larger by ``_LONGER``."""
    return step._replace(of_sample=replace(step.of_sample, norm=1 + _LONGER))


def with_norm(law: SampleLaw) -> SampleLaw:
    """The law with the norm as its last hidden variable, independent of all others."""
    first = np.concatenate([law.first, np.zeros_like(law.first[..., :1])], axis=-1)
    size = law.second.shape[-1]
    second = np.zeros((*law.second.shape[:-2], size + 1, size + 1))
    second[..., :size, :size], second[..., -1, -1] = law.second, law.weights
    return replace(law, first=first, second=second)


def uncorrelated(step: Step, found: TrainingFeatures) -> TrainingFeatures:
    """The features of longer samples, with ``E h sigma`` of what of h is uncorrelated with 1 and z there."""
    z, weights = gauss_hermite(_NODES)
    of, derivative = step.of_sample, step.problem.activation.derivative
    moved = derivative(of.norm * z) - derivative(z) - 2 * of.c2 * (of.norm - 1) * z
    own = found.own - (weights @ moved) * found.mean - (weights @ (moved * z)) * found.linear
    return replace(found, own=own)


def own_share_by_norm(law: SampleLaw, step: Step) -> tuple[SampleLaw, Array]:
    """The law whose coordinate along the noise of beta knows the norm; and what nu multiplies of the hidden vector at
    every residual, (E, 1, H).
    """
    along = np.zeros((len(law.residual), 1, law.first.shape[-1]))
    along[..., -1] = 1.0
    along[:, 0, ACROSS] = law.residual * step.frame.self_share * sqrt(2 / step.problem.input_dim)
    moved = along.copy()
    moved[..., -1] = 0.0
    first = law.first + moved * law.first[..., -1:]
    second = law.second + moved[..., :, None] * law.second[..., -1:, :]
    second = second + second[..., :, -1:] * moved[..., None, :]
    return replace(law, first=first, second=second), along


def at_mean_norm(fit: Fit, parts: Sequence[SampleState]) -> Fit:
    """The fit with the moments of its samples under the weight R."""
    if all(columns.mean_norm is None for columns in fit.columns):
        return fit
    return replace(fit, columns=[_at_mean_norm(*one) for one in zip(fit.columns, parts, strict=True)])


def _at_mean_norm(columns: Columns, part: SampleState) -> Columns:
    known = columns.mean_norm
    if known is None:
        return columns
    shift = _mean_of_norm(part, known)[..., None] * known.along
    first = columns.first + part.population.weights[..., None] * shift
    both = shift[..., :, None] * columns.first[..., None, :]
    second = columns.second + both + np.swapaxes(both, -1, -2)
    return replace(columns, first=first, second=second, plain=(columns.first, columns.second), mean_norm=None)


def _mean_of_norm(part: SampleState, known: MeanNorm) -> Any:
    """Under the weight R, (E, B)."""
    return -known.slope * (part.r / _longer_part(part, known).r - 1)


def _longer_part(part: SampleState, known: MeanNorm) -> SampleState:
    return SampleState(part.neurons, known.longer, part.state, part.shift)


def norm_slope(problem: Problem) -> float:
    """``1/(step sqrt(2d))``: times ``-(R/R' - 1)``, R' of longer samples, the mean of nu."""
    return 1 / (_LONGER * sqrt(2 * problem.input_dim))


class ByMeanNorm(NamedTuple):
    """What the dependence of the mean of nu on the state and on the shift adds to the form's derivatives.

    Attributes
    ----------
    by_state : ndarray of shape (U,) or 0.0
    by_shift : list of ndarray of shape (E, B) or 0.0
    """

    by_state: Any
    by_shift: list[Any]


def by_mean_norm(fit: Fit, parts: Sequence[SampleState], found: Array, residuals: Sequence[Any]) -> ByMeanNorm:
    """At all coefficients ``found`` and the mean ``residuals`` of the nodes, with their weights: ``2 E R rho`` times
    what nu multiplies of the residual, times the derivative of the mean of nu, ``-slope (R/R' - 1)``.
    """
    by_state: Any = 0.0
    by_shift: list[Any] = []
    for columns, part, rho in zip(fit.columns, parts, residuals, strict=True):
        known = columns.mean_norm
        if known is None:
            by_shift.append(0.0)
            continue
        other, nn = _longer_part(part, known), part.neurons
        fitted = _fitted_by_norm(fit, columns, part, known, found)
        # The residual's mean without the weight R.
        rho = rho + part.population.weights * _mean_of_norm(part, known) * fitted
        weights = 2 * known.slope * part.r * rho * fitted
        own = -weights * part.r**2 / other.r
        by_gamma = _outer(other, weights * part.r) + _outer(part, own)
        by_gain = _noise(other, weights * part.r) + _noise(part, own)
        by_state = by_state + flat_gradient(nn, part.state, by_gamma, by_gain)
        by_shift.append(weights * part.r + own)
    return ByMeanNorm(by_state, by_shift)


def _fitted_by_norm(fit: Fit, columns: Columns, part: SampleState, known: MeanNorm, found: Array) -> Any:
    """What the fit has in proportion to nu, (E, B)."""
    places = fit.places
    of_means = 0.0 if columns.by_hidden_norm is None else columns.by_hidden_norm @ found[: places.readouts]
    return of_means + known.along[..., ACROSS] * (part.outer @ found[places.direction(ACROSS - FIRST_COORDINATE)])


def _outer(part: SampleState, weights: Any) -> Any:
    """The derivative of a sum of 1/R with these weights by Gamma."""
    flat = part.outer.reshape(-1, part.neurons.size)
    return (flat.T * weights.ravel()) @ flat


def _noise(part: SampleState, weights: Any) -> Any:
    """That by the gains."""
    return np.asarray(weights.ravel() @ part.noise.reshape(-1, len(part.neurons.weights)))
