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
from polyspike.theory.finite_size.spectrum.outlier_means import by_strength

__all__ = ["outlier_means"]


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

        def locations(stronger: float) -> Array:
            return Outliers(*above_bulk(problem, spectrum, stronger, layer.single), 0).locations_above()

        first, second = by_strength(locations, here, variance)
        shifts += variance / 2 * (second - first)
        moved = moved_by_single(problem, spectrum, layer.single, found, here)
        for weight, places in zip(*moved, strict=True):
            shifts += weight * (repelled(places, relative) - unmoved)
    return tuple(
        float(spike.location + shift) for spike, shift in zip(spikes, _of_length(shifts, len(spikes)), strict=True)
    )


def _of_length(shifts: Array, count: int) -> Array:
    return np.concatenate([shifts, np.zeros(count)])[:count]
