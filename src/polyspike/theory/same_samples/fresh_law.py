"""Labels and coordinates of a fresh sample given kappa, along the known directions of the gradient's samples."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.given_kappa.label_parts import label_parts
from polyspike.theory.same_samples.spike_frame import SpikeFrame

__all__ = ["FreshLaw", "fresh_law"]


class FreshLaw(NamedTuple):
    """Averages given kappa.

    Attributes
    ----------
    label, label_square : ndarray of shape (K,)
        ``E y`` and ``E y^2``.
    coordinates, label_coordinates : ndarray of shape (K, C)
        ``E c`` and ``E[y c]``.
    products : ndarray of shape (K, C, C)
        ``E[c c']``.
    """

    label: Array
    label_square: Array
    coordinates: Array
    label_coordinates: Array
    products: Array


def fresh_law(problem: Problem, frame: SpikeFrame, kappa: Array) -> FreshLaw:
    """Of coordinates along (beta*, the noise of beta[, omega], further inputs of the teacher)."""
    others = problem.teacher.n_indices - 1
    b = frame.coordinates[[0, 2, *([1] if problem.gradient == "full" else [])]]
    b = np.concatenate([b, np.zeros(others)])
    rho = float(b[0])
    labels = label_parts(problem.teacher, kappa, rho, problem.noise)
    width = sqrt(max(1 - rho**2, 0.0))
    first = (np.eye(len(b))[0] - rho * b) / width if width > 0 else 0 * b
    directions = np.concatenate([first[None], np.eye(len(b))[len(b) - others :]])
    mean = kappa[:, None] * b
    return FreshLaw(
        label=labels.g0,
        label_square=labels.g0**2 + (labels.g1**2).sum(axis=0) + labels.g2,
        coordinates=mean,
        label_coordinates=labels.g0[:, None] * mean + labels.g1.T @ directions,
        products=np.eye(len(b)) + (kappa**2 - 1)[:, None, None] * np.outer(b, b),
    )
