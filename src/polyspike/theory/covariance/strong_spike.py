"""Spikes along strong eigendirections: neurons differ in their own weights there (docs/theory-inputs.md, section 8).

At leading order a neuron's own weight along b^ is one of d, and part of the noise of a pre-activation. Where b^ has a
strong eigendirection it is a large part, and of the same sample for all of the neuron's features.
"""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.covariance.known_block import KnownBlock
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages

__all__ = ["strong_share", "with_slopes_of_neurons"]


def strong_share(known: KnownBlock, mean: Array, dimension: int) -> Array:
    """What the share of b^ in ``tau^2`` is above the mean over all directions (eq-strong-spike), shape (A,): zero for
    isotropic inputs. ``mean`` is d times that.
    """
    return np.asarray(np.maximum(known.by_eigenvalue[:, 0, 0] - mean, 0.0) / dimension)


def with_slopes_of_neurons(
    found: ActivationAverages, problem: Problem, kappa: Array, u: Array, strength: Array, tau: Array, share: Array
) -> ActivationAverages:
    """The averages with the slopes of neurons whose own weight along b^ is part of the spike (eq-strong-spike), for a
    Gaussian readout; what is in the linear features then is no noise.

    Parameters
    ----------
    found : ActivationAverages
        Where that weight is part of what is not known of a neuron.
    kappa : ndarray of shape (K,)
    u, strength, tau, share : ndarray of shape (A,)
        Of the neurons: readout, spike, the deviation of all that is not known, and of b^ in that.
    """
    if problem.readout != "gaussian" or not share.any():
        return found
    rest = tau / np.sqrt(1 + share)
    whole = np.where(u < 0, -1.0, 1.0) * np.sqrt(strength**2 + u**2 * share * rest**2)
    spread = rest * np.ones((len(kappa), 1))
    slope = activation_averages(problem.activation, whole * kappa[:, None], spread).slope
    more = (slope**2 - found.slope**2) * spread**2
    return found._replace(slope=slope, noise_variance=np.maximum(found.noise_variance - more, 0.0))
