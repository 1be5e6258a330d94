"""Nodes of a law by the quantiles of a normal one, so that what so many draws reach is the same for all laws."""

import numpy as np
from scipy.special import ndtri

from polyspike.arraytypes import Array

__all__ = ["normal_places"]


def normal_places(weights: Array) -> Array:
    """The normal variable's values at the quantiles of ascending nodes; a weight may round to less than zero."""
    mass = np.maximum(weights / weights.sum(), np.finfo(float).tiny)
    below = np.cumsum(mass) - mass / 2
    above = np.cumsum(mass[::-1])[::-1] - mass / 2
    return np.asarray(np.where(below < 0.5, ndtri(below), -ndtri(above)))
