"""What n samples and N neurons reach, for the bulk of a spectrum (docs/theory-same-data.md, section 9).

A sample or a neuron far out in its law would have a pole of its own outside the bulk, whatever its weight, where in
truth there is none. In the bulk those beyond the reach stand at its ends. A normal variable ends at +-t, beyond which
so many of n are expected as is asked for; the residual at the same quantiles; kappa given the residual, whose quantile
is that of a normal variable at s, at ``sqrt(t^2 - s^2)`` of its deviations from its mean.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from polyspike.arraytypes import Array
from polyspike.theory.bulk_support.quantiles import normal_places
from polyspike.theory.same_samples.sample_law import SampleLaw
from polyspike.theory.same_samples.steps import Step

__all__ = ["Reach", "within_reach"]

# Where at least this share of a sample is expected further out, the law given the residual is known.
_KNOWN = 1e-2


class Reach(NamedTuple):
    """The step and the law with readouts and residuals inside; and kappa inside, at every node (E, B), and (B,) where
    nothing is known of the residual.
    """

    step: Step
    law: SampleLaw
    kappa: Array
    unseen_kappa: Array

    def along_kappa(self, values: Array) -> Array:
        """Values (E, B, ...) at the nodes of kappa, moved to those inside; between nodes they are taken as linear."""
        nodes = self.law.kappa
        below = np.clip(np.searchsorted(nodes, self.kappa) - 1, 0, len(nodes) - 2)
        share = (self.kappa - nodes[below]) / (nodes[below + 1] - nodes[below])
        rows = np.arange(len(self.kappa))[:, None]
        weight = share.reshape(*share.shape, *(1,) * (values.ndim - 2))
        moved: Array = (1 - weight) * values[rows, below] + weight * values[rows, below + 1]
        return moved


def within_reach(step: Step, law: SampleLaw, beyond: float) -> Reach:
    """Readouts, residuals and kappa, with those beyond either end, so many as are expected there, at the end."""
    problem = step.problem
    most = -float(ndtri(beyond / problem.n_samples))
    u = step.u
    if problem.readout == "gaussian":
        most_u = -float(ndtri(beyond / problem.width))
        u = np.clip(u, -most_u, most_u)
    tau = np.sqrt((1 + u * step.of_sample.stretch) ** 2 + step.of_sample.move_variance * u**2)
    total = law.weights.sum(axis=1)
    place, mean, deviation = normal_places(total), *_kappa_given_residual(law)
    residual = np.interp(np.clip(place, -most, most), place, law.residual)
    known = problem.n_samples * ndtr(-np.abs(place)) > _KNOWN
    mean, deviation = (np.interp(residual, law.residual[known], f[known]) for f in (mean, deviation))
    free = deviation * np.sqrt(np.maximum(most**2 - np.clip(place, -most, most) ** 2, 0.0))
    kappa = np.clip(law.kappa, (mean - free)[:, None], (mean + free)[:, None])
    return Reach(step._replace(u=u, tau=tau), replace(law, residual=residual), kappa, np.clip(law.kappa, -most, most))


def _kappa_given_residual(law: SampleLaw) -> tuple[Array, Array]:
    """Mean and deviation of kappa at every residual."""
    total = law.weights.sum(axis=1)
    mean = law.weights @ law.kappa / total
    variance = law.weights @ law.kappa**2 / total - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.0))
