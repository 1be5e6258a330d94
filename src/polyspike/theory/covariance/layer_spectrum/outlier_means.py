"""Where an outlier is on average at a finite size (docs/theory-inputs.md, section 8)."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.spectra import Spike
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.layer_spectrum.draws_of_spike import components, moved_by_single, variance_of_others
from polyspike.theory.covariance.layer_spectrum.mixing import relative_mixing, repelled
from polyspike.theory.covariance.layer_spectrum.modes import outlier_mode
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.predict_spectrum import above_bulk

__all__ = ["outlier_means"]

# The least range of log r^2 for the curvature: a second difference is right to 1e-5 there.
_LEAST_RANGE = 0.1


def outlier_means(problem: Problem, spectrum: Eigenvalues, spikes: tuple[Spike, ...]) -> tuple[float, ...]:
    """The expectation of the eigenvalue of every spike above the bulk, to order 1/n; for other spikes their location.

    Parameters
    ----------
    problem : Problem
    spectrum : polyspike.theory.covariance.eigenvalues.Eigenvalues
        Nodes of Sigma for a density.
    spikes : tuple
        Of its spectrum, largest first.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` as for the spectrum itself.
    """
    layer, path = above_bulk(problem, spectrum)
    roots = Outliers(layer, path, 0).roots_above()
    if not roots:
        return tuple(spike.location for spike in spikes)
    here, step = np.array([root.point.z for root in roots]), layer.whole.step
    relative = relative_mixing(layer, [outlier_mode(layer, root) for root in roots])
    unmoved = repelled(here, relative)
    shifts = unmoved - here
    if step.scalars.spike_strength > 0:
        found = components(problem, layer.whole.spectrum, step)
        variance = variance_of_others(problem, found, layer.single)
        by_strength = _by_strength(problem, spectrum, layer.single, here, variance)
        shifts += variance / 2 * (by_strength[1] - by_strength[0])
        moved = moved_by_single(problem, spectrum, layer.single, found, here)
        for weight, places in zip(*moved, strict=True):
            shifts += weight * (repelled(places, relative) - unmoved)
    return tuple(
        float(spike.location + shift) for spike, shift in zip(spikes, _of_length(shifts, len(spikes)), strict=True)
    )


def _of_length(shifts: Array, count: int) -> Array:
    return np.concatenate([shifts, np.zeros(count)])[:count]


def _by_strength(problem: Problem, spectrum: Eigenvalues, single: Array, here: Array, variance: float) -> Array:
    """First and second derivative by ``l = log r^2`` of the locations (J,) of the outliers, shape (2, J): differences
    over ``l +- sqrt(3 V)``, the range of a Gaussian rule with three nodes. Zero for those that are not at both ends.
    """
    span = max(_LEAST_RANGE, (3 * variance) ** 0.5)
    ends = [above_bulk(problem, spectrum, float(np.exp(sign * span / 2)), single) for sign in (-1, 1)]
    weaker, stronger = (Outliers(*end, 0).locations_above() for end in ends)
    found, count = np.zeros((2, len(here))), min(len(weaker), len(stronger), len(here))
    below, middle, above = weaker[:count], here[:count], stronger[:count]
    found[:, :count] = (above - below) / (2 * span), (above - 2 * middle + below) / span**2
    return found
